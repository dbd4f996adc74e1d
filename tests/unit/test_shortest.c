#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fastrand.h"
#include "base/mersenne.h"
#include "base/number.h"

/* What number_print must say, by the C library: the first precision that reads back.
 * For 46 powers of two it is a digit too long: the range of what reads back is lopsided
 * there, and a shorter decimal lies in it that is not the nearest of its length. */
static void
print_by_trial(double value, char out[NUMBER_TEXT_MAX])
{
    /* Only subnormal numbers are told apart by fewer than 15 digits. */
    int precision = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    char printed[64];

    do
        snprintf(printed, sizeof printed, "%.*g", precision, value);
    while (strtod(printed, NULL) != value && precision++ < DBL_DECIMAL_DIG);
    assert_true(strlen(printed) < NUMBER_TEXT_MAX);
    strcpy(out, printed);
}

static bool
is_power_of_two(double value)
{
    int exponent;

    return fabs(frexp(value, &exponent)) == 0.5;
}

static void
assert_printed(double value)
{
    char expected[NUMBER_TEXT_MAX], text[NUMBER_TEXT_MAX];
    size_t size = number_print(value, text);

    print_by_trial(value, expected);
    if (strcmp(text, expected) != 0
        && !(is_power_of_two(value) && strtod(text, NULL) == value
             && size < strlen(expected)))
        fail_msg("%a: %s, not %s", value, text, expected);
    assert_true(size == strlen(text));
}

static double
double_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The value, the nine on each side of it, and all of them negative. */
static void
assert_printed_around(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    for (uint64_t i = bits < 9 ? 0 : bits - 9; i <= bits + 9; i++)
        if (isfinite(double_of(i))) {
            assert_printed(double_of(i));
            assert_printed(-double_of(i));
        }
}

static void
edges_print_as_by_trial(void **state)
{
    (void)state;
    assert_printed_around(0);
    assert_printed_around(DBL_MIN);
    assert_printed_around(DBL_MAX);
    assert_printed_around(0x1p53);
    assert_printed_around(0x1p63);
    assert_printed_around(0x1p64);
    /* Of all products with a power of ten the closest to a whole number. */
    assert_printed_around(0x1.f92bacb3cb40cp+716);
    assert_printed_around(0x1.3de005bd620dfp+215);
}

/* Every binary exponent, the shortest significands of each. */
static void
powers_of_two_print_as_by_trial(void **state)
{
    (void)state;
    for (int power = -1074; power <= 1023; power++)
        assert_printed_around(ldexp(1, power));
}

static void
powers_of_ten_print_as_by_trial(void **state)
{
    char text[NUMBER_TEXT_MAX];

    (void)state;
    for (int power = -324; power <= 308; power++)
        for (int digit = 1; digit <= 9; digit++) {
            double value;

            snprintf(text, sizeof text, "%de%d", digit, power);
            value = strtod(text, NULL);
            if (isfinite(value))
                assert_printed_around(value);
        }
}

/* Their steps, exact in decimal, are where a half is rounded. */
static void
short_significands_print_as_by_trial(void **state)
{
    (void)state;
    for (int power = -80; power <= 80; power++)
        for (int odd = 1; odd < 1000; odd += 2)
            assert_printed(ldexp(odd, power));
}

static void
random_bits_print_as_by_trial(void **state)
{
    struct fastrand fastrand;

    (void)state;
    fastrand_seed(&fastrand, 11);
    for (int i = 0; i < 2000000;) {
        double value = double_of(fastrand_bits(&fastrand));

        if (isfinite(value)) {
            assert_printed(value);
            i++;
        }
    }
}

static void
subnormals_print_as_by_trial(void **state)
{
    struct fastrand fastrand;

    (void)state;
    for (uint64_t bits = 0; bits < 10000; bits++)
        assert_printed(double_of(bits));
    fastrand_seed(&fastrand, 12);
    for (int i = 0; i < 100000; i++)
        assert_printed(double_of(fastrand_bits(&fastrand) >> (12 + i % 52)));
}

static void
integers_print_as_by_trial(void **state)
{
    struct fastrand fastrand;

    (void)state;
    for (int i = 0; i < 20000; i++)
        assert_printed(i);
    fastrand_seed(&fastrand, 13);
    for (int i = 0; i < 200000; i++)
        assert_printed((double)(fastrand_bits(&fastrand) >> (11 + i % 53)));
}

static void
seconds_of_whole_ns_print_as_by_trial(void **state)
{
    struct fastrand fastrand;

    (void)state;
    for (int64_t ns = 0; ns < 110000; ns++)
        assert_printed(ns_to_seconds(ns));
    fastrand_seed(&fastrand, 14);
    for (int i = 0; i < 400000; i++)
        assert_printed(
            ns_to_seconds((int64_t)(fastrand_bits(&fastrand) >> (10 + i % 54))));
}

static void
short_decimals_print_as_by_trial(void **state)
{
    struct fastrand fastrand;
    char text[NUMBER_TEXT_MAX];

    (void)state;
    fastrand_seed(&fastrand, 15);
    for (int i = 0; i < 200000; i++) {
        uint64_t digits = fastrand_bits(&fastrand) >> (4 + i % 60);
        int exponent = (int)(fastrand_bits(&fastrand) % 40) - 30;

        snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
        assert_printed(strtod(text, NULL));
    }
}

static void
draws_of_every_seed_print_as_by_trial(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20000; seed++) {
        struct mersenne mersenne;
        struct fastrand fastrand;

        mersenne_seed(&mersenne, seed);
        fastrand_seed(&fastrand, seed);
        for (int i = 0; i < 10; i++) {
            assert_printed(mersenne_uniform(&mersenne, 0, 10));
            assert_printed(fastrand_uniform(&fastrand, 0, 3600));
        }
    }
}

static void
lopsided_powers_of_two_print_as_python_prints_them(void **state)
{
    char text[NUMBER_TEXT_MAX];

    (void)state;
    number_print(0x1p-24, text);
    assert_string_equal(text, "5.960464477539063e-08");
    number_print(0x1p-44, text);
    assert_string_equal(text, "5.684341886080802e-14");
    number_print(0x1p+89, text);
    assert_string_equal(text, "6.189700196426902e+26");
}

static void
decimals_print_without_end_zeros(void **state)
{
    static const struct {
        struct decimal decimal;
        const char *text;
    } known[] = {
        {{0, -9}, "0"},
        {{0, 9}, "0"},
        {{10559, -9}, "1.0559e-05"},
        {{99990, -9}, "9.999e-05"},
        {{100000, -9}, "0.0001"},
        {{1, -6}, "1e-06"},
        {{1, 14}, "100000000000000"},
        {{1, 15}, "1e+15"},
        {{10, -1}, "1"},
        {{250, -3}, "0.25"},
        {{12345, -2}, "123.45"},
        {{5, -324}, "5e-324"},
        {{10000000000000000000U, -19}, "1"},
        {{INT64_MAX, -9}, "9223372036.854775807"},
    };
    char text[NUMBER_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        size_t size = number_print_decimal(false, known[i].decimal, text);

        assert_string_equal(text, known[i].text);
        assert_int_equal(size, strlen(text));
        number_print_decimal(true, known[i].decimal, text);
        assert_int_equal(text[0], '-');
        assert_string_equal(text + 1, known[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_print_as_by_trial),
        cmocka_unit_test(powers_of_two_print_as_by_trial),
        cmocka_unit_test(powers_of_ten_print_as_by_trial),
        cmocka_unit_test(short_significands_print_as_by_trial),
        cmocka_unit_test(random_bits_print_as_by_trial),
        cmocka_unit_test(subnormals_print_as_by_trial),
        cmocka_unit_test(integers_print_as_by_trial),
        cmocka_unit_test(seconds_of_whole_ns_print_as_by_trial),
        cmocka_unit_test(short_decimals_print_as_by_trial),
        cmocka_unit_test(draws_of_every_seed_print_as_by_trial),
        cmocka_unit_test(lopsided_powers_of_two_print_as_python_prints_them),
        cmocka_unit_test(decimals_print_without_end_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

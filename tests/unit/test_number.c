#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <inttypes.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fastrand.h"
#include "base/number.h"

static double
parsed(const char *text)
{
    double value = -1;

    return number_parse(text, strlen(text), &value) ? value : -1;
}

static double
duration(const char *text)
{
    double value = -1;

    return number_parse_duration(text, strlen(text), &value) ? value : -1;
}

static int64_t
size_of(const char *text)
{
    int64_t value = -1;

    return number_parse_size(text, strlen(text), &value) ? value : -1;
}

static int64_t
integer(const char *text)
{
    int64_t value = -1;

    return number_parse_integer(text, strlen(text), &value) ? value : -1;
}

static double
random_finite(struct fastrand *fastrand)
{
    double value;

    do {
        uint64_t bits = fastrand_bits(fastrand);

        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value));
    return value;
}

static void
numbers_are_digits_with_fraction_and_exponent(void **state)
{
    (void)state;
    assert_true(parsed("0") == 0);
    assert_true(parsed("007") == 7);
    assert_true(parsed("3.25") == 3.25);
    assert_true(parsed("1e3") == 1000);
    assert_true(parsed("1.5e-3") == 1.5e-3);
    assert_true(parsed("2e+2") == 200);
    assert_true(parsed("0.1") == 0.1);
    assert_true(parsed("1e-400") == 0);
}

static void
anything_else_is_no_number(void **state)
{
    static const char *const bad[] = {
        "",      "-1",  "+1",   " 1",    "1 ",       "5.",  ".5",   "1_000",
        "0x10",  "nan", "NaN",  "inf",   "1e",       "1e+", "1.e3", "1..2",
        "1e999", "1,5", "1e1.", "1e--1", "Infinity", "1E3", "1f",   "one",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_true(parsed(bad[i]) == -1);
        assert_true(duration(bad[i]) == -1);
    }
}

static void
only_the_bytes_of_the_text_are_read(void **state)
{
    double value = 0;
    int64_t count = 0;

    (void)state;
    assert_true(number_parse("12345", 2, &value));
    assert_true(value == 12);
    assert_true(number_parse_integer("987", 1, &count));
    assert_int_equal(count, 9);
    assert_false(number_parse("1\0002", 3, &value));
    assert_true(value == 12);
}

static void
a_very_long_number_is_read_or_refused(void **state)
{
    char text[1100];
    double value = -1;

    (void)state;
    memset(text, '0', sizeof text);
    text[1022] = '7';
    assert_true(number_parse(text, 1023, &value));
    assert_true(value == 7);
    assert_false(number_parse(text, 1024, &value));
    assert_true(value == 7);
}

static void
integers_are_digits_up_to_the_largest(void **state)
{
    (void)state;
    assert_true(integer("0") == 0);
    assert_true(integer("9223372036854775807") == INT64_MAX);
    assert_true(integer("9223372036854775808") == -1);
    assert_true(integer("99999999999999999999") == -1);
    assert_true(integer("") == -1);
    assert_true(integer("-1") == -1);
    assert_true(integer("1.0") == -1);
    assert_true(integer("1e3") == -1);
}

static void
durations_have_units(void **state)
{
    (void)state;
    assert_true(duration("2") == 2);
    assert_true(duration("250ms") == 0.25);
    assert_true(duration("100us") == 1e-4);
    assert_true(duration("300ms") == 0.3);
    assert_true(duration("1.5s") == 1.5);
    assert_true(duration("2m") == 120);
    assert_true(duration("1h") == 3600);
    assert_true(duration("1e3ms") == 1);
    assert_true(duration("1e999999999999999999999us") == -1);
    assert_true(duration("1e-999999999999999999999us") == 0);
    assert_true(duration("1 s") == -1);
    assert_true(duration("1ns") == -1);
    assert_true(duration("1MS") == -1);
    assert_true(duration("s") == -1);
    assert_true(duration("1e308h") == -1);
}

/* A quotient of two integers is rounded once. */
static void
durations_are_the_doubles_nearest_to_what_is_written(void **state)
{
    static const struct {
        const char *unit;
        double times, per;
    } units[] = {
        {"us", 1, 1e6}, {"ms", 1, 1e3}, {"s", 1, 1}, {"m", 60, 1}, {"h", 3600, 1}};
    char text[32];

    (void)state;
    for (int tenths = 0; tenths < 200000; tenths++)
        for (size_t i = 0; i < COUNT(units); i++) {
            snprintf(text, sizeof text, "%d.%d%s", tenths / 10, tenths % 10,
                     units[i].unit);
            assert_true(duration(text)
                        == tenths * units[i].times / (10 * units[i].per));
        }
}

/* Of 1 to 17 digits, with the point anywhere, against the product of integers. */
static void
durations_of_any_digits_are_rounded_once(void **state)
{
    static const struct {
        const char *unit;
        unsigned times;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}};
    const uint64_t e17 = UINT64_C(100000000000000000);
    struct fastrand fastrand;

    (void)state;
    fastrand_seed(&fastrand, 1);
    for (int i = 0; i < 500000; i++) {
        uint64_t count =
            fastrand_bits(&fastrand) % e17 >> fastrand_bits(&fastrand) % 54;
        unsigned places = (unsigned)(fastrand_bits(&fastrand) % 18);
        unsigned which = (unsigned)(fastrand_bits(&fastrand) % COUNT(units));
        unsigned __int128 product = (unsigned __int128)count * units[which].times;
        char digits[32], text[64], model[64];

        snprintf(digits, sizeof digits, "%018" PRIu64, count);
        snprintf(text, sizeof text, "%.*s%s%s%s", (int)(18 - places), digits,
                 places ? "." : "", digits + 18 - places, units[which].unit);
        snprintf(model, sizeof model, "%" PRIu64 "%017" PRIu64 "e-%u",
                 (uint64_t)(product / e17), (uint64_t)(product % e17), places);
        assert_true(duration(text) == strtod(model, NULL));
    }
}

static void
a_duration_of_any_length_is_rounded_once(void **state)
{
    char text[1025];

    (void)state;
    assert_true(duration("0.67863914m") == 40.7183484);
    assert_true(duration("0.09989093m") == 5.9934558);
    assert_true(duration("9999e-4h") == 3599.64);
    assert_true(duration("9.9e-327h") == 3.564e-323);
    assert_true(duration("4.993e304h") == 1.79748e308);
    /* 2^53 + 1 seconds, which no double is, and more by the least that can be said. */
    assert_true(duration("150119987579016.55m") == 0x1p53);
    memset(text, '0', sizeof text);
    memcpy(text, "150119987579016.55", 18);
    memcpy(text + 1022, "1m", 3);
    assert_true(duration(text) == 0x1p53 + 2);
    memset(text, '9', 1023);
    memcpy(text + 1, ".", 1);
    memcpy(text + 1023, "h", 2);
    assert_true(duration(text) == 36000);
}

static void
sizes_have_binary_units(void **state)
{
    (void)state;
    assert_true(size_of("512") == 512);
    assert_true(size_of("512B") == 512);
    assert_true(size_of("64KiB") == 65536);
    assert_true(size_of("3MiB") == 3 << 20);
    assert_true(size_of("8GiB") == INT64_C(8) << 30);
    assert_true(size_of("8589934591GiB") == INT64_C(8589934591) << 30);
    assert_true(size_of("8589934592GiB") == -1);
    assert_true(size_of("1.5MiB") == -1);
    assert_true(size_of("1MB") == -1);
    assert_true(size_of("KiB") == -1);
}

static void
printed_numbers_are_short(void **state)
{
    static const struct {
        double value;
        const char *text;
    } known[] = {
        {0, "0"},
        {2, "2"},
        {0.41, "0.41"},
        {0.1, "0.1"},
        {1e-7, "1e-07"},
        {1e22, "1e+22"},
        {300, "300"},
        {-1.5, "-1.5"},
        {0.1 + 0.2, "0.30000000000000004"},
        {5e-324, "5e-324"},
        {3.1415926, "3.1415926"},
        {9007199254740991, "9007199254740991"},
    };
    char text[NUMBER_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        assert_int_equal(number_print(known[i].value, text), strlen(known[i].text));
        assert_string_equal(text, known[i].text);
    }
}

static void
printed_integers_have_all_their_digits(void **state)
{
    static const int64_t values[] = {0,       7,  10,    99,        100,
                                     1000000, -1, -4096, INT64_MAX, INT64_MIN};
    char text[NUMBER_TEXT_MAX], expected[NUMBER_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        int size = snprintf(expected, sizeof expected, "%" PRId64, values[i]);

        assert_int_equal(number_print_integer(values[i], text), size);
        assert_string_equal(text, expected);
    }
}

static void
shortest_text_reads_back_as_the_same_double(void **state)
{
    struct fastrand fastrand;
    char text[NUMBER_TEXT_MAX];

    (void)state;
    fastrand_seed(&fastrand, 1);
    for (int i = 0; i < 100000; i++) {
        double value = random_finite(&fastrand);

        number_print(value, text);
        assert_true(strtod(text, NULL) == value);
    }
}

static void
assert_tight(double seconds)
{
    int64_t ns = seconds_to_ns(seconds);

    assert_true(ns_to_seconds(ns) >= seconds);
    assert_true(ns == 0 || ns_to_seconds(ns - 1) < seconds);
}

static void
seconds_become_the_least_ns_that_are_not_below(void **state)
{
    struct fastrand fastrand;

    (void)state;
    fastrand_seed(&fastrand, 2);
    for (int i = 0; i < 1000000; i++) {
        assert_tight(fastrand_uniform(&fastrand, 0, 10));
        assert_tight(fastrand_uniform(&fastrand, 0, 8388607));
        assert_tight((double)(fastrand_bits(&fastrand) % 10000000) / 1000);
        assert_tight(ldexp(fastrand_uniform(&fastrand, 1, 2), -i % 100));
    }
}

static void
whole_ns_stay_what_they_are(void **state)
{
    (void)state;
    assert_int_equal(seconds_to_ns(0), 0);
    assert_int_equal(seconds_to_ns(1), NS_PER_SECOND);
    assert_int_equal(seconds_to_ns(0.5), NS_PER_SECOND / 2);
    assert_int_equal(seconds_to_ns(5e-324), 1);
    assert_int_equal(seconds_to_ns(8388607.5), 8388607500000000);
    assert_true(ns_to_seconds(250 * NS_PER_MS) == 0.25);
}

/* So on a manual clock at 0.55 what was to take 0.55 is over. */
static void
decimals_of_whole_ns_are_these_and_stay_so(void **state)
{
    struct fastrand fastrand;

    (void)state;
    assert_int_equal(seconds_to_ns(0.55), 550000000);
    assert_int_equal(seconds_to_ns(0.001), NS_PER_MS);
    assert_int_equal(seconds_to_ns(8388607.999999999), 8388607999999999);
    fastrand_seed(&fastrand, 4);
    for (int i = 0; i < 1000000; i++) {
        int64_t most = i % 2 ? NS_PER_SECOND : INT64_C(8388608) * NS_PER_SECOND;
        int64_t ns = (int64_t)(fastrand_bits(&fastrand) % (uint64_t)most);

        assert_int_equal(seconds_to_ns(ns_to_seconds(ns)), ns);
    }
}

static void
elapsed_prints_as_no_less_than_the_delay(void **state)
{
    struct fastrand fastrand;
    char text[NUMBER_TEXT_MAX];

    (void)state;
    fastrand_seed(&fastrand, 3);
    for (int i = 0; i < 50000; i++) {
        double most = i % 2 ? 10 : 8388607;
        double delay = fastrand_uniform(&fastrand, 0, most);
        int64_t late = (int64_t)(fastrand_bits(&fastrand) % 3);

        number_print(ns_to_seconds(seconds_to_ns(delay) + late), text);
        assert_true(strtod(text, NULL) >= delay);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits_with_fraction_and_exponent),
        cmocka_unit_test(anything_else_is_no_number),
        cmocka_unit_test(only_the_bytes_of_the_text_are_read),
        cmocka_unit_test(a_very_long_number_is_read_or_refused),
        cmocka_unit_test(integers_are_digits_up_to_the_largest),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(durations_are_the_doubles_nearest_to_what_is_written),
        cmocka_unit_test(durations_of_any_digits_are_rounded_once),
        cmocka_unit_test(a_duration_of_any_length_is_rounded_once),
        cmocka_unit_test(sizes_have_binary_units),
        cmocka_unit_test(printed_numbers_are_short),
        cmocka_unit_test(printed_integers_have_all_their_digits),
        cmocka_unit_test(shortest_text_reads_back_as_the_same_double),
        cmocka_unit_test(seconds_become_the_least_ns_that_are_not_below),
        cmocka_unit_test(whole_ns_stay_what_they_are),
        cmocka_unit_test(decimals_of_whole_ns_are_these_and_stay_so),
        cmocka_unit_test(elapsed_prints_as_no_less_than_the_delay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

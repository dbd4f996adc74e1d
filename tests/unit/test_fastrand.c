#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fastrand.h"

/* The reference code (xoshiro256plusplus.c) with the state {1, 2, 3, 4}. */
static void
bits_are_those_of_the_reference(void **state)
{
    struct fastrand fastrand = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {
        41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205U,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_true(fastrand_bits(&fastrand) == expected[i]);
}

/* The first outputs of the reference code (splitmix64.c) from 1234567. */
static void
a_seed_is_spread_by_splitmix64(void **state)
{
    struct fastrand fastrand;

    (void)state;
    fastrand_seed(&fastrand, 1234567);
    assert_true(fastrand.state[0] == UINT64_C(6457827717110365317));
    assert_true(fastrand.state[1] == UINT64_C(3203168211198807973));
    assert_true(fastrand.state[2] == UINT64_C(9817491932198370423));
    assert_true(fastrand.state[3] == UINT64_C(4593380528125082431));
}

static void
uniform_fills_its_range_evenly(void **state)
{
    struct fastrand fastrand;
    int counts[10] = {0};

    (void)state;
    fastrand_seed(&fastrand, 1);
    for (int i = 0; i < 100000; i++) {
        double value = fastrand_uniform(&fastrand, 5, 15);

        assert_true(value >= 5 && value < 15);
        counts[(int)value - 5]++;
    }
    for (size_t i = 0; i < COUNT(counts); i++)
        assert_in_range(counts[i], 9500, 10500);
}

static void
an_empty_range_is_its_bound(void **state)
{
    struct fastrand fastrand;

    (void)state;
    fastrand_seed(&fastrand, 1);
    assert_true(fastrand_uniform(&fastrand, 2.5, 2.5) == 2.5);
}

static void
the_kernel_seeds_differently_each_time(void **state)
{
    struct fastrand a, b;

    (void)state;
    fastrand_seed_random(&a);
    fastrand_seed_random(&b);
    assert_true(fastrand_bits(&a) != fastrand_bits(&b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_are_those_of_the_reference),
        cmocka_unit_test(a_seed_is_spread_by_splitmix64),
        cmocka_unit_test(uniform_fills_its_range_evenly),
        cmocka_unit_test(an_empty_range_is_its_bound),
        cmocka_unit_test(the_kernel_seeds_differently_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

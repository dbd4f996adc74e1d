#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/histogram.h"

static void
a_bound_belongs_to_its_bucket(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        histogram_add(&histogram, histogram_bounds_ns[i]);
        assert_int_equal(histogram.counts[i], 1);
        histogram_add(&histogram, histogram_bounds_ns[i] + 1);
        assert_int_equal(histogram.counts[i], 1);
        assert_int_equal(histogram.counts[i + 1], 1);
        histogram.counts[i + 1] = 0;
    }
}

static void
the_sum_is_that_of_all(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    histogram_add(&histogram, 0);
    histogram_add(&histogram, 7);
    histogram_add(&histogram, 2 * NS_PER_SECOND);
    assert_true(histogram.sum_ns == 7 + 2 * NS_PER_SECOND);
    assert_int_equal(histogram.counts[0], 2);
    assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS], 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_belongs_to_its_bucket),
        cmocka_unit_test(the_sum_is_that_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

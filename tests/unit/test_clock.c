#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/fastrand.h"

static const int64_t WALL_NS = 1700000000 * NS_PER_SECOND;

static void
the_system_clock_never_goes_back_and_is_due_when_it_says(void **state)
{
    (void)state;
    int64_t before_ns = clock_now(&clock_system);

    for (int i = 0; i < 1000; i++) {
        int64_t now_ns = clock_now(&clock_system);

        assert_true(now_ns >= before_ns);
        before_ns = now_ns;
    }
    assert_true(clock_due(&clock_system, before_ns) == before_ns);
    assert_true(clock_due(&clock_system, INT64_MAX) == INT64_MAX);
}

static void
a_manual_clock_stands_until_it_is_moved(void **state)
{
    (void)state;
    struct manual_clock manual = manual_clock_at(5, WALL_NS);
    const struct clock *clock = &manual.clock;

    assert_int_equal(clock_now(clock), 5);
    assert_true(clock->wall_ns(clock) == WALL_NS);
    assert_true(clock_due(clock, 5) <= 0);
    assert_true(clock_due(clock, 6) == INT64_MAX);
    manual.now_ns += 3;
    assert_int_equal(clock_now(clock), 8);
    assert_true(clock->wall_ns(clock) == WALL_NS + 3);
    assert_true(clock_due(clock, 8) <= 0);
    assert_true(clock_due(clock, INT64_MAX) == INT64_MAX);
}

/* A scaled clock over one that the test moves: */
struct pair {
    struct manual_clock real;
    struct scaled_clock scaled;
};

static void
pair_open(struct pair *pair, double scale)
{
    pair->real = manual_clock_at(123456789, WALL_NS);
    pair->scaled = scaled_clock_from(&pair->real.clock, scale);
}

/* Since they began, after so much real time. */
static int64_t
scaled_after(struct pair *pair, int64_t real_ns)
{
    pair->real.now_ns = 123456789 + real_ns;
    return clock_now(&pair->scaled.clock) - CLOCK_START_NS;
}

static void
a_scale_is_the_real_time_that_a_second_takes(void **state)
{
    (void)state;
    struct pair pair;

    pair_open(&pair, 0.1);
    assert_int_equal(scaled_after(&pair, 0), 0);
    assert_int_equal(scaled_after(&pair, NS_PER_SECOND), 10 * NS_PER_SECOND);
    assert_true(pair.scaled.clock.wall_ns(&pair.scaled.clock)
                == WALL_NS + 10 * NS_PER_SECOND);
    assert_true(clock_due(&pair.scaled.clock, CLOCK_START_NS + 5 * NS_PER_SECOND)
                == 123456789 + NS_PER_SECOND / 2);
    pair_open(&pair, 1000);
    assert_int_equal(scaled_after(&pair, NS_PER_SECOND), NS_PER_MS);
    assert_int_equal(scaled_after(&pair, 1999), 1);
    pair_open(&pair, 0.001);
    assert_int_equal(scaled_after(&pair, 1), 1000);
}

/* It has come to a time when it is due, and not a nanosecond before. */
static void
assert_due_exactly(struct pair *pair, int64_t own_ns)
{
    int64_t due_ns = clock_due(&pair->scaled.clock, CLOCK_START_NS + own_ns);

    pair->real.now_ns = due_ns;
    assert_true(clock_now(&pair->scaled.clock) >= CLOCK_START_NS + own_ns);
    pair->real.now_ns = due_ns - 1;
    assert_true(own_ns == 0
                || clock_now(&pair->scaled.clock) < CLOCK_START_NS + own_ns);
}

static void
a_scaled_deadline_is_rounded_up_and_never_early(void **state)
{
    (void)state;
    static const double scales[] = {0.001, 0.1, 1.0 / 3, 0.7, 1, 3.3, 77, 1000};
    struct fastrand fastrand;

    fastrand_seed(&fastrand, 1);
    for (size_t i = 0; i < COUNT(scales); i++) {
        struct pair pair;

        pair_open(&pair, scales[i]);
        assert_due_exactly(&pair, 0);
        assert_due_exactly(&pair, 1);
        for (int draw = 0; draw < 10000; draw++)
            assert_due_exactly(&pair,
                               (int64_t)(fastrand_bits(&fastrand) >> (12 + draw % 50)));
    }
}

static void
a_scaled_clock_never_goes_back(void **state)
{
    (void)state;
    struct fastrand fastrand;
    struct pair pair;
    int64_t before_ns = 0, real_ns = 0;

    fastrand_seed(&fastrand, 2);
    pair_open(&pair, 0.0123456789);
    for (int i = 0; i < 100000; i++) {
        real_ns += (int64_t)(fastrand_bits(&fastrand) >> (20 + i % 44));
        int64_t now_ns = scaled_after(&pair, real_ns);

        assert_true(now_ns >= before_ns);
        before_ns = now_ns;
    }
}

static void
a_scaled_clock_stands_at_its_end_and_nothing_overflows(void **state)
{
    (void)state;
    struct pair pair;

    pair_open(&pair, CLOCK_SCALE_MIN);
    assert_true(scaled_after(&pair, INT64_MAX - 123456789) == CLOCK_LIFE_NS);
    assert_true(scaled_after(&pair, CLOCK_LIFE_NS / 1000) == CLOCK_LIFE_NS);
    assert_true(scaled_after(&pair, CLOCK_LIFE_NS / 1000 - 1) < CLOCK_LIFE_NS);
    assert_true(clock_due(&pair.scaled.clock, CLOCK_END_NS) < INT64_MAX);
    assert_true(clock_due(&pair.scaled.clock, CLOCK_END_NS + 1) == INT64_MAX);
    assert_true(clock_due(&pair.scaled.clock, INT64_MAX) == INT64_MAX);
    assert_true(clock_due(&pair.scaled.clock, 0) <= 123456789);
    pair_open(&pair, CLOCK_SCALE_MAX);
    assert_true(scaled_after(&pair, INT64_MAX - 123456789) < CLOCK_LIFE_NS);
    assert_true(clock_due(&pair.scaled.clock, CLOCK_END_NS) == INT64_MAX);
}

static void
as_much_again_as_a_clock_lives_can_be_added_to_it(void **state)
{
    (void)state;
    int64_t sum_ns;

    assert_false(__builtin_add_overflow(CLOCK_END_NS, CLOCK_LIFE_NS, &sum_ns));
}

static void
the_asked_clock_is_what_the_program_was_told(void **state)
{
    (void)state;
    struct asked_clock asked;

    asked_clock_open(&asked, CLOCK_REAL, 1);
    assert_ptr_equal(asked.clock, &clock_system);
    assert_false(clock_mode_is_moved(asked.mode));
    asked_clock_open(&asked, CLOCK_REAL, 0.5);
    assert_ptr_equal(asked.clock, &asked.scaled.clock);
    assert_int_equal(asked.start_ns / NS_PER_SECOND, 1);
    assert_false(clock_mode_is_moved(asked.mode));
    asked_clock_open(&asked, CLOCK_JUMPING, 0);
    assert_ptr_equal(asked.clock, &asked.manual.clock);
    assert_true(clock_mode_is_moved(asked.mode));
    asked_clock_open(&asked, CLOCK_MANUAL, 1);
    assert_ptr_equal(asked.clock, &asked.manual.clock);
    assert_true(clock_now(asked.clock) == asked.start_ns);
    assert_true(clock_mode_is_moved(asked.mode));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_clock_never_goes_back_and_is_due_when_it_says),
        cmocka_unit_test(a_manual_clock_stands_until_it_is_moved),
        cmocka_unit_test(a_scale_is_the_real_time_that_a_second_takes),
        cmocka_unit_test(a_scaled_deadline_is_rounded_up_and_never_early),
        cmocka_unit_test(a_scaled_clock_never_goes_back),
        cmocka_unit_test(a_scaled_clock_stands_at_its_end_and_nothing_overflows),
        cmocka_unit_test(as_much_again_as_a_clock_lives_can_be_added_to_it),
        cmocka_unit_test(the_asked_clock_is_what_the_program_was_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

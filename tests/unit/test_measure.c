#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "async/measure.h"
#include "async/wait_n.h"
#include "each_world.h"

static const size_t limits[] = {0, 1, 2};

static struct measure_plan
plan_of(size_t n, double seconds)
{
    return (struct measure_plan){
        .spec = {.fixed = true, .min = seconds, .max = seconds},
        .timeout_ns = NO_TIMEOUT,
        .n = n,
        .start_ns = world.clock.now_ns,
        .count = COUNT(limits),
        .limits = limits,
    };
}

static struct measure *
start(const struct measure_plan *plan)
{
    struct measure *measure = NULL;

    assert_int_equal(measure_start(&world.registry, plan, &measure), OK);
    return measure;
}

static void
the_parts_run_side_by_side(void **state)
{
    (void)state;
    struct measure_plan plan = plan_of(5, 1);
    struct measure *measure = start(&plan);
    struct listener listener;

    listen_to(&listener, &measure->record.watches);
    assert_ptr_equal(measure_of(&measure->record), measure);
    assert_null(wait_n_of(&measure->record));
    assert_int_equal(world.registry.waits, 15);
    world_run(&world, 2);
    assert_int_equal(measure_done(measure), 2);
    assert_int_equal(world.registry.waits, 4);
    world_run(&world, 4.999);
    assert_int_equal(listener.heard, 0);
    world_run(&world, 5);
    assert_int_equal(listener.heard, 1);
    assert_int_equal(measure->record.state, STATE_DONE);
    assert_true(measure->parts[0].total_ns == NS_PER_SECOND);
    assert_true(measure->parts[1].total_ns == 5 * NS_PER_SECOND);
    assert_true(measure->parts[2].total_ns == 3 * NS_PER_SECOND);
    assert_int_equal(measure_done(measure), 5);
    assert_all_has_ended(&world.registry);
    watch_stop(&listener.watch);
    record_disown(&measure->record, at(5));
}

static void
all_parts_have_the_same_delays(void **state)
{
    (void)state;
    struct measure_plan plan = plan_of(5, 1);
    double most = 0;
    int64_t sum_ns = 0;

    plan.spec = (struct delay_spec){.seeded = true, .seed = 7, .min = 0.5, .max = 10};
    struct delays *delays = delays_draw(&plan.spec, 5);
    for (size_t i = 0; i < 5; i++) {
        most = delays->at[i] > most ? delays->at[i] : most;
        sum_ns += seconds_to_ns(delays->at[i]);
    }
    delays_release(delays);
    struct measure *measure = start(&plan);
    world_run(&world, 50);
    assert_true(measure->parts[0].total_ns == seconds_to_ns(most));
    assert_true(measure->parts[1].total_ns == sum_ns);
    record_disown(&measure->record, at(50));
}

static void
a_timeout_cancels_every_part(void **state)
{
    (void)state;
    struct measure_plan plan = plan_of(3, 1);

    plan.timeout_ns = NS_PER_SECOND * 3 / 2;
    struct measure *measure = start(&plan);
    world_run(&world, 10);
    assert_int_equal(measure->record.state, STATE_CANCELLED);
    assert_int_equal(measure->record.reason, REASON_TIMEOUT);
    assert_int_equal(measure->parts[0].done, 3);
    assert_int_equal(measure->parts[1].done, 1);
    assert_int_equal(measure_done(measure), 1);
    measure->record.class->release(&measure->record,
                                   at(10)); /* nothing is left to release */
    assert_all_has_ended(&world.registry);
    record_disown(&measure->record, at(10));
    assert_int_equal(world.registry.timers.count, 0);
}

static void
a_released_one_is_done_now(void **state)
{
    (void)state;
    struct measure_plan plan = plan_of(3, 1);

    plan.label = "kept";
    struct measure *measure = start(&plan);
    world_run(&world, 1.25);
    measure->record.class->release(&measure->record, at(1.25));
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(measure->record.state, STATE_DONE);
    assert_true(measure->parts[0].total_ns == NS_PER_SECOND);
    assert_true(measure->parts[1].total_ns == NS_PER_SECOND * 5 / 4);
    record_disown(&measure->record, at(1.25));
    assert_int_equal(world.registry.finished_count, 1);
}

static void
a_client_that_leaves_cancels_all_parts(void **state)
{
    (void)state;
    struct measure_plan plan = plan_of(10000, 1);
    struct measure *measure = start(&plan);

    record_disown(&measure->record, at(0));
    assert_int_equal(world.registry.timers.count, 0);
    assert_all_has_ended(&world.registry);
}

static void
every_wait_of_every_part_counts(void **state)
{
    (void)state;
    struct measure_plan plan = plan_of(4, 1);
    struct measure *measure = NULL;

    world.registry.limits.max_waits = 11;
    assert_int_equal(measure_start(&world.registry, &plan, &measure),
                     ERROR_TOO_MANY_WAITS);
    assert_null(measure);
    world.registry.limits.max_waits = 12;
    record_disown(&start(&plan)->record, at(0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_parts_run_side_by_side),
        TEST(all_parts_have_the_same_delays),
        TEST(a_timeout_cancels_every_part),
        TEST(a_released_one_is_done_now),
        TEST(a_client_that_leaves_cancels_all_parts),
        TEST(every_wait_of_every_part_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

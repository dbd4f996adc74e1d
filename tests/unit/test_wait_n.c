#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "async/wait.h"
#include "async/wait_n.h"
#include "each_world.h"

static struct wait_n_plan
plan_of(size_t n, double seconds)
{
    return (struct wait_n_plan){
        .spec = {.fixed = true, .min = seconds, .max = seconds},
        .timeout_ns = NO_TIMEOUT,
        .n = n,
        .start_ns = world.clock.now_ns,
    };
}

static struct wait_n *
start(const struct wait_n_plan *plan)
{
    struct wait_n *wait_n = NULL;

    assert_int_equal(wait_n_start(&world.registry, plan, &wait_n), OK);
    return wait_n;
}

/* The timers were not looked at for a while, as after SIGSTOP. */
static void
after_a_pause_a_timeout_still_comes_before_what_ends_later(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(4, 1);

    plan.limit = 1;
    plan.timeout_ns = 2 * NS_PER_SECOND;
    struct wait_n *wait_n = start(&plan);
    world.clock.now_ns = at(10);
    timers_fire(&world.registry.timers, world.clock.now_ns, SIZE_MAX);
    assert_int_equal(wait_n->ended, 2);
    assert_int_equal(wait_n->record.state, STATE_CANCELLED);
    assert_int_equal(wait_n->record.reason, REASON_TIMEOUT);
    record_disown(&wait_n->record, at(10));
}

static void
n_waits_are_told_one_by_one(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(4, 1);
    struct listener listener;

    plan.limit = 1;
    plan.times = true;
    struct wait_n *wait_n = start(&plan);
    listen_to(&listener, &wait_n->record.watches);
    assert_ptr_equal(wait_n_of(&wait_n->record), wait_n);
    assert_null(wait_of(&wait_n->record));
    assert_int_equal(world.registry.waits, 4);
    assert_int_equal(world.registry.tasks, 0);
    world_run(&world, 3);
    assert_int_equal(wait_n->ended, 3);
    assert_int_equal(listener.heard, 3);
    assert_int_equal(world.registry.waits, 1);
    assert_int_equal(wait_n->record.state, STATE_PENDING);
    assert_int_equal(wait_n_cancelled(wait_n), 0);
    world_run(&world, 4);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_int_equal(listener.heard, 4); /* the last progress is the end */
    assert_int_equal(batch_index(wait_n->batch, 3), 3);
    assert_true(batch_elapsed_ns(wait_n->batch, 3) == 4 * NS_PER_SECOND);
    assert_int_equal(wait_n_cancelled(wait_n), 0);
    assert_all_has_ended(&world.registry);
    watch_stop(&listener.watch);
    record_disown(&wait_n->record, at(4));
    assert_int_equal(world.registry.count, 0);
}

static void
no_waits_have_ended_at_once(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(0, 1);

    plan.timeout_ns = 0;
    plan.label = "kept";
    struct wait_n *wait_n = start(&plan);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_null(wait_n->batch);
    assert_int_equal(wait_n->n, 0);
    record_disown(&wait_n->record, at(0));
    assert_int_equal(world.registry.finished_count, 1);
}

static void
a_timeout_keeps_what_has_ended(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(5, 1);

    plan.limit = 2;
    plan.timeout_ns = 2 * NS_PER_SECOND;
    struct wait_n *wait_n = start(&plan);
    world_run(&world, 2); /* four results, and they win */
    assert_int_equal(wait_n->record.state, STATE_CANCELLED);
    assert_int_equal(wait_n->record.reason, REASON_TIMEOUT);
    assert_int_equal(wait_n->ended, 4);
    assert_int_equal(wait_n_cancelled(wait_n), 1);
    assert_int_equal(batch_done(wait_n->batch), 4); /* somebody may read on */
    assert_all_has_ended(&world.registry);
    record_disown(&wait_n->record, at(2));
}

static void
a_large_late_result_wins_over_its_timeout(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(20000, 1);

    plan.timeout_ns = NS_PER_SECOND;
    struct wait_n *wait_n = start(&plan);
    world.clock.now_ns = at(2); /* not even built */
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_int_equal(wait_n->ended, 20000);
    record_disown(&wait_n->record, at(2));
}

/* So many of its delays are not above that. */
static size_t
count_up_to(const struct wait_n_plan *plan, double seconds)
{
    struct delays *delays = delays_draw(&plan->spec, plan->n);
    size_t count = 0;

    for (size_t i = 0; i < plan->n; i++)
        count += delays_reach(delays, i) <= seconds;
    delays_release(delays);
    return count;
}

static void
a_late_timeout_spares_what_was_due_before_it(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(20000, 1);

    plan.spec = (struct delay_spec){.seeded = true, .seed = 1, .min = 0, .max = 4};
    plan.timeout_ns = NS_PER_SECOND;
    struct wait_n *wait_n = start(&plan);
    world.clock.now_ns = at(3); /* not even built */
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(wait_n->record.reason, REASON_TIMEOUT);
    assert_in_range(wait_n->ended, 4700, 5300);
    assert_int_equal(wait_n->ended, count_up_to(&plan, 1));
    record_disown(&wait_n->record, at(3));
}

static void
while_it_is_built_others_have_their_turn(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(20000, 1);
    struct wait_n *wait_n = start(&plan);
    struct wait_plan other = {.kind = KIND_TASK,
                              .spec = {.fixed = true, .min = 0.001, .max = 0.001},
                              .timeout_ns = NO_TIMEOUT,
                              .start_ns = at(0)};
    struct wait *wait;

    assert_int_equal(wait_start(&world.registry, &other, &wait), OK);
    world.clock.now_ns = at(0.002);
    timers_fire(&world.registry.timers, world.clock.now_ns, SIZE_MAX); /* a slice */
    timers_fire(&world.registry.timers, world.clock.now_ns, SIZE_MAX);
    assert_true(record_ended(&wait->record));
    assert_true(batch_busy(wait_n->batch));
    record_release(&wait->record);
    record_disown(&wait_n->record, at(0.002));
}

/* Ties end one by one as well: by index. */
static void
it_is_done_when_so_many_have_ended(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(10, 1);

    plan.ending.most = 3;
    plan.ranks = true;
    plan.timeout_ns = NS_PER_SECOND;
    struct wait_n *wait_n = start(&plan);
    world_run(&world, 5);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_true(wait_n->record.finished_ns == at(1));
    assert_int_equal(wait_n->ended, 3);
    assert_int_equal(wait_n_cancelled(wait_n), 7);
    for (size_t i = 0; i < 10; i++)
        assert_true(batch_rank(wait_n->batch, i) == (i < 3 ? i : SIZE_MAX));
    assert_all_has_ended(&world.registry);
    assert_int_equal(world.registry.timers.count, 0);
    assert_true(record_delay(&wait_n->record) == 1);
    record_disown(&wait_n->record, at(5));
}

static void
fired_early_it_ends_so_many_and_no_more(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(5000, 1);

    plan.ending.most = 4000;
    struct wait_n *wait_n = start(&plan);
    batch_release(wait_n->batch, at(0));
    world_run(&world, 0.5);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_int_equal(wait_n->ended, 4000);
    record_disown(&wait_n->record, at(0.5));
}

static void
more_than_there_are_means_all(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(3, 1);

    plan.ending.most = 4;
    struct wait_n *wait_n = start(&plan);
    world_run(&world, 1);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_int_equal(wait_n->ended, 3);
    record_disown(&wait_n->record, at(1));
}

static void
a_client_that_leaves_cancels_all(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(10000, 1);
    struct wait_n *wait_n = start(&plan);

    record_disown(&wait_n->record, at(0.5));
    assert_int_equal(world.registry.timers.count, 0);
    assert_int_equal(world.registry.count, 0);
    assert_all_has_ended(&world.registry);
}

static void
a_kept_one_sheds_its_rows(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(100, 1);

    plan.label = "kept";
    struct wait_n *wait_n = start(&plan);
    world_run(&world, 1);
    assert_non_null(wait_n->batch);
    record_disown(&wait_n->record, at(1));
    assert_null(wait_n->batch);
    assert_int_equal(wait_n->ended, 100);
    assert_int_equal(world.registry.count, 1);
    world_run(&world, 3601);
    assert_int_equal(world.registry.count, 0);
}

static void
its_reader_keeps_it_when_it_is_put_out(void **state)
{
    (void)state;
    world.registry.limits.max_tasks = 1;
    struct wait_n_plan plan = plan_of(3, 1);
    plan.label = "kept";
    struct wait_n *wait_n = start(&plan), *other = start(&plan);
    world_run(&world, 1);
    assert_int_equal(world.registry.count, 1);
    assert_int_equal(batch_index(wait_n->batch, 2), 2);
    record_disown(&wait_n->record, at(1));
    record_disown(&other->record, at(1));
}

static void
a_released_one_is_done(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(3, 10);
    struct wait_n *wait_n = start(&plan);

    world_run(&world, 1);
    batch_release(wait_n->batch, at(1));
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_true(batch_delay(wait_n->batch, 0) == 1);
    record_disown(&wait_n->record, at(1));
}

static void
each_of_the_n_counts(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(6, 1);
    struct wait_n *wait_n = NULL;

    world.registry.limits.max_waits = 10;
    struct wait_n *other = start(&plan);
    assert_int_equal(wait_n_start(&world.registry, &plan, &wait_n),
                     ERROR_TOO_MANY_WAITS);
    assert_null(wait_n);
    plan.n = 4;
    wait_n = start(&plan);
    assert_int_equal(world.registry.waits, 10);
    record_disown(&wait_n->record, at(0));
    record_disown(&other->record, at(0));
}

/* ---- failures ------------------------------------------------------- */

/* One after another, of which the first and the third fail. */
static struct wait_n_plan
failing_plan(void)
{
    struct wait_n_plan plan = plan_of(6, 1);

    plan.limit = 1;
    plan.spec.seeded = true;
    plan.spec.seed = 7;
    plan.faults = (struct fault_spec){.drawn = true, .rate = 0.5, .fail_status = 500};
    return plan;
}

static void
failures_are_ends_and_sorted_out(void **state)
{
    (void)state;
    struct wait_n_plan plan = failing_plan();
    struct wait_n *wait_n = start(&plan);
    const struct batch *batch = wait_n->batch;

    world_run(&world, 3);
    assert_int_equal(wait_n->ended, 3);
    assert_int_equal(wait_n->failed, 2);
    assert_int_equal(wait_n_done(wait_n), 1);
    assert_int_equal(batch_failure(batch, 0), 0);
    assert_int_equal(batch_failure(batch, 1), 2);
    assert_int_equal(batch_success(batch, 0), 1);
    assert_int_equal(batch_status(batch, 0), 500);
    assert_int_equal(batch_status(batch, 1), 0);
    world_run(&world, 6);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_int_equal(wait_n->failed, 2);
    assert_int_equal(batch_success(batch, 3), 5);
    assert_int_equal(wait_n_cancelled(wait_n), 0);
    record_disown(&wait_n->record, at(6));
}

static void
the_first_error_may_end_it(void **state)
{
    (void)state;
    struct wait_n_plan plan = failing_plan();

    plan.faults.rate = 0.1; /* none of these */
    plan.ending.first_error = true;
    struct wait_n *none = start(&plan);
    world_run(&world, 6);
    assert_int_equal(none->record.state, STATE_DONE);
    assert_int_equal(none->ended, 6);
    record_disown(&none->record, at(6));
    plan = failing_plan();
    plan.ending.first_error = true;
    struct wait_n *wait_n = start(&plan);
    world_run(&world, 9);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_int_equal(wait_n->ended, 1);
    assert_int_equal(wait_n->failed, 1);
    assert_int_equal(wait_n_cancelled(wait_n), 5);
    assert_true(wait_n->record.finished_ns == at(7));
    record_disown(&wait_n->record, at(9));
}

static void
an_error_that_cancels_is_its_own(void **state)
{
    (void)state;
    struct wait_n_plan plan = failing_plan();

    plan.ending.cancel_on_error = true;
    plan.ending.most = 5;
    struct wait_n *wait_n = start(&plan);
    world_run(&world, 1);
    assert_int_equal(wait_n->record.state, STATE_FAILED);
    assert_int_equal(wait_n->record.status, 500);
    assert_int_equal(wait_n_cancelled(wait_n), 5);
    assert_int_equal(world.registry.timers.count, 0);
    assert_all_has_ended(&world.registry);
    assert_true(record_delay(&wait_n->record) == 1);
    record_disown(&wait_n->record, at(1));
}

static void
of_many_due_at_once_none_ends_after_the_error(void **state)
{
    (void)state;
    struct wait_n_plan plan = plan_of(5000, 1);

    plan.faults = (struct fault_spec){.first = 1, .key = "k", .fail_status = 500};
    plan.ending.cancel_on_error = true;
    struct wait_n *wait_n = start(&plan);
    world.clock.now_ns = at(9);
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(wait_n->ended, 1);
    assert_int_equal(wait_n->record.state, STATE_FAILED);
    record_disown(&wait_n->record, at(9));
    struct wait_n *next = start(&plan); /* 5,000 tries have been */
    manual_clock_run(&world.clock, &world.registry.timers, at(20));
    assert_int_equal(next->record.state, STATE_DONE);
    assert_int_equal(next->ended, 5000);
    record_disown(&next->record, at(20));
}

static void
fired_early_they_fail_all_the_same(void **state)
{
    (void)state;
    struct wait_n_plan plan = failing_plan();
    struct wait_n *wait_n = start(&plan);

    batch_release(wait_n->batch, at(0));
    world_run(&world, 0.5);
    assert_int_equal(wait_n->record.state, STATE_DONE);
    assert_int_equal(wait_n->ended, 6);
    assert_int_equal(wait_n->failed, 2);
    record_disown(&wait_n->record, at(1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(after_a_pause_a_timeout_still_comes_before_what_ends_later),
        TEST(n_waits_are_told_one_by_one),
        TEST(no_waits_have_ended_at_once),
        TEST(a_timeout_keeps_what_has_ended),
        TEST(a_large_late_result_wins_over_its_timeout),
        TEST(it_is_done_when_so_many_have_ended),
        TEST(fired_early_it_ends_so_many_and_no_more),
        TEST(more_than_there_are_means_all),
        TEST(a_late_timeout_spares_what_was_due_before_it),
        TEST(while_it_is_built_others_have_their_turn),
        TEST(a_client_that_leaves_cancels_all),
        TEST(a_kept_one_sheds_its_rows),
        TEST(its_reader_keeps_it_when_it_is_put_out),
        TEST(a_released_one_is_done),
        TEST(each_of_the_n_counts),
        TEST(failures_are_ends_and_sorted_out),
        TEST(the_first_error_may_end_it),
        TEST(an_error_that_cancels_is_its_own),
        TEST(of_many_due_at_once_none_ends_after_the_error),
        TEST(fired_early_they_fail_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

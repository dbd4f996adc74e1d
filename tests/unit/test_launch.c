#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "async/launch.h"
#include "each_world.h"

static struct launch_plan
plan_of(size_t n, size_t limit, double seconds)
{
    return (struct launch_plan){
        .group_name = "g",
        .spec = {.fixed = true, .min = seconds, .max = seconds},
        .timeout_ns = NO_TIMEOUT,
        .n = n,
        .limit = limit,
        .start_ns = world.clock.now_ns,
    };
}

static struct launch *
start(const struct launch_plan *plan)
{
    struct launch *launch = NULL;

    assert_int_equal(launch_start(&world.registry, plan, &launch), OK);
    return launch;
}

static struct launch *
start_n(size_t n, size_t limit, double seconds)
{
    struct launch_plan plan = plan_of(n, limit, seconds);

    return start(&plan);
}

static enum record_state
state_of(const struct launch *launch, size_t index)
{
    return launch->waits[index]->record.state;
}

static struct record *
record_of(const struct launch *launch, size_t index)
{
    return &launch->waits[index]->record;
}

static void
all_start_at_once_where_there_is_no_limit(void **state)
{
    (void)state;
    struct launch_plan plan = plan_of(3, 0, 1);
    char name[] = "g", label[] = "of a test";

    plan.group_name = name;
    plan.label = label;
    struct launch *launch = start(&plan);
    name[0] = label[0] = 'x';
    assert_true(launch_over(launch));
    assert_int_equal(world.registry.tasks, 3);
    assert_int_equal(world.registry.waits, 3);
    struct group *group = group_find(&world.registry, "g");
    assert_ptr_equal(group, launch->group);
    assert_int_equal(group_pending(group), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(state_of(launch, i), STATE_PENDING);
        assert_string_equal(record_of(launch, i)->label, "of a test");
        assert_ptr_equal(record_of(launch, i)->group, group);
    }
    launch_release(launch);
    world_run(&world, 1);
    assert_int_equal(group_pending(group), 0);
    assert_int_equal(group->ended_count, 3);
    assert_all_has_ended(&world.registry);
    world_run(&world, 3601); /* with its last member goes the group */
    assert_null(group_find(&world.registry, "g"));
    assert_null(world.registry.groups);
}

static void
a_group_without_a_name_gets_one(void **state)
{
    (void)state;
    struct launch_plan plan = plan_of(1, 0, 1);

    plan.group_name = NULL;
    struct launch *one = start(&plan), *other = start(&plan);
    assert_int_equal(strlen(one->group->name), 16);
    assert_string_not_equal(one->group->name, other->group->name);
    assert_ptr_equal(group_find(&world.registry, one->group->name), one->group);
    launch_release(one);
    launch_release(other);
}

static void
naming_a_group_again_adds_to_it(void **state)
{
    (void)state;
    struct launch *one = start_n(2, 0, 1), *other = start_n(3, 1, 1);

    assert_ptr_equal(one->group, other->group);
    assert_int_equal(one->group->count, 5);
    launch_release(one);
    launch_release(other);
}

static void
with_a_limit_each_end_starts_the_next(void **state)
{
    (void)state;
    struct launch *launch = start_n(5, 2, 1);

    assert_int_equal(state_of(launch, 1), STATE_PENDING);
    assert_int_equal(state_of(launch, 2), STATE_QUEUED);
    assert_true(wait_remaining(launch->waits[2], at(0.5)) == 1);
    assert_int_equal(group_pending(launch->group), 5);
    world_run(&world, 1);
    assert_int_equal(state_of(launch, 1), STATE_DONE);
    assert_int_equal(state_of(launch, 2), STATE_PENDING);
    assert_int_equal(state_of(launch, 3), STATE_PENDING);
    assert_int_equal(state_of(launch, 4), STATE_QUEUED);
    world_run(&world, 3);
    assert_int_equal(state_of(launch, 4), STATE_DONE);
    assert_true(record_of(launch, 4)->finished_ns == at(3));
    assert_true(record_of(launch, 4)->created_ns == at(0));
    launch_release(launch);
}

static void
a_late_turn_starts_the_next_at_the_deadline(void **state)
{
    (void)state;
    struct launch *launch = start_n(3, 1, 1);

    world.clock.now_ns = at(2.5);
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(state_of(launch, 1), STATE_DONE);
    assert_true(launch->waits[2]->start_ns == at(2));
    assert_true(launch->waits[2]->deadline_ns == at(3));
    launch_release(launch);
}

static void
cancelling_a_running_one_makes_room_now(void **state)
{
    (void)state;
    struct launch *launch = start_n(3, 1, 2);

    world_run(&world, 0.5);
    record_cancel(record_of(launch, 0), REASON_CANCEL, at(0.5));
    assert_int_equal(state_of(launch, 1), STATE_PENDING);
    assert_true(launch->waits[1]->deadline_ns == at(2.5));
    world_run(&world, 4.5);
    assert_int_equal(state_of(launch, 2), STATE_DONE);
    launch_release(launch);
}

static void
cancelling_a_queued_one_makes_no_room(void **state)
{
    (void)state;
    struct launch *launch = start_n(4, 1, 1);

    record_cancel(record_of(launch, 1), REASON_CANCEL, at(0));
    assert_int_equal(state_of(launch, 2), STATE_QUEUED);
    world_run(&world, 1);
    assert_int_equal(state_of(launch, 1), STATE_CANCELLED);
    assert_int_equal(state_of(launch, 2), STATE_PENDING);
    world_run(&world, 3);
    assert_int_equal(state_of(launch, 3), STATE_DONE);
    launch_release(launch);
}

static void
a_queued_one_that_is_moved_runs_outside_of_the_limit(void **state)
{
    (void)state;
    struct launch *launch = start_n(3, 1, 1);

    world_run(&world, 0.25);
    wait_move(launch->waits[2], at(0.5), at(0.25));
    assert_int_equal(state_of(launch, 2), STATE_PENDING);
    assert_true(launch->waits[2]->delay == 0.25);
    world_run(&world, 0.5);
    assert_int_equal(state_of(launch, 2), STATE_DONE);
    assert_int_equal(state_of(launch, 1), STATE_QUEUED); /* that was not its room */
    world_run(&world, 2);
    assert_int_equal(state_of(launch, 1), STATE_DONE);
    launch_release(launch);
}

static void
a_queued_one_is_neither_settled_nor_started_by_an_extension(void **state)
{
    (void)state;
    struct launch *launch = start_n(2, 1, 1);

    world.clock.now_ns = at(5);
    wait_settle(launch->waits[1], at(5));
    assert_int_equal(state_of(launch, 1), STATE_QUEUED);
    wait_extend(launch->waits[1], NS_PER_SECOND, world.clock.now_ns);
    assert_int_equal(state_of(launch, 1), STATE_QUEUED);
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_true(launch->waits[1]->deadline_ns == at(3));
    assert_int_equal(state_of(launch, 1), STATE_DONE);
    launch_release(launch);
}

static void
a_running_one_that_is_moved_makes_room_at_its_new_deadline(void **state)
{
    (void)state;
    struct launch *launch = start_n(2, 1, 10);

    world_run(&world, 3);
    wait_move(launch->waits[0], at(1), at(3)); /* past: now */
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_true(launch->waits[1]->start_ns == at(3));
    launch_release(launch);
}

static void
the_timeout_counts_from_the_start_for_queued_ones_too(void **state)
{
    (void)state;
    struct launch_plan plan = plan_of(4, 1, 1);

    plan.timeout_ns = 2 * NS_PER_SECOND;
    struct launch *launch = start(&plan);
    world_run(&world, 1.5);
    assert_int_equal(world.registry.tasks, 3);
    world_run(&world, 2);
    assert_int_equal(state_of(launch, 1), STATE_DONE); /* the result wins */
    assert_int_equal(state_of(launch, 2), STATE_CANCELLED);
    assert_int_equal(state_of(launch, 3), STATE_CANCELLED);
    assert_int_equal(record_of(launch, 3)->reason, REASON_TIMEOUT);
    assert_all_has_ended(&world.registry);
    assert_int_equal(launch->group->ended_count, 4);
    launch_release(launch);
}

static void
all_or_nothing_where_a_limit_is_passed(void **state)
{
    (void)state;
    struct launch_plan plan = plan_of(4, 0, 1);
    struct launch *launch = NULL;

    world.registry.limits.max_tasks = 3;
    assert_int_equal(launch_start(&world.registry, &plan, &launch),
                     ERROR_TOO_MANY_TASKS);
    world.registry.limits.max_tasks = 10;
    world.registry.limits.max_waits = 3;
    assert_int_equal(launch_start(&world.registry, &plan, &launch),
                     ERROR_TOO_MANY_WAITS);
    assert_null(launch);
    assert_all_has_ended(&world.registry);
    assert_null(world.registry.groups);
    plan.n = SIZE_MAX / 2;
    assert_int_equal(launch_start(&world.registry, &plan, &launch),
                     ERROR_TOO_MANY_TASKS);
}

/* ---- slices --------------------------------------------------------- */

enum { SLICE = 256 };

static void
a_large_launch_is_made_in_slices(void **state)
{
    (void)state;
    struct launch *launch = start_n(3 * SLICE + 1, 0, 1);
    struct listener listener;

    listen_to(&listener, &launch->watches);
    assert_int_equal(launch->made, SLICE);
    assert_false(launch_over(launch));
    assert_int_equal(world.registry.tasks, 3 * SLICE + 1); /* promised */
    assert_int_equal(group_pending(launch->group), 3 * SLICE + 1);
    for (size_t slices = 2; slices <= 3; slices++) {
        assert_int_equal(timers_fire(&world.registry.timers, at(0), SIZE_MAX), 1);
        assert_int_equal(launch->made, slices * SLICE);
        assert_int_equal(listener.heard, slices - 1);
    }
    timers_fire(&world.registry.timers, at(0), SIZE_MAX);
    assert_true(launch_over(launch));
    assert_int_equal(group_pending(launch->group), 3 * SLICE + 1);
    watch_stop(&listener.watch);
    launch_release(launch);
    world_run(&world, 1);
    assert_all_has_ended(&world.registry);
}

static void
a_launch_goes_on_without_its_maker(void **state)
{
    (void)state;
    struct launch *launch = start_n(1000, 10, 0.25);
    struct group *group = launch->group;

    launch_release(launch);
    group_hold(group);
    world_run(&world, 24.75);
    assert_int_equal(group->ended_count, 990);
    world_run(&world, 25);
    assert_int_equal(group->ended_count, 1000);
    group_release(group);
}

static void
waits_of_0_s_end_in_order_over_all_slices(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 2000; limit += 700) {
        struct launch *launch = start_n(1000, limit, 0);
        struct record *record;
        size_t index = 0;

        manual_clock_fire(&world.clock, &world.registry.timers);
        TAILQ_FOREACH (record, &launch->group->ended, in_ended) {
            assert_ptr_equal(record, record_of(launch, index));
            index++;
        }
        assert_int_equal(index, 1000);
        group_sweep(launch->group, at(0));
        launch_release(launch);
    }
}

static void
room_made_between_two_slices_is_filled_from_then_on(void **state)
{
    (void)state;
    struct launch *launch = start_n(SLICE + 10, SLICE, 10);

    world.clock.now_ns = at(2);
    record_cancel(record_of(launch, 3), REASON_CANCEL, at(2));
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(state_of(launch, SLICE), STATE_PENDING);
    assert_true(launch->waits[SLICE]->start_ns == at(2));
    assert_int_equal(state_of(launch, SLICE + 1), STATE_QUEUED);
    assert_int_equal(launch->running, SLICE);
    launch_release(launch);
}

static void
a_launch_may_be_finished_at_once(void **state)
{
    (void)state;
    struct launch *launch = start_n(1000, 3, 1);

    launch_finish(launch, at(0));
    assert_int_equal(launch->made, 1000);
    launch_finish(launch, at(0));
    for (size_t i = 0; i < 1000; i++)
        record_cancel(record_of(launch, i), REASON_DISCONNECT, at(0));
    assert_all_has_ended(&world.registry);
    launch_release(launch);
}

static struct wait *
start_other(double seconds)
{
    struct wait_plan plan = {
        .kind = KIND_WAIT,
        .spec = {.fixed = true, .min = seconds, .max = seconds},
        .timeout_ns = NO_TIMEOUT,
        .start_ns = world.clock.now_ns,
    };
    struct wait *wait = NULL;

    assert_int_equal(wait_start(&world.registry, &plan, &wait), OK);
    return wait;
}

/* It comes before the slice after next. */
static void
assert_waits_for_no_more_than_a_slice(void)
{
    struct wait *other = start_other(0.01);

    world.clock.now_ns = other->deadline_ns;
    for (int slice = 0; slice < 2; slice++) {
        world.clock.now_ns++;
        timers_fire(&world.registry.timers, world.clock.now_ns, SIZE_MAX);
    }
    assert_int_equal(other->record.state, STATE_DONE);
    record_disown(&other->record, world.clock.now_ns);
}

static void
others_have_their_turn_between_two_slices(void **state)
{
    (void)state;
    struct launch_plan plan = plan_of(6 * SLICE, 0, 10);

    plan.ending.most = 1;
    struct launch *launch = start(&plan);
    assert_waits_for_no_more_than_a_slice();
    assert_false(launch_over(launch));
    launch_finish(launch, world.clock.now_ns);
    record_cancel(record_of(launch, 0), REASON_CANCEL, world.clock.now_ns);
    assert_waits_for_no_more_than_a_slice();
    assert_true(launch->swept < launch->made);
    launch_release(launch);
}

static void
what_is_late_is_ended_in_slices_too(void **state)
{
    (void)state;
    struct launch *launch = start_n(1000, 0, 1);

    world_run(&world, 0.5);
    world.clock.now_ns = at(2);
    struct wait *other = start_other(0);
    timers_fire(&world.registry.timers, at(2), SIZE_MAX);
    timers_fire(&world.registry.timers, at(2), SIZE_MAX);
    assert_int_equal(other->record.state, STATE_DONE);
    assert_in_range(launch->group->ended_count, 1, 999);
    record_disown(&other->record, at(2));
    launch_release(launch);
}

/* One slice a ms: in the end most are late. */
static void
make_slowly(void)
{
    for (int i = 0; i < 20; i++) {
        timers_fire(&world.registry.timers, world.clock.now_ns, SIZE_MAX);
        world.clock.now_ns += NS_PER_MS;
    }
}

static void
they_end_in_order_however_slowly_they_are_made(void **state)
{
    (void)state;
    struct launch_plan plan = plan_of(1000, 0, 0);
    struct record *record;
    int64_t last_ns = 0;

    plan.spec = (struct delay_spec){.seeded = true, .seed = 3, .max = 0.01};
    struct launch *all = start(&plan);
    plan.group_name = "some";
    plan.ending.most = 10;
    struct launch *some = start(&plan);
    make_slowly();
    manual_clock_fire(&world.clock, &world.registry.timers);
    TAILQ_FOREACH (record, &all->group->ended, in_ended) {
        assert_true(wait_of(record)->deadline_ns >= last_ns);
        last_ns = wait_of(record)->deadline_ns;
    }
    record = TAILQ_FIRST(&all->group->ended);
    for (int i = 0; i < 10; i++, record = TAILQ_NEXT(record, in_ended))
        last_ns = wait_of(record)->deadline_ns;
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(state_of(some, i), some->waits[i]->deadline_ns <= last_ns
                                                ? STATE_DONE
                                                : STATE_CANCELLED);
    launch_release(all);
    launch_release(some);
}

static void
a_timeout_waits_for_the_results_before_it(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 500; limit += 400) {
        struct launch_plan plan = plan_of(1000, limit, 0.001);

        plan.timeout_ns = 3 * NS_PER_MS;
        struct launch *launch = start(&plan);
        make_slowly();
        for (size_t i = 0; i < 1000; i++)
            assert_int_equal(state_of(launch, i), STATE_DONE);
        group_sweep(launch->group, world.clock.now_ns);
        launch_release(launch);
    }
}

static void
a_timeout_cancels_in_slices(void **state)
{
    (void)state;
    struct launch_plan plan = plan_of(1000, 10, 1);
    uint64_t reached = world.registry.timers.reached;

    plan.timeout_ns = NS_PER_SECOND / 2;
    struct launch *launch = start(&plan);
    world_run(&world, 0.25);
    for (size_t slice = 0; slice <= 2; slice++) {
        assert_int_equal(launch->group->ended_count, slice * SLICE);
        timers_fire(&world.registry.timers, at(0.5), SIZE_MAX);
    }
    world.clock.now_ns = at(0.5);
    manual_clock_fire(&world.clock, &world.registry.timers);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(record_of(launch, i)->reason, REASON_TIMEOUT);
    assert_int_equal(world.registry.timers.reached - reached, 1000);
    launch_release(launch);
}

static void
what_has_ended_goes_though_others_still_wait(void **state)
{
    (void)state;
    struct launch *launch = start_n(3, 0, 1);

    assert_non_null(launch->waits);
    launch_release(launch);
    assert_null(launch->waits);
    world_run(&world, 1);
    launch = start_n(3, 1, 1); /* will have to start them */
    launch_release(launch);
    assert_non_null(launch->waits);
}

/* ---- groups --------------------------------------------------------- */

static void
a_sweep_cancels_and_forgets_every_member(void **state)
{
    (void)state;
    struct launch *other = NULL, *launch = start_n(4, 2, 1);
    struct launch_plan plan = plan_of(2, 0, 1);

    plan.group_name = "other";
    other = start(&plan);
    record_cancel(record_of(launch, 3), REASON_CANCEL, at(0));
    struct registry_swept swept = group_sweep(launch->group, at(0.5));
    assert_int_equal(swept.cancelled, 3);
    assert_int_equal(swept.removed, 4);
    assert_int_equal(world.registry.tasks, 2);
    assert_int_equal(world.registry.count, 2);
    assert_null(group_find(&world.registry, "g"));
    launch_release(launch);
    launch_release(other);
}

static void
a_sweep_meets_what_is_not_made_yet(void **state)
{
    (void)state;
    struct launch *one = start_n(2000, 0, 1), *other = start_n(1000, 5, 1);
    struct registry_swept swept = group_sweep(one->group, at(0));

    assert_int_equal(swept.cancelled, 3000);
    assert_int_equal(swept.removed, 3000);
    assert_int_equal(world.registry.timers.count, 0);
    assert_all_has_ended(&world.registry);
    launch_release(one);
    launch_release(other);
    assert_null(world.registry.groups);
}

static void
a_sweep_puts_no_other_task_out(void **state)
{
    (void)state;
    world.registry.limits.max_tasks = 3;
    struct launch_plan plan = plan_of(2, 0, 1);
    plan.group_name = "ended";
    launch_release(start(&plan));
    world_run(&world, 1);
    struct launch *launch = start_n(3, 0, 1);
    struct registry_swept swept = group_sweep(launch->group, at(1));

    assert_int_equal(swept.removed, 3);
    assert_int_equal(world.registry.finished_count, 2);
    assert_int_equal(group_find(&world.registry, "ended")->count, 2);
    launch_release(launch);
}

static void
members_that_are_put_out_leave_their_group(void **state)
{
    (void)state;
    world.registry.limits.max_tasks = 10;
    struct launch *launch = start_n(10, 0, 1);

    world_run(&world, 1);
    world.registry.limits.max_tasks = 4;
    struct launch *other = start_n(4, 1, 1);
    world_run(&world, 3);
    assert_int_equal(launch->group->count, 10 + 4 - 2);
    assert_int_equal(launch->group->ended_count, 10);
    assert_int_equal(group_pending(launch->group), 2);
    launch_release(launch);
    launch_release(other);
}

static void
a_cursor_survives_what_is_forgotten(void **state)
{
    (void)state;
    struct launch *launch = start_n(4, 1, 1);
    struct group *group = launch->group;
    struct group_cursor cursor, late;

    group_cursor_open(group, &cursor);
    assert_null(cursor.next);
    world_run(&world, 2);
    assert_ptr_equal(cursor.next, record_of(launch, 0));
    group_cursor_open(group, &late);
    assert_ptr_equal(late.next, record_of(launch, 0));
    group_cursor_step(group, &cursor);
    record_forget(record_of(launch, 1)); /* still before both */
    record_forget(record_of(launch, 0)); /* before the late one */
    assert_int_equal(group->count, 2);
    assert_int_equal(group->lingering, 2);
    assert_ptr_equal(cursor.next, record_of(launch, 1));
    assert_ptr_equal(late.next, record_of(launch, 0));
    group_cursor_step(group, &cursor);
    assert_null(cursor.next);
    group_cursor_step(group, &late);
    assert_int_equal(group->lingering, 1);
    group_cursor_step(group, &late);
    assert_null(late.next);
    assert_int_equal(group->lingering, 0);
    world_run(&world, 3);
    assert_ptr_equal(cursor.next, record_of(launch, 2));
    assert_ptr_equal(late.next, record_of(launch, 2));
    launch_release(launch);
    group_sweep(group, at(3));
    assert_non_null(cursor.next); /* both that went are told */
    group_cursor_step(group, &cursor);
    group_cursor_step(group, &cursor);
    assert_null(cursor.next);
    assert_null(group_find(&world.registry, "g")); /* empty, yet held */
    group_cursor_close(group, &late);
    group_cursor_close(group, &cursor);
    assert_null(world.registry.groups);
}

static void
a_group_that_is_held_may_be_filled_again(void **state)
{
    (void)state;
    struct launch *launch = start_n(1, 0, 1);
    struct group *group = launch->group;

    group_hold(group);
    launch_release(launch);
    group_sweep(group, at(0));
    launch = start_n(2, 0, 1);
    assert_ptr_equal(launch->group, group);
    group_release(group);
    launch_release(launch);
}

/* ---- over before all have ended -------------------------------------- */

/* What became of each: D, F, C, or P and Q for what has not ended. */
static void
assert_states(const struct launch *launch, const char *expected)
{
    static const char letters[] = {[STATE_QUEUED] = 'Q',
                                   [STATE_PENDING] = 'P',
                                   [STATE_DONE] = 'D',
                                   [STATE_FAILED] = 'F',
                                   [STATE_CANCELLED] = 'C'};
    char states[64] = "";

    for (size_t i = 0; i < launch->made; i++)
        states[i] = letters[state_of(launch, i)];
    assert_string_equal(states, expected);
}

static struct launch *
start_ending(size_t n, size_t limit, struct ending ending)
{
    struct launch_plan plan = plan_of(n, limit, 1);

    plan.ending = ending;
    return start(&plan);
}

static void
when_so_many_have_ended_the_rest_is_cancelled(void **state)
{
    (void)state;
    struct launch *launch = start_ending(5, 2, (struct ending){.most = 3});

    world_run(&world, 1);
    assert_states(launch, "DDPPQ");
    assert_false(launch->met);
    world_run(&world, 2);
    assert_states(launch, "DDDCC"); /* the fourth was due at that instant, too */
    assert_int_equal(record_of(launch, 4)->reason, REASON_CANCEL);
    assert_true(record_of(launch, 4)->finished_ns == at(2));
    assert_all_has_ended(&world.registry);
    assert_int_equal(launch->unended, 0);
    launch_release(launch);
}

static void
more_than_there_are_is_all(void **state)
{
    (void)state;
    struct launch *launch = start_ending(3, 0, (struct ending){.most = 4});

    world_run(&world, 1);
    assert_states(launch, "DDD");
    assert_false(launch->met);
    launch_release(launch);
}

static void
losers_may_be_kept(void **state)
{
    (void)state;
    struct launch *launch =
        start_ending(3, 1, (struct ending){.most = 1, .keep = true});

    world_run(&world, 1);
    assert_states(launch, "DPQ");
    assert_true(launch->met && !launch->cancels);
    world_run(&world, 3);
    assert_states(launch, "DDD");
    launch_release(launch);
}

static struct launch *
start_failing(struct ending ending)
{
    struct launch_plan plan = plan_of(6, 1, 1);

    plan.spec.seeded = true;
    plan.spec.seed = 17; /* only the fourth fails */
    plan.faults = (struct fault_spec){.drawn = true, .rate = 0.3, .fail_status = 500};
    plan.ending = ending;
    return start(&plan);
}

static void
a_failure_may_cancel_the_rest(void **state)
{
    (void)state;
    static const struct ending endings[] = {
        {.first_error = true},
        {.cancel_on_error = true},
        {.cancel_on_error = true, .most = 1, .keep = true},
        {.cancel_on_error = true, .first_error = true, .keep = true},
    };

    for (size_t i = 0; i < COUNT(endings); i++) {
        struct launch *launch = start_failing(endings[i]);

        manual_clock_run(&world.clock, &world.registry.timers,
                         world.clock.now_ns + 10 * NS_PER_SECOND);
        assert_states(launch, "DDDFCC");
        assert_int_equal(record_of(launch, 3)->status, 500);
        launch_release(launch);
    }
}

static void
or_be_one_more_result(void **state)
{
    (void)state;
    struct launch *collect = start_failing((struct ending){0});
    struct launch *keep =
        start_failing((struct ending){.first_error = true, .keep = true});
    struct launch *most = start_failing((struct ending){.most = 4});

    world_run(&world, 4);
    assert_states(most, "DDDFCC");
    assert_states(keep, "DDDFPQ");
    assert_true(keep->met);
    world_run(&world, 6);
    assert_states(collect, "DDDFDD");
    assert_states(keep, "DDDFDD");
    launch_release(collect);
    launch_release(keep);
    launch_release(most);
}

static void
a_cancel_is_an_end_and_a_timeout_is_that_of_all(void **state)
{
    (void)state;
    struct launch *one = start_ending(3, 0, (struct ending){.most = 1});
    struct launch *other = start_ending(3, 0, (struct ending){.first_error = true});
    struct launch_plan plan = plan_of(3, 0, 1);

    record_cancel(record_of(one, 1), REASON_CANCEL, at(0));
    record_cancel(record_of(other, 1), REASON_CANCEL, at(0));
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_states(one, "CCC");
    assert_states(other, "PCP");
    plan.timeout_ns = NS_PER_SECOND / 2;
    plan.ending.most = 1;
    struct launch *late = start(&plan);
    world_run(&world, 0.5);
    assert_states(late, "CCC");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(record_of(late, i)->reason, REASON_TIMEOUT);
    assert_false(late->met);
    launch_release(one);
    launch_release(other);
    launch_release(late);
}

static void
one_that_was_moved_out_of_the_queue_ends_with_the_others(void **state)
{
    (void)state;
    struct launch *launch = start_ending(4, 1, (struct ending){.most = 2});

    wait_move(launch->waits[3], at(0.5), at(0));
    assert_int_equal(launch->ended, 0);
    world_run(&world, 0.5);
    assert_int_equal(launch->ended, 1);
    assert_states(launch, "PQQD");
    world_run(&world, 1);
    assert_states(launch, "DCCD");
    launch_release(launch);
    launch = start_ending(3, 1, (struct ending){.most = 1});
    wait_move(launch->waits[2], at(60), at(1)); /* and is cancelled with them */
    world_run(&world, 2);
    assert_states(launch, "DCC");
    launch_release(launch);
}

static void
a_large_rest_is_cancelled_in_slices(void **state)
{
    (void)state;
    struct launch *launch = start_ending(3 * SLICE, 0, (struct ending){.most = 1});
    struct group *group = launch->group;

    manual_clock_fire(&world.clock, &world.registry.timers); /* makes them */
    wait_move(launch->waits[5], at(0), at(0));
    wait_move(launch->waits[600], at(0.25), at(0));
    assert_int_equal(timers_fire(&world.registry.timers, at(0), 1), 1);
    assert_true(launch->cancels);
    assert_int_equal(group->ended_count, 1);
    assert_int_equal(timers_fire(&world.registry.timers, at(0.25), SIZE_MAX), 1);
    assert_int_equal(group->ended_count, SLICE);
    world.clock.now_ns = at(0.25);
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(state_of(launch, 600), STATE_CANCELLED); /* it came too late */
    assert_int_equal(group_pending(group), 0);
    assert_all_has_ended(&world.registry);
    launch_release(launch);
}

static void
it_may_be_over_before_all_are_made(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 500; limit += 400) {
        struct launch_plan plan = plan_of(1000, limit, 0);

        plan.ending.most = 1;
        struct launch *launch = start(&plan);
        manual_clock_fire(&world.clock, &world.registry.timers);
        assert_int_equal(launch->made, 1000);
        assert_int_equal(state_of(launch, 0), STATE_DONE);
        for (size_t i = 1; i < 1000; i++)
            assert_int_equal(state_of(launch, i), STATE_CANCELLED);
        assert_int_equal(launch->group->ended_count, 1000);
        group_sweep(launch->group, at(0));
        launch_release(launch);
    }
}

static void
a_sweep_comes_before_the_slices(void **state)
{
    (void)state;
    struct launch *launch = start_ending(1000, 7, (struct ending){.most = 1});

    launch_finish(launch, at(0));
    record_cancel(record_of(launch, 0), REASON_CANCEL, at(0));
    assert_true(launch->cancels);
    group_sweep(launch->group, at(0));
    assert_int_equal(world.registry.count, 0);
    launch_release(launch); /* what is left is the timer of one that had been kept */
    assert_ptr_equal(timers_first(&world.registry.timers), &world.registry.retention);
    assert_int_equal(world.registry.timers.count, 1);
}

static void
tries_are_counted_when_it_starts(void **state)
{
    (void)state;
    struct launch_plan plan = plan_of(4, 1, 1);

    plan.faults = (struct fault_spec){.first = 5, .key = "k", .fail_status = 500};
    world.registry.limits.max_tasks = 3;
    struct launch *one, *other = NULL;
    assert_int_equal(launch_start(&world.registry, &plan, &one), ERROR_TOO_MANY_TASKS);
    world.registry.limits.max_tasks = 100;
    one = start(&plan);
    other = start(&plan);
    world_run(&world, 4);
    assert_states(one, "FFFF");
    assert_states(other, "FDDD");
    launch_release(one);
    launch_release(other);
}

/* ---- against a model ------------------------------------------------ */

/* When each ends, in ns after the start: its room comes with the first end, in the
 * order of (end, start) as the timers have it. */
static void
simulate(const struct delays *delays, size_t limit, int64_t *ends)
{
    size_t n = delays->n, *running = calloc(limit, sizeof *running), count = 0,
           next = 0;

    for (; next < n && count < limit; next++) {
        ends[next] = seconds_to_ns(delays->at[next]);
        running[count++] = next;
    }
    while (count > 0) {
        size_t best = 0;

        for (size_t i = 1; i < count; i++)
            if (ends[running[i]] < ends[running[best]])
                best = i;
        int64_t end_ns = ends[running[best]];
        count--;
        for (size_t i = best; i < count; i++)
            running[i] = running[i + 1];
        if (next < n) {
            ends[next] = end_ns + seconds_to_ns(delays->at[next]);
            running[count++] = next++;
        }
    }
    free(running);
}

static void
run_unevenly(uint64_t seed)
{
    struct timers *timers = &world.registry.timers;
    struct fastrand fastrand;

    fastrand_seed(&fastrand, seed);
    while (world.registry.tasks > 0) {
        world.clock.now_ns += (int64_t)(fastrand_bits(&fastrand) % NS_PER_MS);
        timers_fire(timers, world.clock.now_ns, fastrand_bits(&fastrand) % 30);
    }
}

static void
play(uint64_t seed, size_t limit)
{
    enum { N = 600 };
    struct launch_plan plan = plan_of(N, limit, 0);
    int64_t ends[N];

    plan.spec = (struct delay_spec){.seeded = true, .seed = seed, .max = 0.02};
    if (seed % 4 == 0) /* many equal ones */
        plan.spec = (struct delay_spec){.fixed = true, .min = 0.01, .max = 0.01};
    struct launch *launch = start(&plan);
    int64_t start_ns = plan.start_ns;
    simulate(launch->delays, limit, ends);
    if (seed % 2)
        run_unevenly(seed);
    else
        manual_clock_run(&world.clock, &world.registry.timers,
                         start_ns + 30 * NS_PER_SECOND);
    for (size_t i = 0; i < N; i++) {
        struct wait *wait = launch->waits[i];

        assert_int_equal(wait->record.state, STATE_DONE);
        assert_true(wait->deadline_ns == start_ns + ends[i]);
        assert_true(wait->record.finished_ns >= wait->deadline_ns);
        assert_true(seed % 2 || wait->record.finished_ns == wait->deadline_ns);
    }
    assert_all_has_ended(&world.registry);
    group_sweep(launch->group, world.clock.now_ns);
    launch_release(launch);
}

static void
a_limit_gives_the_sums_of_a_semaphore(void **state)
{
    (void)state;
    static const size_t limits[] = {1, 2, 3, 17, 255, 256, 257, 599, 600, 601};

    for (uint64_t seed = 0; seed < 8; seed++)
        for (size_t i = 0; i < COUNT(limits); i++)
            play(seed, limits[i]);
}

/* Whatever is done to the members, no more than the limit run, none is forgotten, and
 * all ends. */
static void
play_wildly(uint64_t seed)
{
    struct launch_plan plan = plan_of(700, 0, 0);
    struct fastrand fastrand;

    fastrand_seed(&fastrand, seed);
    plan.limit = 1 + fastrand_bits(&fastrand) % 300;
    plan.timeout_ns =
        seed % 2 ? (int64_t)(fastrand_bits(&fastrand) % NS_PER_SECOND) : NO_TIMEOUT;
    plan.spec = (struct delay_spec){.seeded = true, .seed = seed, .max = 0.1};
    if (seed % 3) {
        plan.ending.most = fastrand_bits(&fastrand) % 900;
        plan.ending.first_error = fastrand_bits(&fastrand) % 2;
        plan.ending.cancel_on_error = fastrand_bits(&fastrand) % 2;
        plan.ending.keep = fastrand_bits(&fastrand) % 2;
        plan.faults =
            (struct fault_spec){.drawn = true, .rate = 0.003, .fail_status = 500};
    }
    struct launch *launch = start(&plan);
    struct group *group = launch->group;

    group_hold(group);
    while (group_pending(group) > 0) {
        size_t index = fastrand_bits(&fastrand) % launch->made;
        struct wait *wait = launch->waits[index];
        int64_t now_ns = world.clock.now_ns;

        switch (fastrand_bits(&fastrand) % 8) {
        case 0: record_cancel(&wait->record, REASON_CANCEL, now_ns); break;
        case 1:
            if (!record_ended(&wait->record))
                wait_move(wait, now_ns + (int64_t)(index * NS_PER_MS / 4), now_ns);
            break;
        case 2:
            if (!record_ended(&wait->record))
                wait_extend(wait, 10 * NS_PER_MS, world.clock.now_ns);
            break;
        case 3:
            if (record_ended(&wait->record))
                record_forget(&wait->record);
            break;
        case 4: wait_settle(wait, now_ns); break;
        default:
            world.clock.now_ns += (int64_t)(fastrand_bits(&fastrand) % NS_PER_MS);
            timers_fire(&world.registry.timers, world.clock.now_ns, 3);
        }
        assert_true(launch->running <= plan.limit);
        assert_int_equal(group_pending(group), world.registry.tasks);
        assert_int_equal(world.registry.tasks, world.registry.waits);
    }
    assert_true(launch_over(launch));
    assert_int_equal(launch->running, 0);
    assert_int_equal(launch->unended, 0);
    launch_release(launch);
    group_sweep(group, world.clock.now_ns);
    group_release(group);
    assert_int_equal(world.registry.count, 0);
}

static void
wild_plays_end_and_leave_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++)
        play_wildly(seed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_start_at_once_where_there_is_no_limit),
        TEST(a_group_without_a_name_gets_one),
        TEST(naming_a_group_again_adds_to_it),
        TEST(with_a_limit_each_end_starts_the_next),
        TEST(a_late_turn_starts_the_next_at_the_deadline),
        TEST(cancelling_a_running_one_makes_room_now),
        TEST(cancelling_a_queued_one_makes_no_room),
        TEST(a_queued_one_that_is_moved_runs_outside_of_the_limit),
        TEST(a_queued_one_is_neither_settled_nor_started_by_an_extension),
        TEST(a_running_one_that_is_moved_makes_room_at_its_new_deadline),
        TEST(the_timeout_counts_from_the_start_for_queued_ones_too),
        TEST(all_or_nothing_where_a_limit_is_passed),
        TEST(a_large_launch_is_made_in_slices),
        TEST(a_launch_goes_on_without_its_maker),
        TEST(waits_of_0_s_end_in_order_over_all_slices),
        TEST(room_made_between_two_slices_is_filled_from_then_on),
        TEST(a_launch_may_be_finished_at_once),
        TEST(others_have_their_turn_between_two_slices),
        TEST(what_is_late_is_ended_in_slices_too),
        TEST(they_end_in_order_however_slowly_they_are_made),
        TEST(a_timeout_waits_for_the_results_before_it),
        TEST(a_timeout_cancels_in_slices),
        TEST(what_has_ended_goes_though_others_still_wait),
        TEST(a_sweep_cancels_and_forgets_every_member),
        TEST(a_sweep_meets_what_is_not_made_yet),
        TEST(a_sweep_puts_no_other_task_out),
        TEST(members_that_are_put_out_leave_their_group),
        TEST(a_cursor_survives_what_is_forgotten),
        TEST(a_group_that_is_held_may_be_filled_again),
        TEST(when_so_many_have_ended_the_rest_is_cancelled),
        TEST(more_than_there_are_is_all),
        TEST(losers_may_be_kept),
        TEST(a_failure_may_cancel_the_rest),
        TEST(or_be_one_more_result),
        TEST(a_cancel_is_an_end_and_a_timeout_is_that_of_all),
        TEST(one_that_was_moved_out_of_the_queue_ends_with_the_others),
        TEST(a_large_rest_is_cancelled_in_slices),
        TEST(it_may_be_over_before_all_are_made),
        TEST(a_sweep_comes_before_the_slices),
        TEST(tries_are_counted_when_it_starts),
        TEST(a_limit_gives_the_sums_of_a_semaphore),
        TEST(wild_plays_end_and_leave_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

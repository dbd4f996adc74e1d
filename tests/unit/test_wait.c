#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "async/event.h"
#include "async/wait.h"
#include "each_world.h"

static struct wait_plan
plan_of(enum record_kind kind, double seconds)
{
    return (struct wait_plan){
        .kind = kind,
        .spec = {.fixed = true, .min = seconds, .max = seconds},
        .timeout_ns = NO_TIMEOUT,
        .start_ns = world.clock.now_ns,
    };
}

static struct wait *
start(const struct wait_plan *plan)
{
    struct wait *wait = NULL;

    assert_int_equal(wait_start(&world.registry, plan, &wait), OK);
    return wait;
}

static struct wait *
start_kind(enum record_kind kind, double seconds)
{
    struct wait_plan plan = plan_of(kind, seconds);

    return start(&plan);
}

/* A task of that id whose maker has let it go. */
static struct wait *
start_task(const char *id, double seconds)
{
    struct wait_plan plan = plan_of(KIND_TASK, seconds);

    plan.id = id;
    struct wait *wait = start(&plan);
    record_release(&wait->record);
    return wait;
}

static bool
is_there(const char *id)
{
    return registry_find(&world.registry, id) != NULL;
}

static void
a_wait_ends_at_its_deadline_and_not_before(void **state)
{
    (void)state;
    struct wait *wait = start_kind(KIND_WAIT, 1.5);
    struct listener listener;

    listen_to(&listener, &wait->record.watches);
    world_run(&world, 1.499999999);
    assert_int_equal(wait->record.state, STATE_PENDING);
    assert_int_equal(listener.heard, 0);
    world_run(&world, 1.5);
    assert_int_equal(wait->record.state, STATE_DONE);
    assert_int_equal(wait->record.reason, REASON_NONE);
    assert_int_equal(listener.heard, 1);
    assert_true(wait->record.finished_ns == at(1.5));
    assert_true(wait->delay == 1.5);
    watch_stop(&listener.watch);
    record_disown(&wait->record, at(1.5));
}

static void
a_request_without_a_label_is_forgotten_with_its_request(void **state)
{
    (void)state;
    struct wait *wait = start_kind(KIND_WAIT, 1);
    char id[32];

    snprintf(id, sizeof id, "%s", wait->record.id);
    assert_true(is_there(id));
    assert_int_equal(world.registry.tasks, 0); /* it is none */
    assert_int_equal(world.registry.waits, 1);
    world_run(&world, 1);
    assert_true(is_there(id));
    record_disown(&wait->record, at(1));
    assert_false(is_there(id));
    assert_int_equal(world.registry.count, 0);
}

static void
a_client_that_leaves_cancels_its_wait(void **state)
{
    (void)state;
    struct wait *wait = start_kind(KIND_WAIT, 1);

    record_disown(&wait->record, at(0.5));
    assert_int_equal(world.registry.count, 0);
    assert_int_equal(world.registry.timers.count, 0);
    assert_all_has_ended(&world.registry);
}

static void
a_request_with_a_label_is_kept_with_the_reason_of_its_end(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_WAIT, 1);
    char label[] = "of a test";

    plan.label = label;
    struct wait *wait = start(&plan);
    label[0] = 'x'; /* it has its own */
    record_disown(&wait->record, at(0.5));
    assert_int_equal(world.registry.finished_count, 1);
    assert_string_equal(wait->record.label, "of a test");
    assert_int_equal(wait->record.state, STATE_CANCELLED);
    assert_int_equal(wait->record.reason, REASON_DISCONNECT);
    assert_true(wait->record.finished_ns == at(0.5));
}

static void
a_task_runs_on_without_its_request(void **state)
{
    (void)state;
    struct wait *wait = start_task("job", 2);

    assert_int_equal(world.registry.tasks, 1);
    world_run(&world, 2);
    assert_int_equal(wait->record.state, STATE_DONE);
    assert_int_equal(world.registry.tasks, 0);
    assert_ptr_equal(registry_find(&world.registry, "job"), &wait->record);
    assert_ptr_equal(wait_of(&wait->record), wait);
}

static void
a_wait_of_0_s_ends_when_it_is_settled(void **state)
{
    (void)state;
    struct wait *wait = start_kind(KIND_WAIT, 0);

    assert_int_equal(wait->record.state, STATE_PENDING);
    wait_settle(wait, world.clock.now_ns);
    assert_int_equal(wait->record.state, STATE_DONE);
    wait_settle(wait, world.clock.now_ns);
    record_disown(&wait->record, world.clock.now_ns);
    wait = start_kind(KIND_WAIT, 1);
    wait_settle(wait, at(0.9));
    assert_int_equal(wait->record.state, STATE_PENDING);
    record_disown(&wait->record, at(0.9));
}

static void
a_timeout_cancels_what_has_not_ended(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_TASK, 2);

    plan.timeout_ns = NS_PER_SECOND;
    struct wait *wait = start(&plan);
    world_run(&world, 0.999);
    assert_int_equal(wait->record.state, STATE_PENDING);
    world_run(&world, 1);
    assert_int_equal(wait->record.state, STATE_CANCELLED);
    assert_int_equal(wait->record.reason, REASON_TIMEOUT);
    world_run(&world, 3);
    assert_int_equal(wait->record.state, STATE_CANCELLED);
    record_release(&wait->record);
}

static void
a_timeout_of_0_is_over_at_once_and_a_delay_of_0_wins(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_TASK, 2);

    plan.timeout_ns = 0;
    struct wait *late = start(&plan);
    plan.spec = (struct delay_spec){.fixed = true};
    struct wait *soon = start(&plan);
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(late->record.state, STATE_CANCELLED);
    assert_int_equal(late->record.reason, REASON_TIMEOUT);
    assert_int_equal(soon->record.state, STATE_DONE);
    record_release(&late->record);
    record_release(&soon->record);
}

static void
a_result_wins_over_a_timeout_of_the_same_instant(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_TASK, 1);

    plan.timeout_ns = NS_PER_SECOND;
    struct wait *wait = start(&plan);
    world.clock.now_ns = at(5); /* late, even */
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(wait->record.state, STATE_DONE);
    record_release(&wait->record);
}

static void
cancelling_stops_the_wait_once(void **state)
{
    (void)state;
    struct wait *wait = start_kind(KIND_TASK, 1);
    struct listener listener;

    listen_to(&listener, &wait->record.watches);
    assert_true(record_cancel(&wait->record, REASON_CANCEL, at(0.5)));
    assert_false(record_cancel(&wait->record, REASON_RESET, at(0.6)));
    assert_int_equal(wait->record.reason, REASON_CANCEL);
    assert_int_equal(listener.heard, 1);
    assert_true(wait_remaining(wait, at(0.5)) == 0);
    world_run(&world, 2);
    assert_int_equal(wait->record.state, STATE_CANCELLED);
    watch_stop(&listener.watch);
    record_release(&wait->record);
}

static void
a_moved_wait_ends_at_its_new_deadline(void **state)
{
    (void)state;
    struct wait *sooner = start_task("sooner", 5), *later = start_task("later", 5);

    world_run(&world, 1);
    wait_move(sooner, at(2), at(1));
    wait_move(later, at(9), at(1));
    assert_true(sooner->delay == 2);
    assert_true(wait_remaining(sooner, at(1)) == 1);
    world_run(&world, 8);
    assert_true(sooner->record.finished_ns == at(2));
    assert_int_equal(later->record.state, STATE_PENDING);
    world_run(&world, 9);
    assert_int_equal(later->record.state, STATE_DONE);
    assert_true(later->delay == 9);
}

static void
a_wait_moved_into_the_past_ends_now(void **state)
{
    (void)state;
    struct wait *wait = start_task("job", 5);

    world_run(&world, 2);
    wait_move(wait, at(1), at(2));
    assert_true(wait->delay == 2);
    wait_settle(wait, at(2));
    assert_int_equal(wait->record.state, STATE_DONE);
    assert_true(wait->record.finished_ns == at(2));
}

static void
an_extended_wait_ends_so_much_later(void **state)
{
    (void)state;
    struct wait *wait = start_task("job", 1);

    world_run(&world, 0.5);
    wait_extend(wait, NS_PER_SECOND / 4, world.clock.now_ns);
    assert_true(wait->delay == 1.25);
    assert_true(wait_remaining(wait, at(1.75)) == 0);
    world_run(&world, 1.249999999);
    assert_int_equal(wait->record.state, STATE_PENDING);
    world_run(&world, 1.25);
    assert_int_equal(wait->record.state, STATE_DONE);
}

static void
a_wait_may_be_extended_for_ever(void **state)
{
    (void)state;
    struct wait *wait = start_task("job", 1);

    for (int i = 0; i < 10000; i++)
        wait_extend(wait, 8000000 * NS_PER_SECOND, world.clock.now_ns);
    assert_true(wait->deadline_ns > 0);
    world_run(&world, 1e6);
    assert_int_equal(wait->record.state, STATE_PENDING);
}

static void
what_remains_goes_down_to_0(void **state)
{
    (void)state;
    struct wait *wait = start_task("job", 3);

    assert_true(wait_remaining(wait, at(0)) == 3);
    assert_true(wait_remaining(wait, at(2.5)) == 0.5);
    assert_true(wait_remaining(wait, at(4)) == 0);
}

static void
a_seeded_wait_draws_what_python_does(void **state)
{
    (void)state;
    struct wait_plan plan = {
        .kind = KIND_WAIT,
        .spec = {.seeded = true, .seed = 7, .min = 0.5, .max = 10},
        .timeout_ns = NO_TIMEOUT,
        .start_ns = world.clock.now_ns,
    };
    struct wait *wait = start(&plan);

    assert_true(wait->delay == 0x1.c9c7d82813563p+1);
    assert_true(wait->deadline_ns == at(0x1.c9c7d82813563p+1));
    record_disown(&wait->record, at(0));
}

static void
the_time_since_the_request_was_read_counts(void **state)
{
    (void)state;
    world_run(&world, 1);
    struct wait_plan plan = plan_of(KIND_TASK, 2);

    plan.start_ns = at(0.75);
    struct wait *wait = start(&plan);
    assert_true(wait->record.created_ns == at(0.75));
    assert_true(wait->record.created_wall_ns
                == MANUAL_CLOCK_WALL_SECONDS * NS_PER_SECOND + 750 * NS_PER_MS);
    world_run(&world, 2.75);
    assert_int_equal(wait->record.state, STATE_DONE);
    record_release(&wait->record);
}

static void
ended_tasks_are_forgotten_after_the_retention(void **state)
{
    (void)state;
    start_task("first", 1);
    start_task("second", 2);
    start_task("also second", 2);
    world_run(&world, 3600.999);
    assert_true(is_there("first"));
    world_run(&world, 3601);
    assert_false(is_there("first"));
    assert_int_equal(world.registry.count, 2);
    world_run(&world, 3602);
    assert_int_equal(world.registry.count, 0);
    assert_int_equal(world.registry.timers.count, 0);
    start_task("third", 1);
    world_run(&world, 7202.999);
    assert_true(is_there("third"));
    world_run(&world, 7203);
    assert_false(is_there("third"));
}

static void
a_record_that_somebody_holds_outlives_the_retention(void **state)
{
    (void)state;
    struct wait *wait = start_task("job", 1);

    record_hold(&wait->record);
    world_run(&world, 4000);
    assert_false(is_there("job"));
    assert_int_equal(wait->record.state, STATE_DONE);
    assert_string_equal(wait->record.id, "job");
    record_forget(&wait->record); /* once more: nothing */
    record_release(&wait->record);
}

static void
no_more_ended_tasks_are_kept_than_max_tasks(void **state)
{
    (void)state;
    world.registry.limits.max_tasks = 3;
    start_task("a", 1);
    start_task("b", 3);
    start_task("c", 2);
    world_run(&world, 3);
    assert_int_equal(world.registry.finished_count, 3);
    start_task("d", 1);
    world_run(&world, 10);
    assert_int_equal(world.registry.finished_count, 3);
    assert_false(is_there("a")); /* ended first */
    assert_true(is_there("b") && is_there("c") && is_there("d"));
    start_task("e", 1);
    world_run(&world, 20);
    assert_false(is_there("c"));
    assert_true(is_there("b"));
}

static void
with_room_for_no_task_a_label_is_not_kept(void **state)
{
    (void)state;
    world.registry.limits.max_tasks = 0;
    struct wait_plan plan = plan_of(KIND_WAIT, 1);

    plan.label = "of a test";
    struct wait *wait = start(&plan);
    record_release(&start(&plan)->record); /* the registry's alone */
    registry_cancel_all(&world.registry, REASON_DRAIN, at(0.5));
    assert_int_equal(wait->record.reason, REASON_DRAIN);
    assert_int_equal(world.registry.finished_count, 0);
    record_disown(&wait->record, at(0.5));
    assert_int_equal(world.registry.count, 1);
}

static void
one_task_too_many_is_refused(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_TASK, 1);
    struct wait *wait = NULL;

    world.registry.limits.max_tasks = 2;
    start_task("a", 1);
    start_task("b", 1);
    assert_int_equal(wait_start(&world.registry, &plan, &wait), ERROR_TOO_MANY_TASKS);
    assert_null(wait);
    record_release(&start_kind(KIND_WAIT, 1)->record); /* is no task */
    world_run(&world, 1);
    start_task("c", 1); /* ended ones do not count */
    start_task("d", 1);
    assert_int_equal(world.registry.tasks, 2);
}

static void
one_wait_too_many_is_refused(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_WAIT, 1);
    struct wait *wait = NULL;

    world.registry.limits.max_waits = 2;
    start_task("a", 1);
    struct wait *other = start_kind(KIND_WAIT, 1);
    assert_int_equal(wait_start(&world.registry, &plan, &wait), ERROR_TOO_MANY_WAITS);
    plan.kind = KIND_TASK;
    assert_int_equal(wait_start(&world.registry, &plan, &wait), ERROR_TOO_MANY_WAITS);
    assert_null(wait);
    assert_int_equal(world.registry.tasks, 1); /* all or nothing */
    record_disown(&other->record, at(0));
    assert_int_equal(wait_start(&world.registry, &plan, &wait), OK);
    record_release(&wait->record);
}

/* ---- watches -------------------------------------------------------- */

/* Somebody who hears of one end, and stops: the own watch and that of a friend. */
struct stopper {
    struct listener listener;
    struct watch *friend;
    struct record *cancels;
};

static void
stop_both(struct watch *watch, int64_t now_ns)
{
    struct stopper *stopper = CONTAINER_OF(watch, struct stopper, listener.watch);

    stopper->listener.heard++;
    watch_stop(watch);
    if (stopper->friend)
        watch_stop(stopper->friend);
    if (stopper->cancels)
        record_cancel(stopper->cancels, REASON_CANCEL, now_ns);
}

static void
a_watch_may_stop_itself_and_the_next_one(void **state)
{
    (void)state;
    struct wait *wait = start_task("job", 1);
    struct listener last, next;
    struct stopper stopper = {.listener.watch.changed = stop_both,
                              .friend = &next.watch};

    listen_to(&last, &wait->record.watches);
    listen_to(&next, &wait->record.watches);
    watches_watch(&wait->record.watches, &stopper.listener.watch);
    world_run(&world, 1);
    assert_int_equal(stopper.listener.heard, 1);
    assert_int_equal(next.heard, 0);
    assert_int_equal(last.heard, 1);
    watch_stop(&last.watch);
    watch_stop(&last.watch);
}

static void
a_watch_of_a_group_may_cancel_another_member(void **state)
{
    (void)state;
    struct group *group = group_hold_named(&world.registry, "g");
    struct wait_plan plan = plan_of(KIND_TASK, 1);
    plan.group = group;
    struct wait *first = start(&plan), *second = start(&plan);
    struct listener last;
    struct stopper middle = {.listener.watch.changed = stop_both};
    struct stopper head = {.listener.watch.changed = stop_both,
                           .cancels = &second->record};

    /* head hears of the first, cancels the second, and in that the middle one stops. */
    listen_to(&last, &group->watches);
    watches_watch(&group->watches, &middle.listener.watch);
    watches_watch(&group->watches, &head.listener.watch);
    world_run(&world, 1);
    assert_int_equal(first->record.state, STATE_DONE);
    assert_int_equal(second->record.state, STATE_CANCELLED);
    assert_int_equal(head.listener.heard, 1);
    assert_int_equal(middle.listener.heard, 1);
    assert_int_equal(last.heard, 2);
    watch_stop(&last.watch);
    record_release(&first->record);
    record_release(&second->record);
    group_release(group);
}

/* ---- waits that wait for an event ---------------------------------------------------
 */

static struct event *
event_of(const char *name)
{
    struct event *event;

    assert_int_equal(event_need(&world.registry, name, &event), OK);
    return event;
}

static struct wait *
start_gated(const char *event, double seconds)
{
    struct wait_plan plan = plan_of(KIND_TASK, seconds);

    plan.event = event;
    return start(&plan);
}

static void
a_gated_wait_ends_when_its_event_is_set(void **state)
{
    struct wait *wait = start_gated("go", 0);

    (void)state;
    world_run(&world, 5);
    assert_int_equal(wait->record.state, STATE_PENDING);
    assert_true(wait_is_gated(wait));
    event_set(event_of("go"), NULL, at(5));
    assert_int_equal(wait->record.state, STATE_PENDING); /* its timer ends it */
    assert_false(wait_is_gated(wait));
    world_run(&world, 5);
    assert_int_equal(wait->record.state, STATE_DONE);
    assert_true(wait->delay == 5);
    assert_int_equal(wait->record.finished_ns, at(5));
    record_release(&wait->record);
}

static void
a_gated_wait_with_a_delay_ends_at_the_later_of_both(void **state)
{
    struct wait *soon = start_gated("go", 2), *late = start_gated("go", 7);

    (void)state;
    world_run(&world, 5);
    event_set(event_of("go"), NULL, at(5));
    world_run(&world, 6);
    assert_int_equal(soon->record.state, STATE_DONE);
    assert_true(soon->delay == 5);
    assert_int_equal(late->record.state, STATE_PENDING);
    world_run(&world, 7);
    assert_int_equal(late->record.finished_ns, at(7));
    assert_true(late->delay == 7);
    record_release(&soon->record);
    record_release(&late->record);

    struct wait *open = start_gated("go", 0); /* it is set */
    assert_false(wait_is_gated(open));
    world_run(&world, 7);
    assert_int_equal(open->record.state, STATE_DONE);
    record_release(&open->record);
}

static void
a_gated_wait_that_has_ended_stands_at_the_event_no_more(void **state)
{
    struct wait *cancelled = start_gated("go", 1), *moved = start_gated("go", 1);
    struct wait_plan plan = plan_of(KIND_TASK, 0);
    size_t *waiting = &event_of("go")->object.waiters.count;

    (void)state;
    plan.event = "go";
    plan.timeout_ns = NS_PER_SECOND;
    struct wait *timed = start(&plan);
    assert_int_equal(*waiting, 3);
    record_cancel(&cancelled->record, REASON_CANCEL, at(0));
    assert_int_equal(*waiting, 2);
    wait_move(moved, at(0.5), at(0));
    assert_int_equal(*waiting, 1);
    world_run(&world, 0.5);
    assert_int_equal(moved->record.state, STATE_DONE);
    assert_true(moved->delay == 0.5);
    world_run(&world, 1);
    assert_int_equal(timed->record.reason, REASON_TIMEOUT);
    assert_int_equal(*waiting, 0);
    record_release(&cancelled->record);
    record_release(&moved->record);
    record_release(&timed->record);
}

static void
a_gated_wait_that_is_extended_stays_gated(void **state)
{
    struct wait *wait = start_gated("go", 1);

    (void)state;
    wait_extend(wait, 2 * NS_PER_SECOND, world.clock.now_ns);
    event_set(event_of("go"), NULL, at(0));
    world_run(&world, 2);
    assert_int_equal(wait->record.state, STATE_PENDING);
    world_run(&world, 3);
    assert_int_equal(wait->record.state, STATE_DONE);
    record_release(&wait->record);
}

static void
what_a_wait_was_asked_with_is_compared(void **state)
{
    struct wait_plan plan = plan_of(KIND_TASK, 1);

    (void)state;
    plan.event = "go";
    plan.timeout_ns = NS_PER_SECOND;
    struct wait *wait = start(&plan);
    assert_true(wait_is_as_asked(wait, &plan));
    plan.event = "stop";
    assert_false(wait_is_as_asked(wait, &plan));
    plan.event = NULL;
    assert_false(wait_is_as_asked(wait, &plan));
    plan.event = "go";
    plan.timeout_ns = NO_TIMEOUT;
    assert_false(wait_is_as_asked(wait, &plan));
    record_release(&wait->record);

    plan = plan_of(KIND_TASK, 1);
    plan.faults = (struct fault_spec){.first = 1, .key = "k", .fail_status = 503};
    struct wait *plain = start_kind(KIND_TASK, 1);
    wait = start(&plan);
    assert_true(wait_is_as_asked(wait, &plan));
    assert_int_equal(wait->record.status, 503);
    assert_false(wait_is_as_asked(plain, &plan));
    assert_null(plain->options);
    record_release(&wait->record);
    record_release(&plain->record);
}

/* Nothing is left behind: world_close looks. */
static void
a_gated_wait_finds_no_room_for_its_event(void **state)
{
    struct wait_plan plan = plan_of(KIND_TASK, 1);
    struct wait *wait;

    (void)state;
    world.registry.limits.max_objects = 0;
    plan.event = "go";
    assert_int_equal(wait_start(&world.registry, &plan, &wait), ERROR_TOO_MANY_OBJECTS);
    assert_all_has_ended(&world.registry);
    assert_int_equal(world.registry.timers.count, 0);
}

/* ---- failures ------------------------------------------------------- */

static void
a_wait_with_an_error_fails_at_its_deadline(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_WAIT, 1);

    plan.faults.status = 500;
    struct wait *wait = start(&plan);
    world_run(&world, 0.999);
    assert_int_equal(wait->record.state, STATE_PENDING);
    world_run(&world, 1);
    assert_int_equal(wait->record.state, STATE_FAILED);
    assert_int_equal(wait->record.reason, REASON_NONE);
    assert_int_equal(wait->record.status, 500);
    assert_true(record_delay(&wait->record) == 1);
    record_disown(&wait->record, at(1));
    plan = plan_of(KIND_WAIT, 0);
    plan.faults.status = 399; /* none yet */
    wait = start(&plan);
    wait_settle(wait, world.clock.now_ns);
    assert_int_equal(wait->record.state, STATE_DONE);
    assert_int_equal(wait->record.status, 399);
    record_disown(&wait->record, at(1));
}

static void
what_has_not_started_is_no_try(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_TASK, 1);
    struct wait *wait = NULL;

    plan.faults = (struct fault_spec){.first = 1, .key = "k", .fail_status = 503};
    world.registry.limits.max_waits = 0;
    assert_int_equal(wait_start(&world.registry, &plan, &wait), ERROR_TOO_MANY_WAITS);
    world.registry.limits.max_waits = 9;
    wait = start(&plan);
    assert_int_equal(wait->record.status, 503);
    record_release(&wait->record);
    wait = start(&plan);
    assert_int_equal(wait->record.status, 0);
    record_release(&wait->record);
}

static void
cancelled_before_its_deadline_it_has_not_failed(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_TASK, 1);

    plan.faults.status = 500;
    plan.timeout_ns = NS_PER_SECOND / 2;
    struct wait *wait = start(&plan);
    world_run(&world, 2);
    assert_int_equal(wait->record.state, STATE_CANCELLED);
    assert_int_equal(wait->record.reason, REASON_TIMEOUT);
    record_release(&wait->record);
}

/* ---- aborts, and too many in flight ------------------------------------------------
 */

static void
what_is_aborted_has_failed_at_its_deadline(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_WAIT, 1);

    plan.abort = "reset";
    struct wait *wait = start(&plan);
    world_run(&world, 0.999);
    assert_int_equal(wait->record.state, STATE_PENDING);
    world_run(&world, 1);
    assert_int_equal(wait->record.state, STATE_FAILED);
    assert_int_equal(wait->record.status, 0);
    assert_string_equal(wait->options->abort, "reset");
    record_disown(&wait->record, at(1));
}

static void
where_faults_are_drawn_only_those_that_fail_are_aborted(void **state)
{
    (void)state;
    struct wait_plan plan = plan_of(KIND_WAIT, 0);

    plan.abort = "reset";
    plan.faults = (struct fault_spec){.first = 1, .key = "k", .fail_status = 503};
    struct wait *wait = start(&plan);
    assert_non_null(wait->options->abort);
    record_disown(&wait->record, at(0));
    wait = start(&plan);
    assert_null(wait->options);
    wait_settle(wait, world.clock.now_ns);
    assert_int_equal(wait->record.state, STATE_DONE);
    record_disown(&wait->record, at(0));
}

static struct tries_row
row_of(const char *key)
{
    struct tries_row row;

    (void)!tries_look(&world.registry.peers->tries, key, &row);
    return row;
}

static struct wait_plan
overload(double seconds)
{
    struct wait_plan plan = plan_of(KIND_WAIT, seconds);

    plan.faults =
        (struct fault_spec){.key = "k", .most = 1, .over = 429, .retry_after = 7};
    return plan;
}

static void
who_comes_when_too_many_are_in_flight_fails_at_once(void **state)
{
    (void)state;
    struct wait_plan plan = overload(1), gated = plan;
    struct wait *first = start(&plan);

    gated.event = "go"; /* it is not waited for */
    struct wait *second = start(&gated);
    assert_true(second->options->over);
    wait_settle(second, world.clock.now_ns);
    assert_int_equal(second->record.state, STATE_FAILED);
    assert_int_equal(second->record.status, 429);
    assert_int_equal(second->record.retry_after, 7);
    record_disown(&second->record, at(0));
    assert_int_equal(row_of("k").tried, 1);
    assert_int_equal(row_of("k").refused, 1);
    assert_int_equal(row_of("k").in_flight, 1);
    world_run(&world, 1);
    assert_int_equal(first->record.state, STATE_DONE);
    assert_int_equal(row_of("k").in_flight, 0);
    record_disown(&first->record, at(1));
}

static void
whoever_leaves_gives_its_place_back(void **state)
{
    (void)state;
    struct wait_plan plan = overload(60);
    struct wait *wait = start(&plan);

    record_disown(&wait->record, at(0)); /* its client */
    wait = start(&plan);
    assert_false(wait->options->over);
    registry_reset(&world.registry, at(0)); /* the key goes first, then the wait */
    record_disown(&wait->record, at(0));
    assert_int_equal(row_of("k").in_flight, 0);
    world.registry.limits.max_waits = 0;
    assert_int_equal(wait_start(&world.registry, &plan, &wait), ERROR_TOO_MANY_WAITS);
    world.registry.limits.max_waits = 9;
    world.registry.limits.max_objects = 0;
    plan.event = "go";
    assert_int_equal(wait_start(&world.registry, &plan, &wait), ERROR_TOO_MANY_OBJECTS);
    assert_int_equal(row_of("k").in_flight, 0);
    assert_int_equal(row_of("k").tried, 0);
}

static void
each_wait_in_flight_makes_a_loaded_one_longer(void **state)
{
    (void)state;
    struct wait *others[3];
    struct wait_plan plan = plan_of(KIND_TASK, 1);

    for (size_t i = 0; i < COUNT(others); i++)
        others[i] = start_kind(KIND_WAIT, 60);
    plan.load_factor = 0.5;
    struct wait *wait = start(&plan);

    assert_true(wait->delay == 2.5);
    assert_true(wait->deadline_ns == at(2.5));
    assert_true(wait_is_as_asked(wait, &plan));
    plan.load_factor = 0.25;
    assert_false(wait_is_as_asked(wait, &plan));
    record_release(&wait->record);
    for (size_t i = 0; i < COUNT(others); i++)
        record_disown(&others[i]->record, at(0));
    wait = start(&plan);
    assert_true(wait->delay == 1.25); /* the task */
    record_release(&wait->record);
    world_run(&world, 3);
}

static void
a_task_keeps_its_model_to_compare_with(void **state)
{
    (void)state;
    struct model model = {
        .dist = DIST_EXPONENTIAL, .centre = 1, .max = 300, .inside = 1};
    struct model same = model, other = model;
    struct wait_plan plan = plan_of(KIND_TASK, 0);

    plan.spec = (struct delay_spec){.modelled = true, .model = &model};
    struct wait *wait = start(&plan);
    assert_true(wait->spec.model != &model);
    plan.spec.model = &same;
    assert_true(wait_is_as_asked(wait, &plan));
    other.centre = 2;
    plan.spec.model = &other;
    assert_false(wait_is_as_asked(wait, &plan));
    record_release(&wait->record);

    plan.kind = KIND_WAIT; /* nobody will */
    wait = start(&plan);
    assert_null(wait->spec.model);
    record_disown(&wait->record, at(0));
}

static void
a_wait_is_no_larger_than_it_was(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct wait), 344);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_wait_in_flight_makes_a_loaded_one_longer),
        TEST(a_task_keeps_its_model_to_compare_with),
        TEST(a_wait_is_no_larger_than_it_was),
        TEST(a_wait_ends_at_its_deadline_and_not_before),
        TEST(a_request_without_a_label_is_forgotten_with_its_request),
        TEST(a_client_that_leaves_cancels_its_wait),
        TEST(a_request_with_a_label_is_kept_with_the_reason_of_its_end),
        TEST(a_task_runs_on_without_its_request),
        TEST(a_wait_of_0_s_ends_when_it_is_settled),
        TEST(a_timeout_cancels_what_has_not_ended),
        TEST(a_timeout_of_0_is_over_at_once_and_a_delay_of_0_wins),
        TEST(a_result_wins_over_a_timeout_of_the_same_instant),
        TEST(cancelling_stops_the_wait_once),
        TEST(a_moved_wait_ends_at_its_new_deadline),
        TEST(a_wait_moved_into_the_past_ends_now),
        TEST(an_extended_wait_ends_so_much_later),
        TEST(a_wait_may_be_extended_for_ever),
        TEST(what_remains_goes_down_to_0),
        TEST(a_seeded_wait_draws_what_python_does),
        TEST(the_time_since_the_request_was_read_counts),
        TEST(ended_tasks_are_forgotten_after_the_retention),
        TEST(a_record_that_somebody_holds_outlives_the_retention),
        TEST(no_more_ended_tasks_are_kept_than_max_tasks),
        TEST(with_room_for_no_task_a_label_is_not_kept),
        TEST(one_task_too_many_is_refused),
        TEST(one_wait_too_many_is_refused),
        TEST(what_is_aborted_has_failed_at_its_deadline),
        TEST(where_faults_are_drawn_only_those_that_fail_are_aborted),
        TEST(who_comes_when_too_many_are_in_flight_fails_at_once),
        TEST(whoever_leaves_gives_its_place_back),
        TEST(a_wait_with_an_error_fails_at_its_deadline),
        TEST(what_has_not_started_is_no_try),
        TEST(cancelled_before_its_deadline_it_has_not_failed),
        TEST(a_watch_may_stop_itself_and_the_next_one),
        TEST(a_watch_of_a_group_may_cancel_another_member),
        TEST(a_gated_wait_ends_when_its_event_is_set),
        TEST(a_gated_wait_with_a_delay_ends_at_the_later_of_both),
        TEST(a_gated_wait_that_has_ended_stands_at_the_event_no_more),
        TEST(a_gated_wait_that_is_extended_stays_gated),
        TEST(what_a_wait_was_asked_with_is_compared),
        TEST(a_gated_wait_finds_no_room_for_its_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

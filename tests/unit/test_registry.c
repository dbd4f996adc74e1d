#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "async/event.h"
#include "async/launch.h"
#include "async/measure.h"
#include "async/name.h"
#include "async/wait_n.h"
#include "each_world.h"

static struct wait *
start_wait(enum record_kind kind, const char *id, const char *label)
{
    struct wait_plan plan = {
        .kind = kind,
        .id = id,
        .label = label,
        .spec = {.fixed = true, .min = 1, .max = 1},
        .timeout_ns = NO_TIMEOUT,
        .start_ns = world.clock.now_ns,
    };
    struct wait *wait = NULL;

    assert_int_equal(wait_start(&world.registry, &plan, &wait), OK);
    return wait;
}

static struct wait_n *
start_wait_n(const char *label)
{
    struct wait_n_plan plan = {
        .label = label,
        .spec = {.seeded = true, .seed = 7, .max = 2},
        .n = 10,
        .limit = 3,
        .timeout_ns = 9 * NS_PER_SECOND,
        .start_ns = world.clock.now_ns,
    };
    struct wait_n *wait_n = NULL;

    assert_int_equal(wait_n_start(&world.registry, &plan, &wait_n), OK);
    return wait_n;
}

static struct measure *
start_measure(void)
{
    static const size_t limits[] = {0, 1};
    struct measure_plan plan = {
        .spec = {.seeded = true, .seed = 7, .max = 2},
        .n = 10,
        .timeout_ns = 9 * NS_PER_SECOND,
        .start_ns = world.clock.now_ns,
        .count = COUNT(limits),
        .limits = limits,
    };
    struct measure *measure = NULL;

    assert_int_equal(measure_start(&world.registry, &plan, &measure), OK);
    return measure;
}

static struct launch *
start_launch(const char *group, size_t n, size_t limit)
{
    struct launch_plan plan = {
        .group_name = group,
        .spec = {.seeded = true, .seed = 7, .max = 2},
        .timeout_ns = 9 * NS_PER_SECOND,
        .n = n,
        .limit = limit,
        .start_ns = world.clock.now_ns,
    };
    struct launch *launch = NULL;

    assert_int_equal(launch_start(&world.registry, &plan, &launch), OK);
    return launch;
}

static void
records_are_found_by_their_ids(void **state)
{
    (void)state;
    char id[] = "mine";
    struct wait *wait = start_wait(KIND_TASK, id, NULL);

    id[0] = 'x'; /* it has its own */
    assert_ptr_equal(registry_find(&world.registry, "mine"), &wait->record);
    assert_null(registry_find(&world.registry, "min"));
    assert_null(registry_find(&world.registry, ""));
    record_release(&wait->record);
}

static void
drawn_ids_are_names_and_differ(void **state)
{
    (void)state;
    enum { N = 2000 };

    for (size_t i = 0; i < N; i++) {
        struct wait *wait = start_wait(KIND_TASK, NULL, NULL);

        assert_int_equal(strlen(wait->record.id), NAME_DRAWN_SIZE - 1);
        assert_int_equal(strspn(wait->record.id, "abcdefghijkmnpqrstuvwxyz23456789"),
                         16);
        assert_ptr_equal(registry_find(&world.registry, wait->record.id),
                         &wait->record);
        record_release(&wait->record);
    }
    assert_int_equal(world.registry.count, N);
}

static void
the_same_seed_draws_the_same_ids(void **state)
{
    (void)state;
    struct world other;

    world_open(&other, &WORLD_LIMITS);
    char one[NAME_DRAWN_SIZE], two[NAME_DRAWN_SIZE];
    name_draw(&world.registry.fastrand, one);
    name_draw(&other.registry.fastrand, two);
    assert_string_equal(one, two);
    registry_close(&other.registry);
    registry_open(&other.registry, &WORLD_LIMITS, &other.clock.clock, NULL,
                  other.registry.peers, 0);
    name_draw(&other.registry.fastrand, two);
    assert_string_not_equal(one, two);
    world_close(&other);
}

static void
all_are_listed_in_order_of_creation(void **state)
{
    (void)state;
    struct record *records[] = {
        &start_wait(KIND_WAIT, NULL, NULL)->record,
        &start_wait_n(NULL)->record,
        &start_measure()->record,
        &start_wait(KIND_TASK, NULL, NULL)->record,
    };
    struct record *record;
    size_t i = 0;

    for (record = registry_first(&world.registry); record;
         record = record_after(record)) {
        assert_ptr_equal(record, records[i]);
        assert_int_equal(record->serial, ++i);
    }
    assert_int_equal(i, COUNT(records));
    for (i = 0; i < COUNT(records); i++)
        record_disown(records[i], at(0));
}

/* A page of several workers' lists holds what was listed when it was asked for: that of
 * a request that was received earlier must not come before it. */
static void
a_record_is_listed_when_it_is_put_there(void **state)
{
    (void)state;
    struct wait_plan plan = {.kind = KIND_TASK,
                             .spec = {.fixed = true, .min = 60, .max = 60},
                             .timeout_ns = NO_TIMEOUT,
                             .start_ns = at(0)};
    struct wait *wait;

    world.clock.now_ns = at(5);
    assert_int_equal(wait_start(&world.registry, &plan, &wait), OK);
    assert_true(wait->record.created_ns == at(0));
    assert_true(wait->record.listed_ns == at(5));
    record_release(&wait->record);
}

static void
a_reset_cancels_all_and_forgets_all(void **state)
{
    (void)state;
    struct launch *launch = start_launch("g", 1000, 5);
    struct wait *wait = start_wait(KIND_WAIT, NULL, "kept");
    struct wait_n *wait_n = start_wait_n(NULL);
    struct wait *ended = start_wait(KIND_TASK, "ended", NULL);

    record_cancel(&ended->record, REASON_CANCEL, at(0));
    record_release(&ended->record);
    struct registry_swept swept = registry_reset(&world.registry, at(0));
    assert_int_equal(swept.cancelled, 1002);
    assert_int_equal(swept.removed, 1003);
    assert_int_equal(world.registry.count, 0);
    assert_int_equal(world.registry.finished_count, 0);
    assert_all_has_ended(&world.registry);
    assert_null(group_find(&world.registry, "g"));
    /* Who holds one still reads how it ended. */
    assert_int_equal(wait->record.reason, REASON_RESET);
    assert_int_equal(wait_n_cancelled(wait_n), 10);
    assert_int_equal(launch->waits[999]->record.reason, REASON_RESET);
    record_disown(&wait->record, at(0));
    record_disown(&wait_n->record, at(0));
    launch_release(launch);
    assert_null(world.registry.groups);
    wait = start_wait(KIND_TASK, "ended", NULL); /* its id is free */
    record_release(&wait->record);
}

static void
a_reset_counts_all_where_few_are_kept(void **state)
{
    (void)state;
    world.registry.limits.max_tasks = 4;
    launch_release(start_launch("a", 4, 0));
    world_run(&world, 2);
    launch_release(start_launch("b", 4, 1));
    struct registry_swept swept = registry_reset(&world.registry, at(2));

    assert_int_equal(swept.cancelled, 4);
    assert_int_equal(swept.removed, 8);
}

static void
a_drain_cancels_all_and_keeps_tasks(void **state)
{
    (void)state;
    struct launch *launch = start_launch("g", 1000, 5);
    struct wait *wait = start_wait(KIND_WAIT, NULL, NULL);

    registry_cancel_all(&world.registry, REASON_DRAIN, at(0));
    assert_int_equal(world.registry.finished_count, 1000);
    assert_int_equal(wait->record.reason, REASON_DRAIN);
    assert_all_has_ended(&world.registry);
    record_disown(&wait->record, at(0));
    launch_release(launch);
}

static void
a_drain_where_few_are_kept_meets_every_record(void **state)
{
    (void)state;
    world.registry.limits.max_tasks = 1;
    struct wait *waits[10];

    for (size_t i = 0; i < COUNT(waits); i++)
        waits[i] = start_wait(KIND_WAIT, NULL, "kept");
    registry_cancel_all(&world.registry, REASON_DRAIN, at(0));
    assert_int_equal(world.registry.finished_count, 1);
    for (size_t i = 0; i < COUNT(waits); i++) {
        assert_int_equal(waits[i]->record.reason, REASON_DRAIN);
        record_disown(&waits[i]->record, at(0));
    }
}

static void
start_member(struct group *group, double delay)
{
    struct wait_plan plan = {
        .kind = KIND_TASK,
        .group = group,
        .spec = {.fixed = true, .min = delay, .max = delay},
        .timeout_ns = NO_TIMEOUT,
        .start_ns = world.clock.now_ns,
    };
    struct wait *wait = NULL;

    assert_int_equal(wait_start(&world.registry, &plan, &wait), OK);
    record_release(&wait->record);
}

static void
a_drain_meets_the_groups_that_it_empties(void **state)
{
    (void)state;
    enum { N = 4 };

    world.registry.limits.max_tasks = N;
    struct group *a = group_hold_named(&world.registry, "a");
    struct group *b = group_hold_named(&world.registry, "b");
    start_member(b, 0);
    world_run(&world, 0.1);
    for (size_t i = 0; i < N; i++)
        start_member(a, 1);
    group_release(a);
    group_release(b);
    world_run(&world, 0.5);
    registry_cancel_all(&world.registry, REASON_DRAIN, at(0.5));
    assert_null(group_find(&world.registry, "b"));
    assert_int_equal(group_find(&world.registry, "a")->ended_count, N);
}

/* The tear-down closes it. */
static void
it_is_closed_with_everything_pending(void **state)
{
    (void)state;
    launch_release(start_launch("a", 1000, 5));
    launch_release(start_launch("b", 2000, 0));
    launch_release(start_launch(NULL, 3, 1));
    for (int i = 0; i < 10; i++) {
        record_release(&start_wait(KIND_TASK, NULL, "kept")->record);
        record_release(&start_wait(KIND_WAIT, NULL, NULL)->record);
        record_release(&start_wait_n("kept")->record);
        record_release(&start_measure()->record);
    }
    world_run(&world, 0.5);
    launch_release(start_launch("a", 1000, 900));
    assert_true(world.registry.tasks > 3000);
}

static void
what_is_reserved_is_all_or_nothing(void **state)
{
    (void)state;
    struct registry *registry = &world.registry;

    registry->limits.max_tasks = 5;
    registry->limits.max_waits = 10;
    assert_int_equal(registry_reserve(registry, 5, 9), OK);
    assert_int_equal(registry_reserve(registry, 1, 1), ERROR_TOO_MANY_TASKS);
    assert_int_equal(registry_reserve(registry, 0, 2), ERROR_TOO_MANY_WAITS);
    assert_int_equal(registry_reserve(registry, 0, 1), OK);
    assert_int_equal(registry->tasks, 5);
    assert_int_equal(registry->waits, 10);
    registry_unreserve(registry, 5, 10);
    assert_int_equal(registry_reserve(registry, SIZE_MAX, 1), ERROR_TOO_MANY_TASKS);
    assert_int_equal(registry_reserve(registry, 1, SIZE_MAX), ERROR_TOO_MANY_WAITS);
    assert_all_has_ended(registry);
}

/* What is to go has been due for a second, and the wait for no time at all. */
static void
assert_a_wait_comes_before_upkeep(double due_seconds)
{
    world_run(&world, due_seconds - 0.5);
    struct wait *wait = start_wait(KIND_WAIT, NULL, NULL);

    world.clock.now_ns = at(due_seconds + 1);
    for (int pass = 0; pass < 2; pass++)
        timers_fire(&world.registry.timers, world.clock.now_ns, 64);
    assert_int_equal(wait->record.state, STATE_DONE);
    record_disown(&wait->record, world.clock.now_ns);
}

static void
use_many(void)
{
    for (int i = 0; i < 900; i++) {
        struct event *event;
        uint64_t before;
        char name[16];

        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(event_need(&world.registry, name, &event), OK);
        assert_int_equal(registry_count_tries(&world.registry, name, 1, at(0), &before),
                         OK);
        record_release(&start_wait(KIND_TASK, NULL, NULL)->record);
    }
}

static void
what_tidies_up_holds_up_nobody(void **state)
{
    (void)state;
    use_many();
    assert_a_wait_comes_before_upkeep(600); /* objects and keys */
    assert_in_range(world.registry.objects.count[OBJECT_EVENT], 1, 899);
    assert_a_wait_comes_before_upkeep(3601); /* tasks */
    assert_in_range(world.registry.finished_count, 1, 899);
    world_run(&world, 3603);
    assert_int_equal(world.registry.finished_count, 0);
    assert_int_equal(world.registry.timers.count, 0);
}

static void
the_words_stand_in_the_order_of_their_enums(void **state)
{
    (void)state;
    assert_string_equal(record_kind_words[KIND_MEASURE], "measure");
    assert_null(record_kind_words[KIND_COUNT]);
    assert_string_equal(record_state_words[STATE_CANCELLED], "cancelled");
    assert_null(record_state_words[STATE_COUNT]);
    assert_string_equal(cancel_reason_words[REASON_NONE], "");
    assert_string_equal(cancel_reason_words[REASON_RESET], "reset");
    assert_null(cancel_reason_words[REASON_RESET + 1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_found_by_their_ids),
        TEST(drawn_ids_are_names_and_differ),
        TEST(the_same_seed_draws_the_same_ids),
        TEST(all_are_listed_in_order_of_creation),
        TEST(a_record_is_listed_when_it_is_put_there),
        TEST(a_reset_cancels_all_and_forgets_all),
        TEST(a_reset_counts_all_where_few_are_kept),
        TEST(a_drain_cancels_all_and_keeps_tasks),
        TEST(a_drain_where_few_are_kept_meets_every_record),
        TEST(a_drain_meets_the_groups_that_it_empties),
        TEST(it_is_closed_with_everything_pending),
        TEST(what_is_reserved_is_all_or_nothing),
        TEST(what_tidies_up_holds_up_nobody),
        TEST(the_words_stand_in_the_order_of_their_enums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

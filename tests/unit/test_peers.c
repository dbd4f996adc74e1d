#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "async/wait.h"
#include "city.h"

#include <stdio.h>

static enum error
start_task(size_t worker, struct wait **out)
{
    struct wait_plan plan = {.kind = KIND_TASK,
                             .spec = {.fixed = true, .min = 1, .max = 1},
                             .timeout_ns = NO_TIMEOUT,
                             .start_ns = at(0)};

    return wait_start(&city.at[worker], &plan, out);
}

/* It ends so many seconds after the beginning, and is kept. */
static void
end_task(size_t worker, double seconds)
{
    struct wait *wait;

    assert_int_equal(start_task(worker, &wait), OK);
    record_cancel(&wait->record, REASON_CANCEL, at(seconds));
    record_release(&wait->record);
}

static void
a_name_has_one_home_and_names_spread(void **state)
{
    struct peers *peers = peers_new(5);
    size_t counts[5] = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "job-%d", i);
        size_t home = peers_home(peers, name);

        assert_in_range(home, 0, 4);
        assert_int_equal(home, peers_home(peers, name));
        counts[home]++;
    }
    for (size_t i = 0; i < COUNT(counts); i++)
        assert_in_range(counts[i], 1500, 2600);
    peers_free(peers);
}

/* The shards stay where they are when the program changes: who runs several of them
 * behind a balancer splits by this. */
static void
homes_are_stable(void **state)
{
    struct peers *peers = peers_new(64);

    (void)state;
    assert_int_equal(peers_home(peers, "a"), 0);
    assert_int_equal(peers_home(peers, "nightly"), 60);
    assert_int_equal(peers_home(peers, "job-1"), 54);
    peers_free(peers);
}

static void
a_quota_is_taken_whole_or_not_at_all(void **state)
{
    struct quota quota = {0};

    (void)state;
    assert_true(quota_take(&quota, 3, 5));
    assert_false(quota_take(&quota, 3, 5));
    assert_true(quota_take(&quota, 2, 5));
    assert_false(quota_take(&quota, 1, 5));
    quota_give(&quota, 4);
    assert_false(quota_take(&quota, SIZE_MAX, 5));
    assert_true(quota_take(&quota, 4, 5));
}

static void
ids_are_drawn_at_home(void **state)
{
    (void)state;
    city_open(&WORLD_LIMITS);
    for (size_t i = 0; i < 300; i++) {
        struct wait *wait;

        assert_int_equal(start_task(i % WORKERS, &wait), OK);
        assert_int_equal(peers_home(city.peers, wait->record.id), i % WORKERS);
        record_release(&wait->record);
    }
    city_close();
}

static void
limits_hold_for_all_workers_together(void **state)
{
    const struct registry_limits limits = {.max_tasks = 4, .max_waits = 5};
    struct wait *waits[4], *more;

    (void)state;
    city_open(&limits);
    for (size_t i = 0; i < COUNT(waits); i++)
        assert_int_equal(start_task(i % WORKERS, &waits[i]), OK);
    assert_int_equal(start_task(2, &more), ERROR_TOO_MANY_TASKS);
    assert_int_equal(registry_reserve(&city.at[1], 0, 2), ERROR_TOO_MANY_WAITS);
    assert_int_equal(registry_reserve(&city.at[1], 0, 1), OK);
    registry_unreserve(&city.at[1], 0, 1);
    record_cancel(&waits[0]->record, REASON_CANCEL, at(0));
    assert_int_equal(start_task(2, &more), OK);
    record_release(&more->record);
    for (size_t i = 0; i < COUNT(waits); i++)
        record_release(&waits[i]->record);
    city_close();
}

static void
the_oldest_of_all_workers_goes_where_too_many_are_kept(void **state)
{
    const struct registry_limits limits = {
        .max_tasks = 4, .max_waits = 10, .retention_ns = 3600 * NS_PER_SECOND};

    (void)state;
    city_open(&limits);
    end_task(1, 0.1); /* the oldest: the first to go */
    end_task(2, 0.2);
    end_task(1, 0.3);
    end_task(2, 0.4);
    assert_int_equal(atomic_load(&city.peers->finished.used), 4);
    end_task(0, 0.5);
    city_deliver();
    assert_int_equal(city.at[0].finished_count, 1);
    assert_int_equal(city.at[1].finished_count, 1);
    assert_int_equal(city.at[2].finished_count, 2);
    end_task(2, 0.6); /* its own is the oldest */
    assert_int_equal(city.at[2].finished_count, 2);
    assert_int_equal(atomic_load(&city.peers->finished.used), 4);
    city_close();
}

/* All letters go to the one that has the oldest, and it has no more than that. */
static void
a_letter_that_comes_too_late_is_sent_on(void **state)
{
    const struct registry_limits limits = {
        .max_tasks = 4, .max_waits = 10, .retention_ns = 3600 * NS_PER_SECOND};

    (void)state;
    city_open(&limits);
    end_task(1, 0.1);
    for (int i = 2; i <= 9; i++)
        end_task(0, i / 10.0);
    city_deliver();
    assert_int_equal(city.at[1].finished_count, 0);
    assert_int_equal(city.at[0].finished_count, 4);
    city_close();
}

/* Whoever ends it still uses it. */
static void
what_has_just_ended_does_not_go_at_once(void **state)
{
    const struct registry_limits limits = {
        .max_tasks = 1, .max_waits = 10, .retention_ns = 3600 * NS_PER_SECOND};
    struct wait *wait;

    (void)state;
    city_open(&limits);
    end_task(1, 0.2);
    assert_int_equal(start_task(0, &wait), OK);
    record_cancel(&wait->record, REASON_CANCEL, at(0.1)); /* its turn began earlier */
    assert_true(wait->record.listed);
    city_deliver();
    assert_false(wait->record.listed);
    assert_int_equal(city.at[1].finished_count, 1);
    record_release(&wait->record);
    city_close();
}

static void
a_registry_that_closes_sends_no_letters(void **state)
{
    const struct registry_limits limits = {
        .max_tasks = 3, .max_waits = 10, .retention_ns = 3600 * NS_PER_SECOND};
    struct wait *waits[3];

    (void)state;
    city_open(&limits);
    for (size_t i = 0; i < COUNT(waits); i++)
        end_task(1, 0.1);
    for (size_t i = 0; i < COUNT(waits); i++) {
        assert_int_equal(start_task(0, &waits[i]), OK);
        record_release(&waits[i]->record);
    }
    city_close(); /* three more are kept; their letters would be leaks */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_home_and_names_spread),
        cmocka_unit_test(homes_are_stable),
        cmocka_unit_test(a_quota_is_taken_whole_or_not_at_all),
        cmocka_unit_test(ids_are_drawn_at_home),
        cmocka_unit_test(limits_hold_for_all_workers_together),
        cmocka_unit_test(the_oldest_of_all_workers_goes_where_too_many_are_kept),
        cmocka_unit_test(a_letter_that_comes_too_late_is_sent_on),
        cmocka_unit_test(what_has_just_ended_does_not_go_at_once),
        cmocka_unit_test(a_registry_that_closes_sends_no_letters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

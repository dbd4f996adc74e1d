#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "async/semaphore.h"
#include "each_world.h"
#include "waiters.h"

static struct semaphore *
semaphore_named(const char *name)
{
    struct semaphore *semaphore = NULL;

    assert_int_equal(semaphore_need(&world.registry, name, &semaphore), OK);
    return semaphore;
}

static enum error
try_acquire(size_t limit, double ttl, double timeout, struct semaphore_waiter **out)
{
    struct semaphore_plan plan = {
        .waiter = patience(timeout), .limit = limit, .ttl_ns = seconds_to_ns(ttl)};

    return semaphore_acquire(semaphore_named("s"), &plan, now(), out);
}

/* With a ttl of 60 s. */
static struct semaphore_waiter *
acquire(size_t limit)
{
    struct semaphore_waiter *waiter = NULL;

    assert_int_equal(try_acquire(limit, 60, 0, &waiter), OK);
    return waiter;
}

static struct semaphore_waiter *
acquire_for(double ttl)
{
    struct semaphore_waiter *waiter = NULL;

    assert_int_equal(try_acquire(0, ttl, 0, &waiter), OK);
    return waiter;
}

/* NULL: lost. */
static struct lease *
lease_of(const struct semaphore_waiter *waiter)
{
    return semaphore_lease(semaphore_named("s"), waiter->lease_id);
}

static void
release(const struct semaphore_waiter *waiter)
{
    struct lease *lease = lease_of(waiter);

    assert_non_null(lease);
    lease_release(lease, now());
}

static void
no_more_hold_it_than_its_limit(void **state)
{
    (void)state;
    struct semaphore_waiter *first = acquire(2), *second = acquire(2);
    struct semaphore_waiter *third = acquire(0);

    assert_int_equal(first->waiter.record.kind, KIND_SEMAPHORE);
    assert_done(&first->waiter);
    assert_done(&second->waiter);
    assert_waits(&third->waiter);
    assert_int_equal(semaphore_available(semaphore_named("s")), 0);
    release(first);
    assert_done(&third->waiter);
    assert_int_equal(semaphore_named("s")->held, 2);
    release(second);
    release(third);
    assert_int_equal(semaphore_available(semaphore_named("s")), 2);
    let_go(&first->waiter);
    let_go(&second->waiter);
    let_go(&third->waiter);
}

static void
a_thousand_get_it_in_the_order_in_which_they_came(void **state)
{
    struct semaphore_waiter *waiters[1000];

    (void)state;
    world.registry.limits.max_objects = 2 * COUNT(waiters);
    for (size_t i = 0; i < COUNT(waiters); i++)
        waiters[i] = acquire(1);
    assert_int_equal(objects_in_use(), COUNT(waiters) + 1);
    for (size_t i = 0; i < COUNT(waiters); i++) {
        assert_done(&waiters[i]->waiter);
        assert_int_equal(waiters[i]->token, i + 1);
        if (i + 1 < COUNT(waiters))
            assert_waits(&waiters[i + 1]->waiter);
        release(waiters[i]);
        let_go(&waiters[i]->waiter);
    }
    assert_int_equal(objects_in_use(), 1);
}

static void
a_lease_outlives_the_request_that_got_it(void **state)
{
    (void)state;
    struct semaphore_waiter *first = acquire(1), *second = acquire(1);
    char id[NAME_DRAWN_SIZE];

    memcpy(id, first->lease_id, sizeof id);
    let_go(&first->waiter);
    assert_waits(&second->waiter);
    lease_release(semaphore_lease(semaphore_named("s"), id), now());
    assert_done(&second->waiter);
    assert_null(semaphore_lease(semaphore_named("s"), id));
    let_go(&second->waiter);
}

static void
an_expired_lease_goes_to_the_next_at_its_very_instant(void **state)
{
    (void)state;
    struct semaphore_waiter *first = acquire_for(1), *second = acquire_for(2);
    struct semaphore_waiter *third = acquire_for(60);

    run_until_just_before(1);
    assert_waits(&second->waiter);
    world_run(&world, 1);
    assert_null(lease_of(first));
    assert_done(&second->waiter);
    assert_true(second->waiter.record.finished_ns == at(1));
    run_until_just_before(3); /* its time began when it was granted */
    assert_waits(&third->waiter);
    world_run(&world, 3);
    assert_true(third->waiter.record.finished_ns == at(3));
    let_go(&first->waiter);
    let_go(&second->waiter);
    let_go(&third->waiter);
}

static void
a_renewed_lease_lasts_from_now_on(void **state)
{
    (void)state;
    struct semaphore_waiter *waiter = acquire_for(1);

    world_run(&world, 0.5);
    lease_renew(lease_of(waiter), seconds_to_ns(2), now());
    run_until_just_before(2.5);
    assert_non_null(lease_of(waiter));
    lease_renew(lease_of(waiter), 10, now()); /* shorter, too */
    manual_clock_run(&world.clock, &world.registry.timers, now() + 9);
    assert_non_null(lease_of(waiter));
    manual_clock_run(&world.clock, &world.registry.timers, now() + 1);
    assert_null(lease_of(waiter));
    let_go(&waiter->waiter);
}

static void
a_lease_ends_before_a_timeout_of_the_same_instant(void **state)
{
    struct semaphore_waiter *waiter = NULL;

    (void)state;
    let_go(&acquire_for(1)->waiter);
    assert_int_equal(try_acquire(1, 60, 1, &waiter), OK);
    world_run(&world, 1);
    assert_done(&waiter->waiter);
    let_go(&waiter->waiter);
}

static void
what_a_connection_holds_ends_with_it(void **state)
{
    struct semaphore_waiter *holder = NULL;
    struct listener listener;

    (void)state;
    let_go(&acquire_for(1)->waiter);
    assert_int_equal(try_acquire(1, 0, 2, &holder), OK);
    struct semaphore_waiter *next = acquire(1);
    listen_to(&listener, &holder->waiter.record.watches);
    world_run(&world, 1);
    assert_int_equal(listener.heard, 1);
    assert_int_equal(holder->waiter.place, WAITER_HOLDING);
    lease_renew(lease_of(holder), 1, now()); /* has no effect on it */
    world_run(&world, 2000);                 /* the timeout was for the waiting */
    assert_int_equal(holder->waiter.record.state, STATE_PENDING);
    assert_waits(&next->waiter);
    watch_stop(&listener.watch);
    let_go(&holder->waiter);
    assert_done(&next->waiter);
    let_go(&next->waiter);
}

static void
what_a_connection_holds_can_be_released_by_others(void **state)
{
    (void)state;
    struct semaphore_waiter *holder = acquire_for(0), *next = acquire_for(0);
    struct semaphore_waiter *last = acquire_for(0);

    release(holder);
    assert_done(&holder->waiter);
    assert_int_equal(holder->waiter.place, WAITER_OUTSIDE);
    assert_int_equal(next->waiter.place, WAITER_HOLDING);
    lose(&holder->waiter); /* it has nothing any more that could go back */
    cancel(&next->waiter);
    assert_cancelled(&next->waiter, REASON_CANCEL);
    assert_int_equal(last->waiter.place, WAITER_HOLDING);
    let_go(&next->waiter);
    let_go(&last->waiter);
    assert_int_equal(semaphore_named("s")->held, 0);
}

static void
tokens_only_rise(void **state)
{
    uint64_t last = 0;

    (void)state;
    for (size_t i = 0; i < 30; i++) {
        struct semaphore_waiter *waiter = acquire_for(5);

        assert_true(waiter->token > last);
        last = waiter->token;
        if (i % 3 == 0)
            release(waiter);
        let_go(&waiter->waiter);
        if (i % 3 == 1)
            world_run(&world, ns_to_seconds(now() - at(0)) + 700); /* is forgotten */
        if (i % 3 == 2)
            registry_reset(&world.registry, now());
    }
}

static void
who_gives_up_in_the_line_takes_nothing(void **state)
{
    struct semaphore_waiter *tired = NULL;

    (void)state;
    struct semaphore_waiter *first = acquire(1);
    assert_int_equal(try_acquire(1, 60, 1, &tired), OK);
    struct semaphore_waiter *cancelled = acquire(1), *gone = acquire(1);
    struct semaphore_waiter *last = acquire(1);

    assert_int_equal(objects_in_use(), 6); /* each may need a lease */
    cancel(&cancelled->waiter);
    let_go(&gone->waiter);
    world_run(&world, 1);
    assert_cancelled(&tired->waiter, REASON_TIMEOUT);
    assert_int_equal(objects_in_use(), 3);
    release(first);
    assert_done(&last->waiter);
    assert_int_equal(last->token, first->token + 1);
    let_go(&first->waiter);
    let_go(&tired->waiter);
    let_go(&cancelled->waiter);
    let_go(&last->waiter);
}

static void
a_lease_that_was_not_delivered_goes_to_the_head_of_the_line(void **state)
{
    (void)state;
    struct semaphore_waiter *first = acquire(1), *second = acquire(1);
    struct semaphore_waiter *third = acquire(1);

    lose(&first->waiter);
    assert_done(&second->waiter);
    assert_waits(&third->waiter);
    lose(&second->waiter);
    assert_done(&third->waiter);
    release(third);
    lose(&third->waiter); /* what it got has ended: nothing goes back */
    assert_int_equal(semaphore_available(semaphore_named("s")), 1);
}

static void
a_stale_lease_is_lost(void **state)
{
    (void)state;
    struct semaphore_waiter *first = acquire_for(1);

    world_run(&world, 1);
    struct semaphore_waiter *second = acquire_for(1);
    assert_null(lease_of(first));
    assert_non_null(lease_of(second));
    assert_null(semaphore_lease(semaphore_named("s"), ""));
    lose(&first->waiter); /* that of the second is not touched */
    assert_int_equal(semaphore_named("s")->held, 1);
    let_go(&second->waiter);
}

static void
its_limit_is_fixed_while_it_is_held(void **state)
{
    struct semaphore_waiter *waiter = NULL;

    (void)state;
    struct semaphore_waiter *first = acquire(2), *second = acquire(0);
    assert_done(&second->waiter);
    assert_int_equal(try_acquire(3, 60, 0, &waiter), ERROR_PARAMETER_CONFLICT);
    release(first);
    assert_int_equal(try_acquire(1, 60, 0, &waiter), ERROR_PARAMETER_CONFLICT);
    assert_null(waiter);
    assert_int_equal(world.registry.waits, 0);
    assert_int_equal(objects_in_use(), 2);
    release(second);
    let_go(&first->waiter);
    let_go(&second->waiter);
    first = acquire(3);
    assert_int_equal(semaphore_available(semaphore_named("s")), 2);
    release(first);
    let_go(&first->waiter);
    let_go(&acquire(0)->waiter);
    assert_int_equal(semaphore_named("s")->limit, 1);
}

static void
leases_are_limited_as_objects_are(void **state)
{
    struct semaphore_waiter *waiter = NULL;

    (void)state;
    world.registry.limits.max_objects = 2;
    struct semaphore_waiter *first = acquire(1);
    assert_int_equal(try_acquire(1, 60, 0, &waiter), ERROR_TOO_MANY_OBJECTS);
    world.registry.limits.max_objects = 3;
    world.registry.limits.max_waits = 0;
    assert_int_equal(try_acquire(1, 60, 0, &waiter), ERROR_TOO_MANY_WAITS);
    assert_null(waiter);
    assert_int_equal(objects_in_use(), 2);
    assert_int_equal(semaphore_named("s")->object.waiters.count, 0);
    let_go(&first->waiter);
}

/* Its record is kept for the journal. */
static void
a_lease_that_nobody_got_counts_no_more(void **state)
{
    struct semaphore_plan plan = {.waiter = patience(0), .ttl_ns = NS_PER_SECOND};
    struct semaphore_waiter *second = NULL;

    (void)state;
    struct semaphore_waiter *first = acquire(1);
    plan.waiter.label = "L";
    assert_int_equal(semaphore_acquire(semaphore_named("s"), &plan, now(), &second),
                     OK);
    assert_int_equal(object_delete(&semaphore_named("s")->object, now()), 1);
    assert_cancelled(&second->waiter, REASON_CANCEL);
    let_go(&second->waiter);
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(world.registry.count, 2);
    let_go(&first->waiter);
}

static void
a_reset_ends_leases_and_who_waits_for_them(void **state)
{
    (void)state;
    struct semaphore_waiter *holder = acquire_for(0), *waiter = acquire_for(5);

    assert_int_equal(registry_reset(&world.registry, now()).cancelled, 2);
    assert_cancelled(&holder->waiter, REASON_RESET);
    assert_cancelled(&waiter->waiter, REASON_RESET);
    assert_null(semaphore_find(&world.registry, "s"));
    let_go(&holder->waiter);
    let_go(&waiter->waiter);
    assert_int_equal(objects_in_use(), 0);
    world_run(&world, 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_more_hold_it_than_its_limit),
        TEST(a_thousand_get_it_in_the_order_in_which_they_came),
        TEST(a_lease_outlives_the_request_that_got_it),
        TEST(an_expired_lease_goes_to_the_next_at_its_very_instant),
        TEST(a_renewed_lease_lasts_from_now_on),
        TEST(a_lease_ends_before_a_timeout_of_the_same_instant),
        TEST(what_a_connection_holds_ends_with_it),
        TEST(what_a_connection_holds_can_be_released_by_others),
        TEST(tokens_only_rise),
        TEST(who_gives_up_in_the_line_takes_nothing),
        TEST(a_lease_that_was_not_delivered_goes_to_the_head_of_the_line),
        TEST(a_stale_lease_is_lost),
        TEST(its_limit_is_fixed_while_it_is_held),
        TEST(leases_are_limited_as_objects_are),
        TEST(a_lease_that_nobody_got_counts_no_more),
        TEST(a_reset_ends_leases_and_who_waits_for_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

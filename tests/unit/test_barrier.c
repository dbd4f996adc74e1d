#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "async/barrier.h"
#include "each_world.h"
#include "waiters.h"

static struct barrier *
barrier_named(const char *name)
{
    struct barrier *barrier = NULL;

    assert_int_equal(barrier_need(&world.registry, name, &barrier), OK);
    return barrier;
}

static enum error
try_come(size_t parties, double timeout, bool breaks, struct barrier_waiter **out)
{
    struct barrier_plan plan = {
        .waiter = patience(timeout), .parties = parties, .breaks = breaks};

    return barrier_wait(barrier_named("b"), &plan, now(), out);
}

static struct barrier_waiter *
come_until(size_t parties, double timeout, bool breaks)
{
    struct barrier_waiter *waiter = NULL;

    assert_int_equal(try_come(parties, timeout, breaks, &waiter), OK);
    return waiter;
}

static struct barrier_waiter *
come(size_t parties)
{
    return come_until(parties, 0, false);
}

/* Three come, and it opens. */
static void
assert_opens(uint64_t generation)
{
    struct barrier_waiter *waiters[3];

    for (size_t i = 0; i < COUNT(waiters); i++)
        waiters[i] = come(COUNT(waiters));
    for (size_t i = 0; i < COUNT(waiters); i++) {
        assert_done(&waiters[i]->waiter);
        assert_int_equal(waiters[i]->rank, i);
        assert_int_equal(waiters[i]->generation, generation);
        assert_int_equal(waiters[i]->parties, COUNT(waiters));
        let_go(&waiters[i]->waiter);
    }
}

static void
the_last_one_releases_all(void **state)
{
    (void)state;
    struct barrier_waiter *first = come(3), *second = come(3);

    assert_int_equal(first->waiter.record.kind, KIND_BARRIER);
    assert_waits(&first->waiter);
    assert_waits(&second->waiter);
    struct barrier_waiter *last = come(3);
    assert_done(&first->waiter);
    assert_done(&second->waiter);
    assert_done(&last->waiter);
    let_go(&first->waiter);
    let_go(&second->waiter);
    lose(&last->waiter); /* the others have gone through: nothing to give back */
    assert_opens(2);
}

static void
generations_count_and_ranks_start_anew(void **state)
{
    (void)state;
    for (uint64_t generation = 1; generation <= 5; generation++)
        assert_opens(generation);
}

static void
a_thousand_have_the_ranks_of_their_arrival(void **state)
{
    struct barrier_waiter *waiters[1000];

    (void)state;
    for (size_t i = 0; i < COUNT(waiters); i++)
        waiters[i] = come(COUNT(waiters));
    world_run(&world, 0);
    for (size_t i = 0; i < COUNT(waiters); i++) {
        assert_done(&waiters[i]->waiter);
        assert_int_equal(waiters[i]->rank, i);
        let_go(&waiters[i]->waiter);
    }
}

static void
one_party_waits_for_nobody(void **state)
{
    (void)state;
    struct barrier_waiter *waiter = come(1);

    assert_done(&waiter->waiter);
    assert_int_equal(waiter->rank, 0);
    let_go(&waiter->waiter);
}

static void
the_first_of_a_generation_says_how_many(void **state)
{
    struct barrier_waiter *other = NULL;

    (void)state;
    struct barrier_waiter *first = come(2);
    assert_int_equal(try_come(3, 0, false, &other), ERROR_PARAMETER_CONFLICT);
    assert_null(other);
    assert_int_equal(world.registry.waits, 1);
    assert_int_equal(barrier_named("b")->parties, 2);
    let_go(&first->waiter); /* nobody waits: it is free again */
    assert_opens(1);
    first = come(2);
    let_go(&come(2)->waiter);
    assert_int_equal(first->generation, 2);
    let_go(&first->waiter);
}

static void
who_leaves_only_withdraws(void **state)
{
    struct barrier_waiter *waiters[4];

    (void)state;
    struct barrier_waiter *tired = come_until(4, 1, false);
    waiters[0] = come(4);
    struct barrier_waiter *gone = come(4);
    let_go(&gone->waiter);
    world_run(&world, 1);
    assert_cancelled(&tired->waiter, REASON_TIMEOUT);
    for (size_t i = 1; i < COUNT(waiters); i++) {
        assert_waits(&waiters[0]->waiter);
        waiters[i] = come(4);
    }
    for (size_t i = 0; i < COUNT(waiters); i++) {
        assert_done(&waiters[i]->waiter);
        assert_int_equal(waiters[i]->rank, i);
        let_go(&waiters[i]->waiter);
    }
    let_go(&tired->waiter);
}

/* By a timeout, a cancel, or a client that leaves. */
static void
a_loss_can_break_it_for_the_others(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct barrier_waiter *first = come(4), *second = come(4);
        struct barrier_waiter *lost = come_until(4, way == 0 ? 1 : 0, true);

        if (way == 0)
            world_run(&world, 1);
        if (way == 1)
            cancel(&lost->waiter);
        if (way < 2)
            assert_int_equal(lost->waiter.record.state, STATE_CANCELLED);
        let_go(&lost->waiter);
        assert_failed(&first->waiter, ERROR_BARRIER_BROKEN);
        assert_failed(&second->waiter, ERROR_BARRIER_BROKEN);
        let_go(&first->waiter);
        lose(&second->waiter);
        assert_opens((uint64_t)way + 1); /* and it is usable again */
    }
}

static void
an_aborted_one_is_broken_until_it_is_forgotten(void **state)
{
    struct barrier_waiter *late = NULL;

    (void)state;
    struct barrier_waiter *first = come(3), *second = come(3);
    assert_int_equal(barrier_abort(barrier_named("b"), now()), 2);
    assert_failed(&first->waiter, ERROR_BARRIER_BROKEN);
    assert_failed(&second->waiter, ERROR_BARRIER_BROKEN);
    let_go(&first->waiter);
    let_go(&second->waiter);
    assert_int_equal(try_come(3, 0, false, &late), ERROR_BARRIER_BROKEN);
    assert_null(late);
    assert_int_equal(barrier_abort(barrier_named("b"), now()), 0);
    assert_int_equal(barrier_forget(barrier_named("b"), now()), 0);
    assert_null(barrier_find(&world.registry, "b"));
    assert_int_equal(objects_in_use(), 0);
    assert_opens(1);
}

static void
to_forget_it_breaks_it_for_those_who_wait(void **state)
{
    struct barrier_waiter *waiters[100];

    (void)state;
    for (size_t i = 0; i < COUNT(waiters); i++)
        waiters[i] = come_until(1000, 0, true);
    assert_int_equal(barrier_forget(barrier_named("b"), now()), COUNT(waiters));
    assert_failed(&waiters[0]->waiter, ERROR_BARRIER_BROKEN);
    cancel(&waiters[99]->waiter); /* it is not told yet, and the barrier is gone */
    let_go(&waiters[98]->waiter);
    world_run(&world, 0);
    assert_failed(&waiters[97]->waiter, ERROR_BARRIER_BROKEN);
    for (size_t i = 0; i < COUNT(waiters); i++)
        if (i != 98)
            let_go(&waiters[i]->waiter);
}

static void
too_many_waits_are_refused(void **state)
{
    struct barrier_waiter *late = NULL;

    (void)state;
    world.registry.limits.max_waits = 1;
    struct barrier_waiter *first = come(2);
    assert_int_equal(try_come(2, 0, false, &late), ERROR_TOO_MANY_WAITS);
    assert_null(late);
    assert_waits(&first->waiter);
    assert_int_equal(first->waiter.object->waiters.count, 1);
    let_go(&first->waiter);
    assert_int_equal(try_come(2, 0, false, &late), OK);
    let_go(&late->waiter);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_one_releases_all),
        TEST(generations_count_and_ranks_start_anew),
        TEST(a_thousand_have_the_ranks_of_their_arrival),
        TEST(one_party_waits_for_nobody),
        TEST(the_first_of_a_generation_says_how_many),
        TEST(who_leaves_only_withdraws),
        TEST(a_loss_can_break_it_for_the_others),
        TEST(an_aborted_one_is_broken_until_it_is_forgotten),
        TEST(to_forget_it_breaks_it_for_those_who_wait),
        TEST(too_many_waits_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

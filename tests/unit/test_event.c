#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "async/event.h"
#include "each_world.h"
#include "waiters.h"

static struct event *
event_named(const char *name)
{
    struct event *event = NULL;

    assert_int_equal(event_need(&world.registry, name, &event), OK);
    return event;
}

static struct event_waiter *
start(const struct event_plan *plan)
{
    struct event_waiter *waiter = NULL;

    assert_int_equal(event_wait(event_named("e"), plan, now(), &waiter), OK);
    return waiter;
}

static struct event_waiter *
wait_until_set(double seconds)
{
    return start(&(struct event_plan){.waiter = patience(seconds)});
}

static struct event_waiter *
wait_above(uint64_t generation)
{
    return start(&(struct event_plan){
        .waiter = patience(0), .for_next = true, .above = generation});
}

static size_t
set(const char *payload)
{
    return event_set(event_named("e"), payload ? blob_of(payload) : NULL, now());
}

static void
a_set_releases_all_who_wait(void **state)
{
    (void)state;
    struct event_waiter *first = wait_until_set(0), *second = wait_until_set(0);

    assert_int_equal(first->waiter.record.kind, KIND_EVENT);
    assert_waits(&first->waiter);
    assert_int_equal(set("go"), 2);
    assert_done(&first->waiter);
    assert_done(&second->waiter);
    assert_int_equal(second->generation, 1);
    assert_reads(second->payload, "go");
    let_go(&first->waiter);
    let_go(&second->waiter);
}

static void
one_that_is_set_keeps_nobody_waiting(void **state)
{
    (void)state;
    assert_int_equal(set("here"), 0);
    struct event_waiter *waiter = wait_until_set(0);

    assert_done(&waiter->waiter);
    assert_reads(waiter->payload, "here");
    let_go(&waiter->waiter);
}

static void
the_next_set_can_be_waited_for_where_it_is_set(void **state)
{
    (void)state;
    set("one");
    struct event_waiter *late = wait_above(0), *next = wait_above(1);
    struct event_waiter *later = wait_above(2);

    assert_done(&late->waiter);
    assert_int_equal(late->generation, 1);
    assert_waits(&next->waiter);
    assert_int_equal(set("two"), 1);
    assert_done(&next->waiter);
    assert_int_equal(next->generation, 2);
    assert_waits(&later->waiter);
    let_go(&late->waiter);
    let_go(&next->waiter);
    let_go(&later->waiter);
}

static void
a_cleared_one_is_waited_for_again(void **state)
{
    (void)state;
    set("one");
    event_clear(event_named("e"));
    assert_null(event_named("e")->payload);
    assert_int_equal(bytes_in_use(), 0);
    struct event_waiter *waiter = wait_until_set(0), *late = wait_above(0);

    assert_waits(&waiter->waiter);
    assert_done(&late->waiter); /* it was set once; the payload has gone */
    assert_int_equal(late->generation, 1);
    assert_null(late->payload);
    event_clear(event_named("e")); /* once more: nothing */
    assert_int_equal(set(NULL), 1);
    assert_int_equal(waiter->generation, 2);
    assert_null(waiter->payload);
    let_go(&waiter->waiter);
    let_go(&late->waiter);
}

/* More are released than are told at once; the others are told when it is set again. */
static void
who_was_released_sees_what_released_it(void **state)
{
    struct event_waiter *waiters[100];

    (void)state;
    for (size_t i = 0; i < COUNT(waiters); i++)
        waiters[i] = wait_until_set(0);
    assert_int_equal(set("one"), COUNT(waiters));
    assert_done(&waiters[63]->waiter);
    assert_int_equal(waiters[64]->waiter.record.state, STATE_PENDING);
    assert_int_equal(set("two"), 0);
    event_clear(event_named("e"));
    world_run(&world, 0);
    for (size_t i = 0; i < COUNT(waiters); i++) {
        assert_done(&waiters[i]->waiter);
        assert_int_equal(waiters[i]->generation, 1);
        assert_reads(waiters[i]->payload, "one");
        let_go(&waiters[i]->waiter);
    }
    assert_int_equal(bytes_in_use(), 0);
}

static void
a_payload_counts_until_the_last_has_let_it_go(void **state)
{
    (void)state;
    struct event_waiter *waiter = wait_until_set(0);

    set("12345678");
    assert_int_equal(bytes_in_use(), 8 + BLOB_OVERHEAD);
    set(NULL);
    assert_int_equal(bytes_in_use(), 8 + BLOB_OVERHEAD);
    let_go(&waiter->waiter);
    assert_int_equal(bytes_in_use(), 0);
}

static void
who_gives_up_is_not_released(void **state)
{
    (void)state;
    struct event_waiter *tired = wait_until_set(1), *cancelled = wait_until_set(0);

    cancel(&cancelled->waiter);
    run_until_just_before(1);
    assert_waits(&tired->waiter);
    world_run(&world, 1);
    assert_cancelled(&tired->waiter, REASON_TIMEOUT);
    assert_cancelled(&cancelled->waiter, REASON_CANCEL);
    assert_int_equal(set("late"), 0);
    let_go(&tired->waiter);
    let_go(&cancelled->waiter);
}

static void
a_lost_answer_changes_nothing(void **state)
{
    (void)state;
    struct event_waiter *waiter = wait_until_set(0);

    set("one");
    lose(&waiter->waiter);
    assert_true(event_named("e")->set);
    assert_int_equal(event_named("e")->generation, 1);
}

static void
one_that_nobody_used_is_not_found(void **state)
{
    (void)state;
    assert_null(event_find(&world.registry, "e"));
    set(NULL);
    assert_ptr_equal(event_find(&world.registry, "e"), event_named("e"));
    assert_null(event_find(&world.registry, "f"));
}

static void
a_payload_that_is_too_large_is_refused(void **state)
{
    struct blob *blob = NULL;
    char bytes[100] = {0};

    (void)state;
    world.registry.limits.max_object_bytes = sizeof bytes + BLOB_OVERHEAD;
    assert_int_equal(
        blob_new(&world.registry, bytes, sizeof bytes, "text/plain", &blob),
        ERROR_TOO_MANY_BYTES);
    assert_null(blob);
    assert_int_equal(blob_new(&world.registry, bytes, sizeof bytes, NULL, &blob), OK);
    assert_int_equal(bytes_in_use(), sizeof bytes + BLOB_OVERHEAD);
    blob_release(blob);
    assert_int_equal(blob_new(&world.registry, bytes, 1, "text/plain", &blob), OK);
    assert_string_equal(blob->type, "text/plain");
    assert_int_equal(bytes_in_use(), 1 + sizeof "text/plain" + BLOB_OVERHEAD);
    blob_release(blob);
    blob_release(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_set_releases_all_who_wait),
        TEST(one_that_is_set_keeps_nobody_waiting),
        TEST(the_next_set_can_be_waited_for_where_it_is_set),
        TEST(a_cleared_one_is_waited_for_again),
        TEST(who_was_released_sees_what_released_it),
        TEST(a_payload_counts_until_the_last_has_let_it_go),
        TEST(who_gives_up_is_not_released),
        TEST(a_lost_answer_changes_nothing),
        TEST(one_that_nobody_used_is_not_found),
        TEST(a_payload_that_is_too_large_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

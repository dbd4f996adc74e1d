#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "async/queue.h"
#include "each_world.h"
#include "waiters.h"

static struct queue *
queue_named(const char *name)
{
    struct queue *queue = NULL;

    assert_int_equal(queue_need(&world.registry, name, &queue), OK);
    return queue;
}

/* 0: any size. */
static enum error
try_put(const char *text, size_t maxsize, double timeout, struct queue_waiter **out)
{
    struct queue_plan plan = {
        .waiter = patience(timeout),
        .has_maxsize = maxsize > 0,
        .maxsize = maxsize,
        .item = blob_of(text),
    };
    enum error error = queue_put(queue_named("q"), &plan, now(), out);

    if (error)
        blob_release(plan.item);
    return error;
}

static struct queue_waiter *
put(const char *text, size_t maxsize)
{
    struct queue_waiter *waiter = NULL;

    assert_int_equal(try_put(text, maxsize, 0, &waiter), OK);
    return waiter;
}

static struct queue_waiter *
get_within(double seconds)
{
    struct queue_plan plan = {.waiter = patience(seconds)};
    struct queue_waiter *waiter = NULL;

    assert_int_equal(queue_get(queue_named("q"), &plan, now(), &waiter), OK);
    return waiter;
}

static struct queue_waiter *
get(void)
{
    return get_within(0);
}

/* It is there at once. */
static void
assert_gets(const char *text)
{
    struct queue_waiter *waiter = get();

    assert_done(&waiter->waiter);
    assert_reads(waiter->item, text);
    let_go(&waiter->waiter);
}

static void
put_at_once(const char *text, size_t maxsize)
{
    struct queue_waiter *waiter = put(text, maxsize);

    assert_done(&waiter->waiter);
    let_go(&waiter->waiter);
}

static void
items_come_out_in_the_order_in_which_they_went_in(void **state)
{
    (void)state;
    struct queue_waiter *waiter = put("one", 0);
    assert_int_equal(waiter->waiter.record.kind, KIND_QUEUE);
    assert_int_equal(waiter->size, 1);
    let_go(&waiter->waiter);
    waiter = put("two", 0);
    assert_int_equal(waiter->size, 2);
    let_go(&waiter->waiter);
    put_at_once("", 0);
    assert_gets("one");
    assert_gets("two");
    assert_gets("");
    assert_int_equal(bytes_in_use(), 0);
}

static void
who_gets_waits_while_it_is_empty(void **state)
{
    (void)state;
    struct queue_waiter *first = get(), *second = get();

    assert_waits(&first->waiter);
    struct queue_waiter *putter = put("one", 0);
    assert_done(&first->waiter);
    assert_reads(first->item, "one");
    assert_int_equal(putter->size, 0); /* it has gone to the first */
    assert_waits(&second->waiter);
    put_at_once("two", 0);
    assert_reads(second->item, "two");
    let_go(&first->waiter);
    let_go(&second->waiter);
    let_go(&putter->waiter);
}

static void
who_puts_waits_while_it_is_full(void **state)
{
    (void)state;
    put_at_once("one", 2);
    put_at_once("two", 2);
    struct queue_waiter *third = put("three", 0), *fourth = put("four", 2);

    assert_waits(&third->waiter);
    assert_int_equal(queue_named("q")->size, 2);
    assert_gets("one");
    assert_done(&third->waiter);
    assert_int_equal(third->size, 2);
    assert_waits(&fourth->waiter);
    assert_gets("two");
    assert_done(&fourth->waiter);
    assert_gets("three");
    assert_gets("four");
    let_go(&third->waiter);
    let_go(&fourth->waiter);
}

static void
a_thousand_wait_on_either_side_in_order(void **state)
{
    struct queue_waiter *getters[1000], *putters[1000];
    char text[8];

    (void)state;
    world.registry.limits.max_object_bytes = 1000000;
    for (size_t i = 0; i < COUNT(getters); i++)
        getters[i] = get();
    for (size_t i = 0; i < COUNT(getters); i++) {
        snprintf(text, sizeof text, "%zu", i);
        putters[i] = put(text, 0);
    }
    for (size_t i = 0; i < COUNT(getters); i++) {
        snprintf(text, sizeof text, "%zu", i);
        assert_reads(getters[i]->item, text);
        let_go(&getters[i]->waiter);
        let_go(&putters[i]->waiter);
    }
    for (size_t i = 0; i < COUNT(putters); i++) {
        snprintf(text, sizeof text, "%zu", i);
        putters[i] = put(text, 1);
        assert_int_equal(record_ended(&putters[i]->waiter.record), i == 0);
    }
    for (size_t i = 0; i < COUNT(putters); i++) {
        snprintf(text, sizeof text, "%zu", i);
        assert_gets(text);
        assert_done(&putters[i]->waiter);
        let_go(&putters[i]->waiter);
    }
}

static void
a_put_that_is_withdrawn_leaves_nothing(void **state)
{
    struct queue_waiter *tired = NULL;

    (void)state;
    put_at_once("one", 1);
    assert_int_equal(try_put("two", 1, 1, &tired), OK);
    struct queue_waiter *cancelled = put("three", 1), *gone = put("four", 1);
    struct queue_waiter *last = put("five", 1);

    cancel(&cancelled->waiter);
    let_go(&gone->waiter);
    world_run(&world, 1);
    assert_cancelled(&tired->waiter, REASON_TIMEOUT);
    assert_gets("one");
    assert_done(&last->waiter);
    assert_gets("five");
    let_go(&tired->waiter);
    let_go(&cancelled->waiter);
    let_go(&last->waiter);
    assert_int_equal(bytes_in_use(), 0);
}

static void
an_item_that_was_not_delivered_goes_back_to_its_place(void **state)
{
    (void)state;
    put_at_once("one", 0);
    put_at_once("two", 0);
    put_at_once("three", 0);
    struct queue_waiter *first = get(), *second = get();

    lose(&second->waiter); /* the second item comes back before the first does */
    lose(&first->waiter);
    assert_gets("one");
    assert_gets("two");
    assert_gets("three");
}

static void
an_item_that_was_not_delivered_goes_to_the_head_of_the_line(void **state)
{
    (void)state;
    put_at_once("one", 0);
    struct queue_waiter *lost = get(), *first = get(), *second = get();

    lose(&lost->waiter);
    assert_reads(first->item, "one");
    assert_waits(&second->waiter);
    let_go(&first->waiter);
    let_go(&second->waiter);
}

/* It may hold more than its maxsize then; who puts waits until there is room. */
static void
an_item_comes_back_to_a_full_queue(void **state)
{
    (void)state;
    put_at_once("one", 1);
    struct queue_waiter *lost = get();
    put_at_once("two", 1);
    struct queue_waiter *third = put("three", 1);

    lose(&lost->waiter);
    assert_int_equal(queue_named("q")->size, 2);
    assert_gets("one");
    assert_waits(&third->waiter);
    assert_gets("two");
    assert_done(&third->waiter);
    let_go(&third->waiter);
    assert_gets("three");
}

static void
a_put_whose_answer_is_lost_has_put(void **state)
{
    (void)state;
    lose(&put("one", 0)->waiter);
    assert_gets("one");
}

static void
its_maxsize_is_fixed_while_it_is_used(void **state)
{
    struct queue_waiter *waiter = NULL;

    (void)state;
    put_at_once("one", 1);
    size_t bytes = bytes_in_use();
    assert_int_equal(try_put("two", 2, 0, &waiter), ERROR_PARAMETER_CONFLICT);
    assert_null(waiter);
    assert_int_equal(bytes_in_use(), bytes);
    assert_int_equal(queue_named("q")->size, 1);
    assert_gets("one");
    put_at_once("one", 2);
    put_at_once("two", 0);
    struct queue_waiter *third = put("three", 0);
    assert_waits(&third->waiter);
    assert_gets("one");
    let_go(&third->waiter);
    assert_gets("two");
    assert_gets("three");
    put_at_once("one", 0); /* nobody says how many */
    assert_int_equal(queue_named("q")->maxsize, 0);
    assert_gets("one");
}

/* Workers are there before the first item is: that there is a limit is said then. */
static void
who_only_gets_does_not_fix_its_maxsize(void **state)
{
    struct queue_waiter *getters[3], *waiter = NULL;

    (void)state;
    put_at_once("old", 1);
    assert_gets("old");
    for (size_t i = 0; i < COUNT(getters); i++)
        getters[i] = get();
    put_at_once("one", 0); /* nor does who puts and names none */
    put_at_once("two", 2);
    assert_int_equal(queue_named("q")->maxsize, 2);
    assert_int_equal(try_put("three", 3, 0, &waiter), ERROR_PARAMETER_CONFLICT);
    put_at_once("three", 2);
    for (size_t i = 0; i < COUNT(getters); i++) {
        assert_done(&getters[i]->waiter);
        let_go(&getters[i]->waiter);
    }
    for (size_t i = 0; i < 5; i++)
        put_at_once("more", 0); /* it was unused: nobody limits it any more */
}

static void
a_put_that_fails_does_not_fix_its_maxsize(void **state)
{
    struct queue_waiter *waiter = NULL;

    (void)state;
    struct queue_waiter *getter = get();
    world.registry.limits.max_waits = 1;
    assert_int_equal(try_put("one", 1, 0, &waiter), ERROR_TOO_MANY_WAITS);
    world.registry.limits.max_waits = 2;
    put_at_once("one", 2);
    let_go(&getter->waiter);
}

static void
who_gets_within_its_time_gets_or_is_cancelled(void **state)
{
    (void)state;
    struct queue_waiter *tired = get_within(1), *patient = get_within(2);

    world_run(&world, 1.5);
    assert_cancelled(&tired->waiter, REASON_TIMEOUT);
    put_at_once("one", 0);
    assert_reads(patient->item, "one");
    world_run(&world, 3);
    assert_done(&patient->waiter);
    let_go(&tired->waiter);
    let_go(&patient->waiter);
}

static void
too_many_waits_leave_the_item_with_the_caller(void **state)
{
    struct queue_waiter *waiter = NULL;

    (void)state;
    world.registry.limits.max_waits = 0;
    assert_int_equal(try_put("one", 1, 0, &waiter), ERROR_TOO_MANY_WAITS);
    assert_null(waiter);
    assert_int_equal(bytes_in_use(), 0);
    assert_int_equal(queue_named("q")->size, 0);
}

static void
items_go_with_their_queue(void **state)
{
    (void)state;
    put_at_once("one", 0);
    struct queue_waiter *getter = get();
    put_at_once("two", 0);
    assert_null(object_find(&world.registry, &queue_class, "r"));
    assert_non_null(object_find(&world.registry, &queue_class, "q"));
    world_run(&world, 600);
    assert_null(object_find(&world.registry, &queue_class, "q"));
    assert_int_equal(bytes_in_use(), 3 + BLOB_OVERHEAD);
    lose(&getter->waiter); /* there is no queue for it any more */
    assert_int_equal(bytes_in_use(), 0);
    assert_int_equal(queue_named("q")->size, 0);
}

static void
a_get_that_did_not_arrive_tells_no_size(void **state)
{
    (void)state;
    put_at_once("first", 0);
    put_at_once("second", 0);
    struct queue_waiter *waiter = get();
    waiter_undelivered(&waiter->waiter, now());
    assert_null(waiter->item);
    assert_int_equal(waiter->size, 0);
    let_go(&waiter->waiter);
    assert_gets("first");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(items_come_out_in_the_order_in_which_they_went_in),
        TEST(who_gets_waits_while_it_is_empty),
        TEST(who_puts_waits_while_it_is_full),
        TEST(a_thousand_wait_on_either_side_in_order),
        TEST(a_put_that_is_withdrawn_leaves_nothing),
        TEST(an_item_that_was_not_delivered_goes_back_to_its_place),
        TEST(an_item_that_was_not_delivered_goes_to_the_head_of_the_line),
        TEST(an_item_comes_back_to_a_full_queue),
        TEST(a_put_whose_answer_is_lost_has_put),
        TEST(its_maxsize_is_fixed_while_it_is_used),
        TEST(who_only_gets_does_not_fix_its_maxsize),
        TEST(a_put_that_fails_does_not_fix_its_maxsize),
        TEST(who_gets_within_its_time_gets_or_is_cancelled),
        TEST(too_many_waits_leave_the_item_with_the_caller),
        TEST(items_go_with_their_queue),
        TEST(a_get_that_did_not_arrive_tells_no_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

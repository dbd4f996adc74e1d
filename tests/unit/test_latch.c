#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "async/latch.h"
#include "each_world.h"
#include "waiters.h"

static struct latch *
latch_named(const char *name)
{
    struct latch *latch = NULL;

    assert_int_equal(latch_need(&world.registry, name, &latch), OK);
    return latch;
}

static struct latch_waiter *
wait_until(int64_t at_least, double timeout)
{
    struct latch_plan plan = {.waiter = patience(timeout), .at_least = at_least};
    struct latch_waiter *waiter = NULL;

    assert_int_equal(latch_wait(latch_named("l"), &plan, now(), &waiter), OK);
    return waiter;
}

static struct latch_waiter *
wait_for(int64_t at_least)
{
    return wait_until(at_least, 0);
}

static void
count(int64_t by)
{
    latch_count(latch_named("l"), by, now());
}

static void
who_waits_is_released_at_its_threshold(void **state)
{
    (void)state;
    struct latch_waiter *five = wait_for(5), *two = wait_for(2), *three = wait_for(3);

    assert_int_equal(five->waiter.record.kind, KIND_LATCH);
    count(1);
    assert_waits(&two->waiter);
    count(2);
    assert_done(&two->waiter);
    assert_done(&three->waiter);
    assert_int_equal(two->value, 3);
    assert_waits(&five->waiter);
    count(1);
    assert_waits(&five->waiter);
    count(10);
    assert_done(&five->waiter);
    assert_int_equal(five->value, 14);
    let_go(&five->waiter);
    let_go(&two->waiter);
    let_go(&three->waiter);
}

static void
what_is_reached_keeps_nobody_waiting(void **state)
{
    (void)state;
    struct latch_waiter *none = wait_for(0), *less = wait_for(-1);

    assert_done(&none->waiter);
    assert_done(&less->waiter);
    count(3);
    struct latch_waiter *three = wait_for(3);
    assert_done(&three->waiter);
    assert_int_equal(three->value, 3);
    let_go(&none->waiter);
    let_go(&less->waiter);
    let_go(&three->waiter);
}

/* The nearest threshold is what saves walks: it must not stay behind those who come and
 * leave. */
static void
who_comes_and_leaves_holds_up_nobody(void **state)
{
    (void)state;
    struct latch_waiter *far = wait_for(9), *near = wait_for(2), *middle = wait_for(5);

    let_go(&near->waiter);
    count(3);
    near = wait_for(4);
    count(1);
    assert_done(&near->waiter);
    let_go(&near->waiter);
    assert_waits(&middle->waiter);
    let_go(&wait_for(4)->waiter); /* at once, while others wait for more */
    count(1);
    assert_done(&middle->waiter);
    let_go(&middle->waiter);
    let_go(&far->waiter);
    far = wait_for(8); /* now the only one */
    count(2);
    assert_waits(&far->waiter);
    count(1);
    assert_done(&far->waiter);
    let_go(&far->waiter);
}

static void
a_thousand_are_released_in_the_order_in_which_they_came(void **state)
{
    struct latch_waiter *waiters[1000];

    (void)state;
    for (size_t i = 0; i < COUNT(waiters); i++)
        waiters[i] = wait_for((int64_t)(1 + i % 2));
    count(1);
    for (size_t told = 64; told <= COUNT(waiters) / 2; told += 64, turn()) {
        assert_done(&waiters[2 * told - 2]->waiter);
        assert_int_equal(waiters[2 * told]->waiter.record.state, STATE_PENDING);
    }
    world_run(&world, 0);
    for (size_t i = 0; i < COUNT(waiters); i++) {
        assert_int_equal(waiters[i]->waiter.record.state,
                         i % 2 ? STATE_PENDING : STATE_DONE);
        let_go(&waiters[i]->waiter);
    }
}

static void
who_gives_up_is_cancelled(void **state)
{
    (void)state;
    struct latch_waiter *tired = wait_until(1, 1), *cancelled = wait_for(1);

    cancel(&cancelled->waiter);
    world_run(&world, 1);
    assert_cancelled(&tired->waiter, REASON_TIMEOUT);
    count(1);
    assert_cancelled(&cancelled->waiter, REASON_CANCEL);
    let_go(&tired->waiter);
    lose(&cancelled->waiter);
    struct object *latch = object_find(&world.registry, &latch_class, "l");
    assert_int_equal(CONTAINER_OF(latch, struct latch, object)->value, 1);
    assert_null(object_find(&world.registry, &latch_class, "m"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_waits_is_released_at_its_threshold),
        TEST(what_is_reached_keeps_nobody_waiting),
        TEST(who_comes_and_leaves_holds_up_nobody),
        TEST(a_thousand_are_released_in_the_order_in_which_they_came),
        TEST(who_gives_up_is_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

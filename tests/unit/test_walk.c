#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "async/wait.h"
#include "async/walk.h"
#include "each_world.h"

enum { RECORDS = 6 };

/* The story begins with so many; every other one is of the group. */
static struct record *records[RECORDS];
static struct group *group;

static struct record *
make_record(bool of_group)
{
    struct wait_plan plan = {
        .kind = KIND_TASK,
        .group = of_group ? group : NULL,
        .spec = {.fixed = true, .min = 1, .max = 1},
        .timeout_ns = NO_TIMEOUT,
        .start_ns = world.clock.now_ns,
    };
    struct wait *wait = NULL;

    assert_int_equal(wait_start(&world.registry, &plan, &wait), OK);
    return &wait->record;
}

static int
open_records(void **state)
{
    set_up(state);
    group = group_hold_named(&world.registry, "g");
    for (size_t i = 0; i < RECORDS; i++)
        records[i] = make_record(i % 2 == 1);
    return 0;
}

static int
close_records(void **state)
{
    for (size_t i = 0; i < RECORDS; i++)
        record_release(records[i]);
    group_release(group);
    return tear_down(state);
}

static void
forget(size_t index)
{
    record_cancel(records[index], REASON_CANCEL, world.clock.now_ns);
    record_forget(records[index]);
}

static void
all_are_met_in_order_and_then_none(void **state)
{
    (void)state;
    struct walk walk = {0};

    walk_begin(&walk, &world.registry, NULL);
    for (size_t i = 0; i < RECORDS; i++)
        assert_ptr_equal(walk_step(&walk), records[i]);
    assert_null(walk_step(&walk));
    assert_null(walk_step(&walk));
    walk_end(&walk);
}

static void
of_a_group_its_members_are_met(void **state)
{
    (void)state;
    struct walk walk = {0};

    walk_begin(&walk, &world.registry, group);
    forget(3);
    for (size_t i = 1; i < RECORDS; i += 2)
        if (i != 3)
            assert_ptr_equal(walk_step(&walk), records[i]);
    assert_null(walk_step(&walk));
    walk_end(&walk);
}

static void
what_comes_later_is_not_met(void **state)
{
    (void)state;
    struct walk walk = {0}, of_group = {0};

    walk_begin(&walk, &world.registry, NULL);
    walk_begin(&of_group, &world.registry, group);
    record_release(make_record(true));
    for (size_t i = 0; i < RECORDS; i++)
        assert_ptr_equal(walk_step(&walk), records[i]);
    for (size_t i = 1; i < RECORDS; i += 2)
        assert_ptr_equal(walk_step(&of_group), records[i]);
    assert_null(walk_step(&walk));
    assert_null(walk_step(&of_group));
    walk_end(&walk);
    walk_end(&of_group);
}

static void
what_leaves_before_its_turn_is_passed(void **state)
{
    (void)state;
    struct walk walk = {0};

    walk_begin(&walk, &world.registry, NULL);
    forget(0);
    assert_ptr_equal(walk_step(&walk), records[1]);
    forget(1);
    forget(3);
    forget(2);
    assert_ptr_equal(walk_step(&walk), records[4]);
    forget(5);
    assert_null(walk_step(&walk));
    walk_end(&walk);
}

static void
who_leaves_unmet_is_missed(void **state)
{
    (void)state;
    struct walk walk = {0}, of_group = {0};

    walk_begin(&walk, &world.registry, NULL);
    walk_begin(&of_group, &world.registry, group);
    assert_ptr_equal(walk_step(&walk), records[0]);
    assert_ptr_equal(walk_step(&of_group), records[1]);
    assert_true(walk_is_before(&walk, records[1]));
    assert_false(walk_is_before(&of_group, records[1]));
    assert_false(walk_is_before(&of_group, records[2])); /* no member */
    forget(0);
    assert_false(walk.missed || of_group.missed);
    forget(2);
    assert_true(walk.missed);
    forget(1);
    assert_false(of_group.missed);
    forget(3);
    assert_true(of_group.missed);
    struct record *later = make_record(true);
    assert_false(walk_is_before(&of_group, later));
    record_release(later);
    walk_end(&walk);
    walk_end(&of_group);
}

static void
it_is_over_when_all_have_left(void **state)
{
    (void)state;
    struct walk walk = {0}, other = {0};

    walk_begin(&walk, &world.registry, NULL);
    walk_begin(&other, &world.registry, NULL);
    assert_ptr_equal(walk_step(&other), records[0]);
    (void)registry_reset(&world.registry, world.clock.now_ns);
    record_release(make_record(false));
    assert_null(walk_step(&walk));
    assert_null(walk_step(&other));
    walk_end(&walk);
    walk_end(&other);
}

static void
one_that_was_not_begun_may_be_ended(void **state)
{
    (void)state;
    struct walk walk = {0};

    walk_end(&walk);
    walk_begin(&walk, &world.registry, NULL);
    walk_end(&walk);
    walk_end(&walk);
    forget(0);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, open_records, close_records)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(all_are_met_in_order_and_then_none),
        STORY(of_a_group_its_members_are_met),
        STORY(what_comes_later_is_not_met),
        STORY(what_leaves_before_its_turn_is_passed),
        STORY(who_leaves_unmet_is_missed),
        STORY(it_is_over_when_all_have_left),
        STORY(one_that_was_not_begun_may_be_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

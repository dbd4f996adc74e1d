#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "async/blob.h"
#include "async/memory.h"
#include "each_world.h"

enum { KIB = 1024, LIMIT = 1600 * KIB, ROOM = 1500 * KIB, POOL = 4 * KIB };

static struct peers *
peers(void)
{
    return world.registry.peers;
}

static void
limit(void)
{
    memory_open(&peers()->memory, LIMIT, POOL);
}

static void
without_a_limit_all_fits(void **state)
{
    (void)state;
    memory_open(&peers()->memory, 0, POOL);
    memory_take(peers(), 1);
    memory_seen(peers(), SIZE_MAX / 2);
    assert_int_equal(quota_used(&peers()->memory.bytes), 0);
    assert_true(memory_fits(peers(), SIZE_MAX));
    assert_true(memory_fits_at_all(peers(), 0));
    assert_false(memory_keeps_too_much(peers()));
}

static void
each_count_has_its_weight(void **state)
{
    (void)state;
    struct {
        struct quota *quota;
        size_t weight;
    } kinds[] = {
        {&peers()->connections, MEMORY_CONNECTION + POOL},
        {&peers()->waits, MEMORY_WAIT},
        {&peers()->tasks, MEMORY_TASK},
        {&peers()->finished, MEMORY_TASK},
        {&peers()->objects, MEMORY_OBJECT},
        {&peers()->object_bytes, 1},
        {&peers()->memory.bytes, 1},
    };

    limit();
    for (size_t i = 0; i < COUNT(kinds); i++) {
        assert_int_equal(memory_used(peers()), 0);
        assert_true(quota_take(kinds[i].quota, 10, 10));
        assert_int_equal(memory_used(peers()), 10 * kinds[i].weight);
        quota_give(kinds[i].quota, 10);
    }
}

static void
a_sixteenth_is_left_to_connections_and_lists(void **state)
{
    (void)state;
    limit();
    assert_true(memory_fits(peers(), ROOM));
    assert_false(memory_fits(peers(), ROOM + 1));
    assert_false(memory_fits(peers(), SIZE_MAX));
    memory_take(peers(), ROOM + 1);
    assert_false(memory_fits(peers(), 0));
    assert_true(memory_fits_at_all(peers(), 0));
    memory_take(peers(), LIMIT - ROOM);
    assert_false(memory_fits_at_all(peers(), 0));
    memory_give(peers(), LIMIT + 1);
    assert_int_equal(memory_used(peers()), 0);
}

static void
what_is_seen_beyond_the_counts_is_added(void **state)
{
    (void)state;
    limit();
    memory_seen(peers(), 100 * KIB);
    assert_int_equal(memory_used(peers()), 100 * KIB);
    memory_take(peers(), 300 * KIB); /* before the next look both count */
    assert_int_equal(memory_used(peers()), 400 * KIB);
    memory_seen(peers(), 320 * KIB);
    assert_int_equal(memory_used(peers()), 320 * KIB);
    memory_seen(peers(), 10 * KIB); /* not touched yet */
    assert_int_equal(memory_used(peers()), 300 * KIB);
    assert_true(quota_take(&peers()->connections, 1, 1));
    memory_seen(peers(), 400 * KIB);
    assert_int_equal(memory_used(peers()), 400 * KIB + MEMORY_KERNEL);
    quota_give(&peers()->connections, 1);
    memory_give(peers(), 300 * KIB);
}

static void
who_finds_no_room_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    struct registry *registry = &world.registry;
    struct blob *blob;
    uint64_t before;

    limit();
    memory_take(peers(), ROOM - MEMORY_TASK - MEMORY_WAIT);
    assert_int_equal(registry_reserve(registry, 2, 2), ERROR_TOO_MUCH_MEMORY);
    assert_all_has_ended(registry);
    assert_int_equal(registry_reserve(registry, 1, 1), OK);
    assert_int_equal(registry_reserve(registry, 0, 1), ERROR_TOO_MUCH_MEMORY);
    assert_int_equal(blob_new(registry, "x", 1, NULL, &blob), ERROR_TOO_MUCH_MEMORY);
    assert_int_equal(registry_count_tries(registry, "k", 1, 0, &before),
                     ERROR_TOO_MUCH_MEMORY);
    assert_int_equal(quota_used(&peers()->object_bytes), 0);
    assert_int_equal(peers()->tries.count, 0);
    registry_unreserve(registry, 1, 1);
    memory_give(peers(), ROOM - MEMORY_TASK - MEMORY_WAIT);
}

static void
ended_tasks_take_half_of_it(void **state)
{
    (void)state;
    size_t most = LIMIT / 2 / MEMORY_TASK;

    limit();
    assert_true(quota_take(&peers()->finished, most, most));
    assert_false(memory_keeps_too_much(peers()));
    assert_true(quota_take(&peers()->finished, 1, most + 1));
    assert_true(memory_keeps_too_much(peers()));
    quota_give(&peers()->finished, most + 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_limit_all_fits),
        TEST(each_count_has_its_weight),
        TEST(a_sixteenth_is_left_to_connections_and_lists),
        TEST(what_is_seen_beyond_the_counts_is_added),
        TEST(who_finds_no_room_is_refused_and_leaves_nothing),
        TEST(ended_tasks_take_half_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

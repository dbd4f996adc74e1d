#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "async/registry.h"
#include "async/tries.h"
#include "each_world.h"

static struct tries *
tries(void)
{
    return &world.registry.peers->tries;
}

static uint64_t
take(const char *key, size_t count)
{
    uint64_t before = UINT64_MAX;

    assert_int_equal(tries_take(tries(), key, count, world.clock.now_ns, &before), OK);
    return before;
}

static void
each_key_counts_for_itself(void **state)
{
    (void)state;
    assert_int_equal(take("a", 1), 0);
    assert_int_equal(take("a", 5), 1);
    assert_int_equal(take("b", 2), 0);
    assert_int_equal(take("a", 1), 6);
    assert_int_equal(take("b", 0), 2);
    assert_int_equal(tries()->count, 2);
}

static void
what_is_given_back_was_no_try(void **state)
{
    (void)state;
    take("a", 5);
    tries_give(tries(), "a", 2);
    assert_int_equal(take("a", 0), 3);
    tries_give(tries(), "a", 9); /* a reset came between */
    assert_int_equal(take("a", 0), 0);
    tries_give(tries(), "unknown", 1);
    assert_int_equal(tries()->count, 1);
}

static void
all_are_forgotten_at_once(void **state)
{
    (void)state;
    take("a", 5);
    take("b", 5);
    tries_clear(tries());
    assert_int_equal(tries()->count, 0);
    assert_int_equal(take("a", 1), 0);
    registry_reset(&world.registry, world.clock.now_ns);
    assert_int_equal(take("a", 1), 0);
}

static void
their_number_is_bounded(void **state)
{
    (void)state;
    char key[16];
    uint64_t before;

    for (int i = 0; i < TRIES_MOST; i++) {
        snprintf(key, sizeof key, "k%d", i);
        take(key, 1);
    }
    assert_int_equal(tries_take(tries(), "new", 1, 0, &before), ERROR_TOO_MANY_KEYS);
    assert_int_equal(take("k0", 1), 1);
    assert_int_equal(tries()->count, TRIES_MOST);
}

static void
try_here(const char *key)
{
    uint64_t before;

    assert_int_equal(
        registry_count_tries(&world.registry, key, 1, world.clock.now_ns, &before), OK);
}

static void
what_is_not_used_goes_in_its_time(void **state)
{
    (void)state;
    try_here("a");
    try_here("b");
    world_run(&world, 400);
    try_here("a");
    world_run(&world, 599.999);
    assert_int_equal(tries()->count, 2);
    world_run(&world, 600);
    assert_int_equal(tries()->count, 1);
    assert_int_equal(take("a", 0), 2);
    world_run(&world, 1500);
    assert_int_equal(tries()->count, 0);
    assert_int_equal(world.registry.timers.count, 0);
}

static void
many_go_in_slices(void **state)
{
    (void)state;
    char key[16];

    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        try_here(key);
    }
    world.clock.now_ns = at(600);
    assert_int_equal(timers_fire(&world.registry.timers, at(600), SIZE_MAX), 1);
    assert_int_equal(tries()->count, 1000 - 256);
    manual_clock_fire(&world.clock, &world.registry.timers);
    assert_int_equal(tries()->count, 0);
}

enum { THREADS = 8, TAKES = 20000, FAIL_FIRST = 12345 };

static void *
take_many(void *argument)
{
    size_t *failed = argument;

    for (int i = 0; i < TAKES; i++) {
        uint64_t before = 0;

        if (tries_take(tries(), "k", 1, i, &before) == OK && before < FAIL_FIRST)
            (*failed)++;
    }
    return NULL;
}

static void
it_is_exact_from_many_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    size_t failed[THREADS] = {0}, sum = 0;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &failed[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += failed[i];
    }
    assert_int_equal(sum, FAIL_FIRST);
    assert_int_equal(take("k", 0), THREADS * TAKES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_key_counts_for_itself),        TEST(what_is_given_back_was_no_try),
        TEST(all_are_forgotten_at_once),         TEST(their_number_is_bounded),
        TEST(what_is_not_used_goes_in_its_time), TEST(many_go_in_slices),
        TEST(it_is_exact_from_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

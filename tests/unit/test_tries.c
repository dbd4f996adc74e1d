#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
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

/* ---- in flight ---------------------------------------------------------------------
 */

static struct tries_key *
enter(const char *key, size_t most)
{
    struct tries_key *place;

    assert_int_equal(
        registry_enter_key(&world.registry, key, most, world.clock.now_ns, &place), OK);
    return place;
}

static void
leave(struct tries_key *place)
{
    tries_leave(tries(), place, world.clock.now_ns);
}

static struct tries_row
look(const char *key)
{
    struct tries_row row;

    (void)!tries_look(tries(), key, &row);
    assert_string_equal(row.name, key);
    return row;
}

static void
so_many_are_in_flight_and_no_more(void **state)
{
    (void)state;
    struct tries_key *first = enter("k", 2), *second = enter("k", 2);

    assert_non_null(first);
    assert_non_null(second);
    assert_null(enter("k", 2));
    struct tries_key *third = enter("k", 3); /* each says what it bears */
    assert_non_null(third);
    assert_int_equal(look("k").in_flight, 3);
    assert_int_equal(look("k").refused, 1);
    assert_int_equal(look("k").tried, 0);
    leave(first);
    assert_null(enter("k", 2));
    leave(second);
    second = enter("k", 2);
    assert_non_null(second);
    leave(second);
    leave(third);
    assert_int_equal(look("k").in_flight, 0);
}

static void
what_is_in_flight_does_not_count_for_a_key_of_the_same_name(void **state)
{
    (void)state;
    struct tries_key *old = enter("k", 1);

    assert_true(tries_forget(tries(), "k"));
    assert_false(tries_forget(tries(), "k"));
    assert_int_equal(tries()->count, 0);
    struct tries_key *new = enter("k", 1);
    assert_non_null(new);
    leave(old);
    assert_int_equal(look("k").in_flight, 1);
    tries_clear(tries());
    leave(new);
    assert_int_equal(tries()->count, 0);
    assert_false(tries_look(tries(), "k", &(struct tries_row){0}));
}

static void
a_key_in_flight_is_in_use(void **state)
{
    (void)state;
    struct tries_key *place = enter("k", 1);

    world_run(&world, 1300);
    assert_int_equal(tries()->count, 1);
    leave(place);
    world_run(&world, 1899.999);
    assert_int_equal(tries()->count, 1);
    world_run(&world, 1900);
    assert_int_equal(tries()->count, 0);
}

static void
they_are_listed_by_use(void **state)
{
    (void)state;
    struct tries_row rows[3];
    size_t total;

    take("a", 1);
    take("b", 2);
    take("c", 3);
    world.clock.now_ns = at(1);
    take("a", 1);
    assert_int_equal(tries_list(tries(), false, rows, 3, &total), 3);
    assert_int_equal(total, 3);
    assert_string_equal(rows[0].name, "a");
    assert_int_equal(rows[0].tried, 2);
    assert_int_equal(rows[0].used_ns, at(1));
    assert_string_equal(rows[1].name, "c");
    assert_string_equal(rows[2].name, "b");
    assert_int_equal(tries_list(tries(), true, rows, 2, &total), 2);
    assert_int_equal(total, 3);
    assert_string_equal(rows[0].name, "b");
    assert_string_equal(rows[1].name, "c");
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

enum { PLACES = 3 };

static void *
come_and_go(void *argument)
{
    atomic_int *inside = argument;

    for (int i = 0; i < TAKES; i++) {
        struct tries_key *place;

        if (tries_enter(tries(), "k", PLACES, i, &place) || place == NULL)
            continue;
        assert_true(atomic_fetch_add(inside, 1) < PLACES);
        atomic_fetch_sub(inside, 1);
        tries_leave(tries(), place, i);
    }
    return NULL;
}

static void
places_are_exact_from_many_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    atomic_int inside = 0;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &inside), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(look("k").in_flight, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_key_counts_for_itself),
        TEST(what_is_given_back_was_no_try),
        TEST(all_are_forgotten_at_once),
        TEST(their_number_is_bounded),
        TEST(what_is_not_used_goes_in_its_time),
        TEST(many_go_in_slices),
        TEST(it_is_exact_from_many_threads),
        TEST(so_many_are_in_flight_and_no_more),
        TEST(what_is_in_flight_does_not_count_for_a_key_of_the_same_name),
        TEST(a_key_in_flight_is_in_use),
        TEST(they_are_listed_by_use),
        TEST(places_are_exact_from_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

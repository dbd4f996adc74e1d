/* world.h: a registry under a manual clock, for the tests of server/async. cmocka.h
 * comes before it. */
#pragma once

#include "async/group.h"
#include "async/registry.h"
#include "base/number.h"
#include "manual_clock.h"

struct world {
    struct manual_clock clock;
    struct registry registry;
};

static const struct registry_limits WORLD_LIMITS = {
    .max_tasks = 100000,
    .max_waits = 100000,
    .retention_ns = 3600 * NS_PER_SECOND,
    .max_objects = 1000,
    .max_object_bytes = 100000,
    .idle_ttl_ns = 600 * NS_PER_SECOND,
};

/* `world` stays where it is: the registry has a pointer to its clock. */
static inline void
world_open(struct world *world, const struct registry_limits *limits)
{
    const uint64_t seed = 1;
    struct peers *peers = peers_new(1);

    assert_non_null(peers);
    world->clock = manual_clock();
    registry_open(&world->registry, limits, &world->clock.clock, &seed, peers, 0);
}

/* A moment of the story: seconds after its beginning. */
static inline int64_t
at(double seconds)
{
    return MANUAL_CLOCK_START_NS + seconds_to_ns(seconds);
}

static inline void
world_run(struct world *world, double until_seconds)
{
    manual_clock_run(&world->clock, &world->registry.timers, at(until_seconds));
}

static inline void
assert_all_has_ended(const struct registry *registry)
{
    assert_int_equal(registry->tasks, 0);
    assert_int_equal(registry->waits, 0);
}

static inline void
assert_tasks_are_counted_by_state(const struct registry *registry)
{
    size_t found[STATE_COUNT] = {0};
    const struct record *record;

    for (record = registry_first(registry); record; record = record_after(record))
        found[record->state] += record->kind == KIND_TASK;
    assert_memory_equal(registry->task_states, found, sizeof found);
}

/* Nothing may be left behind. */
static inline void
world_close(struct world *world)
{
    struct registry *registry = &world->registry;

    assert_tasks_are_counted_by_state(registry);
    registry_close(registry);
    assert_tasks_are_counted_by_state(registry);
    assert_all_has_ended(registry);
    assert_int_equal(registry->count, 0);
    assert_int_equal(registry->finished_count, 0);
    assert_true(TAILQ_EMPTY(&registry->finished));
    assert_null(registry->by_id);
    assert_null(registry->groups);
    assert_int_equal(atomic_load(&registry->peers->tasks.used), 0);
    assert_int_equal(atomic_load(&registry->peers->waits.used), 0);
    assert_int_equal(atomic_load(&registry->peers->finished.used), 0);
    assert_int_equal(atomic_load(&registry->peers->objects.used), 0);
    assert_int_equal(atomic_load(&registry->peers->object_bytes.used), 0);
    peers_free(registry->peers);
}

/* Somebody who watches, and counts. */
struct listener {
    struct watch watch;
    size_t heard;
};

static inline void
listener_hear(struct watch *watch, int64_t now_ns)
{
    (void)now_ns;
    CONTAINER_OF(watch, struct listener, watch)->heard++;
}

static inline void
listen_to(struct listener *listener, struct watches *watches)
{
    *listener = (struct listener){.watch.changed = listener_hear};
    watches_watch(watches, &listener->watch);
}

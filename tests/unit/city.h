/* city.h: several registries of one process, whose letters this thread delivers, for
 * tests of what workers do together. cmocka.h comes before it. */
#pragma once

#include "world.h"

enum { WORKERS = 3 };

struct city {
    struct manual_clock clock;
    struct peers *peers;
    struct registry at[WORKERS];
};
static struct city city;

static inline void
city_open(const struct registry_limits *limits)
{
    city.clock = manual_clock();
    city.peers = peers_new(WORKERS);
    assert_non_null(city.peers);
    for (size_t i = 0; i < WORKERS; i++) {
        const uint64_t seed = i;

        registry_open(&city.at[i], limits, &city.clock.clock, &seed, city.peers, i);
    }
}

/* A letter may be sent on, to each of the others at most. */
static inline void
city_deliver(void)
{
    for (size_t i = 0; i < WORKERS * WORKERS; i++)
        assert_false(mailbox_deliver(&city.peers->at[i % WORKERS].mailbox, 1000));
}

static inline void
city_close(void)
{
    for (size_t i = 0; i < WORKERS; i++)
        registry_close(&city.at[i]);
    assert_int_equal(atomic_load(&city.peers->tasks.used), 0);
    assert_int_equal(atomic_load(&city.peers->waits.used), 0);
    assert_int_equal(atomic_load(&city.peers->finished.used), 0);
    assert_int_equal(atomic_load(&city.peers->objects.used), 0);
    assert_int_equal(atomic_load(&city.peers->object_bytes.used), 0);
    peers_free(city.peers);
}

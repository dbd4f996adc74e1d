/*
 * test_idle_objects.c: what 100,000 objects of a kind cost that nobody uses, all that
 * malloc takes for them included, and that they go. Under the sanitizers, whose malloc
 * says nothing, only the latter; tests/long/run.sh builds it without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>

#include "async/barrier.h"
#include "async/event.h"
#include "async/latch.h"
#include "async/queue.h"
#include "async/semaphore.h"
#include "each_world.h"

enum {
    OBJECTS = 100000,
    BAR = 512,
    KEPT = 16384, /* the heap of the timers, what printf and malloc keep at hand */
};

/* In use, by malloc's own account. */
static size_t
taken(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* The mean, rounded up; 0: malloc does not say. */
static size_t
make_all(const struct object_class *class)
{
    size_t before = taken();

    for (int i = 0; i < OBJECTS; i++) {
        struct object *object;
        char name[17];

        snprintf(name, sizeof name, "%016d", i);
        assert_int_equal(object_need(&world.registry, class, name, &object), OK);
    }
    return (taken() - before + OBJECTS - 1) / OBJECTS;
}

static void
an_idle_object_costs_at_most_512_bytes_and_goes(void **state)
{
    static const struct {
        const char *word;
        const struct object_class *class;
    } kinds[] = {
        {"event", &event_class},     {"semaphore", &semaphore_class},
        {"barrier", &barrier_class}, {"latch", &latch_class},
        {"queue", &queue_class},
    };

    (void)state;
    world.registry.limits.max_objects = OBJECTS;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        size_t before = taken(), bytes = make_all(kinds[i].class);

        printf("%-10s %zu bytes\n", kinds[i].word, bytes);
        assert_true(bytes <= BAR);
        world_run(&world, (double)(i + 1) * 600);
        assert_int_equal(world.registry.objects.count[kinds[i].class->kind], 0);
        assert_int_equal(atomic_load(&world.registry.peers->objects.used), 0);
        assert_int_equal(world.registry.timers.count, 0);
        assert_true(taken() <= before + KEPT);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_idle_object_costs_at_most_512_bytes_and_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

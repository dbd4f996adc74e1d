/*
 * test_out_of_memory.c: a story in which every allocation fails once, and one in which
 * all fail from there on. Whatever fails: nothing crashes, nothing leaks (the sanitizer
 * looks), and the counters are right. The linker puts these in place of malloc and its
 * kin: -Wl,--wrap=malloc and so on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "async/launch.h"
#include "async/measure.h"
#include "async/wait_n.h"
#include "world.h"

static struct {
    bool armed;
    bool lasting;  /* all fail from then on */
    size_t before; /* so many succeed first */
    size_t failed;
} shortage;

static bool
fails(void)
{
    if (!shortage.armed)
        return false;
    if (shortage.before > 0) {
        shortage.before--;
        return false;
    }
    if (shortage.failed > 0 && !shortage.lasting)
        return false;
    shortage.failed++;
    return true;
}

/* clang-format off */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *string);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *string);

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *memory, size_t size) { return fails() ? NULL : __real_realloc(memory, size); }
char *__wrap_strdup(const char *string) { return fails() ? NULL : __real_strdup(string); }
/* clang-format on */

static struct world world;

static const struct delay_spec spec = {.seeded = true, .seed = 7, .max = 1};

/* Some of a key's tries, and some of the rest. */
static const struct fault_spec faults = {
    .drawn = true, .rate = 0.25, .first = 30, .key = "k", .fail_status = 500};

/* What a start gave, and that a failed one left no trace. */
static bool
has_started(enum error error, size_t tasks_before, size_t waits_before)
{
    const struct registry *registry = &world.registry;

    if (error == OK)
        return true;
    assert_int_equal(error, ERROR_OUT_OF_MEMORY);
    assert_true(shortage.failed > 0);
    assert_int_equal(registry->tasks, tasks_before);
    assert_int_equal(registry->waits, waits_before);
    return false;
}

static void
start_wait(enum record_kind kind, const char *id, const char *label, int64_t timeout_ns)
{
    size_t tasks = world.registry.tasks, waits = world.registry.waits;
    struct wait_plan plan = {
        .kind = kind,
        .id = id,
        .label = label,
        .spec = spec,
        .faults = faults,
        .timeout_ns = timeout_ns,
        .start_ns = world.clock.now_ns,
    };
    struct wait *wait;

    if (has_started(wait_start(&world.registry, &plan, &wait), tasks, waits))
        record_release(&wait->record);
}

static void
start_wait_n(const char *label)
{
    size_t tasks = world.registry.tasks, waits = world.registry.waits;
    struct wait_n_plan plan = {
        .label = label,
        .spec = spec,
        .faults = faults,
        .ending = {.most = 15},
        .n = 20,
        .limit = 3,
        .timeout_ns = NS_PER_SECOND,
        .times = true,
        .start_ns = world.clock.now_ns,
    };
    struct wait_n *wait_n;

    if (!has_started(wait_n_start(&world.registry, &plan, &wait_n), tasks, waits))
        return;
    world_run(&world, ns_to_seconds(world.clock.now_ns - at(0)) + 0.01);
    record_disown(&wait_n->record, world.clock.now_ns);
}

static struct measure *
start_measure(void)
{
    static const size_t limits[] = {0, 1, 5};
    size_t tasks = world.registry.tasks, waits = world.registry.waits;
    struct measure_plan plan = {
        .label = "kept",
        .spec = spec,
        .n = 20,
        .timeout_ns = NS_PER_SECOND * 2,
        .start_ns = world.clock.now_ns,
        .count = COUNT(limits),
        .limits = limits,
    };
    struct measure *measure;

    if (!has_started(measure_start(&world.registry, &plan, &measure), tasks, waits))
        return NULL;
    return measure;
}

static struct launch *
start_launch(const char *group, size_t n, size_t limit, int64_t timeout_ns)
{
    size_t tasks = world.registry.tasks, waits = world.registry.waits;
    struct launch_plan plan = {
        .group_name = group,
        .label = "of a launch",
        .spec = spec,
        .faults = faults,
        .ending = {.most = n - n / 8},
        .timeout_ns = timeout_ns,
        .n = n,
        .limit = limit,
        .start_ns = world.clock.now_ns,
    };
    struct launch *launch;

    if (!has_started(launch_start(&world.registry, &plan, &launch), tasks, waits))
        return NULL;
    assert_true(launch->made > 0);
    return launch;
}

/* Two groups: one that is larger than a slice, one of which a queued member is moved
 * while the timers have no room to spare. */
static void
tell_of_launches(void)
{
    struct launch *large = start_launch("large", 300, 4, 0);
    struct launch *small = start_launch(NULL, 70, 60, NS_PER_SECOND);

    manual_clock_fire(&world.clock, &world.registry.timers);
    if (large) {
        assert_true(launch_over(large));
        assert_true(large->broken || large->made == 300);
        assert_int_equal(large->group->promised, 0);
        if (large->made > 100)
            wait_move(large->waits[100], at(0.5), at(0));
        launch_release(large);
    }
    if (small) {
        record_cancel(&small->waits[0]->record, REASON_CANCEL, at(0));
        if (small->made > 65)
            wait_move(small->waits[65], at(0.5), at(0));
        world_run(&world, 0.75);
        group_sweep(small->group, at(0.75));
        launch_release(small);
    }
}

static void
tell_all(void)
{
    struct measure *measure = start_measure();

    tell_of_launches();
    start_wait(KIND_WAIT, NULL, NULL, NS_PER_SECOND / 2);
    start_wait(KIND_TASK, "mine", "kept", NS_PER_SECOND / 2);
    start_wait_n(NULL);
    start_wait_n("kept");
    world_run(&world, 3);
    struct launch *pending = start_launch("pending", 600, 0, NS_PER_SECOND);
    if (pending)
        launch_release(pending);
    if (measure)
        record_disown(&measure->record, at(3));
}

static bool
play(size_t before, bool lasting)
{
    struct registry_limits limits = WORLD_LIMITS;
    limits.max_tasks = 1000;
    limits.retention_ns = NS_PER_SECOND;
    world_open(&world, &limits);
    shortage.armed = true;
    shortage.lasting = lasting;
    shortage.before = before;
    shortage.failed = 0;
    tell_all();
    shortage.armed = lasting;
    world_run(&world, 4);
    world_close(&world);
    shortage.armed = false;
    return shortage.failed > 0;
}

static void
any_allocation_may_fail_once(void **state)
{
    (void)state;
    size_t before = 0;

    while (play(before, false))
        before++;
    assert_true(before > 1000);
}

static void
from_any_allocation_on_all_may_fail(void **state)
{
    (void)state;
    size_t before = 0;

    while (play(before, true))
        before += 3;
    assert_true(before > 1000);
}

/* The first end takes a place of the timers for the retention; no queued one may miss
 * its own for that. */
static void
a_queued_wait_starts_without_memory(void **state)
{
    (void)state;
    world_open(&world, &WORLD_LIMITS);
    struct launch *launch = start_launch("g", 3, 1, 0);
    struct timers *timers = &world.registry.timers;

    while (timers->count < timers->capacity)
        start_wait(KIND_TASK, NULL, NULL, 0);
    shortage.armed = shortage.lasting = true;
    shortage.before = shortage.failed = 0;
    manual_clock_run(&world.clock, timers, launch->waits[0]->deadline_ns);
    assert_int_equal(launch->waits[1]->record.state, STATE_PENDING);
    world_run(&world, 3);
    assert_int_equal(launch->waits[1]->record.state, STATE_FAILED);
    shortage.armed = false;
    launch_release(launch);
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail_once),
        cmocka_unit_test(from_any_allocation_on_all_may_fail),
        cmocka_unit_test(a_queued_wait_starts_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

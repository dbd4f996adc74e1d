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

#include "async/barrier.h"
#include "async/event.h"
#include "async/latch.h"
#include "async/launch.h"
#include "async/measure.h"
#include "async/queue.h"
#include "async/semaphore.h"
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

/* Of which so few draws are in its window that 300 are drawn as they are reached for.
 */
static struct model model = {.dist = DIST_EXPONENTIAL,
                             .centre = 1,
                             .spread = 1,
                             .max = 300,
                             .inside = MODEL_LEAST_INSIDE};
static const struct delay_spec modelled = {
    .seeded = true, .seed = 7, .modelled = true, .model = &model};

/* Some of a key's tries, and some of the rest. */
static const struct fault_spec faults = {.drawn = true,
                                         .rate = 0.25,
                                         .first = 30,
                                         .key = "k",
                                         .fail_status = 500,
                                         .most = 2};

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
        .spec = kind == KIND_TASK ? modelled : spec,
        .faults = faults,
        .load_factor = 1e-6,
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
        .spec = n == 300 ? modelled : spec,
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
    struct launch *large = start_launch("large", 300, 4, NO_TIMEOUT);
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

/* ---- objects: clients come in turn, and some leave without their answers -----------
 */

enum { CLIENTS = 4 };

static struct waiter_plan
labelled(size_t client)
{
    return (struct waiter_plan){
        .label = client == 0 ? "kept" : NULL,
        .timeout_ns = client == 1 ? NS_PER_SECOND / 4 : NO_TIMEOUT,
        .start_ns = world.clock.now_ns,
    };
}

/* What it has come to, and that a failure left no trace. */
static struct waiter *
come_to(enum error error, struct waiter *waiter, size_t waits_before)
{
    return has_started(error, world.registry.tasks, waits_before) ? waiter : NULL;
}

/* Odd ones have not got their answers. */
static void
dismiss(struct waiter *waiter, size_t client)
{
    int64_t now_ns = world.clock.now_ns;

    if (waiter == NULL)
        return;
    if (client % 2)
        waiter_undelivered(waiter, now_ns);
    record_disown(&waiter->record, now_ns);
}

static struct blob *
make_blob(void)
{
    struct blob *blob = NULL;
    enum error error = blob_new(&world.registry, "some bytes", 10, "text/plain", &blob);

    assert_true(error == OK || (error == ERROR_OUT_OF_MEMORY && blob == NULL));
    return blob;
}

static struct waiter *
wait_for_event(size_t client)
{
    size_t waits = world.registry.waits;
    struct event_plan plan = {.waiter = labelled(client), .for_next = client % 2};
    struct event_waiter *waiter = NULL;
    struct event *event;
    enum error error = event_need(&world.registry, "e", &event);

    if (!error)
        error = event_wait(event, &plan, world.clock.now_ns, &waiter);
    return come_to(error, waiter ? &waiter->waiter : NULL, waits);
}

static struct waiter *
acquire(size_t client)
{
    size_t waits = world.registry.waits;
    struct semaphore_plan plan = {
        .waiter = labelled(client),
        .limit = 1,
        .ttl_ns = client == 2 ? 0 : NS_PER_SECOND / 8,
    };
    struct semaphore_waiter *waiter = NULL;
    struct semaphore *semaphore;
    enum error error = semaphore_need(&world.registry, "s", &semaphore);

    if (!error)
        error = semaphore_acquire(semaphore, &plan, world.clock.now_ns, &waiter);
    return come_to(error, waiter ? &waiter->waiter : NULL, waits);
}

static struct waiter *
wait_at_barrier(size_t client)
{
    size_t waits = world.registry.waits;
    struct barrier_plan plan = {
        .waiter = labelled(client), .parties = 3, .breaks = client % 2};
    struct barrier_waiter *waiter = NULL;
    struct barrier *barrier;
    enum error error = barrier_need(&world.registry, "b", &barrier);

    if (!error)
        error = barrier_wait(barrier, &plan, world.clock.now_ns, &waiter);
    return come_to(error, waiter ? &waiter->waiter : NULL, waits);
}

static struct waiter *
wait_for_latch(size_t client)
{
    size_t waits = world.registry.waits;
    struct latch_plan plan = {.waiter = labelled(client), .at_least = (int64_t)client};
    struct latch_waiter *waiter = NULL;
    struct latch *latch;
    enum error error = latch_need(&world.registry, "l", &latch);

    if (!error)
        error = latch_wait(latch, &plan, world.clock.now_ns, &waiter);
    return come_to(error, waiter ? &waiter->waiter : NULL, waits);
}

/* The first two get, the others put. */
static struct waiter *
use_queue(size_t client)
{
    size_t waits = world.registry.waits;
    struct queue_plan plan = {.waiter = labelled(client), .maxsize = 1};
    struct queue_waiter *waiter = NULL;
    struct queue *queue;
    enum error error = queue_need(&world.registry, "q", &queue);

    if (client >= 2)
        plan.item = make_blob();
    if (!error && client < 2)
        error = queue_get(queue, &plan, world.clock.now_ns, &waiter);
    else if (!error && plan.item)
        error = queue_put(queue, &plan, world.clock.now_ns, &waiter);
    else
        error = ERROR_OUT_OF_MEMORY;
    if (error)
        blob_release(plan.item);
    return come_to(error, waiter ? &waiter->waiter : NULL, waits);
}

/* Twice as many as are told at once. */
static void
tell_of_a_crowd(void)
{
    struct waiter *crowd[130];
    struct event *event;

    for (size_t i = 0; i < COUNT(crowd); i++)
        crowd[i] = wait_for_event(2);
    if (event_need(&world.registry, "e", &event) == OK)
        event_set(event, make_blob(), world.clock.now_ns);
    manual_clock_fire(&world.clock, &world.registry.timers);
    for (size_t i = 0; i < COUNT(crowd); i++) {
        assert_true(crowd[i] == NULL || crowd[i]->record.state == STATE_DONE);
        dismiss(crowd[i], i);
    }
}

static void
tell_of_objects(void)
{
    static struct waiter *(*const visits[])(size_t client) = {
        wait_for_event, acquire, wait_at_barrier, wait_for_latch, use_queue};
    struct waiter *waiters[COUNT(visits)][CLIENTS];
    struct latch *latch;

    for (size_t client = 0; client < CLIENTS; client++)
        for (size_t i = 0; i < COUNT(visits); i++)
            waiters[i][client] = visits[i](client);
    world_run(&world, 0.2);
    if (latch_need(&world.registry, "l", &latch) == OK)
        latch_count(latch, 2, world.clock.now_ns);
    world_run(&world, 0.5);
    for (size_t client = 0; client < CLIENTS; client++)
        for (size_t i = 0; i < COUNT(visits); i++)
            dismiss(waiters[i][client], client);
    tell_of_a_crowd();
}

static bool
play(void (*story)(void), size_t before, bool lasting)
{
    struct registry_limits limits = WORLD_LIMITS;
    limits.max_tasks = 1000;
    limits.retention_ns = NS_PER_SECOND;
    limits.idle_ttl_ns = NS_PER_SECOND;
    world_open(&world, &limits);
    shortage.armed = true;
    shortage.lasting = lasting;
    shortage.before = before;
    shortage.failed = 0;
    story();
    shortage.armed = lasting;
    world_run(&world, 4);
    world_close(&world);
    shortage.armed = false;
    return shortage.failed > 0;
}

/* How many allocations the story makes. */
static size_t
play_all(void (*story)(void), size_t step, bool lasting)
{
    size_t before = 0;

    while (play(story, before, lasting))
        before += step;
    return before;
}

static void
any_allocation_may_fail_once(void **state)
{
    (void)state;
    assert_true(play_all(tell_all, 1, false) > 1000);
}

static void
from_any_allocation_on_all_may_fail(void **state)
{
    (void)state;
    assert_true(play_all(tell_all, 3, true) > 1000);
}

static void
any_allocation_for_objects_may_fail_once(void **state)
{
    (void)state;
    assert_true(play_all(tell_of_objects, 1, false) > 150);
}

static void
from_any_allocation_for_objects_on_all_may_fail(void **state)
{
    (void)state;
    assert_true(play_all(tell_of_objects, 1, true) > 150);
}

/* The first end takes a place of the timers for the retention; no queued one may miss
 * its own for that. */
static void
a_queued_wait_starts_without_memory(void **state)
{
    (void)state;
    world_open(&world, &WORLD_LIMITS);
    struct launch *launch = start_launch("g", 3, 1, NO_TIMEOUT);
    struct timers *timers = &world.registry.timers;

    while (timers->count < timers->capacity)
        start_wait(KIND_TASK, NULL, NULL, NO_TIMEOUT);
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

/* A lease has its place in the timers before it is granted: none is granted that could
 * not expire. */
static void
no_lease_is_made_that_could_not_expire(void **state)
{
    (void)state;
    world_open(&world, &WORLD_LIMITS);
    struct timers *timers = &world.registry.timers;
    struct waiter *first = acquire(0);

    while (timers->count < timers->capacity)
        start_wait(KIND_TASK, NULL, NULL, NO_TIMEOUT);
    shortage.armed = shortage.lasting = true;
    shortage.before = 1; /* of the lease itself */
    shortage.failed = 0;
    assert_null(acquire(0));
    assert_int_equal(atomic_load(&world.registry.peers->objects.used), 2);
    shortage.armed = false;
    dismiss(first, 0);
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail_once),
        cmocka_unit_test(from_any_allocation_on_all_may_fail),
        cmocka_unit_test(any_allocation_for_objects_may_fail_once),
        cmocka_unit_test(from_any_allocation_for_objects_on_all_may_fail),
        cmocka_unit_test(a_queued_wait_starts_without_memory),
        cmocka_unit_test(no_lease_is_made_that_could_not_expire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

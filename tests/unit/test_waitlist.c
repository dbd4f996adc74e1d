#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "async/event.h"
#include "async/queue.h"
#include "async/semaphore.h"
#include "async/wait.h"
#include "each_world.h"
#include "waiters.h"

/* Events stand for all objects here: nothing of theirs is in the way. */
static struct object *
object_named(const char *name)
{
    struct event *event = NULL;

    assert_int_equal(event_need(&world.registry, name, &event), OK);
    return &event->object;
}

static bool
is_there(const char *name)
{
    const struct object *object;

    TAILQ_FOREACH (object, &world.registry.objects.by_use, in_use) {
        if (strcmp(object->name, name) == 0)
            return true;
    }
    return false;
}

static struct waiter *
open_waiter(const char *name, double timeout)
{
    struct waiter_plan plan = patience(timeout);
    struct waiter *waiter = NULL;

    assert_int_equal(waiter_open(object_named(name), &plan, &waiter), OK);
    return waiter;
}

static struct waiter *
join(const char *name, double timeout)
{
    struct waiter *waiter = open_waiter(name, timeout);

    waiter_join(waiter);
    waitlist_tell(&world.registry, now());
    return waiter;
}

static struct waiter *
watch(const char *name, size_t wanted, double timeout)
{
    struct waiter *waiter = open_waiter(name, timeout);

    waiter_watch(waiter, wanted);
    waitlist_tell(&world.registry, now());
    return waiter;
}

static size_t
serve_all(const char *name)
{
    size_t served = waitlist_serve_all(&object_named(name)->waiters, OK);

    waitlist_tell(&world.registry, now());
    return served;
}

/* So many are served, of whom 64 are told. */
static void
serve_crowd(struct waiter **crowd, size_t count)
{
    for (size_t i = 0; i < count; i++)
        crowd[i] = join("crowd", 0);
    assert_int_equal(serve_all("crowd"), count);
}

static void
let_crowd_go(struct waiter **crowd, size_t count)
{
    for (size_t i = 0; i < count; i++)
        let_go(crowd[i]);
}

/* ---- objects -----------------------------------------------------------------------
 */

static void
an_unused_object_goes_after_the_idle_ttl(void **state)
{
    (void)state;
    object_named("a");
    world_run(&world, 100);
    object_named("b");
    run_until_just_before(600);
    assert_true(is_there("a"));
    world_run(&world, 600);
    assert_false(is_there("a"));
    run_until_just_before(700);
    assert_true(is_there("b"));
    world_run(&world, 700);
    assert_false(is_there("b"));
    assert_int_equal(objects_in_use(), 0);
    assert_int_equal(world.registry.timers.count, 0);
    object_named("c");
    run_until_just_before(1300);
    assert_true(is_there("c"));
    world_run(&world, 1300);
    assert_false(is_there("c"));
}

static void
each_use_keeps_an_object(void **state)
{
    (void)state;
    object_named("a");
    object_named("b");
    world_run(&world, 500);
    assert_non_null(event_find(&world.registry, "a"));
    world_run(&world, 600);
    assert_false(is_there("b"));
    world_run(&world, 1000);
    object_named("a");
    run_until_just_before(1600);
    assert_true(is_there("a"));
    world_run(&world, 1600);
    assert_false(is_there("a"));
}

static void
the_end_of_a_wait_is_a_use(void **state)
{
    (void)state;
    struct waiter *waiter = join("waits", 300), *watcher = watch("watches", 2, 300);

    world_run(&world, 300);
    assert_cancelled(waiter, REASON_TIMEOUT);
    let_go(waiter);
    let_go(watcher);
    run_until_just_before(900);
    assert_true(is_there("waits") && is_there("watches"));
    world_run(&world, 900);
    assert_int_equal(objects_in_use(), 0);
}

static void
who_waits_or_watches_or_holds_keeps_an_object(void **state)
{
    struct semaphore_plan plan = {.ttl_ns = 0};
    struct semaphore_waiter *holder = NULL;
    struct semaphore *semaphore;

    (void)state;
    struct waiter *waiter = join("waits", 0), *watcher = watch("watches", 2, 0);
    assert_int_equal(semaphore_need(&world.registry, "holds", &semaphore), OK);
    plan.waiter = patience(0);
    assert_int_equal(semaphore_acquire(semaphore, &plan, now(), &holder), OK);
    world_run(&world, 1700);
    assert_true(is_there("waits") && is_there("watches") && is_there("holds"));
    let_go(waiter);
    let_go(watcher);
    let_go(&holder->waiter);
    run_until_just_before(2300);
    assert_true(is_there("waits") && is_there("watches") && is_there("holds"));
    world_run(&world, 2300); /* the ttl after they have gone */
    assert_int_equal(objects_in_use(), 0);
}

static void
names_of_different_kinds_are_different_objects(void **state)
{
    struct semaphore *semaphore;

    (void)state;
    struct object *event = object_named("x");
    assert_null(semaphore_find(&world.registry, "x"));
    assert_int_equal(semaphore_need(&world.registry, "x", &semaphore), OK);
    assert_int_equal(objects_in_use(), 2);
    assert_ptr_equal(object_named("x"), event);
    assert_int_equal(world.registry.objects.count[OBJECT_EVENT], 1);
    assert_int_equal(world.registry.objects.count[OBJECT_SEMAPHORE], 1);
}

static void
too_many_objects_are_refused(void **state)
{
    struct event *event = NULL;

    (void)state;
    world.registry.limits.max_objects = 2;
    object_named("a");
    world_run(&world, 1);
    object_named("b");
    assert_int_equal(event_need(&world.registry, "c", &event), ERROR_TOO_MANY_OBJECTS);
    assert_null(event);
    assert_false(is_there("c"));
    object_named("b"); /* those that are there can be used */
    world_run(&world, 600);
    object_named("c");
    assert_int_equal(objects_in_use(), 2);
}

static void
too_many_waits_are_refused(void **state)
{
    struct waiter_plan plan = patience(1);
    struct waiter *waiter = NULL;

    (void)state;
    world.registry.limits.max_waits = 1;
    struct waiter *first = join("a", 0);
    assert_int_equal(waiter_open(object_named("a"), &plan, &waiter),
                     ERROR_TOO_MANY_WAITS);
    assert_null(waiter);
    assert_int_equal(object_named("a")->holders, 2);
    cancel(first);
    assert_int_equal(waiter_open(object_named("a"), &plan, &waiter), OK);
    let_go(waiter);
    let_go(first);
}

static void
who_waits_at_a_forgotten_object_waits_on(void **state)
{
    (void)state;
    struct waiter *tired = join("a", 1), *cancelled = join("a", 0);
    struct waiter *served = join("a", 0), *watcher = watch("a", 9, 0);
    struct object *old = object_named("a");

    object_forget(old);
    object_forget(old); /* once more: nothing */
    assert_int_equal(objects_in_use(), 0);
    struct waiter *other = join("a", 0);
    assert_ptr_not_equal(other->object, old);
    assert_int_equal(serve_all("a"), 1);
    assert_waits(tired);
    waiter_serve(served, OK);
    waitlist_tell(&world.registry, now());
    cancel(cancelled);
    world_run(&world, 1);
    assert_cancelled(tired, REASON_TIMEOUT);
    let_go(tired);
    let_go(cancelled);
    lose(served);
    let_go(watcher);
    let_go(other);
}

/* ---- waiting -----------------------------------------------------------------------
 */

static void
the_timeout_counts_from_the_beginning_of_the_request(void **state)
{
    struct waiter_plan plan = {.timeout_ns = seconds_to_ns(2), .start_ns = at(0.5)};
    struct waiter *waiter = NULL;

    (void)state;
    world_run(&world, 1);
    assert_int_equal(waiter_open(object_named("a"), &plan, &waiter), OK);
    waiter_join(waiter);
    run_until_just_before(2.5);
    assert_waits(waiter);
    world_run(&world, 2.5);
    assert_cancelled(waiter, REASON_TIMEOUT);
    let_go(waiter);
}

static void
a_waiter_is_told_from_other_records(void **state)
{
    struct wait_plan plan = {
        .kind = KIND_WAIT, .spec = {.fixed = true, .max = 1}, .timeout_ns = NO_TIMEOUT};
    struct wait *wait = NULL;

    (void)state;
    struct waiter *waiter = join("a", 0);
    assert_ptr_equal(waiter_of(&waiter->record), waiter);
    assert_ptr_equal(registry_find(&world.registry, waiter->record.id),
                     &waiter->record);
    plan.start_ns = now();
    assert_int_equal(wait_start(&world.registry, &plan, &wait), OK);
    assert_null(waiter_of(&wait->record));
    record_disown(&wait->record, now());
    let_go(waiter);
}

/* PATCH of its delay to 0. */
static void
one_that_is_fired_early_has_timed_out(void **state)
{
    (void)state;
    struct waiter *waiter = join("a", 10);

    waiter->record.class->release(&waiter->record, now());
    assert_cancelled(waiter, REASON_TIMEOUT);
    let_go(waiter);
}

static void
one_that_was_told_why_not_has_failed(void **state)
{
    (void)state;
    struct waiter *waiter = join("a", 0);
    struct object *object = object_named("a");

    assert_int_equal(waitlist_serve_all(&object->waiters, ERROR_BARRIER_BROKEN), 1);
    waitlist_tell(&world.registry, now());
    assert_failed(waiter, ERROR_BARRIER_BROKEN);
    lose(waiter);
}

static void
who_watches_waits_for_so_many_in_the_line(void **state)
{
    (void)state;
    struct waiter *none = watch("a", 0, 0), *one = watch("a", 1, 0);
    struct waiter *two = watch("a", 2, 0), *three = watch("a", 3, 1);

    assert_done(none);
    assert_int_equal(object_named("a")->waiters.count, 0); /* they do not count */
    struct waiter *first = join("a", 0);
    assert_done(one);
    let_go(first);
    first = join("a", 0);
    assert_int_equal(two->place, WAITER_WATCHING);
    struct waiter *second = join("a", 0), *late = watch("a", 2, 0);
    assert_done(two);
    assert_done(late);
    world_run(&world, 1);
    assert_cancelled(three, REASON_TIMEOUT);
    let_crowd_go((struct waiter *[]){none, one, two, three, first, second, late}, 7);
}

static void
whoever_watches_may_leave(void **state)
{
    (void)state;
    struct waiter *gone = watch("a", 1, 0), *cancelled = watch("a", 1, 0);
    struct waiter *watcher = watch("a", 1, 0);

    let_go(gone);
    cancel(cancelled);
    struct waiter *first = join("a", 0);
    lose(watcher); /* it was given nothing */
    assert_waits(first);
    let_go(cancelled);
    let_go(first);
}

/* ---- being told --------------------------------------------------------------------
 */

static void
a_crowd_is_told_in_slices(void **state)
{
    struct waiter *crowd[1000];

    (void)state;
    serve_crowd(crowd, COUNT(crowd));
    for (size_t told = 64; told < COUNT(crowd); told += 64, turn()) {
        assert_done(crowd[told - 1]);
        assert_int_equal(crowd[told]->record.state, STATE_PENDING);
        assert_int_equal(crowd[told]->place, WAITER_SERVED);
    }
    assert_done(crowd[COUNT(crowd) - 1]);
    assert_int_equal(crowd[999]->record.finished_ns, now());
    let_crowd_go(crowd, COUNT(crowd));
}

static void
a_slice_lets_others_have_their_turn(void **state)
{
    struct waiter *crowd[200];

    (void)state;
    serve_crowd(crowd, COUNT(crowd));
    assert_int_equal(timers_fire(&world.registry.timers, now(), SIZE_MAX), 1);
    assert_done(crowd[127]);
    assert_int_equal(crowd[128]->place, WAITER_SERVED);
    let_crowd_go(crowd, COUNT(crowd));
    world_run(&world, 0);
}

/* Of another object: it does not stand behind the crowd. */
static void
a_crowd_holds_up_nobody_elsewhere(void **state)
{
    struct waiter *crowd[300];

    (void)state;
    serve_crowd(crowd, COUNT(crowd));
    struct waiter *other = join("other", 0);
    assert_int_equal(serve_all("other"), 1);
    turn();
    assert_done(other);
    assert_int_equal(crowd[127]->place, WAITER_SERVED);
    assert_done(crowd[126]);
    world_run(&world, 0);
    let_go(other);
    let_crowd_go(crowd, COUNT(crowd));
}

/* The loop is late: both are told after the time that the leases were to last. */
static void
a_lease_lasts_from_when_it_is_told(void **state)
{
    struct waiter *crowd[65];
    struct semaphore_waiter *waiters[2];
    struct semaphore *semaphore;

    (void)state;
    serve_crowd(crowd, COUNT(crowd));
    assert_int_equal(semaphore_need(&world.registry, "s", &semaphore), OK);
    for (size_t i = 0; i < 2; i++) {
        struct semaphore_plan plan = {
            .waiter = patience(0), .limit = 2, .ttl_ns = NS_PER_SECOND};

        assert_int_equal(semaphore_acquire(semaphore, &plan, now(), &waiters[i]), OK);
    }
    world.clock.now_ns = at(5);
    world_run(&world, 5);
    for (size_t i = 0; i < 2; i++) {
        assert_done(&waiters[i]->waiter);
        assert_non_null(waiters[i]->lease);
        let_go(&waiters[i]->waiter);
    }
    run_until_just_before(6);
    assert_int_equal(semaphore->held, 2);
    world_run(&world, 6);
    assert_int_equal(semaphore->held, 0);
    let_crowd_go(crowd, COUNT(crowd));
}

static void
who_is_served_later_is_told_later(void **state)
{
    struct waiter *crowd[65];

    (void)state;
    serve_crowd(crowd, COUNT(crowd));
    struct waiter *late = join("other", 0);
    assert_int_equal(serve_all("other"), 1);
    assert_int_equal(late->place, WAITER_SERVED);
    world_run(&world, 0);
    assert_done(crowd[64]);
    assert_done(late);
    let_go(late);
    let_crowd_go(crowd, COUNT(crowd));
}

/* It is there before its limit, though it is told in a later turn. */
static void
who_is_served_does_not_time_out_at_that_instant(void **state)
{
    struct waiter *crowd[100];

    (void)state;
    for (size_t i = 0; i < COUNT(crowd); i++)
        crowd[i] = join("crowd", 1);
    world.clock.now_ns = at(1);
    serve_all("crowd");
    world_run(&world, 1);
    for (size_t i = 0; i < COUNT(crowd); i++)
        assert_done(crowd[i]);
    let_crowd_go(crowd, COUNT(crowd));
}

/* The loop is late: its slices come after the timeouts of those it has yet to tell. */
static void
who_is_served_in_time_is_not_late(void **state)
{
    struct waiter *crowd[1000];

    (void)state;
    for (size_t i = 0; i < COUNT(crowd); i++)
        crowd[i] = join("crowd", 1);
    run_until_just_before(1);
    assert_int_equal(serve_all("crowd"), COUNT(crowd));
    world.clock.now_ns = at(2);
    for (size_t i = 0; i < COUNT(crowd); i++)
        turn();
    for (size_t i = 0; i < COUNT(crowd); i++)
        assert_done(crowd[i]);
    let_crowd_go(crowd, COUNT(crowd));
}

/* While a crowd is told, a permit and an item are on their way to somebody. */
static void
who_is_cancelled_before_it_is_told_gives_back(void **state)
{
    struct waiter *crowd[65];
    struct semaphore_waiter *acquirers[2];
    struct queue_waiter *getters[2], *putter;
    struct semaphore *semaphore;
    struct queue *queue;

    (void)state;
    serve_crowd(crowd, COUNT(crowd));
    assert_int_equal(semaphore_need(&world.registry, "s", &semaphore), OK);
    assert_int_equal(queue_need(&world.registry, "q", &queue), OK);
    for (size_t i = 0; i < 2; i++) {
        struct semaphore_plan acquire = {.waiter = patience(0), .ttl_ns = 1000};
        struct queue_plan get = {.waiter = patience(0)};

        assert_int_equal(semaphore_acquire(semaphore, &acquire, now(), &acquirers[i]),
                         OK);
        assert_int_equal(queue_get(queue, &get, now(), &getters[i]), OK);
    }
    struct queue_plan put = {.waiter = patience(0), .item = blob_of("one")};
    assert_int_equal(queue_put(queue, &put, now(), &putter), OK);
    assert_int_equal(acquirers[0]->waiter.place, WAITER_SERVED);
    assert_int_equal(getters[0]->waiter.place, WAITER_SERVED);
    cancel(&acquirers[0]->waiter);
    cancel(&getters[0]->waiter);
    assert_int_equal(acquirers[1]->waiter.place, WAITER_SERVED);
    assert_int_equal(getters[1]->waiter.place, WAITER_SERVED);
    world_run(&world, 0);
    assert_done(&acquirers[1]->waiter);
    assert_int_equal(acquirers[1]->token, 2);
    assert_reads(getters[1]->item, "one");
    assert_int_equal(semaphore->held, 1);
    for (size_t i = 0; i < 2; i++) {
        let_go(&acquirers[i]->waiter);
        let_go(&getters[i]->waiter);
    }
    let_go(&putter->waiter);
    let_crowd_go(crowd, COUNT(crowd));
}

static void
a_put_that_is_cancelled_before_it_is_told_has_not_put(void **state)
{
    struct waiter *crowd[65];
    struct queue_waiter *first, *second;
    struct queue *queue;

    (void)state;
    serve_crowd(crowd, COUNT(crowd));
    assert_int_equal(queue_need(&world.registry, "q", &queue), OK);
    struct queue_plan put = {.waiter = patience(0), .has_maxsize = true, .maxsize = 1};
    put.item = blob_of("one");
    assert_int_equal(queue_put(queue, &put, now(), &first), OK);
    put.item = blob_of("two");
    assert_int_equal(queue_put(queue, &put, now(), &second), OK);
    assert_waits(&second->waiter);
    cancel(&first->waiter);
    assert_int_equal(queue->size, 1);
    assert_reads(TAILQ_FIRST(&queue->items), "two");
    world_run(&world, 0);
    assert_done(&second->waiter);
    let_go(&first->waiter);
    let_go(&second->waiter);
    let_crowd_go(crowd, COUNT(crowd));
}

/* Who is told that it was cancelled would put it again. */
static void
a_put_whose_item_has_gone_on_cannot_be_cancelled(void **state)
{
    struct waiter *crowd[65];
    struct queue_waiter *putters[2], *getters[2];
    struct queue *queue;

    (void)state;
    serve_crowd(crowd, COUNT(crowd));
    assert_int_equal(queue_need(&world.registry, "q", &queue), OK);
    for (size_t i = 0; i < 2; i++) {
        struct queue_plan put = {.waiter = patience(0), .item = blob_of("one")};
        struct queue_plan get = {.waiter = patience(0)};

        assert_int_equal(queue_put(queue, &put, now(), &putters[i]), OK);
        assert_int_equal(queue_get(queue, &get, now(), &getters[i]), OK);
        assert_int_equal(putters[i]->waiter.place, WAITER_SERVED);
        assert_int_equal(getters[i]->waiter.place, WAITER_SERVED);
    }
    cancel(&getters[0]->waiter); /* what it would have got is there again */
    cancel(&putters[0]->waiter);
    assert_int_equal(queue->size, 0);
    assert_false(record_cancel(&putters[1]->waiter.record, REASON_CANCEL, now()));
    assert_done(&putters[1]->waiter);
    assert_int_equal(putters[1]->waiter.record.reason, REASON_NONE);
    world_run(&world, 0);
    assert_done(&getters[1]->waiter);
    assert_reads(getters[1]->item, "one");
    for (size_t i = 0; i < 2; i++) {
        let_go(&putters[i]->waiter);
        let_go(&getters[i]->waiter);
    }
    let_crowd_go(crowd, COUNT(crowd));
}

/* Whether it would hold the lease by its connection, or take it with it. */
static void
who_has_a_lease_and_is_not_told_is_cancelled_with_its_semaphore(void **state)
{
    struct waiter *crowd[65];
    struct semaphore_waiter *holders[2];
    struct semaphore *semaphore;

    (void)state;
    serve_crowd(crowd, COUNT(crowd));
    assert_int_equal(semaphore_need(&world.registry, "s", &semaphore), OK);
    for (int i = 0; i < 2; i++) {
        struct semaphore_plan plan = {
            .waiter = patience(0), .limit = 2, .ttl_ns = i * NS_PER_SECOND};

        assert_int_equal(semaphore_acquire(semaphore, &plan, now(), &holders[i]), OK);
        assert_int_equal(holders[i]->waiter.place, WAITER_SERVED);
    }
    assert_int_equal(object_delete(&semaphore->object, now()), 2);
    world_run(&world, 0);
    for (int i = 0; i < 2; i++) {
        assert_cancelled(&holders[i]->waiter, REASON_CANCEL);
        assert_null(holders[i]->lease);
        let_go(&holders[i]->waiter);
    }
    let_crowd_go(crowd, COUNT(crowd));
}

/* ---- the end of all ----------------------------------------------------------------
 */

/* In the line, watching, served, told: whatever they are, they end, and nothing that
 * they give back counts. */
static void
start_all_places(struct waiter **crowd, size_t count)
{
    serve_crowd(crowd, count);
    crowd[count] = join("crowd", 5);
    crowd[count + 1] = watch("crowd", 9, 5);
    assert_int_equal(crowd[count - 1]->place, WAITER_SERVED);
}

static void
a_reset_ends_all_who_wait(void **state)
{
    struct waiter *crowd[102];

    (void)state;
    start_all_places(crowd, 100);
    struct registry_swept swept = registry_reset(&world.registry, now());
    assert_int_equal(swept.removed, 102);
    assert_int_equal(swept.cancelled, 38);
    assert_done(crowd[63]);
    for (size_t i = 64; i < 102; i++)
        assert_cancelled(crowd[i], REASON_RESET);
    assert_int_equal(objects_in_use(), 0);
    world_run(&world, 10);
    for (size_t i = 0; i < 102; i++)
        lose(crowd[i]);
}

static void
a_drain_ends_all_who_wait(void **state)
{
    struct waiter *crowd[102];

    (void)state;
    start_all_places(crowd, 100);
    registry_cancel_all(&world.registry, REASON_DRAIN, now());
    for (size_t i = 64; i < 102; i++)
        assert_cancelled(crowd[i], REASON_DRAIN);
    assert_int_equal(objects_in_use(), 0);
    for (size_t i = 0; i < 102; i++)
        lose(crowd[i]);
}

/* A watch that cancels another record when it hears: the loser of a race. */
struct rival {
    struct watch watch;
    struct record *other;
};

static void
on_change(struct watch *watch, int64_t now_ns)
{
    record_cancel(CONTAINER_OF(watch, struct rival, watch)->other, REASON_CANCEL,
                  now_ns);
}

/* The permit of the first goes to the second, who is told at once and cancels the
 * first. */
static void
what_a_cancelled_record_gives_up_may_cancel_it(void **state)
{
    struct semaphore_plan plan = {.waiter = patience(0)};
    struct semaphore_waiter *first, *second;
    struct semaphore *semaphore;
    struct rival rival;

    (void)state;
    assert_int_equal(semaphore_need(&world.registry, "s", &semaphore), OK);
    assert_int_equal(semaphore_acquire(semaphore, &plan, now(), &first), OK);
    assert_int_equal(semaphore_acquire(semaphore, &plan, now(), &second), OK);
    rival = (struct rival){.watch.changed = on_change, .other = &first->waiter.record};
    watches_watch(&second->waiter.record.watches, &rival.watch);
    assert_true(record_cancel(&first->waiter.record, REASON_TIMEOUT, now()));
    assert_cancelled(&first->waiter, REASON_CANCEL);
    assert_int_equal(second->waiter.place, WAITER_HOLDING);
    assert_int_equal(world.registry.waits, 1);
    watch_stop(&rival.watch);
    let_go(&first->waiter);
    let_go(&second->waiter);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unused_object_goes_after_the_idle_ttl),
        TEST(each_use_keeps_an_object),
        TEST(the_end_of_a_wait_is_a_use),
        TEST(who_waits_or_watches_or_holds_keeps_an_object),
        TEST(names_of_different_kinds_are_different_objects),
        TEST(too_many_objects_are_refused),
        TEST(too_many_waits_are_refused),
        TEST(who_waits_at_a_forgotten_object_waits_on),
        TEST(the_timeout_counts_from_the_beginning_of_the_request),
        TEST(a_waiter_is_told_from_other_records),
        TEST(one_that_is_fired_early_has_timed_out),
        TEST(one_that_was_told_why_not_has_failed),
        TEST(who_watches_waits_for_so_many_in_the_line),
        TEST(whoever_watches_may_leave),
        TEST(a_crowd_is_told_in_slices),
        TEST(a_slice_lets_others_have_their_turn),
        TEST(a_crowd_holds_up_nobody_elsewhere),
        TEST(a_lease_lasts_from_when_it_is_told),
        TEST(who_is_served_later_is_told_later),
        TEST(who_is_served_does_not_time_out_at_that_instant),
        TEST(who_is_served_in_time_is_not_late),
        TEST(who_is_cancelled_before_it_is_told_gives_back),
        TEST(a_put_that_is_cancelled_before_it_is_told_has_not_put),
        TEST(a_put_whose_item_has_gone_on_cannot_be_cancelled),
        TEST(who_has_a_lease_and_is_not_told_is_cancelled_with_its_semaphore),
        TEST(a_reset_ends_all_who_wait),
        TEST(a_drain_ends_all_who_wait),
        TEST(what_a_cancelled_record_gives_up_may_cancel_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

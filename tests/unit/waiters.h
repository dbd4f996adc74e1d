/* waiters.h: what the tests of the coordination objects have in common. After
 * each_world.h, of which it is a part. */
#pragma once

#include "async/blob.h"
#include "async/waitlist.h"

static inline int64_t
now(void)
{
    return world.clock.now_ns;
}

/* Of a waiter that gives up after so many seconds; 0: never. */
static inline struct waiter_plan
patience(double seconds)
{
    return (struct waiter_plan){
        .timeout_ns = seconds > 0 ? seconds_to_ns(seconds) : NO_TIMEOUT,
        .start_ns = now(),
    };
}

static inline void
assert_waits(const struct waiter *waiter)
{
    assert_int_equal(waiter->record.state, STATE_PENDING);
    assert_int_equal(waiter->place, WAITER_IN_LINE);
}

static inline void
assert_done(const struct waiter *waiter)
{
    assert_int_equal(waiter->record.state, STATE_DONE);
}

static inline void
assert_failed(const struct waiter *waiter, enum error error)
{
    assert_int_equal(waiter->record.state, STATE_FAILED);
    assert_int_equal(waiter->outcome, error);
}

static inline void
assert_cancelled(const struct waiter *waiter, enum cancel_reason reason)
{
    assert_int_equal(waiter->record.state, STATE_CANCELLED);
    assert_int_equal(waiter->record.reason, reason);
}

static inline void
cancel(struct waiter *waiter)
{
    assert_true(record_cancel(&waiter->record, REASON_CANCEL, now()));
}

/* Its client has the answer, or has left before it was there. */
static inline void
let_go(struct waiter *waiter)
{
    record_disown(&waiter->record, now());
}

/* Its client has left, and an answer that was there has not reached it. */
static inline void
lose(struct waiter *waiter)
{
    waiter_undelivered(waiter, now());
    let_go(waiter);
}

/* To the last ns before that moment of the story. */
static inline void
run_until_just_before(double seconds)
{
    manual_clock_run(&world.clock, &world.registry.timers, at(seconds) - 1);
}

/* All that is due now, one slice at most. */
static inline void
turn(void)
{
    timers_fire(&world.registry.timers, now(), SIZE_MAX);
}

static inline struct blob *
blob_of(const char *text)
{
    struct blob *blob = NULL;

    assert_int_equal(blob_new(&world.registry, text, strlen(text), NULL, &blob), OK);
    return blob;
}

static inline void
assert_reads(const struct blob *blob, const char *text)
{
    assert_non_null(blob);
    assert_int_equal(blob->size, strlen(text));
    assert_memory_equal(blob->bytes, text, strlen(text));
}

static inline size_t
objects_in_use(void)
{
    return atomic_load(&world.registry.peers->objects.used);
}

static inline size_t
bytes_in_use(void)
{
    return atomic_load(&world.registry.peers->object_bytes.used);
}

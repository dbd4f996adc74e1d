/*
 * timers.h: deadlines in order. A 4-ary heap (Johnson, 1975) over an array; its key is
 * the deadline, then the rank, then the order of starting. It knows no clock and never
 * sleeps: its owner asks for the next deadline and fires what is due. One thread.
 */
#pragma once

#include "base/error.h"
#include "base/histogram.h"

#include <stdbool.h>

/* At one instant results come before limits: a wait that ends when its timeout does has
 * ended well. Upkeep is what nobody waits for: it tidies up, or only says that it is
 * there. */
enum timer_rank { TIMER_RESULT, TIMER_LIMIT, TIMER_UPKEEP = 2 };

/* Embedded in what it times; zeroed at first. `fire` may start and stop any timer, this
 * one too, and may free what holds it. */
struct timer {
    void (*fire)(struct timer *timer, int64_t now_ns);
    int64_t deadline_ns; /* valid while it runs, and within fire */
    size_t place;        /* in the heap, from 1; 0: it does not run */
};

struct timers {
    struct timers_entry *heap; /* owned */
    size_t count, capacity;
    size_t idle;               /* of them: upkeep, or at the end of time */
    uint64_t started;          /* so many so far */
    uint64_t reached;          /* times that clients asked for, and that have come */
    struct histogram lateness; /* of the waits that ended by themselves */
    bool yielding;             /* timers_fire stops after the timer that it fires */
};

/* Starts the timer; one that runs is moved. Fails (out of memory, and nothing changed)
 * only where the timer did not run and more run than ever before: so a timer that
 * starts itself again at the beginning of its `fire` cannot fail. */
MUST_USE enum error timers_start(struct timers *timers, struct timer *timer,
                                 enum timer_rank rank, int64_t deadline_ns);

/* For a timer that does not run: nothing. */
void timers_stop(struct timers *timers, struct timer *timer);

static inline bool
timer_runs(const struct timer *timer)
{
    return timer->place != 0;
}

/* The nearest deadline; INT64_MAX where nothing runs. */
int64_t timers_next(const struct timers *timers);

/* Whether somebody waits for one that will come: what moves a clock that jumps. */
static inline bool
timers_drive(const struct timers *timers)
{
    return timers->count > timers->idle;
}

/* A wait has ended by itself, so late. */
void timers_count_wait(struct timers *timers, int64_t late_ns);

/* Whose it is; NULL where nothing runs. */
struct timer *timers_first(const struct timers *timers);

/* Fires what is due at `now_ns`, in order, what is started on the way too, but at most
 * `budget` of them, and nothing more after one that yields. Returns how many. */
size_t timers_fire(struct timers *timers, int64_t now_ns, size_t budget);

/* That time, or now where it is past: a `fire` that has more to do than one turn's work
 * starts itself again then, behind what is due by now. */
static inline int64_t
timers_not_past(int64_t at_ns, int64_t now_ns)
{
    return at_ns > now_ns ? at_ns : now_ns;
}

/* For a `fire` that has done a turn's work and is due again: others' input and output
 * come first. */
void timers_yield(struct timers *timers);

/* Frees the heap. Timers that run are forgotten and not touched. */
void timers_free(struct timers *timers);

#include "async/timers.h"

#include <stdlib.h>

enum { ARITY = 4, FIRST_CAPACITY = 64 };

struct timers_entry {
    int64_t deadline_ns;
    uint64_t order; /* rank in the highest bits, then the order of starting; the highest
                       is that of upkeep, and of what stands at the end of time */
    struct timer *timer;
};

enum { RANK_SHIFT = 62 };
_Static_assert(TIMER_UPKEEP == 2, "it sets the highest bit");

static size_t
is_idle(const struct timers_entry *entry)
{
    return entry->order >> 63;
}

static bool
sooner(const struct timers_entry *a, const struct timers_entry *b)
{
    if (a->deadline_ns != b->deadline_ns)
        return a->deadline_ns < b->deadline_ns;
    return a->order < b->order;
}

static void
put(struct timers *timers, size_t at, struct timers_entry entry)
{
    timers->heap[at] = entry;
    entry.timer->place = at + 1;
}

static void
rise(struct timers *timers, size_t at, struct timers_entry entry)
{
    while (at > 0) {
        size_t parent = (at - 1) / ARITY;

        if (!sooner(&entry, &timers->heap[parent]))
            break;
        put(timers, at, timers->heap[parent]);
        at = parent;
    }
    put(timers, at, entry);
}

static size_t
soonest_child(const struct timers *timers, size_t at)
{
    size_t best = at * ARITY + 1;
    size_t end = best + ARITY < timers->count ? best + ARITY : timers->count;

    for (size_t child = best + 1; child < end; child++)
        if (sooner(&timers->heap[child], &timers->heap[best]))
            best = child;
    return best;
}

static void
sink(struct timers *timers, size_t at, struct timers_entry entry)
{
    while (at * ARITY + 1 < timers->count) {
        size_t child = soonest_child(timers, at);

        if (!sooner(&timers->heap[child], &entry))
            break;
        put(timers, at, timers->heap[child]);
        at = child;
    }
    put(timers, at, entry);
}

static enum error
reserve(struct timers *timers)
{
    if (timers->count < timers->capacity)
        return OK;
    size_t capacity = timers->capacity ? timers->capacity * 2 : FIRST_CAPACITY;
    void *heap = realloc(timers->heap, capacity * sizeof *timers->heap);

    if (heap == NULL)
        return ERROR_OUT_OF_MEMORY;
    timers->heap = heap;
    timers->capacity = capacity;
    return OK;
}

enum error
timers_start(struct timers *timers, struct timer *timer, enum timer_rank rank,
             int64_t deadline_ns)
{
    timers_stop(timers, timer);
    enum error error = reserve(timers);
    if (error)
        return error;

    timer->deadline_ns = deadline_ns;
    struct timers_entry entry = {
        .deadline_ns = deadline_ns,
        .order = (uint64_t)(deadline_ns == INT64_MAX) << 63
                 | (uint64_t)rank << RANK_SHIFT | timers->started++,
        .timer = timer,
    };
    timers->idle += is_idle(&entry);
    rise(timers, timers->count++, entry);
    return OK;
}

void
timers_stop(struct timers *timers, struct timer *timer)
{
    if (!timer_runs(timer))
        return;
    size_t at = timer->place - 1;
    struct timers_entry last = timers->heap[timers->count - 1];

    timers->idle -= is_idle(&timers->heap[at]);
    timers->count--;
    timer->place = 0;
    if (last.timer == timer)
        return;
    if (at > 0 && sooner(&last, &timers->heap[(at - 1) / ARITY]))
        rise(timers, at, last);
    else
        sink(timers, at, last);
}

int64_t
timers_next(const struct timers *timers)
{
    return timers->count ? timers->heap[0].deadline_ns : INT64_MAX;
}

struct timer *
timers_first(const struct timers *timers)
{
    return timers->count ? timers->heap[0].timer : NULL;
}

size_t
timers_fire(struct timers *timers, int64_t now_ns, size_t budget)
{
    size_t fired = 0;

    timers->yielding = false;
    while (fired < budget && !timers->yielding && timers->count > 0
           && timers_next(timers) <= now_ns) {
        struct timer *timer = timers->heap[0].timer;

        timers_stop(timers, timer);
        timer->fire(timer, now_ns);
        fired++;
    }
    return fired;
}

void
timers_count_wait(struct timers *timers, int64_t late_ns)
{
    histogram_add(&timers->lateness, late_ns);
    timers->reached++;
}

void
timers_yield(struct timers *timers)
{
    timers->yielding = true;
}

void
timers_free(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

/* manual_clock.h: a clock that stands still until a test moves it. */
#pragma once

#include "async/timers.h"
#include "base/clock.h"

/* When every story begins. */
enum { MANUAL_CLOCK_WALL_SECONDS = 1700000000 };
static const int64_t MANUAL_CLOCK_START_NS = 5 * NS_PER_SECOND + 123456789;

static inline struct manual_clock
manual_clock(void)
{
    return manual_clock_at(MANUAL_CLOCK_START_NS,
                           MANUAL_CLOCK_WALL_SECONDS * NS_PER_SECOND);
}

/* Fires all that is due at this very moment. */
static inline void
manual_clock_fire(struct manual_clock *clock, struct timers *timers)
{
    while (timers_next(timers) <= clock->now_ns)
        timers_fire(timers, clock->now_ns, SIZE_MAX);
}

/* Steps from deadline to deadline up to that time, and stays there. */
static inline void
manual_clock_run(struct manual_clock *clock, struct timers *timers, int64_t until_ns)
{
    for (;;) {
        manual_clock_fire(clock, timers);
        if (timers_next(timers) > until_ns)
            break;
        clock->now_ns = timers_next(timers);
    }
    clock->now_ns = until_ns;
}

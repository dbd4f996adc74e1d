/*
 * clock.h: where time comes from. A clock is an argument, so that tests drive it; the
 * system's clock is read here and nowhere else.
 */
#pragma once

#include "base/base.h"

struct clock {
    int64_t (*monotonic_ns)(const struct clock *clock); /* never goes back */
    int64_t (*wall_ns)(const struct clock *clock); /* since 1970, for display only */
};

/* CLOCK_MONOTONIC and CLOCK_REALTIME. */
extern const struct clock clock_system;

static inline int64_t
clock_now(const struct clock *clock)
{
    return clock->monotonic_ns(clock);
}

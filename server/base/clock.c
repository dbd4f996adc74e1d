#include "base/clock.h"

#include <assert.h>
#include <time.h>

static int64_t
read_ns(clockid_t id)
{
    struct timespec now;
    int failed = clock_gettime(id, &now);

    assert(!failed);
    (void)failed;
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static int64_t
monotonic_ns(const struct clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_MONOTONIC);
}

static int64_t
wall_ns(const struct clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_REALTIME);
}

const struct clock clock_system = {
    .monotonic_ns = monotonic_ns,
    .wall_ns = wall_ns,
};

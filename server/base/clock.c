#include "base/clock.h"

#include <assert.h>
#include <math.h>
#include <time.h>

/* ---- the system's ------------------------------------------------------------------
 */

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
system_monotonic_ns(const struct clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_MONOTONIC);
}

static int64_t
system_wall_ns(const struct clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_REALTIME);
}

static int64_t
system_due_ns(const struct clock *clock, int64_t at_ns)
{
    (void)clock;
    return at_ns;
}

const struct clock clock_system = {
    .monotonic_ns = system_monotonic_ns,
    .wall_ns = system_wall_ns,
    .due_ns = system_due_ns,
};

/* ---- one that is moved -------------------------------------------------------------
 */

static int64_t
manual_monotonic_ns(const struct clock *clock)
{
    return CONTAINER_OF(clock, const struct manual_clock, clock)->now_ns;
}

static int64_t
manual_wall_ns(const struct clock *clock)
{
    const struct manual_clock *manual =
        CONTAINER_OF(clock, const struct manual_clock, clock);

    return manual->now_ns + manual->wall_offset_ns;
}

/* What is due now is overdue in any time. */
static int64_t
manual_due_ns(const struct clock *clock, int64_t at_ns)
{
    return at_ns <= manual_monotonic_ns(clock) ? 0 : INT64_MAX;
}

struct manual_clock
manual_clock_at(int64_t now_ns, int64_t wall_ns)
{
    return (struct manual_clock){
        .clock = {.monotonic_ns = manual_monotonic_ns,
                  .wall_ns = manual_wall_ns,
                  .due_ns = manual_due_ns},
        .now_ns = now_ns,
        .wall_offset_ns = wall_ns - now_ns,
    };
}

/* ---- a faster or slower one --------------------------------------------------------
 */

/* Rounded down: it has not come to a time before that is over. */
static int64_t
own_ns(const struct scaled_clock *scaled)
{
    int64_t real_ns = clock_now(scaled->real) - scaled->real_start_ns;
    __int128 own = (__int128)real_ns * NS_PER_SECOND / scaled->billionths;

    return own < CLOCK_LIFE_NS ? (int64_t)own : CLOCK_LIFE_NS;
}

static int64_t
scaled_monotonic_ns(const struct clock *clock)
{
    return CLOCK_START_NS
           + own_ns(CONTAINER_OF(clock, const struct scaled_clock, clock));
}

static int64_t
scaled_wall_ns(const struct clock *clock)
{
    const struct scaled_clock *scaled =
        CONTAINER_OF(clock, const struct scaled_clock, clock);

    return scaled->wall_start_ns + own_ns(scaled);
}

static int64_t
scaled_due_ns(const struct clock *clock, int64_t at_ns)
{
    const struct scaled_clock *scaled =
        CONTAINER_OF(clock, const struct scaled_clock, clock);

    if (at_ns <= CLOCK_START_NS)
        return scaled->real_start_ns;
    if (at_ns > CLOCK_END_NS)
        return INT64_MAX;
    __int128 billionths = (__int128)(at_ns - CLOCK_START_NS) * scaled->billionths;
    __int128 real_ns = (billionths + NS_PER_SECOND - 1) / NS_PER_SECOND;
    __int128 due_ns = scaled->real_start_ns + real_ns;

    return due_ns < INT64_MAX ? (int64_t)due_ns : INT64_MAX;
}

struct scaled_clock
scaled_clock_from(const struct clock *real, double scale)
{
    assert(scale >= CLOCK_SCALE_MIN && scale <= CLOCK_SCALE_MAX);
    return (struct scaled_clock){
        .clock = {.monotonic_ns = scaled_monotonic_ns,
                  .wall_ns = scaled_wall_ns,
                  .due_ns = scaled_due_ns},
        .real = real,
        .real_start_ns = clock_now(real),
        .wall_start_ns = real->wall_ns(real),
        .billionths = llround(scale * 1e9),
    };
}

/* ---- the one that was asked for ----------------------------------------------------
 */

void
asked_clock_open(struct asked_clock *asked, enum clock_mode mode, double scale)
{
    const struct clock *real = &clock_system;

    *asked = (struct asked_clock){.mode = mode, .scale = scale, .clock = real};
    if (clock_mode_is_moved(mode)) {
        asked->manual = manual_clock_at(CLOCK_START_NS, real->wall_ns(real));
        asked->clock = &asked->manual.clock;
    } else if (scale != 1) {
        asked->scaled = scaled_clock_from(real, scale);
        asked->clock = &asked->scaled.clock;
    }
    asked->start_ns = clock_now(asked->clock);
}

/*
 * clock.h: where time comes from. A clock is an argument, so that tests drive it, and
 * so that the time that clients ask for need not be that of the machine; the system's
 * clock is read here and nowhere else.
 */
#pragma once

#include "base/base.h"

#include <stdbool.h>

struct clock {
    int64_t (*monotonic_ns)(const struct clock *clock); /* never goes back */
    int64_t (*wall_ns)(const struct clock *clock); /* since 1970, for display only */
    /* When it comes to `at_ns`, on CLOCK_MONOTONIC, rounded up; INT64_MAX: not by
     * itself. */
    int64_t (*due_ns)(const struct clock *clock, int64_t at_ns);
};

/* CLOCK_MONOTONIC and CLOCK_REALTIME. */
extern const struct clock clock_system;

static inline int64_t
clock_now(const struct clock *clock)
{
    return clock->monotonic_ns(clock);
}

static inline int64_t
clock_due(const struct clock *clock, int64_t at_ns)
{
    return clock->due_ns(clock, at_ns);
}

/*
 * The clocks below begin at CLOCK_START_NS, and with the wall time of that moment; 0 is
 * no time. None goes beyond CLOCK_END_NS, 140 years later, so that as much again can be
 * added to every time.
 */
#define CLOCK_LIFE_NS INT64_C(4415040000000000000) /* 140 years of 365 days */
#define CLOCK_START_NS NS_PER_SECOND
#define CLOCK_END_NS (CLOCK_START_NS + CLOCK_LIFE_NS)

/* Stands still until its owner moves now_ns. One thread. */
struct manual_clock {
    struct clock clock;
    int64_t now_ns;
    int64_t wall_offset_ns; /* what the wall time is ahead of it */
};

struct manual_clock manual_clock_at(int64_t now_ns, int64_t wall_ns);

/* Takes `scale` seconds of `real` for each of its own. Reading it changes nothing: any
 * thread. */
struct scaled_clock {
    struct clock clock;
    const struct clock *real;
    int64_t real_start_ns;
    int64_t wall_start_ns;
    int64_t billionths; /* of a real second: how long its own is */
};

/* 0.001 … 1000, to the nearest billionth. */
#define CLOCK_SCALE_MIN 0.001
#define CLOCK_SCALE_MAX 1000.0
struct scaled_clock scaled_clock_from(const struct clock *real, double scale);

/* The clock of the time that clients ask for, as the program was told. */
enum clock_mode {
    CLOCK_REAL,    /* follows the system's, scaled or not */
    CLOCK_JUMPING, /* scale 0: goes to the next deadline as soon as nothing is to do */
    CLOCK_MANUAL,  /* goes where it is told to */
};
struct asked_clock {
    enum clock_mode mode;
    double scale;              /* real seconds for one of its own */
    int64_t start_ns;          /* when it was opened */
    const struct clock *clock; /* the system's, or one of these: */
    struct scaled_clock scaled;
    struct manual_clock manual; /* where it jumps, too */
};

/* Whether such a clock is moved, by the one worker that then is. */
static inline bool
clock_mode_is_moved(enum clock_mode mode)
{
    return mode != CLOCK_REAL;
}

/* `asked` stays where it is while its clock is used. The scale, within the limits,
 * matters to CLOCK_REAL alone. */
void asked_clock_open(struct asked_clock *asked, enum clock_mode mode, double scale);

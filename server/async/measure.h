/*
 * measure.h: the same n waits in several ways at once, side by side, each of them
 * really waited: all together, one after another, at most k at a time.
 */
#pragma once

#include "async/batch.h"
#include "async/record.h"

struct measure_part {
    size_t limit;        /* 0: concurrent, 1: sequential, k: at most k at once */
    size_t done;         /* so many of the n have ended */
    struct batch *batch; /* NULL when all have, or it was stopped */
    int64_t total_ns;    /* valid when all have */
    struct measure *measure;
};

struct measure {
    struct record record; /* KIND_MEASURE */
    struct delay_spec spec;
    size_t n;
    bool dry;
    size_t running; /* parts that have not ended */
    size_t
        modes; /* parts[0 … modes-1] are what `mode` asked for, the rest is the list */
    size_t count;
    struct measure_part parts[];
};

struct measure_plan {
    const char *label;
    struct delay_spec spec; /* fixed or seeded */
    size_t n;               /* > 0 */
    int64_t timeout_ns;     /* or NO_TIMEOUT */
    int64_t start_ns;
    bool dry;     /* nothing is waited for: the totals are what the delays say */
    size_t modes; /* kept in the measure */
    size_t count; /* of limits, > 0 */
    const size_t *limits;
};

/* Starts all parts. The caller holds *out. Errors: too-many-waits, out-of-memory. */
MUST_USE enum error
measure_start(struct registry *registry, const struct measure_plan *plan,
              struct measure **out);

/* NULL where the record is of another kind. */
struct measure *measure_of(struct record *record);

/* How many of the n have ended in every part. */
size_t measure_done(const struct measure *measure);

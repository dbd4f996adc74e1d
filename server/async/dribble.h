/*
 * dribble.h: when the pieces of a body leave that comes over a delay: the i-th of k
 * (from 1) at delay * i / k, the last with the end of the delay. With a jitter j each
 * but the last is moved by a random share of the distance between two: delay * (i + j *
 * (u - 0.5)) / k, 0 <= u < 1, so that they keep their order. With a seed the i-th u is
 * the value number i + 1 of random.Random(seed + 2**63).random(); the first says
 * whether the wait fails (faults.h).
 */
#pragma once

#include "async/delays.h"

struct dribble_plan {
    size_t chunks; /* 1 or more */
    double jitter; /* 0 … 1 */
};

/* Its random numbers come from the seed of the delays, or from the fast generator,
 * which then outlives it. NULL: out of memory. */
struct dribble *dribble_new(const struct dribble_plan *plan,
                            const struct delay_spec *delays, struct fastrand *fastrand);
void dribble_free(struct dribble *dribble); /* NULL: nothing */

/* How many bytes of a body of that size (at most 1 GiB) have come: with i pieces size *
 * i / k, rounded down. The last piece is left to the end. */
uint64_t dribble_bytes(const struct dribble *dribble, uint64_t size);

/* Whether there is another one, but for the last: *after_ns is when it comes, if the
 * delay is that long. */
MUST_USE bool
dribble_next(const struct dribble *dribble, double delay, int64_t *after_ns);

/* It has come. */
void dribble_take(struct dribble *dribble);

/*
 * histogram.h: how often a duration fell into which bucket, as Prometheus counts: the
 * bounds are 50 µs to 1 s in steps of 1, 2, 5.
 */
#pragma once

#include "base/base.h"

enum { HISTOGRAM_BOUNDS = 14 };

/* Upper bounds in ns, rising; what is above the last falls into a bucket of its own. */
extern const int64_t histogram_bounds_ns[HISTOGRAM_BOUNDS];

struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS + 1];
    int64_t sum_ns;
};

void histogram_add(struct histogram *histogram, int64_t ns);

/*
 * histogram.h: durations in nanoseconds, counted in log-linear buckets (as HDR
 * histograms are): 128 to each power of two, so that a quantile is at most 0.8 % off,
 * at any size.
 *
 * Durations below zero are what this benchmark is about: they are counted exactly, and
 * the lowest is kept.
 */
#pragma once

#include <stdint.h>

enum { HISTOGRAM_SUB_BITS = 7, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS) << 7 };

struct histogram {
    uint64_t above[HISTOGRAM_BUCKETS]; /* zero and more */
    uint64_t below[HISTOGRAM_BUCKETS]; /* less than zero, by size */
    uint64_t count;
    uint64_t negative;
    int64_t min, max;
    double sum;
};

void histogram_add(struct histogram *histogram, int64_t value_ns);

/* The value that the share q (0 … 1) of all values does not exceed; 0 where there is
 * none. */
int64_t histogram_quantile(const struct histogram *histogram, double q);

double histogram_mean(const struct histogram *histogram);

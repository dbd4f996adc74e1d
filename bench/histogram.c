#include "histogram.h"

#include <math.h>
#include <stddef.h>

enum { SUB = 1 << HISTOGRAM_SUB_BITS };

/* The first 128 values have a bucket each; then each power of two has 128. */
static size_t
bucket_of(uint64_t value)
{
    if (value < SUB)
        return (size_t)value;
    unsigned shift = 63 - HISTOGRAM_SUB_BITS - (unsigned)__builtin_clzll(value);

    return ((size_t)shift << HISTOGRAM_SUB_BITS) + (size_t)(value >> shift);
}

/* The middle of the bucket. */
static int64_t
value_of(size_t bucket)
{
    if (bucket < 2 * SUB)
        return (int64_t)bucket;
    unsigned shift = (unsigned)(bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t lowest = (uint64_t)(SUB + bucket % SUB) << shift;

    return (int64_t)(lowest + (((uint64_t)1 << shift) >> 1));
}

void
histogram_add(struct histogram *histogram, int64_t value_ns)
{
    if (value_ns < 0) {
        histogram->below[bucket_of((uint64_t)-value_ns)]++;
        histogram->negative++;
    } else {
        histogram->above[bucket_of((uint64_t)value_ns)]++;
    }
    if (histogram->count == 0 || value_ns < histogram->min)
        histogram->min = value_ns;
    if (histogram->count == 0 || value_ns > histogram->max)
        histogram->max = value_ns;
    histogram->count++;
    histogram->sum += (double)value_ns;
}

int64_t
histogram_quantile(const struct histogram *histogram, double q)
{
    uint64_t rank = (uint64_t)ceil(q * (double)histogram->count);
    uint64_t seen = 0;

    if (rank == 0)
        return histogram->min;
    for (size_t i = HISTOGRAM_BUCKETS; i-- > 0;) {
        seen += histogram->below[i];
        if (seen >= rank)
            return -value_of(i);
    }
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->above[i];
        if (seen >= rank)
            return value_of(i);
    }
    return histogram->max;
}

double
histogram_mean(const struct histogram *histogram)
{
    return histogram->count ? histogram->sum / (double)histogram->count : 0;
}

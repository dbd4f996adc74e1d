#include "base/histogram.h"

const int64_t histogram_bounds_ns[HISTOGRAM_BOUNDS] = {
    50 * NS_PER_US,  100 * NS_PER_US,   200 * NS_PER_US, 500 * NS_PER_US,
    1 * NS_PER_MS,   2 * NS_PER_MS,     5 * NS_PER_MS,   10 * NS_PER_MS,
    20 * NS_PER_MS,  50 * NS_PER_MS,    100 * NS_PER_MS, 200 * NS_PER_MS,
    500 * NS_PER_MS, 1 * NS_PER_SECOND,
};

void
histogram_add(struct histogram *histogram, int64_t ns)
{
    size_t bucket = 0;

    while (bucket < HISTOGRAM_BOUNDS && ns > histogram_bounds_ns[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum_ns += ns;
}

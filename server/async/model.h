/*
 * model.h: how delays are distributed that are neither uniform nor fixed. Each draw
 * takes random numbers as CPython 3.11's Lib/random.py does:
 *
 *     normal       normalvariate(mean, stddev), by Kinderman and Monahan
 *     lognormal    lognormvariate(log(median), sigma)
 *     exponential  expovariate(1 / mean)
 *     choice       choices(values, weights)[0], bit for bit
 *     percentiles  the inverse of a distribution that is linear between its points, at
 *                  one random()
 *
 * What falls outside of the window is drawn again.
 */
#pragma once

#include "base/fastrand.h"
#include "base/mersenne.h"

#include <stdbool.h>

enum dist {
    DIST_UNIFORM, /* of struct delay_spec, as the next one */
    DIST_FIXED,
    DIST_NORMAL,
    DIST_LOGNORMAL,
    DIST_EXPONENTIAL,
    DIST_CHOICE,
    DIST_PERCENTILES,
    DIST_COUNT,
};

/* Of a choice: what is drawn below that sum of weights. Of percentiles: the value at
 * that probability. */
struct model_point {
    double seconds, until;
};

struct model {
    enum dist dist;
    double min, max; /* the window, in seconds, both inclusive */
    double inside;   /* how probable it is */
    double centre;   /* normal, exponential: the mean; lognormal: the median; > 0 */
    double spread;   /* normal: stddev; lognormal: sigma; > 0 */
    size_t count;
    const struct model_point *points; /* lent, with until rising; of percentiles the
                                         first at 0 and the last at 1 */
};

/* A window that is less probable is practically empty: it must not be drawn from. */
#define MODEL_LEAST_INSIDE 0.01

/* That of its window, exactly: for `inside`. */
double model_inside(const struct model *model);

/* Where random numbers come from: one of the two. */
struct model_random {
    struct mersenne *mersenne;
    struct fastrand *fastrand;
};

/* A delay in seconds, in the window. */
double model_draw(const struct model *model, const struct model_random *random);

/* Whether they draw the same; both may be NULL, which is equal to nothing else. */
bool model_equal(const struct model *a, const struct model *b);

/* One with points of its own; NULL: out of memory, or of none. */
struct model *model_copy(const struct model *model);
void model_free(struct model *model); /* such a copy, or NULL */

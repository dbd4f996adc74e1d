#include "async/model.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* At the least probable window that many tries fail once in 10^43. */
enum { TRIES = 10000 };

static double
next(const struct model_random *random)
{
    return random->mersenne ? mersenne_double(random->mersenne)
                            : fastrand_uniform(random->fastrand, 0, 1);
}

/* ---- as Lib/random.py --------------------------------------------------------------
 */

static double
normal(double mean, double stddev, const struct model_random *random)
{
    const double magic = 4 * exp(-0.5) / sqrt(2.0); /* NV_MAGICCONST */
    double z;

    for (;;) {
        double u1 = next(random);
        double u2 = 1.0 - next(random);

        z = magic * (u1 - 0.5) / u2;
        if (z * z / 4.0 <= -log(u2))
            break;
    }
    return mean + z * stddev;
}

/* bisect_right(points, random() * total), but never behind the last. */
static double
choice(const struct model *model, const struct model_random *random)
{
    size_t low = 0, high = model->count - 1;
    double at = next(random) * model->points[high].until;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (at < model->points[middle].until)
            high = middle;
        else
            low = middle + 1;
    }
    return model->points[low].seconds;
}

static double
percentile(const struct model *model, double at)
{
    const struct model_point *end = model->points + 1;

    while (at >= end->until && end->until < 1)
        end++;
    const struct model_point *begin = end - 1;
    /* Rounded, as mersenne_uniform does it. */
    volatile double rise = (end->seconds - begin->seconds)
                           * ((at - begin->until) / (end->until - begin->until));

    return begin->seconds + rise;
}

static double
draw(const struct model *model, const struct model_random *random)
{
    switch (model->dist) {
    case DIST_NORMAL: return normal(model->centre, model->spread, random);
    case DIST_LOGNORMAL: return exp(normal(log(model->centre), model->spread, random));
    case DIST_EXPONENTIAL: return -log(1.0 - next(random)) / (1.0 / model->centre);
    case DIST_CHOICE: return choice(model, random);
    case DIST_PERCENTILES: return percentile(model, next(random));
    default: assert(false); return 0;
    }
}

double
model_draw(const struct model *model, const struct model_random *random)
{
    double seconds = 0;

    for (int i = 0; i < TRIES; i++) {
        seconds = draw(model, random);
        if (seconds >= model->min && seconds <= model->max)
            return seconds + 0.0; /* no -0 */
    }
    return seconds < model->min ? model->min : model->max;
}

/* ---- how probable the window is ----------------------------------------------------
 */

/* Of the standard normal distribution, between the two; what both tails have in common
 * is never taken from 1. */
static double
normal_between(double low, double high)
{
    low /= sqrt(2.0);
    high /= sqrt(2.0);
    if (low > 0)
        return (erfc(low) - erfc(high)) / 2;
    if (high < 0)
        return (erfc(-high) - erfc(-low)) / 2;
    return (erf(high) - erf(low)) / 2;
}

static double
choice_inside(const struct model *model)
{
    double inside = 0, before = 0;

    for (size_t i = 0; i < model->count; i++) {
        const struct model_point *point = &model->points[i];

        if (point->seconds >= model->min && point->seconds <= model->max)
            inside += point->until - before;
        before = point->until;
    }
    return inside / before;
}

/* How probable it is that percentiles give no more than that. */
static double
percentiles_up_to(const struct model *model, double seconds)
{
    double probability = 0;

    for (size_t i = 1; i < model->count; i++) {
        const struct model_point *end = &model->points[i], *begin = end - 1;

        if (seconds >= end->seconds)
            probability = end->until;
        else if (seconds > begin->seconds)
            probability = begin->until
                          + (end->until - begin->until) * (seconds - begin->seconds)
                                / (end->seconds - begin->seconds);
    }
    return probability;
}

double
model_inside(const struct model *model)
{
    double min = model->min, max = model->max;
    double centre = model->centre, spread = model->spread;

    switch (model->dist) {
    case DIST_NORMAL:
        return normal_between((min - centre) / spread, (max - centre) / spread);
    case DIST_LOGNORMAL:
        return normal_between(log(min / centre) / spread, log(max / centre) / spread);
    case DIST_EXPONENTIAL: return -exp(-min / centre) * expm1(-(max - min) / centre);
    case DIST_CHOICE: return choice_inside(model);
    case DIST_PERCENTILES: return percentiles_up_to(model, max);
    default: return 1;
    }
}

/* ---- life --------------------------------------------------------------------------
 */

bool
model_equal(const struct model *a, const struct model *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->dist != b->dist || a->min != b->min || a->max != b->max
        || a->centre != b->centre || a->spread != b->spread || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->points[i].seconds != b->points[i].seconds
            || a->points[i].until != b->points[i].until)
            return false;
    return true;
}

struct model *
model_copy(const struct model *model)
{
    if (model == NULL)
        return NULL;
    size_t size = model->count * sizeof model->points[0];
    struct model *copy = malloc(sizeof *copy + size);
    if (copy == NULL)
        return NULL;
    *copy = *model;
    copy->points = (const struct model_point *)(copy + 1);
    if (size > 0)
        memcpy(copy + 1, model->points, size);
    return copy;
}

void
model_free(struct model *model)
{
    free(model);
}

#include "async/delays.h"

#include "base/mersenne.h"
#include "base/number.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { DRAWN_SEED_BITS = 53 }; /* a double of any JSON parser holds it */

bool
delay_spec_equal(const struct delay_spec *a, const struct delay_spec *b)
{
    return a->fixed == b->fixed && a->seeded == b->seeded
           && (!a->seeded || a->seed == b->seed) && a->min == b->min
           && a->max == b->max;
}

void
delay_spec_seed(struct delay_spec *spec, struct fastrand *fastrand)
{
    if (spec->fixed || spec->seeded)
        return;
    spec->seeded = true;
    spec->seed = fastrand_bits(fastrand) >> (64 - DRAWN_SEED_BITS);
}

double
delay_draw(const struct delay_spec *spec, struct fastrand *fastrand)
{
    if (spec->fixed)
        return spec->min;
    if (!spec->seeded)
        return fastrand_uniform(fastrand, spec->min, spec->max);

    struct mersenne mersenne;
    mersenne_seed(&mersenne, spec->seed);
    return mersenne_uniform(&mersenne, spec->min, spec->max);
}

int64_t
delay_to_ns(double seconds)
{
    static const double years_250 = 250 * 365.25 * 86400;
    if (seconds > years_250)
        seconds = years_250;
    double whole = floor(seconds);

    return (int64_t)whole * NS_PER_SECOND + seconds_to_ns(seconds - whole);
}

struct delays *
delays_draw(const struct delay_spec *spec, size_t n)
{
    assert(spec->fixed || spec->seeded);
    struct delays *delays = malloc(sizeof *delays + n * sizeof delays->at[0]);
    if (delays == NULL)
        return NULL;
    delays->holders = 1;
    delays->n = n;
    if (spec->fixed) {
        for (size_t i = 0; i < n; i++)
            delays->at[i] = spec->min;
        return delays;
    }
    struct mersenne mersenne;
    mersenne_seed(&mersenne, spec->seed);
    for (size_t i = 0; i < n; i++)
        delays->at[i] = mersenne_uniform(&mersenne, spec->min, spec->max);
    return delays;
}

struct delays *
delays_hold(struct delays *delays)
{
    delays->holders++;
    return delays;
}

void
delays_release(struct delays *delays)
{
    if (delays != NULL && --delays->holders == 0)
        free(delays);
}

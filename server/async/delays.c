#include "async/delays.h"

#include "base/clock.h"
#include "base/mersenne.h"
#include "base/number.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    AT_ONCE = 4096,       /* delays; more are drawn as they are reached for */
    DRAWN_SEED_BITS = 53, /* a double of any JSON parser holds it */
};

bool
delay_spec_equal(const struct delay_spec *a, const struct delay_spec *b)
{
    return a->fixed == b->fixed && a->seeded == b->seeded
           && (!a->seeded || a->seed == b->seed) && a->min == b->min
           && a->max == b->max;
}

void
delay_spec_seed(struct delay_spec *spec, bool draws_faults, struct fastrand *fastrand)
{
    if ((spec->fixed && !draws_faults) || spec->seeded)
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
    static const double longest = (double)CLOCK_LIFE_NS / 1e9;
    if (seconds > longest)
        seconds = longest;
    double whole = floor(seconds);

    return (int64_t)whole * NS_PER_SECOND + seconds_to_ns(seconds - whole);
}

static void
draw(struct delays *delays, struct mersenne *mersenne, size_t until)
{
    for (; delays->drawn < until; delays->drawn++)
        delays->at[delays->drawn] =
            delays->spec.fixed
                ? delays->spec.min
                : mersenne_uniform(mersenne, delays->spec.min, delays->spec.max);
}

struct delays *
delays_draw(const struct delay_spec *spec, size_t n)
{
    assert(spec->fixed || spec->seeded);
    struct delays *delays = malloc(sizeof *delays + n * sizeof delays->at[0]);
    if (delays == NULL)
        return NULL;
    *delays = (struct delays){.holders = 1, .n = n, .spec = *spec};
    if (n <= AT_ONCE) {
        struct mersenne mersenne;

        mersenne_seed(&mersenne, spec->seed);
        draw(delays, &mersenne, n);
        return delays;
    }
    delays->mersenne = malloc(sizeof *delays->mersenne);
    if (delays->mersenne == NULL) {
        free(delays);
        return NULL;
    }
    mersenne_seed(delays->mersenne, spec->seed);
    return delays;
}

double
delays_reach(struct delays *delays, size_t index)
{
    if (index >= delays->drawn)
        draw(delays, delays->mersenne, index + 1);
    return delays->at[index];
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
    if (delays == NULL || --delays->holders > 0)
        return;
    free(delays->mersenne);
    free(delays);
}

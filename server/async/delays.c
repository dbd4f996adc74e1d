#include "async/delays.h"

#include "base/clock.h"
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
    if (a->fixed != b->fixed || a->seeded != b->seeded || a->modelled != b->modelled
        || (a->seeded && a->seed != b->seed))
        return false;
    return a->modelled ? model_equal(a->model, b->model)
                       : a->min == b->min && a->max == b->max;
}

struct delay_spec
delay_spec_told(const struct delay_spec *spec)
{
    struct delay_spec told = *spec;

    if (told.modelled)
        told.model = NULL;
    return told;
}

void
delay_spec_seed(struct delay_spec *spec, bool draws_faults, struct fastrand *fastrand)
{
    if ((spec->fixed && !draws_faults) || spec->seeded)
        return;
    spec->seeded = true;
    spec->seed = fastrand_bits(fastrand) >> (64 - DRAWN_SEED_BITS);
}

static double
draw_first(const struct delay_spec *spec, struct fastrand *fastrand)
{
    UNINITIALIZED struct mersenne mersenne;
    struct model_random random = {.fastrand = fastrand};

    if (spec->seeded) {
        mersenne_seed(&mersenne, spec->seed);
        random.mersenne = &mersenne;
    }
    return model_draw(spec->model, &random);
}

double
delay_draw(const struct delay_spec *spec, struct fastrand *fastrand)
{
    if (spec->fixed)
        return spec->min;
    if (spec->modelled)
        return draw_first(spec, fastrand);
    if (!spec->seeded)
        return fastrand_uniform(fastrand, spec->min, spec->max);

    UNINITIALIZED struct mersenne mersenne;
    mersenne_seed(&mersenne, spec->seed);
    return mersenne_uniform(&mersenne, spec->min, spec->max);
}

int64_t
delay_to_ns(double seconds)
{
    static const double longest = (double)CLOCK_LIFE_NS / 1e9;
    if (seconds > longest)
        seconds = longest;
    double whole = seconds < SECONDS_TO_NS_LIMIT ? 0 : floor(seconds);

    return (int64_t)whole * NS_PER_SECOND + seconds_to_ns(seconds - whole);
}

static void
draw_modelled(struct delays *delays, struct mersenne *mersenne, size_t until)
{
    struct model_random random = {.mersenne = mersenne};

    for (; delays->drawn < until; delays->drawn++)
        delays->at[delays->drawn] =
            model_draw(delays->spec.model, &random) + delays->load;
}

static void
draw(struct delays *delays, struct mersenne *mersenne, size_t until)
{
    if (delays->spec.modelled) {
        draw_modelled(delays, mersenne, until);
        return;
    }
    for (; delays->drawn < until; delays->drawn++)
        delays->at[delays->drawn] =
            (delays->spec.fixed
                 ? delays->spec.min
                 : mersenne_uniform(mersenne, delays->spec.min, delays->spec.max))
            + delays->load;
}

static size_t
slice(const struct delay_spec *spec, size_t count)
{
    double least = spec->modelled ? (double)count * spec->model->inside : 0;

    return !spec->modelled ? count : least > 1 ? (size_t)least : 1;
}

/* Of its own, for later draws; false: out of memory. */
static bool
keep_generator(struct delays *delays)
{
    delays->mersenne = malloc(sizeof *delays->mersenne);
    if (delays->spec.modelled)
        delays->spec.model = model_copy(delays->spec.model);
    if (delays->mersenne == NULL
        || (delays->spec.modelled && delays->spec.model == NULL))
        return false;
    mersenne_seed(delays->mersenne, delays->spec.seed);
    return true;
}

struct delays *
delays_draw(const struct delay_spec *spec, size_t n)
{
    assert(spec->fixed || spec->seeded);
    struct delays *delays = malloc(sizeof *delays + n * sizeof delays->at[0]);
    if (delays == NULL)
        return NULL;
    *delays = (struct delays){.holders = 1, .n = n, .spec = *spec};
    if (n <= slice(spec, AT_ONCE)) {
        UNINITIALIZED struct mersenne mersenne;

        mersenne_seed(&mersenne, spec->seed);
        draw(delays, &mersenne, n);
        delays->spec = delay_spec_told(spec);
        return delays;
    }
    if (!keep_generator(delays)) {
        delays_release(delays);
        return NULL;
    }
    return delays;
}

void
delays_load(struct delays *delays, double seconds)
{
    if (seconds == 0)
        return;
    delays->load = seconds;
    for (size_t i = 0; i < delays->drawn; i++)
        delays->at[i] += seconds;
}

size_t
delays_slice(const struct delays *delays, size_t count)
{
    return delays->mersenne ? slice(&delays->spec, count) : count;
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
    if (delays->spec.modelled)
        model_free(delays->spec.model);
    free(delays);
}

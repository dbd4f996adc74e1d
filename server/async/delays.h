/*
 * delays.h: where the delays of waits come from. With a seed they are, bit for bit,
 * what CPython gives after random.seed(seed) from random.uniform(min, max), value by
 * value; or what their model (model.h) makes of its random numbers.
 */
#pragma once

#include "async/model.h"
#include "base/error.h"

struct delay_spec {
    bool fixed;    /* each delay is `min`, nothing is drawn */
    bool seeded;   /* by the client, or drawn to be shown; with `fixed` for faults */
    bool modelled; /* by `model`, instead of between min and max */
    uint64_t seed; /* 0 … 2^63-1 */
    union {
        struct {
            double min, max; /* seconds, min <= max */
        };
        struct model *model; /* lent; NULL where it was only lent to start something */
    };
};

/* What is left of it when its model is not lent any more. */
struct delay_spec delay_spec_told(const struct delay_spec *spec);

bool delay_spec_equal(const struct delay_spec *a, const struct delay_spec *b);

/* Gives it a seed below 2^53 where something is drawn, the delays or faults, and it has
 * none. */
void
delay_spec_seed(struct delay_spec *spec, bool draws_faults, struct fastrand *fastrand);

/* One delay in seconds; with a seed the first that it gives. */
double delay_draw(const struct delay_spec *spec, struct fastrand *fastrand);

/* seconds_to_ns() of any number of seconds, such as a sum of delays; what is longer
 * than the life of a clock is that, so that it can be added to a time. */
int64_t delay_to_ns(double seconds);

/* n delays that several may share; counted. Many are drawn as they are reached for, so
 * that a large batch is no pause for others. */
struct delays {
    size_t holders;
    size_t n;
    size_t drawn;
    struct delay_spec spec;
    struct mersenne *mersenne; /* owned, where not all were drawn at once; likewise its
                                  model */
    double load;               /* seconds that each is longer than drawn */
    double at[];               /* seconds; only the first `drawn` */
};

/* The first n that the spec (fixed or seeded) gives; one holder. NULL: no memory. */
struct delays *delays_draw(const struct delay_spec *spec, size_t n);

/* Makes each of them longer; none has been reached for yet. */
void delays_load(struct delays *delays, double seconds);

/* How many of `count` may be drawn in one turn: a model may draw many numbers for one
 * that is in its window. At least 1. */
size_t delays_slice(const struct delays *delays, size_t count);

/* The one of that index, which is drawn with all before it if it has not been. */
double delays_reach(struct delays *delays, size_t index);

struct delays *delays_hold(struct delays *delays);
void delays_release(struct delays *delays); /* NULL: nothing */

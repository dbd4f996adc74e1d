/*
 * draw.h: the parameters that say how long to wait, the same on every endpoint that
 * starts waits.
 */
#pragma once

#include "async/delays.h"
#include "base/field.h"

struct exchange;

struct draw_in {
    struct value_duration max_delay, min_delay, delay;
    struct value_integer seed;
    struct value_duration timeout;
    struct value_label label;
    struct value_name event; /* where EVENT_FIELD is; likewise the next ones */
    struct value_number jitter;
    struct value_duration load_factor;
    struct value_flag dry_run;
    struct value_name profile;
    struct value_word dist; /* enum dist */
    struct value_duration mean, stddev, median, p50, p95, p99, max;
    struct value_number sigma;
    struct value_choices choice;
};

extern const char *const draw_delay_excludes[], *const draw_profile_excludes[];
extern const char *const draw_dist_words[];

/* The rows for a struct `type` whose member `draw` is a struct draw_in. */
/* clang-format off */
#define DRAW_FIELDS(type)                                                                \
    DRAW_WINDOW_FIELDS(type),                                                            \
    FIELD_AS("seed", type, draw.seed, FIELD_SEED, .example = "42",                       \
             .text = "Draws what CPython draws after random.seed(seed): the i-th wait "  \
                     "gets the i-th random.uniform(min_delay, max_delay), or what its "  \
                     "distribution says."),                                              \
    FIELD_AS("timeout", type, draw.timeout, FIELD_DURATION,                              \
             .max_limit = LIMIT_MAX_DELAY, .unit = "seconds", .example = "5s",           \
             .text = "Ends what has not ended by then."),                                \
    FIELD_AS("label", type, draw.label, FIELD_LABEL, .example = "checkout",              \
             .text = "A name of your own to find it by: GET /tasks?label=.")

#define DRAW_WINDOW_FIELDS(type)                                                         \
    FIELD_AS("max_delay", type, draw.max_delay, FIELD_DURATION,                          \
             .max_limit = LIMIT_MAX_DELAY, .fallback = 10,                               \
             .fallback_text = "10, or --max-delay where that is less; with any dist but "\
                              "uniform --max-delay",                                     \
             .unit = "seconds", .example = "3",                                          \
             .text = "Upper end of the delays that are drawn."),                         \
    FIELD_AS("min_delay", type, draw.min_delay, FIELD_DURATION,                          \
             .max_limit = LIMIT_MAX_DELAY, .fallback_text = "0", .unit = "seconds",      \
             .example = "500ms", .text = "Lower end of the delays that are drawn."),     \
    FIELD_AS("delay", type, draw.delay, FIELD_DURATION,                                  \
             .max_limit = LIMIT_MAX_DELAY, .excludes = draw_delay_excludes,              \
             .unit = "seconds", .example = "1.5s",                                       \
             .text = "A fixed delay: nothing is drawn, so a seed is refused beside it.")

#define DRAW_MODEL_FIELDS(type)                                                          \
    FIELD_AS("dist", type, draw.dist, FIELD_WORD, .words = draw_dist_words,              \
             .fallback_text = "uniform", .example = "lognormal",                         \
             .text = "How the delays are distributed: see Distributions. What falls "    \
                     "outside of min_delay and max_delay is drawn again."),              \
    FIELD_AS("mean", type, draw.mean, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,      \
             .unit = "seconds", .example = "200ms",                                      \
             .text = "Of dist=normal and dist=exponential."),                            \
    FIELD_AS("stddev", type, draw.stddev, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,  \
             .unit = "seconds", .example = "50ms",                                       \
             .text = "Standard deviation of dist=normal; 0 makes each the mean."),       \
    FIELD_AS("median", type, draw.median, FIELD_DURATION, .min = 1e-9,                   \
             .max_limit = LIMIT_MAX_DELAY, .unit = "seconds", .example = "80ms",         \
             .text = "Of dist=lognormal: half of the delays are below."),                \
    FIELD_AS("sigma", type, draw.sigma, FIELD_NUMBER, .max = 10, .example = "0.4",       \
             .text = "Of dist=lognormal: the standard deviation of the logarithm; 0 "    \
                     "makes each the median. Instead of p99."),                          \
    FIELD_AS("choice", type, draw.choice, FIELD_CHOICES,                                 \
             .max_limit = LIMIT_MAX_DELAY, .unit = "seconds", .example = "100ms:0.9,2s:0.1", \
             .text = "Delays of dist=choice, each with its weight (1 where it has "      \
                     "none), at most 64. The weights need not add up to 1; one of 0 is " \
                     "never drawn. In JSON a list of strings, or that string."),         \
    FIELD_AS("p50", type, draw.p50, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,        \
             .unit = "seconds", .example = "50ms",                                       \
             .text = "Of dist=percentiles: half of the delays are below."),              \
    FIELD_AS("p95", type, draw.p95, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,        \
             .unit = "seconds", .example = "300ms",                                      \
             .text = "Of dist=percentiles: 95 % of the delays are below."),              \
    FIELD_AS("p99", type, draw.p99, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,        \
             .unit = "seconds", .example = "1s",                                         \
             .text = "Of dist=percentiles and dist=lognormal: 99 % of the delays are "   \
                     "below."),                                                          \
    FIELD_AS("max", type, draw.max, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,        \
             .unit = "seconds", .example = "3s",                                         \
             .text = "Of dist=percentiles: all delays are below.")

#define DRAW_PROFILE_FIELD(type)                                                         \
    FIELD_AS("profile", type, draw.profile, FIELD_NAME,                                  \
             .excludes = draw_profile_excludes, .example = "p99-heavy-api",              \
             .text = "Stands for the parameters that GET /profiles shows beside it.")

#define LOAD_FIELD(type)                                                                 \
    FIELD_AS("load_factor", type, draw.load_factor, FIELD_DURATION,                      \
             .max_limit = LIMIT_MAX_DELAY, .fallback_text = "0", .unit = "seconds",      \
             .example = "5ms",                                                           \
             .text = "Makes each delay longer by so much for every wait that is in "     \
                     "flight in this process when the request begins, but for its own: " \
                     "each of the n until it has ended, and each request that blocks "   \
                     "at an object. max_delay does not limit the sum. What is drawn stays that of the "\
                     "seed; the sum is repeatable where the load is.")

/* The row for what can be drawn without waiting; `excludes_` is what it does not go
 * with. */
#define DRY_RUN_FIELD(type, excludes_)                                                   \
    FIELD_AS("dry_run", type, draw.dry_run, FIELD_FLAG, .fallback_text = "false",        \
             .excludes = (excludes_), .example = "true",                                 \
             .text = "Draws and answers at once: the same delays in the same order, no " \
                     "elapsed, and nothing is waited for.")

/* The row for one wait; `excludes_` is what it does not go with. */
#define EVENT_FIELD(type, excludes_)                                                     \
    FIELD_AS("event", type, draw.event, FIELD_NAME, .excludes = (excludes_),             \
             .example = "go",                                                            \
             .text = "Ends when this event is set. With a delay, drawn or fixed, not "   \
                     "before that is over as well; without, nothing is drawn.")

/* The row for the shifts of a body's chunks. */
#define JITTER_FIELD(type, needs_)                                                       \
    FIELD_AS("jitter", type, draw.jitter, FIELD_NUMBER, .max = 1, .needs = (needs_),     \
             .fallback_text = "0", .example = "0.2",                                     \
             .text = "Moves each chunk but the last by up to half of this share of the " \
                     "distance between two, to either side: the i-th comes at delay * "  \
                     "(i + jitter * (u - 0.5)) / chunks. With a seed, which it also "    \
                     "allows beside delay, u is value number i + 1 of "                  \
                     "random.Random(seed + 2**63).random().")
/* clang-format on */

/* Where the model that a spec has been lent lives: as long as its handler runs. */
struct draw_room {
    struct model model;
    struct model_point points[CHOICES_MAX];
};

/* What is to be drawn, by parameters that contradict each other in nothing; a seed
 * where nothing is drawn, the delay being fixed and neither faults nor a jitter asked
 * for, is a conflict, too. */
MUST_USE enum error
draw_spec(struct exchange *exchange, const struct draw_in *in, bool draws_faults,
          struct draw_room *room, struct delay_spec *spec, struct problem *problem);

/* The same of what a profile may hold, under these limits. */
MUST_USE enum error
draw_model(const struct draw_in *in, const double *limits, struct draw_room *room,
           struct delay_spec *spec, struct problem *problem);

/* Names the parameter of an invalid-parameter, and the one that it contradicts (NULL:
 * none); returns the error. */
enum error draw_blame(struct problem *problem, const char *param, const char *other);

/* The manual's section on distributions. */
void draw_print_dists(struct text *out);

/* Whole ns, NO_TIMEOUT where there is none. */
int64_t draw_timeout_ns(const struct value_duration *timeout);

/* NULL where there is none. */
const char *draw_label(const struct draw_in *in);
const char *draw_event(const struct draw_in *in);

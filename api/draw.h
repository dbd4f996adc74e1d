/*
 * draw.h: the parameters that say how long to wait, the same on every endpoint that
 * starts waits.
 */
#pragma once

#include "async/delays.h"
#include "base/field.h"

struct draw_in {
    struct value_duration max_delay, min_delay, delay;
    struct value_integer seed;
    struct value_duration timeout;
    struct value_label label;
    struct value_name event;    /* where EVENT_FIELD is */
    struct value_number jitter; /* where JITTER_FIELD is: something is drawn by it */
};

extern const char *const draw_delay_excludes[];

/* The rows for a struct `type` whose member `draw` is a struct draw_in. */
/* clang-format off */
#define DRAW_FIELDS(type)                                                                \
    FIELD_AS("max_delay", type, draw.max_delay, FIELD_DURATION,                          \
             .max_limit = LIMIT_MAX_DELAY, .fallback = 10,                               \
             .fallback_text = "10, or --max-delay where that is less",                   \
             .unit = "seconds", .example = "3",                                          \
             .text = "Upper end of the delays that are drawn."),                         \
    FIELD_AS("min_delay", type, draw.min_delay, FIELD_DURATION,                          \
             .max_limit = LIMIT_MAX_DELAY, .fallback_text = "0", .unit = "seconds",      \
             .example = "500ms", .text = "Lower end of the delays that are drawn."),     \
    FIELD_AS("delay", type, draw.delay, FIELD_DURATION,                                  \
             .max_limit = LIMIT_MAX_DELAY, .excludes = draw_delay_excludes,              \
             .unit = "seconds", .example = "1.5s",                                       \
             .text = "A fixed delay: nothing is drawn, so a seed is refused beside it."),\
    FIELD_AS("seed", type, draw.seed, FIELD_SEED, .example = "42",                       \
             .text = "Draws what CPython draws after random.seed(seed): the i-th wait "  \
                     "gets the i-th random.uniform(min_delay, max_delay)."),             \
    FIELD_AS("timeout", type, draw.timeout, FIELD_DURATION,                              \
             .max_limit = LIMIT_MAX_DELAY, .unit = "seconds", .example = "5s",           \
             .text = "Ends what has not ended by then."),                                \
    FIELD_AS("label", type, draw.label, FIELD_LABEL, .example = "checkout",              \
             .text = "A name of your own to find it by: GET /tasks?label=.")

/* The row for one wait; `excludes_` is what it does not go with. */
#define EVENT_FIELD(type, excludes_)                                                     \
    FIELD_AS("event", type, draw.event, FIELD_NAME, .excludes = (excludes_),             \
             .example = "go",                                                            \
             .text = "Ends when this event is set. With a delay, drawn or fixed, not "   \
                     "before that is over as well; without, nothing is drawn.")
/* clang-format on */

/* The row for the shifts of a body's chunks. */
#define JITTER_FIELD(type, needs_)                                                     \
    FIELD_AS("jitter", type, draw.jitter, FIELD_NUMBER, .max = 1, .needs = (needs_),   \
             .fallback_text = "0", .example = "0.2",                                   \
             .text =                                                                   \
                 "Moves each chunk but the last by up to half of this share of the "   \
                 "distance between two, to either side: the i-th comes at delay * "    \
                 "(i + jitter * (u - 0.5)) / chunks. With a seed, which it also "      \
                 "allows beside delay, u is value number i + 1 of "                    \
                 "random.Random(seed + 2**63).random().")

/* What is to be drawn; min_delay above max_delay is a conflict, and so is a seed where
 * nothing is drawn: the delay is fixed, there is no jitter, and no faults are drawn. */
MUST_USE enum error draw_spec(const struct draw_in *in, bool draws_faults,
                              struct delay_spec *spec, struct problem *problem);

/* Whole ns, 0 where there is none; a timeout of 0 becomes 1 ns. */
int64_t draw_timeout_ns(const struct value_duration *timeout);

/* NULL where there is none. */
const char *draw_label(const struct draw_in *in);
const char *draw_event(const struct draw_in *in);

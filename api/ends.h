/*
 * ends.h: the parameters that say when n waits are over before all have ended: of
 * /wait_n, and of POST /tasks with n.
 */
#pragma once

#include "async/ending.h"
#include "base/field.h"

enum return_when { RETURN_ALL, RETURN_FIRST, RETURN_FIRST_ERROR };

struct ends_in {
    struct value_count return_when;
    struct value_word losers;
    struct value_word on_error;
};

extern const char *const ends_return_when_words[]; /* of enum return_when */
extern const char *const ends_losers_words[], *const ends_on_error_words[];
extern const char *const ends_needs_n[], *const ends_losers_needs[];

/* The rows for a struct `type` whose member `ends` is a struct ends_in. */
/* clang-format off */
#define ENDS_FIELDS(type)                                                                \
    FIELD_AS("return_when", type, ends.return_when, FIELD_COUNT, .min = 1,               \
             .max_limit = LIMIT_MAX_N, .words = ends_return_when_words,                  \
             .fallback_text = "all", .needs = ends_needs_n, .example = "first",          \
             .text = "When it is over: all have ended, the first has (well or not), the "\
                     "first has failed (else as all), or so many have ended; the rest "  \
                     "is cancelled then, which is no error."),                           \
    FIELD_AS("losers", type, ends.losers, FIELD_WORD, .words = ends_losers_words,        \
             .fallback_text = "cancel", .needs = ends_losers_needs, .example = "keep",   \
             .text = "What becomes of the rest when return_when is met; only tasks can " \
                     "be kept."),                                                        \
    FIELD_AS("on_error", type, ends.on_error, FIELD_WORD, .words = ends_on_error_words,  \
             .fallback_text = "collect", .needs = ends_needs_n, .example = "cancel",     \
             .text = "What a failure does: it is one more result, or it cancels the "    \
                     "rest and is the error of the whole.")
/* clang-format on */

struct ending ends_ending(const struct ends_in *in);

/*
 * delivery.h: in which shape /wait answers: where the delay sits, a body of some size,
 * in chunks over the delay, or broken off. Without any of these it is none of this
 * file's business.
 *
 * It keeps its state behind a pointer in the exchange's room, which begins with a
 * struct delivery_room.
 */
#pragma once

#include "api/prefer_task.h"
#include "async/wait.h"

struct delivery_in {
    struct value_word at;
    struct value_integer chunks, size;
    struct value_word abort;
};

extern const char *const delivery_at_words[];
extern const char *const delivery_abort_words[];
extern const char *const delivery_chunks_excludes[];
extern const char *const delivery_jitter_needs[];
extern const char *const delivery_format_excludes[];

enum { DELIVERY_CHUNKS_MOST = 10000, DELIVERY_SIZE_MOST = 1 << 30 };

/* The rows for a struct `type` whose member `delivery` is a struct delivery_in. */
/* clang-format off */
#define DELIVERY_FIELDS(type)                                                            \
    FIELD_AS("at", type, delivery.at, FIELD_WORD, .words = delivery_at_words,            \
             .fallback_text = "headers", .example = "body",                              \
             .text = "What the delay is in front of: the headers (nothing is sent "      \
                     "before), or the body (status and headers leave at once)."),        \
    FIELD_AS("size", type, delivery.size, FIELD_SIZE, .min = 1,                          \
             .max = DELIVERY_SIZE_MOST, .unit = "bytes", .example = "10KiB",             \
             .text = "A body of so many bytes instead, with that Content-Length: the "   \
                     "byte at offset i is the digit i mod 10."),                         \
    FIELD_AS("chunks", type, delivery.chunks, FIELD_INTEGER, .min = 1,                   \
             .max = DELIVERY_CHUNKS_MOST, .excludes = delivery_chunks_excludes,          \
             .example = "10",                                                            \
             .text = "That body, of `size` (where that is not given: a byte each), comes "\
                     "in so many pieces over the delay: the headers at once, the i-th "  \
                     "piece at delay * i / chunks, up to the byte size * i / chunks "    \
                     "(rounded down)."),                                                 \
    JITTER_FIELD(type, delivery_jitter_needs),                                           \
    FIELD_AS("abort", type, delivery.abort, FIELD_WORD, .words = delivery_abort_words,   \
             .example = "reset",                                                         \
             .text = "When the delay is over the connection is closed (`reset`: by a "   \
                     "RST) instead of an answer: before a byte of it, after its headers, "\
                     "after half of its body. Of what was to be sent till then, that "   \
                     "half at most. Beside fail_rate or fail_first, which then mean "    \
                     "such an end, only where they let it fail.")
/* clang-format on */

/* Writes the whole body that a wait which has ended is answered with, where the shape
 * has no bytes of its own. */
typedef void
delivery_write(struct exchange *exchange, struct wait *wait, struct text *out);

struct delivery_room {
    struct prefer_task prefer;
    struct delivery *delivery; /* NULL: none was asked for */
};

struct delivery_plan {
    const struct delivery_in *in;
    const struct delay_spec *spec;
    double jitter;
    int64_t status; /* that was asked for; 0: none was */
    bool prefers;   /* it is to become a task */
    delivery_write *write;
};

/* Before the wait starts. What contradicts is told. Where nothing is asked for there is
 * nothing; a HEAD whose headers leave at once has its answer, and nothing is to be
 * started. */
MUST_USE enum error
delivery_open(struct exchange *exchange, const struct delivery_plan *plan,
              struct problem *problem);

/* Whether the body is bytes of some size, instead of a document. */
bool delivery_has_bytes(const struct delivery_in *in);

/* How the connection is to end: for struct wait_plan. */
const char *delivery_abort(const struct delivery_in *in);

/* The exchange owns its wait: the headers, where they leave at once. */
void delivery_start(struct exchange *exchange);

/* The wait has ended by itself and nothing was sent: answers. False: there is nothing
 * special about its answer. */
MUST_USE bool delivery_answer(struct exchange *exchange);

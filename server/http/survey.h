/*
 * survey.h: a question to all workers, for what none knows alone: lists, sums, /reset.
 * Each takes its portion on its own thread, slice by slice, so that it holds nobody up;
 * when all are there, the exchange is answered with them. One worker asks nobody.
 */
#pragma once

#include "http/exchange.h"

struct ballot;
TAILQ_HEAD(ballots, ballot);

/* What one worker says: `size` bytes, zeroed. */
struct survey_class {
    size_t size;
    bool changes; /* something: it is taken everywhere, though its client has left */
    /* How many bytes all portions and the answer may take; NULL: not worth counting. */
    size_t (*weigh)(struct exchange *exchange, const void *question);
    /* One slice of the portion, well below 0.1 ms where it can be; false: there is more
     * to take. */
    bool (*take)(struct server *server, const void *question, void *portion);
    void (*free)(void *portion); /* what the portion owns; NULL: nothing */
    /* Answers. portions[i] is that of worker i. */
    void (*reply)(struct exchange *exchange, const void *question, void **portions,
                  size_t count);
};

/* Asks; the question is copied. Errors: out-of-memory, too-much-memory; then nobody was
 * asked. */
MUST_USE enum error
survey_begin(struct exchange *exchange, const struct survey_class *class,
             const void *question, size_t question_size);

/* Takes slices of the portions that are asked of this worker, in their order, for a
 * small part of a turn; false: there was none. */
bool surveys_run(struct server *server);

/* Frees what was asked and not taken: the asker is gone, too. */
void surveys_drop(struct server *server);

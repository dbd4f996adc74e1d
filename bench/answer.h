/* answer.h: as much of HTTP/1.1 as the servers of this benchmark answer with. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum answer_state { ANSWER_PARTIAL, ANSWER_WHOLE, ANSWER_BROKEN };

struct answer {
    int status;
    size_t body_at; /* where the body begins; 0 as long as the head is not whole */
    size_t length;  /* of the body, unless it is chunked */
    bool chunked;
};

/* Looks at what has arrived so far, which a zero byte follows. */
enum answer_state answer_read(struct answer *answer, const char *text, size_t size);

/* The delay that the body names ("delay":SECONDS), or -1. */
double answer_delay(const struct answer *answer, const char *text);

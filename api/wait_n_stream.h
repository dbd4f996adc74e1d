/* wait_n_stream.h: how /wait_n answers: row by row as its waits end, or when it is
 * over. */
#pragma once

#include "async/wait_n.h"
#include "http/exchange.h"

struct wait_n_form {
    bool by_index;    /* rows in the order of start: gather's */
    bool buffered;    /* when it is over, with the status of its outcome */
    double heartbeat; /* seconds of silence; 0: none */
};

/* Starts the waits and answers, at once or when they are over. */
MUST_USE enum error
wait_n_stream_begin(struct exchange *exchange, struct wait_n_plan *plan,
                    const struct wait_n_form *form);

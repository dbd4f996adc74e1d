/*
 * engine.h: sends requests when a plan says so, and measures how late their answers
 * are.
 *
 * Send times are planned before the run and do not move with the answers, so a slow
 * server cannot hide by slowing the client down. Lateness is
 *
 *     arrival of the body's first byte - send - the delay that the answer names
 *
 * (the delay that was asked for where the answer names none). The clock is read before
 * the send and after the wake-up: what counts as early is early.
 */
#pragma once

#include "histogram.h"
#include "process.h"

#include <stdbool.h>
#include <stdint.h>

struct stream;

struct plan {
    int port;
    pid_t pid;        /* of the server; 0: it is not looked at */
    const char *path; /* {} stands for the delay */
    int decimals;     /* of the delay in the path */
    int connections;  /* at most so many at once */
    int64_t sends;    /* planned ones */
    double interval_s;
    double delay_min_s, delay_max_s;
    double warm_s;     /* answers before are not counted */
    double seconds;    /* length of the run after that; 0: until all are answered */
    double limit_s;    /* the run ends here in any case */
    bool again;        /* an answer is followed by the next request, at once */
    bool close;        /* an answer is followed by the end of its connection */
    bool from_planned; /* lateness counts from the planned time, not from the send */
    long seed;
};

struct result {
    struct histogram lateness;
    struct histogram slip; /* send - planned: how exact this program is itself */
    uint64_t sent, answered, failed, refused; /* refused: a status other than 200 */
    uint64_t counted;                         /* answers within the measured time */
    double seconds;
    /* At the start of all, of the measured time, with all sent, and at the end. */
    struct process_sample start, before, held, after;
};

/* Runs the plan; held is sampled once every planned request is sent. A stream, where
 * there is one, starts at the end of the warm-up, and the run ends with it. */
void engine_run(const struct plan *plan, struct stream *stream, struct result *result);

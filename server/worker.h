/*
 * worker.h: one thread: a uv loop with its timer, its registry, its mailbox and its
 * HTTP server. It shares nothing with another but what struct peers has.
 */
#pragma once

#include "http/server.h"
#include "resident.h"

#include <uv.h>

struct worker;

struct worker_plan {
    const struct server_config *http;
    const struct registry_limits *limits;
    const uint64_t *seed; /* NULL: a random one */
    const struct log *log;
    struct peers *peers;
    struct resident *const *resident; /* *resident NULL: no budget to look after; set
                                         before worker_run */
    size_t index;
    const struct worker *first; /* NULL: it is the first */
    int64_t drain_ns;
    /* Its own thread: each request of its clients has been answered, or given up. */
    void (*on_drained)(void *owner);
    void *owner;
};

/* Copies the plan; `http`, `limits`, `seed` and `first` are read at once, the rest
 * outlives the worker. NULL: *why says what the system refused. Any thread. */
struct worker *worker_open(const struct worker_plan *plan, struct text *why);

const struct server *worker_server(const struct worker *worker);

/* For what else shall run on its thread. */
uv_loop_t *worker_loop(struct worker *worker);

/* Serves until worker_stop; the thread of the worker is the one that calls it. */
void worker_run(struct worker *worker);

/* Any thread, once each: begins to drain; ends worker_run. */
void worker_drain(struct worker *worker);
void worker_stop(struct worker *worker);

/* A letter that makes these the tokens that open it. NULL: out of memory. Any thread.
 */
struct worker_tokens;
MUST_USE struct worker_tokens *
worker_tokens_new(struct worker *worker, const struct tokens *tokens);
void worker_tokens_free(struct worker_tokens *letter);
void worker_tokens_post(struct worker_tokens *letter); /* gives it away */

/* After worker_run: first all workers drop their clients, then all deliver the letters
 * that this has made, then all close. */
void worker_drop(struct worker *worker);
void worker_deliver(struct worker *worker);
void worker_close(struct worker *worker);

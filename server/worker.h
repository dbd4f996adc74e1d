/*
 * worker.h: one thread: a uv loop with its timer, its registry and its HTTP server. It
 * shares nothing with another.
 */
#pragma once

#include "http/server.h"

struct worker;

/* NULL: *why says what the system refused. `log` outlives it. `seed` may be NULL. */
struct worker *
worker_open(const struct server_config *http, const struct registry_limits *limits,
            const uint64_t *seed, const struct log *log, struct text *why);

const struct server *worker_server(const struct worker *worker);

/* Serves until SIGTERM or SIGINT, then drains for up to drain_ns. A second signal ends
 * the process at once, with 128 + the signal. */
void worker_run(struct worker *worker, int64_t drain_ns);

void worker_close(struct worker *worker);

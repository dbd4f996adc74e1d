/*
 * workers.h: the workers of the process, from the first listen to the last answer. They
 * stop in two phases: when all have drained, all close; until then each still answers
 * for what is at home with it.
 */
#pragma once

#include "worker.h"

struct workers;

struct workers_plan {
    size_t count; /* 1 … PEERS_MOST */
    const struct server_config *http;
    const struct registry_limits *limits;
    const uint64_t *seed; /* of the first; NULL: random ones */
    const struct log *log;
    int64_t drain_ns;
    /* SIGHUP has come. The first worker's thread. */
    void (*on_hangup)(struct workers *workers, void *owner);
    void *owner;
};

/* All listen. NULL: *why says what the system refused. */
struct workers *workers_open(const struct workers_plan *plan, struct text *why);

/* The server of the first: what it listens on is that of all. */
const struct server *workers_server(const struct workers *workers);

/* From their next turns on these open all workers. False: none; out of memory. */
MUST_USE bool workers_take_tokens(struct workers *workers, const struct tokens *tokens);

/* Serves until SIGTERM or SIGINT, then drains. A second signal ends the process at
 * once, with 128 + the signal. False: *why; a thread could not be started. */
MUST_USE bool workers_run(struct workers *workers, struct text *why);

void workers_close(struct workers *workers);

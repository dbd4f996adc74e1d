/*
 * server.h: the HTTP side of a worker: its listeners, its clients, its cells and what
 * they ask. It runs on its worker's thread and never blocks: in each turn the worker
 * dispatches the hub and calls server_turn.
 */
#pragma once

#include "async/registry.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/hub.h"
#include "http/reach.h"
#include "http/route.h"
#include "http/tokens.h"

struct server;

struct server_config {
    const char *host;      /* address or name to listen on */
    int port;              /* 0: any; -1: no TCP */
    const char *unix_path; /* NULL: none */
    size_t max_connections;
    size_t max_connections_per_address; /* 0: none */
    size_t max_memory;                  /* bytes; 0: none */
    size_t max_body;                    /* bytes */
    size_t connection_memory; /* bytes of libmicrohttpd's pool, each connection */
    int64_t header_timeout_ns;
    int64_t idle_timeout_ns;
    int64_t stall_timeout_ns;
    int access_fd;               /* for the access log; -1: none. Not owned */
    struct asked_clock *asked;   /* whose clock is the registry's. Not owned; changed
                                    where it is moved */
    const struct reach *reach;   /* not owned */
    const struct tokens *tokens; /* copied; NULL: none is wanted */
    double limits[LIMIT_COUNT];
    const struct route *const *routes; /* ends with NULL */
    void *app;                         /* what the handlers share: exchange_app */
};

/* `config` is copied, what it points to outlives the server. `first` is the server of
 * the first worker, whose port and socket it shares; NULL: it is the first. NULL: *why
 * says what the system refused, in one line. */
struct server *
server_open(const struct server_config *config, struct registry *registry,
            const struct server *first, const struct log *log, struct text *why);

/* Drops the connections; requests that server_drain has not seen end get no answer.
 * Then the mail of all workers wants to be delivered before one of them closes. */
void server_stop(struct server *server);

/* It has been stopped. */
void server_close(struct server *server);

struct registry *server_registry(const struct server *server);

/* Where its descriptors stand, and those of its worker. */
struct hub *server_hub(struct server *server);

/* Fires what is due, runs the cells that have work, frees what has ended. True: there
 * is more to do at once. */
MUST_USE bool server_turn(struct server *server);

/* When, in real time, server_turn wants to be called at the latest; INT64_MAX: not.
 * Asked before the worker sleeps: timers that would wake it for nothing are moved. */
int64_t server_next_ns(struct server *server);

const struct asked_clock *server_clock(const struct server *server);

/* The TCP port it listens on, 0: none. */
int server_port(const struct server *server);

/* Whether other machines may reach that: its address is not of the loopback. */
bool server_is_reachable(const struct server *server);

/* From now on these open it, in place of those before; it takes them. */
void server_take_tokens(struct server *server, struct tokens *tokens);

/* Accepts what waits in the backlog, stops listening, and answers new requests with
 * 503. What has begun may end within limit_ns; then all is cancelled. `drained` is
 * called once, from server_turn, when every answer has left or was given up. */
void server_drain(struct server *server, int64_t limit_ns, void (*drained)(void *owner),
                  void *owner);
bool server_draining(const struct server *server);

/* Why no connection was taken. */
enum accept_pause {
    PAUSE_CONNECTIONS, /* there are as many as may be */
    PAUSE_SYSTEM,      /* no descriptor or memory */
    PAUSE_COUNT,
};

/* What the server has counted since it was opened. */
struct server_counts {
    uint64_t accepted;            /* connections */
    uint64_t disconnects;         /* of clients that something waited for */
    uint64_t stalls;              /* of clients that took nothing of their answer */
    uint64_t bytes;               /* of bodies, handed to libmicrohttpd */
    uint64_t access_dropped;      /* lines of the access log that nobody took */
    uint64_t pauses[PAUSE_COUNT]; /* of accepting; looked at again every 0.1 s */
    uint64_t problems[ERROR_COUNT];
    /* By route and status: (*requests)[ROUTE_STATUSES], in the order of the list of
     * routes, and then those of no route. */
    uint64_t (*requests)[ROUTE_STATUSES];
    struct histogram turns; /* of the loop: how long each took */
};
const struct server_counts *server_counts(const struct server *server);
size_t server_routes(const struct server *server); /* in the list */

/* Right now: */
size_t server_connections(const struct server *server);
size_t server_cells(const struct server *server);

/* The version of libmicrohttpd that runs. */
const char *server_library_version(void);

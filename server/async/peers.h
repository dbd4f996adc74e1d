/*
 * peers.h: the workers of the process, as each sees the others: where a name is at
 * home, the mailbox of each, and the few counters that they share, with the tables of
 * keys and addresses. Any thread.
 */
#pragma once

#include "async/addresses.h"
#include "async/tries.h"
#include "base/error.h"
#include "base/mailbox.h"

#include <stdint.h>

enum { PEERS_MOST = 64 };

/* Counted over all workers, for limits that hold for the process. */
struct quota {
    _Alignas(CACHE_LINE) atomic_size_t used;
};

/* The memory that the process may take: see memory.h. */
struct memory {
    size_t limit;       /* bytes; 0: none, and nothing is counted for it */
    size_t connection;  /* bytes that one takes */
    struct quota bytes; /* of bodies that arrive or leave */
    /* What the process took above what is reckoned, when it was looked at last. */
    atomic_size_t excess;
};

struct peer {
    _Alignas(CACHE_LINE) struct mailbox mailbox; /* its reader is a registry */
    _Atomic int64_t oldest_ns; /* when the oldest task that it keeps ended; INT64_MAX:
                                  it keeps none */
};

struct peers {
    size_t count;
    struct quota tasks, waits; /* that have not ended, or are promised */
    struct quota finished;     /* kept */
    struct quota objects;      /* of coordination, and leases */
    struct quota object_bytes; /* that they keep */
    struct quota connections;
    struct memory memory; /* its limit is set before there is a second thread */
    struct tries tries;
    struct addresses addresses;
    struct peer at[]; /* by worker */
};

/* 1 … PEERS_MOST workers; NULL: out of memory. */
struct peers *peers_new(size_t count);
void peers_free(struct peers *peers);

/* The worker at which that name lives: an id, a group, a key, an object. */
size_t peers_home(const struct peers *peers, const char *name);

static inline void
peers_post(struct peers *peers, size_t worker, struct letter *letter)
{
    mailbox_post(&peers->at[worker].mailbox, letter);
}

/* The worker that keeps the task that ended first. */
size_t peers_oldest(struct peers *peers);

/* All `count`, or false and none where that would be above the limit. */
MUST_USE bool quota_take(struct quota *quota, size_t count, size_t limit);
void quota_give(struct quota *quota, size_t count);

static inline size_t
quota_used(const struct quota *quota)
{
    return atomic_load_explicit(&quota->used, memory_order_relaxed);
}

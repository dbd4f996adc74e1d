/* objects.h: what a worker keeps for its coordination objects; a part of its registry.
 */
#pragma once

#include "async/timers.h"

#include <sys/queue.h>

struct gate;
struct object;
struct waiter;
TAILQ_HEAD(gate_list, gate);
TAILQ_HEAD(object_list, object);
TAILQ_HEAD(waiter_list, waiter);

enum object_kind {
    OBJECT_EVENT,
    OBJECT_SEMAPHORE,
    OBJECT_BARRIER,
    OBJECT_LATCH,
    OBJECT_QUEUE,
    OBJECT_KINDS,
};

struct objects {
    struct object *by_name[OBJECT_KINDS]; /* uthash */
    size_t count[OBJECT_KINDS];
    struct object_list by_use;
    struct timer idle;          /* of the one that is unused for the longest time */
    struct object_list telling; /* who have served some and not told them yet */
    struct timer serving;       /* tells the next of them */
    struct gate_list adrift;    /* whose event has been forgotten */
    uint64_t token;             /* the last one that a lease got */
};

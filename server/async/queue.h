/*
 * queue.h: asyncio.Queue of blobs: put waits while it is full, get while it is empty,
 * each in the order of arrival. An item that did not reach its client goes back to
 * where it was: before all that came later.
 */
#pragma once

#include "async/blob.h"
#include "async/object.h"

struct queue {
    struct object object;
    struct blob_list items;
    size_t size;
    size_t maxsize; /* 0: none */
    bool sized;     /* a put has named it: it is fixed until the queue is unused */
    uint64_t serial;
};

struct queue_waiter {
    struct waiter waiter;
    bool puts;         /* it waits to put, not to get */
    struct blob *item; /* what it puts, or has got; held */
    size_t size;       /* of the queue, once it has put; of an item that is shed */
    char *type;        /* of an item that is shed; owned; NULL: none */
};

struct queue_plan {
    struct waiter_plan waiter;
    bool has_maxsize;
    size_t maxsize;    /* of a put */
    struct blob *item; /* NULL: gets */
};

extern const struct object_class queue_class;

MUST_USE enum error
queue_need(struct registry *registry, const char *name, struct queue **out);

/* Waits for an item. The caller holds *out. Errors: as waiter_open. */
MUST_USE enum error queue_get(struct queue *queue, const struct queue_plan *plan,
                              int64_t now_ns, struct queue_waiter **out);

/* Waits for room; takes over the plan's item where it succeeds. The caller holds *out.
 * Errors: parameter-conflict (it is used with another maxsize), those of waiter_open.
 */
MUST_USE enum error queue_put(struct queue *queue, const struct queue_plan *plan,
                              int64_t now_ns, struct queue_waiter **out);

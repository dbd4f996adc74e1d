/*
 * blob.h: bytes that a client has left here for others, with their media type: the
 * payload of an event, an item of a queue. They count against the process's limit
 * until the last holder has released them. Its worker's thread only.
 */
#pragma once

#include "async/registry.h"

struct blob {
    TAILQ_ENTRY(blob) link; /* for the queue it is in */
    uint64_t serial;        /* likewise: its place in the order */
    struct registry *registry;
    size_t holders;
    size_t size;
    const char *type; /* behind the bytes; NULL: none */
    bool queued;      /* it is in that queue */
    char bytes[];
};
TAILQ_HEAD(blob_list, blob);

enum { BLOB_OVERHEAD = 128 }; /* what it counts beyond its bytes */

/* Copies the bytes; type may be NULL. The caller holds *out. Errors: too-many-bytes,
 * too-much-memory, out-of-memory. */
MUST_USE enum error blob_new(struct registry *registry, const char *bytes, size_t size,
                             const char *type, struct blob **out);
void blob_hold(struct blob *blob);    /* NULL: nothing */
void blob_release(struct blob *blob); /* NULL: nothing */

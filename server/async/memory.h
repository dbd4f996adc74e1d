/*
 * memory.h: what the process holds, in bytes, against its budget (--max-memory). It is
 * reckoned from the counts that the other limits need anyway, times what one was
 * measured to take (docs/adr/0013-memory-budget.md); what that misses is added whenever
 * somebody has looked at what the process really takes. Any thread.
 */
#pragma once

#include "async/peers.h"

enum {
    MEMORY_CONNECTION = 5632, /* beside libmicrohttpd's pool; with a request, and with
                                 what the kernel holds of it: */
    MEMORY_KERNEL = 4096,
    MEMORY_WAIT = 32, /* each of the n */
    MEMORY_TASK = 640,
    MEMORY_OBJECT = 512,
    MEMORY_KEY = 256,
    MEMORY_JSON_VALUE = 256, /* while a body is parsed */
    MEMORY_BUFFER = 32768,   /* the kernel's, each way, where there is a budget; */
    MEMORY_UNSENT = 49152,   /* what one was seen to take, with a block of a stream, */
    MEMORY_UNREAD = 65536,   /* and one whose client sends ahead */
    MEMORY_BODY = 4096,      /* one up to that is part of its connection */
};

/* Without a limit there is no budget; before other threads, with what a connection's
 * pool takes. */
void memory_open(struct memory *memory, size_t limit, size_t pool);

/* What is held now, as far as it is known. */
size_t memory_used(const struct peers *peers);

/* Whether `more` bytes of work fit, beside a sixteenth that is left to new connections
 * and to lists: who looks after a full server can come in. Where there is a limit: */
bool memory_has_room(const struct peers *peers, size_t more);

static inline bool
memory_fits(const struct peers *peers, size_t more)
{
    return peers->memory.limit == 0 || memory_has_room(peers, more);
}

/* Whether they fit into all of it: of a connection, which counts already, 0. */
bool memory_fits_at_all(const struct peers *peers, size_t more);

/* Whether ended tasks take more than half of the budget. */
bool memory_keeps_too_much(const struct peers *peers);

/* The process was seen to take so many bytes, without the kernel's of its connections.
 */
void memory_seen(struct peers *peers, size_t resident);

/* Counts bytes that arrive or leave, also where they do not fit. */
static inline void
memory_take(struct peers *peers, size_t bytes)
{
    if (peers->memory.limit && bytes)
        atomic_fetch_add_explicit(&peers->memory.bytes.used, bytes,
                                  memory_order_relaxed);
}

static inline void
memory_give(struct peers *peers, size_t bytes)
{
    if (peers->memory.limit && bytes)
        quota_give(&peers->memory.bytes, bytes);
}

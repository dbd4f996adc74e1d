#include "async/memory.h"

enum {
    SPARED = 16
}; /* the part of the budget that only connections and lists may take */

void
memory_open(struct memory *memory, size_t limit, size_t pool)
{
    memory->limit = limit;
    memory->connection = MEMORY_CONNECTION + pool;
}

/* Each count moves by itself: what is read together may be a moment apart. */
static size_t
reckoned(const struct peers *peers)
{
    const struct memory *memory = &peers->memory;

    return quota_used(&peers->connections) * memory->connection
           + quota_used(&peers->waits) * MEMORY_WAIT
           + (quota_used(&peers->tasks) + quota_used(&peers->finished)) * MEMORY_TASK
           + quota_used(&peers->objects) * MEMORY_OBJECT
           + quota_used(&peers->object_bytes) + quota_used(&memory->bytes);
}

size_t
memory_used(const struct peers *peers)
{
    return reckoned(peers)
           + atomic_load_explicit(&peers->memory.excess, memory_order_relaxed);
}

static bool
is_below(const struct peers *peers, size_t more, size_t limit)
{
    size_t used = memory_used(peers);

    return more <= limit && used <= limit - more;
}

bool
memory_has_room(const struct peers *peers, size_t more)
{
    size_t limit = peers->memory.limit;

    return is_below(peers, more, limit - limit / SPARED);
}

bool
memory_fits_at_all(const struct peers *peers, size_t more)
{
    return peers->memory.limit == 0 || is_below(peers, more, peers->memory.limit);
}

bool
memory_keeps_too_much(const struct peers *peers)
{
    size_t limit = peers->memory.limit;

    return limit > 0 && quota_used(&peers->finished) > limit / 2 / MEMORY_TASK;
}

void
memory_seen(struct peers *peers, size_t resident)
{
    size_t real = resident + quota_used(&peers->connections) * MEMORY_KERNEL;
    size_t known = reckoned(peers);

    atomic_store_explicit(&peers->memory.excess, real > known ? real - known : 0,
                          memory_order_relaxed);
}

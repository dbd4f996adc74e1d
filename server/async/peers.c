#include "async/peers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 64 };

struct peers *
peers_new(size_t count)
{
    size_t size = sizeof(struct peers) + count * sizeof(struct peer);

    assert(count >= 1 && count <= PEERS_MOST);
    struct peers *peers = aligned_alloc(CACHE_LINE, size);
    if (peers == NULL)
        return NULL;
    memset(peers, 0, size);
    peers->count = count;
    tries_open(&peers->tries);
    addresses_open(&peers->addresses);
    for (size_t i = 0; i < count; i++)
        atomic_init(&peers->at[i].oldest_ns, INT64_MAX);
    return peers;
}

void
peers_free(struct peers *peers)
{
    if (peers == NULL)
        return;
    tries_close(&peers->tries);
    addresses_close(&peers->addresses);
    free(peers);
}

/* FNV-1a, 64 bits (G. Fowler, L. C. Noll, K.-P. Vo), its halves folded. */
static size_t
shard_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
    return (hash ^ hash >> 32) % SHARDS;
}

size_t
peers_home(const struct peers *peers, const char *name)
{
    return peers->count == 1 ? 0 : shard_of(name) % peers->count;
}

size_t
peers_oldest(struct peers *peers)
{
    int64_t oldest_ns = INT64_MAX;
    size_t oldest = 0;

    for (size_t i = 0; i < peers->count; i++) {
        int64_t ns =
            atomic_load_explicit(&peers->at[i].oldest_ns, memory_order_relaxed);

        if (ns >= oldest_ns)
            continue;
        oldest_ns = ns;
        oldest = i;
    }
    return oldest;
}

bool
quota_take(struct quota *quota, size_t count, size_t limit)
{
    size_t used = atomic_load_explicit(&quota->used, memory_order_relaxed);

    do
        if (count > limit || used > limit - count)
            return false;
    while (!atomic_compare_exchange_weak_explicit(
        &quota->used, &used, used + count, memory_order_relaxed, memory_order_relaxed));
    return true;
}

void
quota_give(struct quota *quota, size_t count)
{
    atomic_fetch_sub_explicit(&quota->used, count, memory_order_relaxed);
}

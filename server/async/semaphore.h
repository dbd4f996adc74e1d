/*
 * semaphore.h: asyncio.Semaphore (with limit 1 a Lock) whose permits are leases: each
 * ends when it is released, when its ttl is over, or when the connection that holds it
 * ends. Each lease has a fencing token that is higher than any before it
 * (M. Kleppmann, "How to do distributed locking", 2016). Waiters are served in the
 * order of arrival.
 */
#pragma once

#include "async/name.h"
#include "async/object.h"

struct semaphore_waiter;

struct lease {
    TAILQ_ENTRY(lease) link;
    struct semaphore *semaphore;
    struct semaphore_waiter *waiter; /* that got it; NULL: it has gone */
    struct timer expiry;
    int64_t ttl_ns; /* 0: none, a connection holds it */
    uint64_t token;
    char id[NAME_DRAWN_SIZE];
    bool granted;
};
TAILQ_HEAD(lease_list, lease);

struct semaphore {
    struct object object;
    size_t limit; /* fixed while it is used; 0: none yet */
    size_t held;
    struct lease_list leases; /* granted, by token */
};

struct semaphore_waiter {
    struct waiter waiter;
    struct lease *lease; /* NULL: it has ended */
    char lease_id[NAME_DRAWN_SIZE];
    uint64_t token; /* once it is granted */
};

struct semaphore_plan {
    struct waiter_plan waiter;
    size_t limit;   /* 0: as it is, or 1 */
    int64_t ttl_ns; /* 0: the waiter holds it until it ends */
};

extern const struct object_class semaphore_class;

/* NULL where the object has not been used. */
struct semaphore *semaphore_find(struct registry *registry, const char *name);
MUST_USE enum error
semaphore_need(struct registry *registry, const char *name, struct semaphore **out);

/* Waits for a lease. The caller holds *out. Errors: parameter-conflict (it is used with
 * another limit), too-many-objects (a lease counts as one), those of waiter_open. */
MUST_USE enum error
semaphore_acquire(struct semaphore *semaphore, const struct semaphore_plan *plan,
                  int64_t now_ns, struct semaphore_waiter **out);

/* NULL: lost. */
struct lease *semaphore_lease(const struct semaphore *semaphore, const char *id);

/* Gives it to the next in line; who held it by a connection is done. */
void lease_release(struct lease *lease, int64_t now_ns);

/* From now on it has so long; one that a connection holds has no end of its own. */
void lease_renew(struct lease *lease, int64_t ttl_ns, int64_t now_ns);

static inline size_t
semaphore_available(const struct semaphore *semaphore)
{
    return semaphore->limit - semaphore->held;
}

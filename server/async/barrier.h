/*
 * barrier.h: asyncio.Barrier: the last of `parties` to come releases all. Each
 * generation has its own number of parties, that of the first who comes. One who leaves
 * before, by a timeout or otherwise, is a loss: it only withdraws, or it breaks the
 * generation for the others. An aborted barrier is broken until it is forgotten.
 */
#pragma once

#include "async/object.h"

struct barrier {
    struct object object;
    size_t parties;      /* of those who wait; of the last generation otherwise */
    uint64_t generation; /* how many times it has opened */
    bool broken;
};

struct barrier_waiter {
    struct waiter waiter;
    bool breaks; /* its loss is one for all */
    size_t rank; /* in order of arrival, from 0: once it is done */
    size_t parties;
    uint64_t generation; /* from 1 */
};

struct barrier_plan {
    struct waiter_plan waiter;
    size_t parties;
    bool breaks;
};

extern const struct object_class barrier_class;

/* NULL where the object has not been used. */
struct barrier *barrier_find(struct registry *registry, const char *name);
MUST_USE enum error
barrier_need(struct registry *registry, const char *name, struct barrier **out);

/* Waits for the others. The caller holds *out, which fails with barrier-broken. Errors:
 * barrier-broken, parameter-conflict (the others wait for another number), those of
 * waiter_open. */
MUST_USE enum error
barrier_wait(struct barrier *barrier, const struct barrier_plan *plan, int64_t now_ns,
             struct barrier_waiter **out);

/* Breaks it for those who wait and for all who come. Returns how many waited. */
size_t barrier_abort(struct barrier *barrier, int64_t now_ns);

/* Breaks it for those who wait, and forgets it; where somebody watches its line, it is
 * as new instead: what comes is watched. Returns how many waited. */
size_t barrier_forget(struct barrier *barrier, int64_t now_ns);

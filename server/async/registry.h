/*
 * registry.h: every record of a worker: by id, by creation, by group, by end; with the
 * limits, the retention and what the work needs: clock, timers, random numbers. Its
 * worker's thread only. The limits hold for all workers together.
 */
#pragma once

#include "async/objects.h"
#include "async/peers.h"
#include "base/clock.h"
#include "base/fastrand.h"

#include <sys/queue.h>

struct record;
struct group;
struct walk;
TAILQ_HEAD(record_list, record);
LIST_HEAD(walks, walk);

enum record_state {
    STATE_QUEUED,
    STATE_PENDING,
    STATE_DONE,
    STATE_FAILED,
    STATE_CANCELLED,
    STATE_COUNT,
};

struct registry_limits {
    size_t max_tasks; /* that have not ended; and so many ended ones are kept, as far
                         as they take no more than half of the memory's budget */
    size_t max_waits; /* in flight; each of the n counts until it has ended */
    int64_t retention_ns;
    size_t max_objects;      /* of coordination; each lease counts as one */
    size_t max_object_bytes; /* of payloads and items that are kept */
    int64_t idle_ttl_ns;     /* then an unused object, or key of faults, goes */
};

struct registry {
    struct registry_limits limits;
    const struct clock *clock;
    struct peers *peers;  /* all workers, */
    size_t worker;        /* and which of them this is */
    void *front;          /* for letters: the server that stands before it */
    struct timers timers; /* asked time: waits, timeouts, retention */
    struct fastrand fastrand;
    struct record *by_id;        /* uthash; by creation, behind the anchor */
    struct record *anchor;       /* see registry.c; owned */
    struct group *groups;        /* uthash */
    struct walks walks;          /* on their way through them */
    struct record_list finished; /* kept ones, by end */
    size_t count, finished_count;
    uint64_t dropped;                /* ended ones, before their retention was over */
    size_t task_states[STATE_COUNT]; /* how many tasks of each are in the list */
    size_t tasks;           /* of this worker, that have not ended, or are promised */
    size_t waits;           /* likewise */
    int64_t wall_offset_ns; /* of the wall clock against `clock`, */
    int64_t wall_until_ns;  /* good until then */
    uint64_t serial;
    struct timer retention;
    struct objects objects; /* of coordination */
    struct timer idle;      /* of the keys; runs where one was used here */
};

/* A random seed where `seed` is NULL. `clock` and `peers` outlive it. It is the one
 * that reads the letters to its worker. */
void registry_open(struct registry *registry, const struct registry_limits *limits,
                   const struct clock *clock, const uint64_t *seed, struct peers *peers,
                   size_t worker);

/* From now on no letter is sent to drop what is kept: nobody will read it. */
void registry_keep_all(struct registry *registry);

/* Cancels (drain) and frees everything. No request may hold a record any more. */
void registry_close(struct registry *registry);

static inline int64_t
registry_now(const struct registry *registry)
{
    return clock_now(registry->clock);
}

/* That instant on the wall clock, which is looked at once a second. */
int64_t registry_wall_of(struct registry *registry, int64_t at_ns);

/* Whether the name is at home here. */
static inline bool
registry_is_home(const struct registry *registry, const char *name)
{
    return peers_home(registry->peers, name) == registry->worker;
}

/* NULL where there is none. */
struct record *registry_find(const struct registry *registry, const char *id);

/* The oldest; NULL: there is none. */
struct record *registry_first(const struct registry *registry);

/* Counts so many tasks and waits as not ended: all, or none and too-many-tasks,
 * too-many-waits or too-much-memory, for which some of the ended ones go. record_count
 * and record_end give back what their record counts for. */
MUST_USE enum error
registry_reserve(struct registry *registry, size_t tasks, size_t waits);
void registry_unreserve(struct registry *registry, size_t tasks, size_t waits);

/* So many seconds for each wait of the process that has not ended. */
static inline double
registry_load(const struct registry *registry, double factor)
{
    return factor * (double)quota_used(&registry->peers->waits);
}

/* Counts tries of a key, as tries_take does, and sees to it that it goes in its time.
 */
MUST_USE enum error
registry_count_tries(struct registry *registry, const char *key, size_t count,
                     int64_t now_ns, uint64_t *before);

/* Likewise tries_enter. The place is given back by tries_leave. */
MUST_USE enum error
registry_enter_key(struct registry *registry, const char *key, size_t most,
                   int64_t now_ns, struct tries_key **place);

/* For record.c: one has joined the finished ones, which the timer of the oldest drops
 * in its time; where too many are kept, the oldest of all workers goes. */
void registry_keep(struct registry *registry, struct record *record);

/* For record.c: one has left them. */
void registry_drop(struct registry *registry, struct record *record);

struct registry_swept {
    size_t cancelled; /* had not ended */
    size_t removed;   /* all that went */
};

/* POST /reset: forgets all objects, cancels all records and forgets those that no
 * request holds. */
struct registry_swept registry_reset(struct registry *registry, int64_t now_ns);

/* The end of a drain: forgets all objects and cancels all. */
void registry_cancel_all(struct registry *registry, int cancel_reason, int64_t now_ns);

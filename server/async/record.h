/*
 * record.h: what every piece of work has: an id, a kind, a label, a state, a deadline.
 * A request in flight has one as well as a task, so that lists, cancel and the journal
 * work on all alike. The struct is the head of struct wait, wait_n and measure.
 *
 * Life: record_open puts it into the registry, which holds it; record_end or
 * record_cancel ends it once. An ended record that is `kept` stays for the retention;
 * another is forgotten by the request that owns it. It is freed with its last holder.
 */
#pragma once

#include "async/name.h"
#include "async/registry.h"

#include <stdbool.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum record_kind {
    KIND_TASK,
    KIND_WAIT,
    KIND_WAIT_N,
    KIND_MEASURE,
    KIND_EVENT, /* what waits at one; likewise the next ones */
    KIND_SEMAPHORE,
    KIND_BARRIER,
    KIND_LATCH,
    KIND_QUEUE,
    KIND_COUNT,
};
enum cancel_reason {
    REASON_NONE,
    REASON_CANCEL,
    REASON_TIMEOUT,
    REASON_DISCONNECT,
    REASON_DRAIN,
    REASON_RESET,
};

/* Their names, in the order of the enums, NULL-ended. */
extern const char *const record_kind_words[];
extern const char *const record_state_words[];
extern const char *const cancel_reason_words[]; /* that of REASON_NONE is "" */

/* A wish to hear of a record's progress and end, or of the ends in a group. Whoever
 * watches holds what is watched. `changed` may cancel records and stop any watch; it
 * forgets and disowns nothing. Zeroed: watches nothing. */
struct watch {
    LIST_ENTRY(watch) link;
    void (*changed)(struct watch *watch, int64_t now_ns);
    bool watching;
};
LIST_HEAD(watches, watch);

/* What the kinds do differently. */
struct record_class {
    /* The work, before it ends so; its reason is set. What is done already, though
     * nobody has heard of it, may end as that instead. */
    void (*stop)(struct record *record, int64_t now_ns);
    /* Whether what is due may not have ended yet: its timeout waits for that. NULL: no.
     */
    bool (*is_busy)(const struct record *record);
    /* Ends it early, as if its time had come. NULL: its class has a way of its own. */
    void (*release)(struct record *record, int64_t now_ns);
    /* See record_failure. NULL: it was to. */
    enum error (*failure)(const struct record *record);
    /* Seconds from its creation to when it had to end, of one that has ended by itself;
     * negative: unknown. NULL: unknown. */
    double (*delay)(const struct record *record);
    void (*shed)(struct record *record); /* what only its client needed; may be NULL */
    void (*destroy)(struct record *record); /* frees it; its work has been stopped */
};

struct record {
    const struct record_class *class;
    struct registry *registry;
    UT_hash_handle by_id;         /* which also keeps them in the order of creation */
    TAILQ_ENTRY(record) in_group; /* by creation */
    union {
        struct timer timeout; /* until it ends; from then on: */
        struct {
            TAILQ_ENTRY(record) in_finished; /* by end, where it is kept */
            TAILQ_ENTRY(record) in_ended;    /* of the group, by end */
            uint64_t end_serial;             /* in the group; 0: not there yet */
        };
    };
    struct group *group; /* held; NULL: none */
    struct watches watches;
    uint64_t serial;   /* of creation, from 1 */
    int64_t listed_ns; /* when it was put into the list: not before any that is there */
    uint32_t holders;
    uint32_t waits; /* in flight, for which it counts */
    char *id;       /* owned, or drawn */
    char *label;    /* owned; NULL: none */
    int64_t created_ns;
    int64_t created_wall_ns;
    int64_t finished_ns;
    int64_t bytes_sent; /* of the body, to the request that made it */
    enum record_kind kind : 8;
    enum record_state state : 8;
    enum cancel_reason reason : 8;
    bool kept : 1;    /* stays when it has ended */
    bool listed : 1;  /* in the registry */
    bool lingers : 1; /* forgotten, and still in the way of a cursor of its group */
    bool outside : 1; /* it has left the queue of its launch: its end makes no room */
    uint16_t status;  /* HTTP: of the result of what is done, or the failure; 0: 200 */
    uint16_t retry_after;        /* seconds, told with its failures; 0: not */
    char drawn[NAME_DRAWN_SIZE]; /* where no id was given */
};

/* In a plan: there is none. One of 0 is over at once. */
#define NO_TIMEOUT INT64_MAX

/* When a timeout is over that counts from then; INT64_MAX: never. */
static inline int64_t
timeout_end_ns(int64_t start_ns, int64_t timeout_ns)
{
    return timeout_ns == NO_TIMEOUT ? INT64_MAX : start_ns + timeout_ns;
}

struct record_plan {
    enum record_kind kind;
    const char *id;      /* not in use; NULL: one is made */
    const char *label;   /* NULL: none */
    struct group *group; /* NULL: none */
    size_t waits;        /* how many it counts for; the caller has reserved them */
    int64_t timeout_ns;  /* from its creation; then it is cancelled; or NO_TIMEOUT */
    int64_t created_ns;
};

/* Fills the head of a zeroed kind and lists it as pending. The caller holds it as well
 * as the registry. Out of memory: nothing is listed, and the caller frees. */
MUST_USE enum error
record_open(struct registry *registry, struct record *record,
            const struct record_class *class, const struct record_plan *plan);

/* The one that was listed next; NULL: it is the newest. */
static inline struct record *
record_after(const struct record *record)
{
    return record->by_id.next;
}

static inline bool
record_ended(const struct record *record)
{
    return record->state > STATE_PENDING;
}

/* What its class says, or -1. */
static inline double
record_delay(const struct record *record)
{
    return record->class->delay ? record->class->delay(record) : -1;
}

/* Why it has failed, beyond that it was to with its status: OK where that is all. */
static inline enum error
record_failure(const struct record *record)
{
    return record->class->failure ? record->class->failure(record) : OK;
}

/* For wait.c: it begins, or stands in a queue. */
void record_become(struct record *record, enum record_state state);

/* From now on it counts for so many waits only: the others have ended. */
void record_count(struct record *record, size_t waits);

/* Ends it (the work has been stopped) and tells its watches and those of its group. */
void record_end(struct record *record, enum record_state state,
                enum cancel_reason reason, int64_t now_ns);

/* Stops the work and ends it as cancelled; false where it had ended, or was done. */
bool record_cancel(struct record *record, enum cancel_reason reason, int64_t now_ns);

/* As record_cancel, for a caller that will forget it: it takes no other's place among
 * the finished ones. */
bool record_dismiss(struct record *record, enum cancel_reason reason, int64_t now_ns);

/* Takes it out of the registry and its group; it has ended. */
void record_forget(struct record *record);

void record_hold(struct record *record);
void record_release(struct record *record); /* the last one frees it */

/* What the owning request does when it ends: cancels what has not ended (the client
 * left), forgets what is not kept, and releases it. */
void record_disown(struct record *record, int64_t now_ns);

/* Tells the watches of the record that there is something new. */
void record_progress(struct record *record, int64_t now_ns);

/* A record's own list is record->watches, a group's group->watches. */
void watches_watch(struct watches *watches, struct watch *watch);
void watch_stop(struct watch *watch);
void watches_tell(struct watches *watches, int64_t now_ns);

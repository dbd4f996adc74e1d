/*
 * wait.h: one wait: a task (kind task), or a request that waits (kind wait). It ends at
 * its deadline, never before it: as done, or as failed where its status is an error.
 */
#pragma once

#include "async/delays.h"
#include "async/faults.h"
#include "async/gate.h"
#include "async/record.h"

struct launch;

/* What was asked of a wait beyond its delay. */
struct wait_options {
    int64_t timeout_ns;             /* or NO_TIMEOUT */
    double load_factor;             /* of registry_load */
    struct fault_spec faults;       /* not of a launch */
    char event[NAME_MAX_BYTES + 1]; /* "": none */
    struct gate *gate;              /* it waits for the event; NULL: no more */
    enum error error;               /* why the event could not be waited for */
    const char *abort;              /* it ends so, as failed; NULL: it is answered */
    struct tries_key *place;        /* of its key, while it has not ended; NULL: none */
    bool over; /* too many of its key were in flight: it fails at once */
};

struct wait {
    struct record record;
    struct timer timer;
    struct delay_spec spec; /* as asked; its model is owned, to compare a PUT with,
                               NULL where none will be */
    struct wait_options *options; /* owned; NULL: none, or of a group */
    double delay;                 /* seconds from start to deadline */
    int64_t start_ns;
    int64_t deadline_ns;   /* not before; valid unless it is queued */
    struct launch *launch; /* that has its timer, and hears of its end; NULL: none, or
                              it has heard */
};

struct wait_plan {
    enum record_kind kind; /* KIND_TASK or KIND_WAIT */
    const char *id, *label;
    struct group *group;
    struct delay_spec spec;
    struct fault_spec faults;
    double load_factor; /* of registry_load */
    const char *event;  /* it does not end before that is set; NULL: none */
    const char *abort;  /* how its connection is to end instead of an answer; where
                           faults are drawn, only if they let it fail. Not copied. NULL:
                           it is answered */
    int64_t timeout_ns; /* or NO_TIMEOUT */
    int64_t start_ns;   /* not after now */
};

/* Draws the delay, and whether it fails, and starts; where too many of its key are in
 * flight, it fails at its start instead, and is no try. Ends nothing by itself, even
 * where the delay is 0: that is for the timers, or for wait_settle. The caller holds
 * *out. Errors: too-many-tasks, too-many-waits, too-many-keys, too-many-objects (here;
 * elsewhere the wait fails with it), out-of-memory; then nothing has started. */
MUST_USE enum error
wait_start(struct registry *registry, const struct wait_plan *plan, struct wait **out);

/* Ends it at once where its deadline has come. */
void wait_settle(struct wait *wait, int64_t now_ns);

/* NULL where the record is of another kind. */
struct wait *wait_of(struct record *record);

/* Whether it waits for its event: its deadline is only when it may end at the earliest.
 */
static inline bool
wait_is_gated(const struct wait *wait)
{
    return wait->options && wait->options->gate;
}

/* Whether the plan asks for what this one was started with; of kind, id and label it
 * says nothing. */
bool wait_is_as_asked(const struct wait *wait, const struct wait_plan *plan);

/* Moves its deadline, or what is past to now; its delay becomes the time from its start
 * till then. A queued one starts at once, outside of its limit, and one that is gated
 * waits for its event no more. It has not ended. */
void wait_move(struct wait *wait, int64_t deadline_ns, int64_t now_ns);

/* Makes its delay longer, to whole ns; a queued one stays queued, and one that only its
 * event still holds back ends so long from now at the earliest. It has not ended. */
void wait_extend(struct wait *wait, int64_t by_ns, int64_t now_ns);

/* Seconds till its deadline, 0 where that is over; a queued one's delay. */
double wait_remaining(const struct wait *wait, int64_t now_ns);

/* For launch.c: what a member of it is. */
struct wait_part {
    struct launch *launch; /* has its timer, and hears of its end; NULL: none */
    double delay;
    struct tries_key *place; /* the wait takes it; likewise the next ones */
    const char *abort;
    uint16_t status; /* of struct record, as is the next one */
    uint16_t retry_after;
    bool queued;
    bool over;
};

/* For launch.c: such a wait, reserved by its caller; it counts no try. */
MUST_USE enum error wait_join(struct registry *registry, const struct wait_plan *plan,
                              const struct wait_part *part, struct wait **out);
void wait_dequeue(struct wait *wait, int64_t start_ns);

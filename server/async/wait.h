/*
 * wait.h: one wait: a task (kind task), or a request that waits (kind wait). It ends as
 * done at its deadline, never before it.
 */
#pragma once

#include "async/delays.h"
#include "async/record.h"

struct launch;

struct wait {
    struct record record;
    struct timer timer;
    struct delay_spec spec; /* as asked, to compare a PUT with */
    int64_t timeout_ns;     /* as asked; 0: none */
    double delay;           /* seconds from start to deadline */
    int64_t start_ns;
    int64_t deadline_ns;   /* valid unless it is queued */
    struct launch *launch; /* that lets it start; NULL: none, or it is over */
};

struct wait_plan {
    enum record_kind kind; /* KIND_TASK or KIND_WAIT */
    const char *id, *label;
    struct group *group;
    struct delay_spec spec;
    int64_t timeout_ns; /* 0: none */
    int64_t start_ns;   /* not after now */
};

/* Draws the delay and starts. Ends nothing by itself, even where the delay is 0: that
 * is for the timers, or for wait_settle. The caller holds *out. Errors: too-many-tasks,
 * too-many-waits, out-of-memory; then nothing has started. */
MUST_USE enum error
wait_start(struct registry *registry, const struct wait_plan *plan, struct wait **out);

/* Ends it at once where its deadline has come. */
void wait_settle(struct wait *wait, int64_t now_ns);

/* NULL where the record is of another kind. */
struct wait *wait_of(struct record *record);

/* Moves its deadline, or what is past to now; its delay becomes the time from its start
 * till then. A queued one starts at once, outside of its limit. It has not ended. */
void wait_move(struct wait *wait, int64_t deadline_ns, int64_t now_ns);

/* Makes its delay longer by so many seconds; a queued one stays queued. It has not
 * ended. */
void wait_extend(struct wait *wait, double seconds);

/* Seconds till its deadline, 0 where that is over; a queued one's delay. */
double wait_remaining(const struct wait *wait, int64_t now_ns);

/* For launch.c: a wait of the given delay, reserved by its caller, pending or queued;
 * `launch` hears when it leaves, NULL: nobody does. */
MUST_USE enum error
wait_join(struct launch *launch, const struct wait_plan *plan,
          struct registry *registry, double delay, bool queued, struct wait **out);
void wait_dequeue(struct wait *wait, int64_t start_ns);

/*
 * launch.h: the tasks that one request starts together (task_wait_n). All start at the
 * same instant, or with a limit the first by index do, and each queued one starts at
 * the deadline of the wait that made room (at once, where that one was cancelled). They
 * are made in slices, so that a large launch does not hold up the loop; and so is the
 * rest cancelled when it is over before all have ended (struct ending).
 *
 * Between two slices others have their turn, and none of its own waits: they have
 * timers of their own, which stand still while it is busy. So they end in the order of
 * their deadlines, and start what is queued in it, however late and in whatever slices.
 */
#pragma once

#include "async/ending.h"
#include "async/group.h"
#include "async/wait.h"

struct launch_plan {
    const char *group_name; /* NULL: one is made */
    const char *label;      /* of each; NULL: none */
    struct delay_spec spec; /* fixed or seeded; seeded where faults are drawn */
    struct fault_spec faults;
    double load_factor; /* of registry_load */
    struct ending ending;
    int64_t timeout_ns; /* of all, from start_ns; or NO_TIMEOUT */
    size_t n;           /* > 0 */
    size_t limit;       /* at most so many at once; 0: all */
    int64_t start_ns;
};

struct launch {
    LIST_ENTRY(launch) link; /* in its group, while it makes members */
    struct registry *registry;
    struct group *group;    /* held */
    struct watches watches; /* of what is made */
    struct timers timers;   /* of its waits, and its timeout */
    struct timer timeout;   /* one for all */
    struct timer step;      /* the next slice, or the next of its own timers */
    int64_t step_ns;        /* when it was last */
    struct launch_plan plan;
    struct delays *delays; /* while it makes waits; likewise the next ones */
    struct faults *faults; /* owned; NULL: none fails */
    char *label;           /* owned copy */
    size_t made;           /* waits[0 … made-1] are there */
    size_t running;        /* that have started and not ended */
    size_t next;           /* the first that may still be queued */
    int64_t room_ns;       /* when one made room last */
    size_t unended;        /* or not made yet */
    size_t ended;          /* that count for its ending */
    size_t swept;          /* the rest is cancelled before that index */
    size_t holders;
    enum cancel_reason reason; /* of that */
    bool broken;               /* out of memory on the way: the rest was never made */
    bool met;                  /* its ending has come */
    bool cancels;        /* what has not ended is cancelled, or will be in its turn */
    struct wait **waits; /* owned, and each held; NULL: let go, as nobody asks for them
                            any more */
};

/* Reserves, and makes the first slice; where memory ends later, the launch is `broken`.
 * The caller holds *out, to read what is made; the launch goes on without. Errors:
 * too-many-tasks, too-many-waits, too-many-keys, out-of-memory; then nothing has
 * started. */
MUST_USE enum error launch_start(struct registry *registry,
                                 const struct launch_plan *plan, struct launch **out);
void launch_release(struct launch *launch);

/* Whether all is made that will be. */
bool launch_over(const struct launch *launch);

/* Makes all the rest now, for whoever is about to cancel it. */
void launch_finish(struct launch *launch, int64_t now_ns);

/* For wait.c: a timer of its waits has been moved. */
void launch_retime(struct launch *launch);

/* For wait.c: cancels one of it as it does the rest. */
void launch_cancel(const struct launch *launch, struct record *record, int64_t now_ns);

/* For wait.c: one of it ends so. */
void launch_left(struct launch *launch, const struct record *record,
                 enum record_state end, bool made_room, int64_t at_ns);

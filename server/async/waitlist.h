/*
 * waitlist.h: who waits in line at a coordination object, first come first served: one
 * place for waiting, being served, timing out, being cancelled and leaving, under all
 * kinds of objects. A waiter is a record, so that it shows in the list of tasks and
 * ends as all work does: done when it was served, failed where it was told why not.
 */
#pragma once

#include "async/objects.h"
#include "async/record.h"

enum waiter_place {
    WAITER_OUTSIDE, /* new, or told */
    WAITER_IN_LINE,
    WAITER_WATCHING, /* the line: until so many are in it */
    WAITER_SERVED,   /* has what it waited for, and will be told in its turn */
    WAITER_HOLDING,  /* has it, was told, and keeps it until it ends */
};

struct waiter {
    struct record record;
    struct object *object; /* held */
    TAILQ_ENTRY(waiter) link;
    size_t wanted; /* of who watches: so many in the line */
    enum waiter_place place : 8;
    enum error outcome : 8; /* OK, or why it failed */
    bool holds; /* when it is served it does not end: it keeps what it has */
};

struct waitlist {
    struct waiter_list line, watching;
    struct waiter_list served; /* have what they waited for, and are not told yet */
    size_t count;              /* who waits: in the line, and what stands beside it */
};

struct waiter_plan {
    const char *label;  /* NULL: none */
    int64_t timeout_ns; /* then it is cancelled; or NO_TIMEOUT */
    int64_t start_ns;   /* not after now */
};

/* Makes a waiter, zeroed behind its head: outside of the line. The caller holds *out.
 * Errors: too-many-waits, out-of-memory. */
MUST_USE enum error
waiter_open(struct object *object, const struct waiter_plan *plan, struct waiter **out);

/* One more or less stands in the line that is no record of its own; more serves those
 * who watch for that. */
void waitlist_enter(struct waitlist *list);
void waitlist_leave(struct waitlist *list);

/* To the end of the line; serves those who watch for that. */
void waiter_join(struct waiter *waiter);

/* Serves it as soon as so many are in the line. */
void waiter_watch(struct waiter *waiter, size_t wanted);

/* Takes it out of the line: it has what it waited for (OK), or is told why not. */
void waiter_serve(struct waiter *waiter, enum error outcome);

/* Serves the whole line, or all who watch it. Returns how many. */
size_t waitlist_serve_all(struct waitlist *list, enum error outcome);
size_t waitlist_serve_watching(struct waitlist *list, enum error outcome);

/* Ends those who were served, as done or as failed. Every change of an object ends with
 * it. Where they are many it takes more than a turn, in which the objects take turns,
 * so that the crowd of one holds up nobody at another; who is cancelled before gives
 * back what it got. */
void waitlist_tell(struct registry *registry, int64_t now_ns);

/* Of one that holds what it has: that was taken from it, so it is done. */
void waiter_end_hold(struct waiter *waiter, int64_t now_ns);

/* It is done, and its client has not got the answer: gives back what it was given. */
void waiter_undelivered(struct waiter *waiter, int64_t now_ns);

/* NULL where the record is of another kind. */
struct waiter *waiter_of(struct record *record);

/* The first in line; NULL: nobody. */
static inline struct waiter *
waitlist_first(const struct waitlist *list)
{
    return TAILQ_FIRST(&list->line);
}

void waitlist_open(struct waitlist *list);

/*
 * object.h: what events, semaphores, barriers, latches and queues are alike in: a name,
 * a line of waiters, and an end when nobody uses them. An object appears on its first
 * use and goes when nobody has asked for it, waited at it or held a part of it for the
 * idle ttl.
 * The struct is the head of struct event, semaphore, barrier, latch and queue.
 */
#pragma once

#include "async/waitlist.h"

struct object_class {
    enum object_kind kind;
    enum record_kind waiter_kind;
    size_t size, waiter_size; /* of the structs whose heads they are */
    /* Serves who holds a part of it until he ends, or has not been told yet that he got
     * one, with that error; returns how many. NULL: nobody does. */
    size_t (*expel)(struct object *object, enum error error);
    /* Whether more than its waiters keeps it; NULL: no. */
    bool (*is_held)(const struct object *object);
    void (*open)(struct object *object);  /* a new one; NULL: zeroes will do */
    void (*clear)(struct object *object); /* frees what it holds; NULL: nothing */
    /* The waiter, which was served well, is about to be told; NULL: no matter. */
    void (*told)(struct waiter *waiter, int64_t now_ns);
    /* The waiter has left its line without what it waited for; NULL: no matter. */
    void (*left)(struct waiter *waiter, int64_t now_ns);
    /* Whether what the waiter did, and was not told yet, has gone on to others: it is
     * too late to cancel it. NULL: never. */
    bool (*stands)(const struct waiter *waiter);
    /* What the waiter was given did not reach its client; NULL: no matter. */
    void (*give_back)(struct waiter *waiter, int64_t now_ns);
    /* It is kept for the journal: what only its client needed; NULL: nothing. */
    void (*shed)(struct waiter *waiter);
    void (*free_waiter)(struct waiter *waiter); /* what it carries; NULL: nothing */
};

struct object {
    const struct object_class *class;
    struct registry *registry;
    UT_hash_handle by_name;
    TAILQ_ENTRY(object) in_use;     /* by the time of its last use */
    TAILQ_ENTRY(object) in_telling; /* while it has served some */
    int64_t used_ns;
    size_t holders;
    struct waitlist waiters;
    bool fresh; /* made for what has begun just now */
    bool gone;  /* forgotten: nobody finds it, and nothing that is given back counts */
    char *name; /* owned */
};

/* NULL where there is none. Asking for it is a use. */
struct object *object_find(struct registry *registry, const struct object_class *class,
                           const char *name);

/* Finds or makes it, zeroed behind its head. Errors: too-many-objects, out-of-memory.
 */
MUST_USE enum error
object_need(struct registry *registry, const struct object_class *class,
            const char *name, struct object **out);

/* What it was needed for has failed with that error, which is returned: an object that
 * was made for that is freed. */
enum error object_unneed(struct object *object, enum error error);

/* It is being used, or was until now: its idle ttl begins anew. */
void object_use(struct object *object);

void object_hold(struct object *object);
void object_release(struct object *object);

/* Clears it, and nobody finds it any more. Who waits there goes on waiting. */
void object_forget(struct object *object);

/* The same, and who waits there, watches, or holds a part of it until he ends, fails as
 * cancelled. Returns how many. */
size_t object_delete(struct object *object, int64_t now_ns);

/* Whether somebody waits in its line, or holds a part of it. */
bool object_in_use(const struct object *object);

/* For registry.c. */
void objects_open(struct registry *registry);
void objects_forget_all(struct registry *registry);

/*
 * group.h: the kept tasks of one name. It exists while it has a member, a promise of
 * some (a launch that still makes them), or a request that waits on it. Whoever holds a
 * record that was a member holds its group, too, so that it knows its name.
 */
#pragma once

#include "async/record.h"

/* A place in the order of ends. What ended while it was open is held for it until it
 * has passed, though it be forgotten meanwhile: as many as the registry keeps, so that
 * one who never steps on costs no more than that. */
struct group_cursor {
    LIST_ENTRY(group_cursor) link;
    struct record *next; /* NULL: nothing more has ended yet */
};
LIST_HEAD(group_cursors, group_cursor);
LIST_HEAD(launches, launch);

struct group {
    UT_hash_handle by_name;
    struct registry *registry;
    struct record_list members; /* by creation: in_group */
    struct record_list ended;   /* by end: in_ended; with those that linger */
    struct watches watches;     /* of the ends of its members */
    struct group_cursors cursors;
    struct launches launches; /* that still make members */
    size_t count;             /* members */
    size_t ended_count;
    size_t failed_count;
    size_t lingering; /* no members any more, but in the way of a cursor */
    uint64_t end_serial;
    size_t promised; /* members that launches will still make */
    size_t holders;
    bool hushed; /* its watches hear of what ends when all has, in one */
    char name[];
};

/* NULL where there is none, or it has no member and no promise. */
struct group *group_find(const struct registry *registry, const char *name);

/* Finds or makes it (name NULL: one with a random name) and holds it; NULL: out of
 * memory. */
struct group *group_hold_named(struct registry *registry, const char *name);
void group_hold(struct group *group);
void group_release(struct group *group);

/* Members that have not ended, promised ones too. */
static inline size_t
group_pending(const struct group *group)
{
    return group->count - group->ended_count + group->promised;
}

/* For record.c only: a record joins at its opening, ends, and leaves. */
void group_join(struct group *group, struct record *record);
void group_end(struct group *group, struct record *record, int64_t now_ns);
void group_leave(struct group *group, struct record *record);

/* Puts the cursor before the first that ended and holds the group. */
void group_cursor_open(struct group *group, struct group_cursor *cursor);
void group_cursor_step(struct group *group, struct group_cursor *cursor);
void group_cursor_close(struct group *group, struct group_cursor *cursor);

/* Makes the promised members now, and cancels every one that has not ended, by
 * record_cancel or record_dismiss. Who watches hears of all of them at once. The caller
 * holds the group. Returns how many it were. */
size_t group_cancel(struct group *group, enum cancel_reason reason, int64_t now_ns,
                    bool (*cancel)(struct record *record, enum cancel_reason reason,
                                   int64_t now_ns));

/* DELETE /tasks?group=: cancels and forgets every member. */
struct registry_swept group_sweep(struct group *group, int64_t now_ns);

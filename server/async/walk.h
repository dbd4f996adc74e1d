/*
 * walk.h: a way through all records of a worker, or through the members of a group,
 * oldest first, that may be gone in slices: between two steps others may come, end and
 * go. It meets each record that is there from its beginning to its step, none that came
 * later, and none twice.
 */
#pragma once

#include "async/registry.h"

/* So many steps that find nothing make a slice. */
enum { WALK_STEPS_A_SLICE = 256 };

/* Zeroed: not begun. */
struct walk {
    LIST_ENTRY(walk) link;
    const struct group *group; /* NULL: all records */
    struct record *next;       /* NULL: it is over */
    uint64_t last;             /* the serial of the newest that it will meet */
    uint64_t met;              /* and of the one that it has met last */
    bool begun;
    bool missed; /* one has left before it was met; who walks takes that back */
};

/* The group, where there is one, is held longer than the walk. */
void
walk_begin(struct walk *walk, struct registry *registry, const struct group *group);

/* The next record; NULL: there is none any more. */
struct record *walk_step(struct walk *walk);

/* Whether it has yet to come to the record, or would have, where that has left. */
bool walk_is_before(const struct walk *walk, const struct record *record);

/* Whatever is left of it is not gone; for one that was not begun, nothing. */
void walk_end(struct walk *walk);

/* For record.c: this one is about to leave. */
void walks_pass(struct registry *registry, struct record *record);

/*
 * group_lists.h: which of a group are done and which pending, as asyncio.wait() tells,
 * written in slices. Who is what is settled when it begins; how each stands is told as
 * it is when its row is written. What is forgotten meanwhile while it was pending is
 * left out.
 */
#pragma once

#include "async/group.h"
#include "base/text.h"

struct group_lists;

/* Holds the group; NULL: out of memory. */
struct group_lists *group_lists_open(struct group *group);

/* Writes some rows, well below 0.1 ms; true: all are written. */
MUST_USE bool group_lists_step(struct group_lists *lists);

/* When all are written: the object with both, in order of completion and of creation.
 * Its bytes are the caller's. */
struct text group_lists_take(struct group_lists *lists, bool timed_out);

/* NULL: nothing. */
void group_lists_close(struct group_lists *lists);

/*
 * group_lists.h: which of a group are done and which pending, as asyncio.wait() tells,
 * written in slices. Who is what is settled when it begins; how each stands is told as
 * it is when its row is written. None is lost: done are those before which the cursor
 * stands, though they have been forgotten; pending ones that are forgotten meanwhile
 * follow in the order of their ends.
 */
#pragma once

#include "async/group.h"
#include "base/text.h"

struct group_lists;

/* So many bytes, at most, of a group as it is now. */
size_t group_lists_memory(const struct group *group);

/* The cursor is the caller's, has not been stepped, and is closed after the lists.
 * NULL: out of memory. */
struct group_lists *group_lists_open(struct group *group, struct group_cursor *cursor);

/* Writes some rows, well below 0.1 ms; true: all are written. */
MUST_USE bool group_lists_step(struct group_lists *lists);

/* When all are written: the object with both, in order of completion and of creation.
 * Its bytes are the caller's. */
struct text group_lists_take(struct group_lists *lists, bool timed_out);

/* NULL: nothing. */
void group_lists_close(struct group_lists *lists);

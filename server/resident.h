/*
 * resident.h: looks now and then at the memory that the process really takes, for the
 * budget of --max-memory, and gives back to the system what the heap keeps free. Any
 * thread.
 */
#pragma once

#include "async/peers.h"
#include "base/text.h"

struct resident;

/* What it takes now is the base. NULL: *why. */
struct resident *resident_open(struct peers *peers, struct text *why);
void resident_close(struct resident *resident); /* NULL: nothing */

/* Looks, where the last time was a while ago. Real time. */
void resident_look(struct resident *resident, int64_t now_ns);

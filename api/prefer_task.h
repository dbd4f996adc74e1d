/*
 * prefer_task.h: RFC 7240 on /wait and /wait_n: with `Prefer: respond-async` the work
 * is a task from the start and the answer is a 202; with `wait=N` the answer comes if
 * it is done within N seconds, and else is the 202. Until then a client that leaves
 * cancels it.
 *
 * It keeps its state at the start of the exchange's room; a handler that uses the room
 * itself begins its struct with a struct prefer_task.
 */
#pragma once

#include "http/exchange.h"

struct prefer_task {
    struct prefer prefer;
    char applied[40];
    void (*reply)(struct exchange *exchange); /* the 202 */
};

/* Reads the header. */
/* The problem of a parameter that does not go with Prefer. */
enum error prefer_task_excludes(const char *name, struct problem *problem);

MUST_USE enum error
prefer_task_read(struct exchange *exchange, struct problem *problem);

bool prefer_task_wanted(struct exchange *exchange);

/* The value of Preference-Applied, NULL: none was. */
const char *prefer_task_applied(struct exchange *exchange);

/* After the work has begun: answers 202 at once, or sets the alarm for it. Nothing
 * where no preference was given or the exchange is answered already. */
MUST_USE enum error
prefer_task_begin(struct exchange *exchange, void (*reply)(struct exchange *exchange));

/* The 202 for a single task that the exchange owns. */
void prefer_task_reply_task(struct exchange *exchange);

/* task_reply.h: answers that hold one Task. */
#pragma once

#include "http/exchange.h"

/* 200, `waited` where the request was held for it. */
void task_reply(struct exchange *exchange, struct record *record, bool waited);

/* 201 with Location. */
void task_reply_created(struct exchange *exchange, struct record *record);

/* The HTTP status of the result of one that is done: 200, or what was asked for. */
int task_status(const struct record *record);

/* The record that {id} names; NULL: *problem says that there is none. */
struct record *task_find(struct exchange *exchange, struct problem *problem);

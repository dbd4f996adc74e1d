/* tasks_group.h: GET /tasks of a group: asyncio.wait() and asyncio.as_completed(). */
#pragma once

#include "api/ends.h"
#include "async/group.h"
#include "http/exchange.h"

struct tasks_in {
    struct value_words state;
    struct value_name group;
    struct value_word kind;
    struct value_label label;
    struct value_integer limit;
    struct value_name cursor;
    struct value_duration wait;
    struct value_duration timeout;
    struct value_count return_when;
    struct value_flag stream;
    struct value_word format;
};

MUST_USE enum error
tasks_group_wait(struct exchange *exchange, const struct tasks_in *in,
                 struct problem *problem);
MUST_USE enum error
tasks_group_stream(struct exchange *exchange, const struct tasks_in *in,
                   struct problem *problem);

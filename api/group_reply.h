/*
 * group_reply.h: what answers a request that has launched a group of tasks: the group
 * form {"group","seed","tasks":[…]}, streamed as the tasks are made. For POST /tasks
 * with n, and for /wait_n with Prefer.
 */
#pragma once

#include "api/prefer_task.h"
#include "async/launch.h"
#include "async/wait_n.h"

/* At the start of the exchange's room. */
struct group_reply {
    struct prefer_task prefer;
    struct launch *launch; /* held */
    size_t row;            /* the next task */
    bool begun;
};

/* POST /tasks: launches, and answers 201. */
MUST_USE enum error
group_reply_create(struct exchange *exchange, const struct launch_plan *plan);

/* /wait_n with Prefer: launches; answers 200 with what /wait_n says if it is done in
 * time, and 202 else. */
MUST_USE enum error
group_reply_prefer(struct exchange *exchange, const struct wait_n_plan *plan);

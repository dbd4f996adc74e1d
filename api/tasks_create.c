/* POST /tasks: a task, or a group of n: task_wait_random and task_wait_n. */
#include "api/app.h"
#include "api/draw.h"
#include "api/group_reply.h"
#include "api/task_reply.h"
#include "async/launch.h"

#include <stdio.h>
#include <string.h>

struct create_in {
    struct draw_in draw;
    struct value_integer n;
    struct value_integer limit;
    struct value_name group;
};

/* clang-format off */
static const struct field fields[] = {
    DRAW_FIELDS(struct create_in),
    FIELD(struct create_in, n, FIELD_INTEGER, .min = 1, .max_limit = LIMIT_MAX_N,
          .example = "5", .text = "So many tasks at once, as a group."),
    FIELD(struct create_in, limit, FIELD_INTEGER, .min = 1, .max_limit = LIMIT_MAX_N,
          .example = "2",
          .text = "With n: at most so many pending at once, the rest are queued."),
    FIELD(struct create_in, group, FIELD_NAME, .example = "g",
          .text = "Name of the group to join or make; with n the server names it where "
                  "you do not."),
};
/* clang-format on */

static enum error
create_group(struct exchange *exchange, const struct create_in *in,
             struct delay_spec *spec)
{
    delay_spec_seed(spec, &exchange_registry(exchange)->fastrand);
    struct launch_plan plan = {
        .group_name = in->group.given ? in->group.bytes : NULL,
        .label = draw_label(&in->draw),
        .spec = *spec,
        .timeout_ns = draw_timeout_ns(&in->draw.timeout),
        .n = (size_t)in->n.value,
        .limit = in->limit.given ? (size_t)in->limit.value : 0,
        .start_ns = exchange_received_ns(exchange),
    };

    return group_reply_create(exchange, &plan);
}

static enum error
create_one(struct exchange *exchange, const struct create_in *in,
           const struct delay_spec *spec)
{
    struct registry *registry = exchange_registry(exchange);
    struct wait_plan plan = {
        .kind = KIND_TASK,
        .label = draw_label(&in->draw),
        .spec = *spec,
        .timeout_ns = draw_timeout_ns(&in->draw.timeout),
        .start_ns = exchange_received_ns(exchange),
    };
    struct wait *wait;

    if (in->group.given) {
        plan.group = group_hold_named(registry, in->group.bytes);
        if (plan.group == NULL)
            return ERROR_OUT_OF_MEMORY;
    }
    enum error error = wait_start(registry, &plan, &wait);
    if (plan.group)
        group_release(plan.group);
    if (error)
        return error;
    task_reply_created(exchange, &wait->record);
    record_release(&wait->record);
    return OK;
}

static enum error
handle(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct create_in *in = raw;
    struct delay_spec spec;
    enum error error = draw_spec(&in->draw, &spec, problem);

    if (error)
        return error;
    if (in->n.given)
        return create_group(exchange, in, &spec);
    if (!in->limit.given)
        return create_one(exchange, in, &spec);
    problem_set(problem, ERROR_INVALID_PARAMETER, "limit needs n");
    problem_param(problem, "limit", strlen("limit"));
    return ERROR_INVALID_PARAMETER;
}

static const char *
home(const char *id, const void *raw)
{
    const struct create_in *in = raw;

    (void)id;
    return in->group.given ? in->group.bytes : NULL;
}

static const struct answer answers[] = {
    {201, FORMAT_JSON, "Without n: the Task. With n: the group, streamed.",
     "{\"group\":\"g\",\"seed\":7,\"tasks\":[\n…\n]}"},
    {0},
};

static const enum error errors[] = {ERROR_TOO_MANY_TASKS, ERROR_TOO_MANY_WAITS, OK};

const struct route route_tasks_create = {
    .methods = METHOD_POST,
    .path = "/tasks",
    .text = "Starts a task, or n of them; they outlive the request.",
    .more = "It is `task_wait_random(max_delay)`, with n `task_wait_n(n, max_delay)`: "
            "scheduled at once. Location names the task or the group.",
    .in = SHAPE(struct create_in, fields),
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "--json '{\"max_delay\":10}' localhost:8080/tasks",
    .home = home,
    .handle = handle,
};

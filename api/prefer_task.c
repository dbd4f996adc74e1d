#include "api/prefer_task.h"

#include "api/task_json.h"

#include <stdio.h>
#include <string.h>

enum error
prefer_task_read(struct exchange *exchange, struct problem *problem)
{
    struct prefer_task *task = exchange_room(exchange);
    enum error error = exchange_prefer(exchange, &task->prefer, problem);

    if (error)
        return error;
    if (task->prefer.wait_given)
        snprintf(task->applied, sizeof task->applied, "%swait=%.0f",
                 task->prefer.respond_async ? "respond-async, " : "",
                 task->prefer.wait_seconds);
    else if (task->prefer.respond_async)
        snprintf(task->applied, sizeof task->applied, "respond-async");
    return OK;
}

bool
prefer_task_wanted(struct exchange *exchange)
{
    struct prefer_task *task = exchange_room(exchange);

    return task->prefer.respond_async || task->prefer.wait_given;
}

const char *
prefer_task_applied(struct exchange *exchange)
{
    struct prefer_task *task = exchange_room(exchange);

    return task->applied[0] ? task->applied : NULL;
}

enum error
prefer_task_excludes(const char *name, struct problem *problem)
{
    problem_set(problem, ERROR_INVALID_PARAMETER, "%s does not go with Prefer", name);
    problem_param(problem, name, strlen(name));
    problem_conflict(problem, "Prefer");
    return ERROR_INVALID_PARAMETER;
}

static void
on_alarm(struct exchange *exchange, int64_t now_ns)
{
    struct prefer_task *task = exchange_room(exchange);

    (void)now_ns;
    task->reply(exchange);
}

enum error
prefer_task_begin(struct exchange *exchange, void (*reply)(struct exchange *exchange))
{
    struct prefer_task *task = exchange_room(exchange);

    if (!prefer_task_wanted(exchange) || exchange_answered(exchange))
        return OK;
    task->reply = reply;
    if (task->prefer.wait_given)
        return exchange_alarm(exchange, task->prefer.wait_seconds, on_alarm);
    reply(exchange);
    return OK;
}

void
prefer_task_reply_task(struct exchange *exchange)
{
    const struct prefer_task *task = exchange_room(exchange);
    struct record *record = exchange_owned(exchange);
    char location[96];
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {
        .status = 202,
        .content_type = "application/json",
        .location = location,
        .preference_applied = prefer_task_applied(exchange),
        .waited = task->prefer.wait_given,
    };

    snprintf(location, sizeof location, "/tasks/%s", record->id);
    task_write(record, registry_now(exchange_registry(exchange)), &json);
    text_string(&body, "\n");
    exchange_let_go(exchange);
    exchange_reply(exchange, &reply, &body);
}

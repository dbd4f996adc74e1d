#include "api/task_reply.h"

#include "api/task_json.h"

#include <stdio.h>

static void
send(struct exchange *exchange, const struct reply *reply, struct record *record)
{
    struct text body = {0};
    struct json_writer json = json_writer(&body);

    task_write(record, registry_now(exchange_registry(exchange)), &json);
    text_string(&body, "\n");
    exchange_reply(exchange, reply, &body);
}

void
task_reply(struct exchange *exchange, struct record *record, bool waited)
{
    struct reply reply = {.status = 200, .waited = waited};

    send(exchange, &reply, record);
}

void
task_reply_created(struct exchange *exchange, struct record *record)
{
    char location[96];
    struct reply reply = {.status = 201, .location = location};

    snprintf(location, sizeof location, "/tasks/%s", record->id);
    send(exchange, &reply, record);
}

int
task_status(const struct record *record)
{
    return record->status ? record->status : 200;
}

struct record *
task_find(struct exchange *exchange, struct problem *problem)
{
    const char *id = exchange_id(exchange);
    struct record *record = registry_find(exchange_registry(exchange), id);

    if (record == NULL)
        problem_set(problem, ERROR_NOT_FOUND, "there is no task %s", id);
    return record;
}

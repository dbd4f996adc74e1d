/* POST /tasks/{id}/cancel: Task.cancel(). */
#include "api/app.h"
#include "api/task_json.h"
#include "api/task_reply.h"

static enum error
handle(struct exchange *exchange, const void *in, struct problem *problem)
{
    struct record *record = task_find(exchange, problem);
    int64_t now_ns = registry_now(exchange_registry(exchange));
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {.status = 200};

    (void)in;
    if (record == NULL)
        return ERROR_NOT_FOUND;
    json_begin_object(&json);
    json_member_flag(&json, "cancelled", record_cancel(record, REASON_CANCEL, now_ns));
    json_key(&json, "task");
    task_write(record, now_ns, &json);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
    return OK;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "cancelled is false where it had ended.",
     "{\"cancelled\":true,\"task\":{…}}"},
    {0},
};

static const enum error errors[] = {ERROR_NOT_FOUND, OK};

const struct route route_task_cancel = {
    .methods = METHOD_POST,
    .path = "/tasks/{id}/cancel",
    .path_field = &api_id_field,
    .text = "Cancels a task or a request in flight, and wakes all who await it.",
    .more =
        "It is `Task.cancel()`. Whoever awaits the result gets 409, whoever polls it "
        "with wait gets the cancelled Task.",
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "-X POST localhost:8080/tasks/nightly/cancel",
    .home = route_id_home,
    .handle = handle,
};

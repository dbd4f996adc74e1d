/* GET|POST /tasks/{id}/result: `await task`, and asyncio.wait_for(). */
#include "api/app.h"
#include "api/task_json.h"
#include "api/task_problem.h"
#include "api/task_reply.h"

struct result_in {
    struct value_duration timeout;
    struct value_flag cancel_on_timeout; /* of POST */
};

/* clang-format off */
#define TIMEOUT_FIELD                                                                    \
    FIELD(struct result_in, timeout, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,       \
          .unit = "seconds", .example = "30",                                            \
          .text = "Answers 504 where it has not ended by then.")

static const struct field get_fields[] = { TIMEOUT_FIELD };
static const struct field post_fields[] = {
    TIMEOUT_FIELD,
    FIELD(struct result_in, cancel_on_timeout, FIELD_FLAG, .fallback_text = "false",
          .example = "true", .text = "Cancels the task when the timeout runs out."),
};
/* clang-format on */

struct state {
    struct record *record; /* held */
    bool cancel_on_timeout;
};

static void
answer_ended(struct exchange *exchange, struct record *record, bool waited)
{
    struct reply reply = {.status = task_status(record), .waited = waited};
    struct problem problem = {0};
    struct text body = {0};
    struct json_writer json = json_writer(&body);

    if (record->state != STATE_DONE) {
        task_problem(record, false, &problem);
        exchange_refuse(exchange, &problem);
        return;
    }
    task_write_result(record, &json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
}

static void
on_changed(struct exchange *exchange, int64_t now_ns)
{
    struct state *state = exchange_room(exchange);

    (void)now_ns;
    if (record_ended(state->record))
        answer_ended(exchange, state->record, true);
}

static void
on_alarm(struct exchange *exchange, int64_t now_ns)
{
    struct state *state = exchange_room(exchange);
    struct problem problem = {0};

    problem_set(&problem, ERROR_TIMEOUT, "the timeout ran out; %s %s",
                state->record->id,
                state->cancel_on_timeout ? "is cancelled" : "goes on");
    exchange_unwatch(exchange);
    if (state->cancel_on_timeout)
        record_cancel(state->record, REASON_TIMEOUT, now_ns);
    exchange_refuse(exchange, &problem);
}

static void
end(struct exchange *exchange)
{
    struct state *state = exchange_room(exchange);

    record_release(state->record);
}

static enum error
handle(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct result_in *in = raw;
    struct state *state = exchange_room(exchange);
    struct record *record = task_find(exchange, problem);

    if (record == NULL)
        return ERROR_NOT_FOUND;
    if (record_ended(record)) {
        answer_ended(exchange, record, false);
        return OK;
    }
    state->record = record;
    state->cancel_on_timeout = in->cancel_on_timeout.on;
    record_hold(record);
    exchange_at_end(exchange, end);
    exchange_watch(exchange, &record->watches, on_changed);
    if (!in->timeout.given)
        return OK;
    return exchange_alarm(exchange, in->timeout.seconds, on_alarm);
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "Its result; the status is its own where it has one.",
     "{\"delay\":3.2,\"elapsed\":3.2001}"},
    {0},
};

static const enum error errors[] = {ERROR_NOT_FOUND,         ERROR_CANCELLED,
                                    ERROR_TIMEOUT,           ERROR_DRAINING,
                                    ERROR_SIMULATED_FAILURE, OK};

const struct route route_task_result = {
    .methods = METHOD_GET,
    .path = "/tasks/{id}/result",
    .path_field = &api_id_field,
    .text = "Awaits a task and answers its result; a timeout leaves it running.",
    .more = "It is `await task`, with timeout `await asyncio.wait_for(shield(task), "
            "timeout)`.",
    .in = SHAPE(struct result_in, get_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "'localhost:8080/tasks/nightly/result?timeout=30'",
    .home = route_id_home,
    .handle = handle,
};

const struct route route_task_result_post = {
    .methods = METHOD_POST,
    .path = "/tasks/{id}/result",
    .path_field = &api_id_field,
    .text = "Awaits a task; with cancel_on_timeout a timeout cancels it.",
    .more = "With cancel_on_timeout it is `await asyncio.wait_for(task, timeout)`.",
    .in = SHAPE(struct result_in, post_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "--json '{\"timeout\":1,\"cancel_on_timeout\":true}' "
               "localhost:8080/tasks/nightly/result",
    .home = route_id_home,
    .handle = handle,
};

/* GET|POST /wait_n: n waits at once, each told when it ends: wait_n(n, max_delay). */
#include "api/app.h"
#include "api/ends.h"
#include "api/fault.h"
#include "api/group_reply.h"
#include "api/prefer_task.h"
#include "api/wait_n_stream.h"

#include <string.h>

struct wait_n_in {
    struct draw_in draw;
    struct fault_in fault;
    struct value_integer n;
    struct value_integer limit;
    struct ends_in ends;
    struct value_word order;
    struct value_duration heartbeat;
    struct value_flag buffer;
    struct value_word format;
};

enum { ORDER_COMPLETION, ORDER_INDEX };
static const char *const order_words[] = {"completion", "index", NULL};
static const char *const format_words[] = {"json", "ndjson", "sse", "text", NULL};
static const char *const dry_run_excludes[] = {"timeout",   "label",      "status",
                                               "fail_rate", "fail_first", NULL};
static const char *const heartbeat_excludes[] = {"buffer", NULL};

/* clang-format off */
static const struct field fields[] = {
    FIELD(struct wait_n_in, n, FIELD_INTEGER, .required = true, .max_limit = LIMIT_MAX_N,
          .example = "5", .text = "How many waits; all start at the same instant."),
    DRAW_FIELDS(struct wait_n_in),
    FAULT_FIELDS(struct wait_n_in),
    FIELD(struct wait_n_in, limit, FIELD_INTEGER, .min = 1, .max_limit = LIMIT_MAX_N,
          .example = "2",
          .text = "At most so many at once (a semaphore): a queued one starts at the "
                  "deadline of the wait that made room."),
    ENDS_FIELDS(struct wait_n_in),
    FIELD(struct wait_n_in, order, FIELD_WORD, .words = order_words,
          .fallback_text = "completion", .example = "index",
          .text = "Order of the rows: as the waits end, or as they were started (gather): "
                  "then each leaves when those before it have."),
    FIELD(struct wait_n_in, heartbeat, FIELD_DURATION, .min = 0.01,
          .max_limit = LIMIT_MAX_DELAY, .excludes = heartbeat_excludes, .unit = "seconds",
          .example = "15s",
          .text = "After so long a silence an empty line (sse: a comment), for proxies."),
    FIELD(struct wait_n_in, buffer, FIELD_FLAG, .fallback_text = "false",
          .example = "true",
          .text = "Answers when it is over, with the status of its outcome: a timeout is "
                  "a 504 with the counts, and so is the failure of on_error=cancel."),
    FIELD(struct wait_n_in, format, FIELD_WORD, .words = format_words,
          .fallback_text = "json", .example = "ndjson",
          .text = "Form of the stream; wins over Accept."),
    DRY_RUN_FIELD(struct wait_n_in, dry_run_excludes),
    LOAD_FIELD(struct wait_n_in),
    DRAW_PROFILE_FIELD(struct wait_n_in),
    DRAW_MODEL_FIELDS(struct wait_n_in),
};
/* clang-format on */

/* An EventSource that lost its connection would run it all again. */
static bool
is_reconnect(struct exchange *exchange)
{
    return exchange_header(exchange, "Last-Event-ID") != NULL;
}

/* What becomes a group of tasks is no stream and has no order but that of completion;
 * what does not goes with its request. */
static enum error
check_prefer(struct exchange *exchange, const struct wait_n_in *in,
             struct problem *problem)
{
    const char *name = in->order.index == ORDER_INDEX ? "order"
                       : in->heartbeat.given          ? "heartbeat"
                       : in->buffer.on                ? "buffer"
                       : in->draw.dry_run.on          ? "dry_run"
                                                      : NULL;

    if (!prefer_task_wanted(exchange) && ends_ending(&in->ends).keep) {
        problem_set(problem, ERROR_INVALID_PARAMETER,
                    "losers=keep is for tasks: with Prefer, or on POST /tasks");
        problem_param(problem, "losers", strlen("losers"));
        return ERROR_INVALID_PARAMETER;
    }
    if (name == NULL || !prefer_task_wanted(exchange))
        return OK;
    return prefer_task_excludes(name, problem);
}

static enum error
handle(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct wait_n_in *in = raw;
    struct wait_n_plan plan = {
        .label = draw_label(&in->draw),
        .n = (size_t)in->n.value,
        .limit = in->limit.given ? (size_t)in->limit.value : 0,
        .load_factor = in->draw.load_factor.seconds,
        .dry = in->draw.dry_run.on,
        .timeout_ns = draw_timeout_ns(&in->draw.timeout),
        .start_ns = exchange_received_ns(exchange),
        .ending = ends_ending(&in->ends),
    };
    struct wait_n_form form = {
        .by_index = in->order.index == ORDER_INDEX,
        .buffered = in->buffer.on,
        .heartbeat = in->heartbeat.given ? in->heartbeat.seconds : 0,
    };
    struct reply head = {.status = 200};
    UNINITIALIZED struct draw_room room;
    enum error error = prefer_task_read(exchange, problem);
    if (!error)
        error = check_prefer(exchange, in, problem);
    if (!error)
        error = fault_draw_specs(exchange, &in->draw, &in->fault, &room, &plan.spec,
                                 &plan.faults, problem);
    if (error)
        return error;
    if (is_reconnect(exchange)) {
        struct text nothing = {0};
        struct reply over = {.status = 204};

        exchange_reply(exchange, &over, &nothing);
        return OK;
    }
    if (!form.buffered && exchange_is_head_of_stream(exchange, &head))
        return OK;
    delay_spec_seed(&plan.spec, plan.faults.drawn,
                    &exchange_registry(exchange)->fastrand);
    if (prefer_task_wanted(exchange) && plan.n > 0)
        return group_reply_prefer(exchange, &plan);
    return wait_n_stream_begin(exchange, &plan, &form);
}

static const struct answer answers[] = {
    {200, FORMAT_JSON,
     "A stream of one valid document: each delay leaves when its wait ends. Those that "
     "failed follow as \"failures\":[row,…], rows as ndjson has them; with order=index "
     "each leaves a null in its place.",
     "{\"n\":3,\"seed\":7,\"delays\":[\n0.41\n,1.93\n,7.02\n],\"done\":3,\"failed\":0,"
     "\"cancelled\":0,\"elapsed\":7.0214}"},
    {200, FORMAT_NDJSON,
     "A row a line, then the summary. The row of a failed wait has "
     "\"state\":\"failed\" and its problem as \"error\".",
     "{\"rank\":0,\"index\":2,\"delay\":0.41,\"elapsed\":0.4106}\n"
     "{\"n\":1,\"seed\":7,\"done\":1,\"failed\":0,\"cancelled\":0,\"elapsed\":0.4106}"},
    {200, FORMAT_SSE, "event: result for each row, then event: summary.", NULL},
    {200, FORMAT_TEXT,
     "A delay a line; what failed has none. Where something ended it early, the last "
     "line says what: # 504 timeout.",
     "0.41\n1.93\n7.02"},
    {202, FORMAT_JSON,
     "With Prefer: respond-async or wait=N: the group that it became.", NULL},
    {204, FORMAT_JSON, "With Last-Event-ID: nothing is run again.", NULL},
    {0},
};

static const enum error errors[] = {ERROR_TOO_MANY_WAITS,
                                    ERROR_TOO_MANY_TASKS,
                                    ERROR_TOO_MANY_KEYS,
                                    ERROR_TIMEOUT,
                                    ERROR_CANCELLED,
                                    ERROR_SIMULATED_FAILURE,
                                    OK};

const struct route route_wait_n = {
    .methods = METHOD_GET | METHOD_POST,
    .path = "/wait_n",
    .text = "Runs n waits at once and streams their delays in the order of completion.",
    .more =
        "It is `await wait_n(n, max_delay)`. The status is 200 once it streams: what "
        "ends it early (timeout 504, cancel 409, drain 503, with on_error=cancel the "
        "first failure) stands in the tail as `error`, and the body always ends "
        "validly. Closing the connection cancels what is left. With tasks as `tasks`: "
        "`return_when=first` is `done, pending = await asyncio.wait(tasks, "
        "return_when=FIRST_COMPLETED)` and `t.cancel()` for each `t` in `pending`; "
        "`first_error` is the same with FIRST_EXCEPTION; `return_when=K` is `for t in "
        "islice(asyncio.as_completed(tasks), K)` with `await t` each, whether it "
        "raises or not, and the same; K above n is all. `order=index` is `await "
        "asyncio.gather(*tasks, return_exceptions=True)`, and so is "
        "`on_error=collect`; `on_error=cancel` is `async with asyncio.TaskGroup() as "
        "group` with `group.create_task` for each. `await asyncio.gather(*tasks)`, "
        "which raises the first failure and leaves the rest running, is "
        "`return_when=first_error&losers=keep` with `Prefer: wait=N`. Tries of "
        "`fail_first` are counted when the request begins, n at once, those too that "
        "are queued or will be cancelled. With `dry_run` the body is that of a run in "
        "which nothing is late, without `elapsed`; until it is sent it counts against "
        "`--max-waits` as its n waits would.",
    .in = SHAPE(struct wait_n_in, fields),
    .formats =
        1 << FORMAT_JSON | 1 << FORMAT_NDJSON | 1 << FORMAT_SSE | 1 << FORMAT_TEXT,
    .answers = answers,
    .errors = errors,
    .example = "-N 'localhost:8080/wait_n?n=3&max_delay=2&seed=7'",
    .handle = handle,
};

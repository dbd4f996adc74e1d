/* GET|POST /wait: one random or fixed delay, then the answer: wait_random(max_delay).
 */
#include "api/app.h"
#include "api/fault.h"
#include "api/prefer_task.h"
#include "api/task_problem.h"
#include "api/task_reply.h"
#include "api/wait_n_json.h"
#include "async/wait.h"

struct wait_in {
    struct draw_in draw;
    struct fault_in fault;
    struct value_word format;
};

static const char *const dry_run_excludes[] = {
    "timeout", "label", "event", "status", "fail_rate", "fail_first", NULL};
static const char *const format_words[] = {"json", "text", NULL};

/* clang-format off */
static const struct field fields[] = {
    DRAW_FIELDS(struct wait_in),
    EVENT_FIELD(struct wait_in, NULL),
    FAULT_FIELDS(struct wait_in),
    FIELD(struct wait_in, format, FIELD_WORD, .words = format_words,
          .fallback_text = "json", .example = "text",
          .text = "Form of the answer; wins over Accept."),
    DRY_RUN_FIELD(struct wait_in, dry_run_excludes),
    LOAD_FIELD(struct wait_in),
    DRAW_PROFILE_FIELD(struct wait_in),
    DRAW_MODEL_FIELDS(struct wait_in),
};
/* clang-format on */

static void
reply_delay(struct exchange *exchange, const struct reply *reply,
            const struct delay_spec *spec, double delay, const struct record *record)
{
    struct text body = {0};
    struct json_writer json = json_writer(&body);

    if (exchange_format(exchange) == FORMAT_TEXT)
        json_write_double(&json, delay);
    else {
        json_begin_object(&json);
        json_member_double(&json, "delay", delay);
        if (record)
            json_member_seconds(&json, "elapsed",
                                record->finished_ns - record->created_ns);
        delay_spec_write_seed(spec, &json);
        json_end_object(&json);
    }
    text_string(&body, "\n");
    exchange_reply(exchange, reply, &body);
}

/* The answer of a wait that is done: the record of a request, or of the task that it
 * has become by Prefer. */
static void
reply_done(struct exchange *exchange, struct wait *wait)
{
    struct record *record = &wait->record;
    struct reply reply = {
        .status = task_status(record),
        .waited = true,
        .preference_applied = prefer_task_applied(exchange),
    };

    reply_delay(exchange, &reply, &wait->spec, wait->delay, record);
}

/* Draws, and starts nothing. */
static void
reply_dry(struct exchange *exchange, const struct wait_plan *plan)
{
    struct registry *registry = exchange_registry(exchange);
    struct reply reply = {.status = 200};
    double delay = delay_draw(&plan->spec, &registry->fastrand)
                   + registry_load(registry, plan->load_factor);

    reply_delay(exchange, &reply, &plan->spec, delay, NULL);
}

static void
on_changed(struct exchange *exchange, int64_t now_ns)
{
    struct record *record = exchange_owned(exchange);
    struct problem problem = {0};

    (void)now_ns;
    if (!record_ended(record))
        return;
    if (record->state == STATE_DONE) {
        reply_done(exchange, wait_of(record));
        return;
    }
    task_problem(record, true, &problem);
    exchange_refuse(exchange, &problem);
}

static enum error
handle(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct wait_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    struct wait_plan plan = {
        .kind = KIND_WAIT,
        .label = draw_label(&in->draw),
        .event = draw_event(&in->draw),
        .load_factor = in->draw.load_factor.seconds,
        .timeout_ns = draw_timeout_ns(&in->draw.timeout),
        .start_ns = exchange_received_ns(exchange),
    };
    UNINITIALIZED struct draw_room room;
    struct wait *wait;
    enum error error = prefer_task_read(exchange, problem);
    if (!error)
        error = fault_draw_specs(exchange, &in->draw, &in->fault, &room, &plan.spec,
                                 &plan.faults, problem);
    bool prefer = prefer_task_wanted(exchange);
    if (!error && prefer && in->draw.dry_run.on)
        error = prefer_task_excludes("dry_run", problem);
    if (error)
        return error;
    if (in->draw.dry_run.on) {
        reply_dry(exchange, &plan);
        return OK;
    }
    if (prefer)
        plan.kind = KIND_TASK;
    error = wait_start(registry, &plan, &wait);
    if (error)
        return error;
    exchange_own(exchange, &wait->record);
    exchange_watch(exchange, &wait->record.watches, on_changed);
    if (!prefer)
        wait_settle(wait, registry_now(registry));
    return prefer_task_begin(exchange, prefer_task_reply_task);
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "The wait is over; elapsed is never below delay.",
     "{\"delay\":3.1415926,\"elapsed\":3.14163}"},
    {200, FORMAT_JSON, "With dry_run, at once.", NULL},
    {200, FORMAT_TEXT, "The delay alone. `status` below 400 replaces the 200.",
     "3.1415926"},
    {202, FORMAT_JSON, "With Prefer: respond-async or wait=N: it has become this Task.",
     NULL},
    {0},
};

static const enum error errors[] = {ERROR_CANCELLED,
                                    ERROR_TOO_MANY_WAITS,
                                    ERROR_TOO_MANY_TASKS,
                                    ERROR_TOO_MANY_KEYS,
                                    ERROR_TIMEOUT,
                                    ERROR_SIMULATED_FAILURE,
                                    OK};

const struct route route_wait = {
    .methods = METHOD_GET | METHOD_POST,
    .path = "/wait",
    .text = "Waits a random or a fixed delay, then answers it.",
    .more =
        "It is `await wait_random(max_delay)`. Closing the connection cancels the "
        "wait; half-closing it does too. With `Prefer: respond-async` it becomes a "
        "task at once, with `Prefer: wait=N` after N seconds. With `status=503`, or "
        "where `fail_rate` or `fail_first` lets it fail, it is `await "
        "wait_random(max_delay)` and `raise Failure(503)`.",
    .in = SHAPE(struct wait_in, fields),
    .formats = 1 << FORMAT_JSON | 1 << FORMAT_TEXT,
    .answers = answers,
    .errors = errors,
    .example = "'localhost:8080/wait?max_delay=3'",
    .handle = handle,
};

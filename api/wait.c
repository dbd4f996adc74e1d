/* GET|POST /wait: one random or fixed delay, then the answer: wait_random(max_delay).
 */
#include "api/app.h"
#include "api/delivery.h"
#include "api/fault.h"
#include "api/task_problem.h"
#include "api/task_reply.h"
#include "api/wait_n_json.h"
#include "async/wait.h"

struct wait_in {
    struct draw_in draw;
    struct fault_in fault;
    struct delivery_in delivery;
    struct value_word format;
};

static const char *const dry_run_excludes[] = {
    "timeout", "label",  "event",          "status", "fail_rate", "fail_first",
    "at",      "chunks", "inflight_limit", "size",   "abort",     NULL};
static const char *const format_words[] = {"json", "text", NULL};

/* clang-format off */
static const struct field fields[] = {
    DRAW_FIELDS(struct wait_in),
    EVENT_FIELD(struct wait_in, NULL),
    FAULT_FIELDS(struct wait_in),
    OVERLOAD_FIELDS(struct wait_in),
    DELIVERY_FIELDS(struct wait_in),
    FIELD(struct wait_in, format, FIELD_WORD, .words = format_words,
          .fallback_text = "json", .excludes = delivery_format_excludes,
          .example = "text",
          .text = "Form of the answer; wins over Accept."),
    DRY_RUN_FIELD(struct wait_in, dry_run_excludes),
    LOAD_FIELD(struct wait_in),
    DRAW_PROFILE_FIELD(struct wait_in),
    DRAW_MODEL_FIELDS(struct wait_in),
};
/* clang-format on */

/* A body of some size is digits, and no document in any form. */
static unsigned
offers(const void *raw)
{
    const struct wait_in *in = raw;

    return delivery_has_bytes(&in->delivery) ? 1 << FORMAT_BYTES
                                             : 1 << FORMAT_JSON | 1 << FORMAT_TEXT;
}

static void
write_delay(struct exchange *exchange, const struct delay_spec *spec, double delay,
            const struct record *record, struct text *out)
{
    struct json_writer json = json_writer(out);

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
    text_string(out, "\n");
}

static void
write_done(struct exchange *exchange, const struct wait *wait, struct text *out)
{
    write_delay(exchange, &wait->spec, wait->delay, &wait->record, out);
}

/* The answer of a wait that is done: the record of a request, or of the task that it
 * has become by Prefer. */
static void
reply_done(struct exchange *exchange, struct wait *wait)
{
    struct reply reply = {
        .status = task_status(&wait->record),
        .waited = true,
        .preference_applied = prefer_task_applied(exchange),
    };
    struct text body = {0};

    write_done(exchange, wait, &body);
    exchange_reply(exchange, &reply, &body);
}

/* Draws, and starts nothing. */
static void
reply_dry(struct exchange *exchange, const struct wait_plan *plan)
{
    struct registry *registry = exchange_registry(exchange);
    struct reply reply = {.status = 200};
    struct text body = {0};
    double delay = delay_draw(&plan->spec, &registry->fastrand)
                   + registry_load(registry, plan->load_factor);

    write_delay(exchange, &plan->spec, delay, NULL, &body);
    exchange_reply(exchange, &reply, &body);
}

/* Whose headers have left: where these promised no problem, it stands in the body. */
static void
write_problem(struct exchange *exchange, const struct wait *wait, struct text *out)
{
    const struct record *record = &wait->record;
    struct json_writer json = json_writer(out);
    struct problem problem;
    enum error error = task_problem(record, true, &problem);

    if (task_status(record) >= FAILED_STATUS && !record_failure(record))
        problem_write(&problem, &json);
    else if (exchange_format(exchange) == FORMAT_TEXT)
        text_format(out, "# %d %s", problem_status(&problem), error_info(error)->slug);
    else {
        json_begin_object(&json);
        json_key(&json, "error");
        problem_write(&problem, &json);
        json_end_object(&json);
    }
    text_string(out, "\n");
}

/* One that is cut off would have been done, where its status is no failure. */
static void
write_body(struct exchange *exchange, struct wait *wait, struct text *out)
{
    const struct record *record = &wait->record;
    bool cut = record->state == STATE_FAILED && record->status < FAILED_STATUS;

    if (record->state == STATE_DONE || cut)
        write_done(exchange, wait, out);
    else
        write_problem(exchange, wait, out);
}

static void
refuse_ended(struct exchange *exchange, const struct record *record)
{
    struct problem problem;

    task_problem(record, true, &problem);
    exchange_refuse(exchange, &problem);
}

static void
on_changed(struct exchange *exchange, int64_t now_ns)
{
    struct record *record = exchange_owned(exchange);

    (void)now_ns;
    if (!record_ended(record) || delivery_answer(exchange))
        return;
    if (record->state == STATE_DONE)
        reply_done(exchange, wait_of(record));
    else
        refuse_ended(exchange, record);
}

static enum error
open_delivery(struct exchange *exchange, const struct wait_in *in,
              struct wait_plan *wait, struct problem *problem)
{
    const struct delivery_plan plan = {
        .in = &in->delivery,
        .spec = &wait->spec,
        .jitter = in->draw.jitter.value,
        .status = in->fault.status.given ? in->fault.status.value : 0,
        .prefers = wait->kind == KIND_TASK,
        .write = write_body,
    };

    wait->abort = delivery_abort(&in->delivery);
    return delivery_open(exchange, &plan, problem);
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
    error = open_delivery(exchange, in, &plan, problem);
    if (error || exchange_answered(exchange))
        return error;
    error = wait_start(registry, &plan, &wait);
    if (error)
        return error;
    exchange_own(exchange, &wait->record);
    exchange_watch(exchange, &wait->record.watches, on_changed);
    delivery_start(exchange);
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
    {200, FORMAT_BYTES,
     "With size or chunks, whatever `Accept` says and the status is.", "0123456789"},
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
        "wait_random(max_delay)` and `raise Failure(503)`. What has ended early "
        "(`timeout`, a cancel, a drain) when its headers have left can only say so in "
        "its body: `{\"error\":{…}}` with at=body; a body of `size` bytes is cut off. "
        "An `abort` is a failure: the wait is `failed` with `abort` in GET /tasks, its "
        "clients see an empty reply (curl's exit code 52), half an answer (18) or a "
        "reset (56), and HEAD, which has no body, is aborted by before_headers and "
        "reset only. HEAD with at=body or chunks is answered at once, and starts "
        "nothing. `inflight_limit` counts a request from its start to the end of its "
        "wait.",
    .in = SHAPE(struct wait_in, fields),
    .formats = 1 << FORMAT_JSON | 1 << FORMAT_TEXT | 1 << FORMAT_BYTES,
    .answers = answers,
    .errors = errors,
    .example = "'localhost:8080/wait?max_delay=3'",
    .offers = offers,
    .handle = handle,
};

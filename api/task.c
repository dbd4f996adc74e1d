/* GET, PUT, PATCH, DELETE /tasks/{id}. */
#include "api/app.h"
#include "api/fault.h"
#include "api/task_reply.h"
#include "async/wait.h"
#include "base/number.h"

#include <string.h>

const struct field api_id_field = {
    .name = "id",
    .kind = FIELD_NAME,
    .example = "nightly",
    .text = "Id of a task, or of a request in flight (Waitd-Id).",
};

/* ---- GET: inspect, or wait for the end ----------------------------------------------
 */

struct get_in {
    struct value_duration wait;
    struct value_duration timeout;
};

static const char *const wait_excludes[] = {"timeout", NULL};

/* clang-format off */
static const struct field get_fields[] = {
    FIELD(struct get_in, wait, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,
          .excludes = wait_excludes, .unit = "seconds", .example = "30",
          .text = "Waits so long for its end, then answers it as it is."),
    FIELD(struct get_in, timeout, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,
          .unit = "seconds", .example = "30",
          .text = "Waits so long for its end, then answers 504."),
};
/* clang-format on */

struct get_state {
    struct record *record; /* held */
    bool with_timeout;
};

static void
on_changed(struct exchange *exchange, int64_t now_ns)
{
    struct get_state *state = exchange_room(exchange);

    (void)now_ns;
    if (record_ended(state->record))
        task_reply(exchange, state->record, true);
}

static void
on_alarm(struct exchange *exchange, int64_t now_ns)
{
    struct get_state *state = exchange_room(exchange);
    struct problem problem = {0};

    (void)now_ns;
    if (!state->with_timeout) {
        task_reply(exchange, state->record, true);
        return;
    }
    problem_set(&problem, ERROR_TIMEOUT, "the timeout ran out; %s goes on",
                state->record->id);
    exchange_refuse(exchange, &problem);
}

static void
end(struct exchange *exchange)
{
    struct get_state *state = exchange_room(exchange);

    record_release(state->record);
}

static enum error
get(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct get_in *in = raw;
    struct get_state *state = exchange_room(exchange);
    struct record *record = task_find(exchange, problem);

    if (record == NULL)
        return ERROR_NOT_FOUND;
    if (record_ended(record) || !(in->wait.given || in->timeout.given)) {
        task_reply(exchange, record, false);
        return OK;
    }
    double seconds = in->wait.given ? in->wait.seconds : in->timeout.seconds;
    state->record = record;
    state->with_timeout = in->timeout.given;
    record_hold(record);
    exchange_at_end(exchange, end);
    exchange_watch(exchange, &record->watches, on_changed);
    return exchange_alarm(exchange, seconds, on_alarm);
}

static const struct answer get_answers[] = {
    {200, FORMAT_JSON, "The Task as it is now.",
     "{\"id\":\"nightly\",\"kind\":\"task\",\"state\":\"pending\",\"label\":null,"
     "\"group\":null,\"delay\":3.2,\"remaining\":2.9,"
     "\"created_at\":\"2026-01-02T03:04:05.678Z\","
     "\"deadline\":\"2026-01-02T03:04:08.878Z\",\"finished_at\":null,\"result\":null,"
     "\"error\":null,\"cancel_reason\":null}"},
    {0},
};

static const enum error get_errors[] = {ERROR_NOT_FOUND, ERROR_TIMEOUT, OK};

const struct route route_task_get = {
    .methods = METHOD_GET,
    .path = "/tasks/{id}",
    .path_field = &api_id_field,
    .text = "Inspects a task or a request in flight; with wait until it has ended.",
    .in = SHAPE(struct get_in, get_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = get_answers,
    .errors = get_errors,
    .example = "'localhost:8080/tasks/nightly?wait=30'",
    .home = route_id_home,
    .handle = get,
};

/* ---- PUT: create once ---------------------------------------------------------------
 */

struct put_in {
    struct draw_in draw;
    struct fault_in fault;
};

/* clang-format off */
static const struct field put_fields[] = {
    DRAW_FIELDS(struct put_in),
    EVENT_FIELD(struct put_in, NULL),
    FAULT_FIELDS(struct put_in),
    LOAD_FIELD(struct put_in),
    DRAW_PROFILE_FIELD(struct put_in),
    DRAW_MODEL_FIELDS(struct put_in),
};
/* clang-format on */

static bool
is_same(struct record *record, const struct wait_plan *plan)
{
    const struct wait *wait = wait_of(record);

    if (!wait || record->kind != KIND_TASK || record->group
        || !wait_is_as_asked(wait, plan))
        return false;
    if (!record->label || !plan->label)
        return record->label == plan->label;
    return strcmp(record->label, plan->label) == 0;
}

static enum error
put(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct put_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    struct wait_plan plan = {
        .kind = KIND_TASK,
        .id = exchange_id(exchange),
        .label = draw_label(&in->draw),
        .event = draw_event(&in->draw),
        .load_factor = in->draw.load_factor.seconds,
        .timeout_ns = draw_timeout_ns(&in->draw.timeout),
        .start_ns = exchange_received_ns(exchange),
    };
    struct record *record = registry_find(registry, plan.id);
    UNINITIALIZED struct draw_room room;
    struct wait *wait;
    enum error error = fault_draw_specs(exchange, &in->draw, &in->fault, &room,
                                        &plan.spec, &plan.faults, problem);

    if (error)
        return error;
    if (record && !is_same(record, &plan))
        return problem_set(problem, ERROR_ID_CONFLICT,
                           "%s exists with other parameters", plan.id);
    if (record) {
        task_reply(exchange, record, false);
        return OK;
    }
    error = wait_start(registry, &plan, &wait);
    if (error)
        return error;
    task_reply_created(exchange, &wait->record);
    record_release(&wait->record);
    return OK;
}

static const struct answer put_answers[] = {
    {201, FORMAT_JSON, "It is new, and scheduled.", NULL},
    {200, FORMAT_JSON, "It was there with equal parameters: the Task as it is now.",
     NULL},
    {0},
};

static const enum error put_errors[] = {ERROR_ID_CONFLICT, ERROR_TOO_MANY_TASKS,
                                        ERROR_TOO_MANY_WAITS, ERROR_TOO_MANY_KEYS, OK};

const struct route route_task_put = {
    .methods = METHOD_PUT,
    .path = "/tasks/{id}",
    .path_field = &api_id_field,
    .text = "Starts a task under an id of yours; repeating it starts nothing twice.",
    .in = SHAPE(struct put_in, put_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = put_answers,
    .errors = put_errors,
    .example = "-X PUT --json '{\"delay\":5}' localhost:8080/tasks/nightly",
    .home = route_id_home,
    .handle = put,
};

/* ---- PATCH: reschedule --------------------------------------------------------------
 */

struct patch_in {
    struct value_duration delay;
    struct value_duration add;
    struct value_time deadline;
};

static const char *const patch_delay_excludes[] = {"add", "deadline", NULL};
static const char *const patch_add_excludes[] = {"deadline", NULL};

/* clang-format off */
static const struct field patch_fields[] = {
    FIELD(struct patch_in, delay, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,
          .excludes = patch_delay_excludes, .unit = "seconds", .example = "0",
          .text = "Ends it so long from now; 0 fires it now. A queued task starts."),
    FIELD(struct patch_in, add, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,
          .excludes = patch_add_excludes, .unit = "seconds", .example = "5s",
          .text = "Puts its end off by so much, from now on where only its event holds it "
                  "back."),
    FIELD(struct patch_in, deadline, FIELD_TIME, .example = "2030-01-02T03:04:05Z",
          .text = "Ends it at that time; one that is past fires it now."),
};
/* clang-format on */

static enum error
too_late(const struct field *field, double seconds, double max, struct problem *problem)
{
    problem_set(problem, ERROR_INVALID_PARAMETER,
                "%s would end it in %.3f s, above the limit of %g s", field->name,
                seconds, max);
    problem_param(problem, field->name, strlen(field->name));
    problem_limits(problem, 0, max);
    return ERROR_INVALID_PARAMETER;
}

static enum error
patch_deadline(struct exchange *exchange, const struct patch_in *in, struct wait *wait,
               int64_t now_ns, struct problem *problem)
{
    const struct clock *clock = exchange_registry(exchange)->clock;
    double max = exchange_limits(exchange)[LIMIT_MAX_DELAY];
    int64_t from_now_ns = in->deadline.wall_ns - clock->wall_ns(clock);

    if (from_now_ns > seconds_to_ns(max))
        return too_late(&patch_fields[2], ns_to_seconds(from_now_ns), max, problem);
    wait_move(wait, now_ns + (from_now_ns > 0 ? from_now_ns : 0), now_ns);
    wait_settle(wait, now_ns);
    return OK;
}

static enum error
patch_add(struct exchange *exchange, const struct patch_in *in, struct wait *wait,
          int64_t now_ns, struct problem *problem)
{
    double max = exchange_limits(exchange)[LIMIT_MAX_DELAY];
    int64_t add_ns = seconds_to_ns(in->add.seconds);
    int64_t from_now_ns = delay_to_ns(wait_remaining(wait, now_ns)) + add_ns;

    if (from_now_ns > seconds_to_ns(max))
        return too_late(&patch_fields[1], ns_to_seconds(from_now_ns), max, problem);
    wait_extend(wait, add_ns, now_ns);
    wait_settle(wait, now_ns);
    return OK;
}

static enum error
patch_wait(struct exchange *exchange, const struct patch_in *in, struct wait *wait,
           int64_t now_ns, struct problem *problem)
{
    if (in->deadline.given)
        return patch_deadline(exchange, in, wait, now_ns, problem);
    if (in->add.given)
        return patch_add(exchange, in, wait, now_ns, problem);
    wait_move(wait, now_ns + seconds_to_ns(in->delay.seconds), now_ns);
    wait_settle(wait, now_ns);
    return OK;
}

/* What has not one deadline can only be fired early. */
static enum error
patch_other(struct record *record, const struct patch_in *in, int64_t now_ns,
            struct problem *problem)
{
    if (!in->delay.given || in->delay.seconds > 0) {
        problem_set(problem, ERROR_INVALID_PARAMETER, "a %s takes delay=0 only",
                    record_kind_words[record->kind]);
        problem_param(problem, "delay", strlen("delay"));
        return ERROR_INVALID_PARAMETER;
    }
    record->class->release(record, now_ns);
    return OK;
}

static enum error
nothing_given(struct problem *problem)
{
    problem_set(problem, ERROR_INVALID_PARAMETER,
                "one of delay, add and deadline is required");
    problem_param(problem, "delay", strlen("delay"));
    return ERROR_INVALID_PARAMETER;
}

static enum error
patch(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct patch_in *in = raw;
    int64_t now_ns = registry_now(exchange_registry(exchange));
    struct record *record = task_find(exchange, problem);

    if (record == NULL)
        return ERROR_NOT_FOUND;
    if (!in->delay.given && !in->add.given && !in->deadline.given)
        return nothing_given(problem);
    if (record_ended(record))
        return problem_set(problem, ERROR_ALREADY_FINISHED, "%s has ended: it is %s",
                           record->id, record_state_words[record->state]);
    struct wait *wait = wait_of(record);
    enum error error = wait ? patch_wait(exchange, in, wait, now_ns, problem)
                            : patch_other(record, in, now_ns, problem);
    if (!error)
        task_reply(exchange, record, false);
    return error;
}

static const struct answer patch_answers[] = {
    {200, FORMAT_JSON, "The Task with its new deadline.", NULL},
    {0},
};

static const enum error patch_errors[] = {ERROR_NOT_FOUND, ERROR_ALREADY_FINISHED, OK};

const struct route route_task_patch = {
    .methods = METHOD_PATCH,
    .path = "/tasks/{id}",
    .path_field = &api_id_field,
    .text = "Reschedules a task or a request in flight, by one of its parameters.",
    .more = "delay=0 also answers a held /wait, /wait_n or /measure at once.",
    .in = SHAPE(struct patch_in, patch_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = patch_answers,
    .errors = patch_errors,
    .example = "-X PATCH --json '{\"delay\":0}' localhost:8080/tasks/nightly",
    .home = route_id_home,
    .handle = patch,
};

/* ---- DELETE: cancel and forget ------------------------------------------------------
 */

static enum error
delete_task(struct exchange *exchange, const void *in, struct problem *problem)
{
    struct record *record = task_find(exchange, problem);
    struct reply reply = {.status = 204};
    struct text nothing = {0};

    (void)in;
    if (record == NULL)
        return ERROR_NOT_FOUND;
    record_dismiss(record, REASON_CANCEL, registry_now(exchange_registry(exchange)));
    record_forget(record);
    exchange_reply(exchange, &reply, &nothing);
    return OK;
}

static const struct answer delete_answers[] = {
    {204, FORMAT_JSON, "It is cancelled if it had not ended, and gone.", NULL},
    {0},
};

static const enum error delete_errors[] = {ERROR_NOT_FOUND, OK};

const struct route route_task_delete = {
    .methods = METHOD_DELETE,
    .path = "/tasks/{id}",
    .path_field = &api_id_field,
    .text = "Cancels a task or a request in flight, and forgets it.",
    .formats = 1 << FORMAT_JSON,
    .answers = delete_answers,
    .errors = delete_errors,
    .example = "-X DELETE localhost:8080/tasks/nightly",
    .home = route_id_home,
    .handle = delete_task,
};

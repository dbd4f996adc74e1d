#include "api/blocking.h"

#include "api/app.h"
#include "api/draw.h"
#include "api/object_json.h"
#include "api/task_problem.h"

#include <stdio.h>
#include <string.h>

const struct field api_name_field = {
    .name = "id",
    .kind = FIELD_NAME,
    .example = "ready",
    .text = "Its name. It appears on first use and goes when it is unused for "
            "--idle-ttl.",
};

const char *const poll_wait_excludes[] = {"timeout", NULL};
const char *const poll_needs[] = {"wait", "timeout", NULL};

_Static_assert(sizeof(struct blocking) <= EXCHANGE_ROOM, "the room is too small");

struct waiter_plan
blocking_plan(struct exchange *exchange, const struct block_in *in)
{
    return (struct waiter_plan){
        .label = in->label.given ? in->label.bytes : NULL,
        .timeout_ns = draw_timeout_ns(&in->timeout),
        .start_ns = exchange_received_ns(exchange),
    };
}

struct waiter_plan
polling_plan(struct exchange *exchange, const struct poll_in *in)
{
    struct waiter_plan plan = blocking_plan(exchange, &in->block);

    if (in->wait.given)
        plan.timeout_ns = draw_timeout_ns(&in->wait);
    return plan;
}

static void
on_changed(struct exchange *exchange, int64_t now_ns)
{
    struct blocking *blocking = exchange_room(exchange);
    const struct record *record = &blocking->waiter->record;
    struct problem problem = {0};

    (void)now_ns;
    bool in_vain = blocking->polls && record->reason == REASON_TIMEOUT;
    if (record->state == STATE_DONE || in_vain
        || blocking->waiter->place == WAITER_HOLDING) {
        blocking->answer(exchange, blocking->waiter);
        return;
    }
    if (!record_ended(record))
        return;
    task_problem(record, true, &problem);
    exchange_refuse(exchange, &problem);
}

static void
end(struct exchange *exchange)
{
    struct blocking *blocking = exchange_room(exchange);

    if (!exchange_delivered(exchange))
        waiter_undelivered(blocking->waiter, registry_now(exchange_registry(exchange)));
}

static void
begin(struct exchange *exchange, struct waiter *waiter, blocking_answer *answer,
      bool polls)
{
    struct blocking *blocking = exchange_room(exchange);

    blocking->waiter = waiter;
    blocking->answer = answer;
    blocking->polls = polls;
    exchange_own(exchange, &waiter->record);
    exchange_at_end(exchange, end);
    exchange_watch(exchange, &waiter->record.watches, on_changed);
    on_changed(exchange, exchange_received_ns(exchange)); /* it may be served already */
}

void
blocking_begin(struct exchange *exchange, struct waiter *waiter,
               blocking_answer *answer)
{
    begin(exchange, waiter, answer, false);
}

void
polling_begin(struct exchange *exchange, const struct poll_in *in,
              struct waiter *waiter)
{
    begin(exchange, waiter, blocking_reply, in->wait.given);
}

enum error
polling_watch(struct exchange *exchange, const struct poll_in *in,
              struct object *object)
{
    struct waiter_plan plan = polling_plan(exchange, in);
    struct waiter *waiter;
    enum error error = waiter_open(object, &plan, &waiter);

    if (error)
        return object_unneed(object, error);
    waiter_watch(waiter, (size_t)in->waiting.value);
    waitlist_tell(object->registry, registry_now(object->registry));
    polling_begin(exchange, in, waiter);
    return OK;
}

void
blocking_reply(struct exchange *exchange, struct waiter *waiter)
{
    struct reply reply = {
        .status = 200,
        .waited = true,
        .tracked = waiter->object->class->give_back != NULL,
    };
    struct text body = {0};
    struct json_writer json = object_begin(&body);

    if (waiter->record.state == STATE_DONE)
        waiter_write(waiter, &json);
    else
        object_write(waiter->object->class, waiter->object, &json);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
}

/* ---- GET ---------------------------------------------------------------------------
 */

static const char *const line_needs[] = {"waiting", NULL};

/* clang-format off */
const struct field object_get_fields[OBJECT_GET_FIELDS] = {
    POLL_FIELDS(struct object_get_in, line_needs),
};
/* clang-format on */

const enum error object_get_errors[] = {
    ERROR_TIMEOUT, ERROR_CANCELLED, ERROR_TOO_MANY_OBJECTS, ERROR_TOO_MANY_WAITS, OK};

void
object_reply_state(struct exchange *exchange, const struct object_class *class,
                   const char *name)
{
    struct object *object = object_find(exchange_registry(exchange), class, name);
    struct text body = {0};
    struct json_writer json = object_begin(&body);

    object_write(class, object, &json);
    object_reply(exchange, &json, &body);
}

enum error
object_get(struct exchange *exchange, const struct object_class *class,
           const struct object_get_in *in)
{
    struct registry *registry = exchange_registry(exchange);
    const char *name = exchange_id(exchange);
    struct object *object;

    if (!polling_waits(&in->poll)) {
        object_reply_state(exchange, class, name);
        return OK;
    }
    enum error error = object_need(registry, class, name, &object);
    return error ? error : polling_watch(exchange, &in->poll, object);
}

/* ---- DELETE ------------------------------------------------------------------------
 */

const struct answer object_delete_answers[] = {
    {200, FORMAT_JSON, "It is forgotten; so many waited there, and got 409 cancelled.",
     "{\"cancelled\":2}"},
    {0},
};

const enum error object_delete_errors[] = {OK};

void
object_reply_delete(struct exchange *exchange, const struct object_class *class)
{
    struct registry *registry = exchange_registry(exchange);
    struct object *object = object_find(registry, class, exchange_id(exchange));
    size_t cancelled = object ? object_delete(object, registry_now(registry)) : 0;
    struct text body = {0};
    struct json_writer json = object_begin(&body);

    json_member_integer(&json, "cancelled", (int64_t)cancelled);
    object_reply(exchange, &json, &body);
}

struct json_writer
object_begin(struct text *body)
{
    struct json_writer json = json_writer(body);

    json_begin_object(&json);
    return json;
}

void
object_reply(struct exchange *exchange, struct json_writer *json, struct text *body)
{
    struct reply reply = {.status = 200};

    json_end_object(json);
    text_string(body, "\n");
    exchange_reply(exchange, &reply, body);
}

enum error
object_conflict(const char *name, size_t asked, size_t used, struct problem *problem)
{
    char value[24];

    snprintf(value, sizeof value, "%zu", asked);
    if (used > 0)
        problem_set(problem, ERROR_PARAMETER_CONFLICT,
                    "%s=%s contradicts the %zu that is in use", name, value, used);
    else
        problem_set(problem, ERROR_PARAMETER_CONFLICT,
                    "%s=%s contradicts that it is in use without one", name, value);
    problem_param(problem, name, strlen(name));
    problem_value(problem, value, strlen(value));
    return ERROR_PARAMETER_CONFLICT;
}

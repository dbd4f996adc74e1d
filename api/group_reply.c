#include "api/group_reply.h"

#include "api/rows.h"
#include "api/task_json.h"
#include "api/task_problem.h"
#include "api/wait_n_json.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert(sizeof(struct group_reply) <= EXCHANGE_ROOM, "the room is too small");

static void
end(struct exchange *exchange)
{
    struct group_reply *reply = exchange_room(exchange);

    launch_release(reply->launch);
}

static void
write_head(const struct launch *launch, struct text *out)
{
    struct json_writer json = json_writer(out);

    json_begin_object(&json);
    json_member_string(&json, "group", launch->group->name);
    delay_spec_write_seed(&launch->plan.spec, &json);
    json_key(&json, "tasks");
    text_string(out, "[\n");
}

/* A launch that ran out of memory says so; what it made runs on. */
static void
write_end(const struct launch *launch, struct text *out)
{
    text_string(out, "]");
    if (launch->broken) {
        struct json_writer json = json_writer(out);
        struct problem problem = {0};

        problem_set(&problem, ERROR_OUT_OF_MEMORY, "only %zu of %zu were made",
                    launch->made, launch->plan.n);
        text_string(out, ",\"error\":");
        problem_write(&problem, &json);
    }
    text_string(out, "}\n");
}

static enum stream_step
next(struct exchange *exchange, struct text *out)
{
    struct group_reply *reply = exchange_room(exchange);
    struct launch *launch = reply->launch;

    if (!reply->begun) {
        reply->begun = true;
        write_head(launch, out);
        return STREAM_PIECE;
    }
    if (reply->row < launch->made) {
        struct json_writer json = json_writer(out);

        row_begin(FORMAT_JSON, NULL, false, reply->row, out);
        task_write(&launch->waits[reply->row]->record,
                   registry_now(exchange_registry(exchange)), &json);
        row_end(FORMAT_JSON, out);
        reply->row++;
        return STREAM_PIECE;
    }
    if (!launch_over(launch))
        return STREAM_WAIT;
    write_end(launch, out);
    return STREAM_END;
}

static void
stream(struct exchange *exchange, int status)
{
    struct group_reply *state = exchange_room(exchange);
    char location[96];
    struct reply reply = {
        .status = status,
        .content_type = "application/json",
        .location = location,
        .preference_applied = prefer_task_applied(exchange),
    };

    snprintf(location, sizeof location, "/tasks?group=%s", state->launch->group->name);
    exchange_watch(exchange, &state->launch->watches, NULL);
    exchange_stream(exchange, &reply, next);
}

enum error
group_reply_create(struct exchange *exchange, const struct launch_plan *plan)
{
    struct group_reply *state = exchange_room(exchange);
    enum error error = launch_start(exchange_registry(exchange), plan, &state->launch);

    if (error)
        return error;
    exchange_at_end(exchange, end);
    stream(exchange, 201);
    return OK;
}

/* ---- Prefer on /wait_n -------------------------------------------------------------
 */

/* The client left before the 202: what it started is cancelled. */
static void
end_cancelling(struct exchange *exchange)
{
    struct group_reply *state = exchange_room(exchange);
    struct launch *launch = state->launch;
    int64_t now_ns = registry_now(exchange_registry(exchange));

    if (!launch_over(launch))
        launch_finish(launch, now_ns);
    for (size_t i = 0; i < launch->made; i++)
        record_cancel(&launch->waits[i]->record, REASON_DISCONNECT, now_ns);
    launch_release(launch);
}

static void
reply_accepted(struct exchange *exchange)
{
    exchange_unwatch(exchange);
    exchange_at_end(exchange, end);
    stream(exchange, 202);
}

/* One of the members was cancelled by the timeout, or from outside: the answer says so
 * as the tail of /wait_n does. */
static void
write_outcome(const struct launch *launch, struct json_writer *json)
{
    const struct record *cancelled = NULL;
    int64_t done = 0, last_ns = launch->plan.start_ns;

    for (size_t i = 0; i < launch->made; i++) {
        const struct record *record = &launch->waits[i]->record;

        if (record->state == STATE_DONE)
            done++;
        else
            cancelled = record;
        if (record->finished_ns > last_ns)
            last_ns = record->finished_ns;
    }
    json_member_integer(json, "done", done);
    json_member_integer(json, "failed", 0);
    json_member_integer(json, "cancelled", (int64_t)launch->plan.n - done);
    json_member_seconds(json, "elapsed", last_ns - launch->plan.start_ns);
    if (cancelled) {
        struct problem problem = {0};

        task_problem(cancelled, true, &problem);
        json_key(json, "error");
        problem_write(&problem, json);
    }
}

/* Seconds from the start of the launch. */
static double
end_of(const struct wait *wait)
{
    return ns_to_seconds(wait->start_ns - wait->record.created_ns) + wait->delay;
}

/* The order of /wait_n: where whole ns tie, the delays as drawn decide, then the index.
 */
static int
compare_ends(const void *a, const void *b)
{
    const struct wait *first = *(struct wait *const *)a;
    const struct wait *second = *(struct wait *const *)b;

    if (first->deadline_ns != second->deadline_ns)
        return first->deadline_ns < second->deadline_ns ? -1 : 1;
    if (end_of(first) < end_of(second) || end_of(first) > end_of(second))
        return end_of(first) < end_of(second) ? -1 : 1;
    return first->record.serial < second->record.serial ? -1 : 1;
}

/* All have ended, so that nobody needs the order of creation any more. */
static void
write_delays(struct launch *launch, struct text *body, struct json_writer *json)
{
    size_t rank = 0;

    qsort(launch->waits, launch->made, sizeof launch->waits[0], compare_ends);
    json_key(json, "delays");
    text_string(body, "[\n");
    for (size_t i = 0; i < launch->made; i++) {
        struct json_writer row = json_writer(body);

        if (launch->waits[i]->record.state != STATE_DONE)
            continue;
        row_begin(FORMAT_JSON, NULL, false, rank++, body);
        json_write_double(&row, launch->waits[i]->delay);
        row_end(FORMAT_JSON, body);
    }
    text_string(body, "]");
    json->comma = true;
}

static void
reply_done(struct exchange *exchange)
{
    struct group_reply *state = exchange_room(exchange);
    struct launch *launch = state->launch;
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {
        .status = 200,
        .content_type = "application/json",
        .waited = true,
        .preference_applied = prefer_task_applied(exchange),
    };

    json_begin_object(&json);
    json_member_integer(&json, "n", (int64_t)launch->plan.n);
    delay_spec_write_seed(&launch->plan.spec, &json);
    write_delays(launch, &body, &json);
    write_outcome(launch, &json);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_at_end(exchange, end);
    exchange_reply(exchange, &reply, &body);
}

static void
on_ended(struct exchange *exchange, int64_t now_ns)
{
    struct group_reply *state = exchange_room(exchange);

    (void)now_ns;
    if (group_pending(state->launch->group) == 0)
        reply_done(exchange);
}

enum error
group_reply_prefer(struct exchange *exchange, const struct wait_n_plan *plan)
{
    struct group_reply *state = exchange_room(exchange);
    struct launch_plan launch_plan = {
        .label = plan->label,
        .spec = plan->spec,
        .timeout_ns = plan->timeout_ns,
        .n = plan->n,
        .limit = plan->limit,
        .start_ns = plan->start_ns,
    };
    enum error error =
        launch_start(exchange_registry(exchange), &launch_plan, &state->launch);

    if (error)
        return error;
    exchange_at_end(exchange, end_cancelling);
    exchange_watch(exchange, &state->launch->group->watches, on_ended);
    return prefer_task_begin(exchange, reply_accepted);
}

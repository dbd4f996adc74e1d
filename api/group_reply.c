#include "api/group_reply.h"

#include "api/rows.h"
#include "api/task_json.h"
#include "api/task_problem.h"
#include "api/wait_n_json.h"

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

enum { LOCATION_SIZE = 96 };

static const char *
print_location(const struct launch *launch, char out[LOCATION_SIZE])
{
    snprintf(out, LOCATION_SIZE, "/tasks?group=%s", launch->group->name);
    return out;
}

static void
stream(struct exchange *exchange, int status)
{
    struct group_reply *state = exchange_room(exchange);
    char location[LOCATION_SIZE];
    struct reply reply = {
        .status = status,
        .content_type = "application/json",
        .location = print_location(state->launch, location),
        .preference_applied = prefer_task_applied(exchange),
    };

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

/* It is over, and the rest goes on. */
static bool
keeps_rest(const struct launch *launch)
{
    return launch->met && !launch->cancels;
}

/* How the members stand when the answer leaves. */
struct outcome {
    int64_t done, failed, cancelled;
    int64_t last_ns;              /* when the last of them ended */
    const struct record *failure; /* one of those; NULL: none */
    const struct record *cancelled_one;
};

static struct outcome
find_outcome(const struct launch *launch)
{
    struct outcome outcome = {.last_ns = launch->plan.start_ns};

    outcome.cancelled = (int64_t)(launch->plan.n - launch->made);
    for (size_t i = 0; i < launch->made; i++) {
        const struct record *record = &launch->waits[i]->record;

        if (record->state == STATE_DONE)
            outcome.done++;
        if (record->state == STATE_FAILED) {
            outcome.failed++;
            outcome.failure = record;
        }
        if (record->state == STATE_CANCELLED) {
            outcome.cancelled++;
            outcome.cancelled_one = record;
        }
        if (record_ended(record) && record->finished_ns > outcome.last_ns)
            outcome.last_ns = record->finished_ns;
    }
    return outcome;
}

/* As the tail of /wait_n: an error is the failure that cancelled the rest, or what
 * cancelled a member that was not cancelled because its ending had come. */
static void
write_outcome(const struct launch *launch, const struct outcome *outcome,
              struct json_writer *json)
{
    const struct record *culprit = NULL;

    json_member_integer(json, "done", outcome->done);
    json_member_integer(json, "failed", outcome->failed);
    json_member_integer(json, "cancelled", outcome->cancelled);
    json_member_seconds(json, "elapsed", outcome->last_ns - launch->plan.start_ns);
    if (launch->plan.ending.cancel_on_error)
        culprit = outcome->failure;
    if (culprit == NULL && !launch->met)
        culprit = outcome->cancelled_one;
    if (culprit) {
        struct problem problem = {0};

        task_problem(culprit, true, &problem);
        json_key(json, "error");
        problem_write(&problem, json);
    }
}

/* Not all at once: each takes its delay from a deadline in ns. */
static bool
is_limited(const struct launch *launch)
{
    return launch->plan.limit && launch->plan.limit < launch->plan.n;
}

/* The order of /wait_n: where whole ns tie, the delays as drawn decide, but with a
 * limit not; then the index. */
static int
compare_ends(const void *a, const void *b, void *argument)
{
    const struct launch *launch = argument;
    const uint32_t *index = a, *other = b;
    const struct wait *first = launch->waits[*index];
    const struct wait *second = launch->waits[*other];

    if (first->deadline_ns != second->deadline_ns)
        return first->deadline_ns < second->deadline_ns ? -1 : 1;
    if (first->delay != second->delay && !is_limited(launch))
        return first->delay < second->delay ? -1 : 1;
    return *index < *other ? -1 : 1;
}

/* The indices of those that are done or failed, by rank; NULL: out of memory. */
static uint32_t *
sort_ended(struct launch *launch, size_t *count)
{
    uint32_t *order = malloc(launch->made * sizeof *order);

    *count = 0;
    if (order == NULL)
        return NULL;
    for (size_t i = 0; i < launch->made; i++) {
        enum record_state state = launch->waits[i]->record.state;

        if (state == STATE_DONE || state == STATE_FAILED)
            order[(*count)++] = (uint32_t)i;
    }
    qsort_r(order, *count, sizeof order[0], compare_ends, launch);
    return order;
}

static void
write_ended(const struct launch *launch, size_t rank, size_t index, struct text *body)
{
    const struct wait *wait = launch->waits[index];
    const struct record *record = &wait->record;
    struct json_writer json = json_writer(body);
    struct wait_row row = {
        .rank = rank,
        .index = index,
        .delay = wait->delay,
        .elapsed_ns = record->finished_ns - record->created_ns,
        .status = record->status,
        .retry_after = record->retry_after,
    };

    if (record->state == STATE_DONE)
        json_write_double(&json, wait->delay);
    else
        wait_row_write(&row, &json);
}

/* The list of those in that state, a line each. */
static void
write_those(const struct launch *launch, const uint32_t *order, size_t count,
            enum record_state state, struct text *body)
{
    size_t rows = 0;

    text_format(body, ",\"%s\":[\n", state == STATE_DONE ? "delays" : "failures");
    for (size_t rank = 0; rank < count; rank++) {
        if (launch->waits[order[rank]]->record.state != state)
            continue;
        row_begin(FORMAT_JSON, NULL, false, rows++, body);
        write_ended(launch, rank, order[rank], body);
        row_end(FORMAT_JSON, body);
    }
    text_string(body, "]");
}

static void
write_lists(struct launch *launch, const struct outcome *outcome, struct text *body)
{
    size_t count;
    uint32_t *order = sort_ended(launch, &count);

    body->failed = body->failed || order == NULL;
    write_those(launch, order, count, STATE_DONE, body);
    if (outcome->failed > 0)
        write_those(launch, order, count, STATE_FAILED, body);
    free(order);
}

static void
reply_done(struct exchange *exchange)
{
    struct group_reply *state = exchange_room(exchange);
    struct launch *launch = state->launch;
    struct outcome outcome = find_outcome(launch);
    char location[LOCATION_SIZE];
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {
        .status = 200,
        .content_type = "application/json",
        .location = keeps_rest(launch) ? print_location(launch, location) : NULL,
        .waited = true,
        .preference_applied = prefer_task_applied(exchange),
    };

    json_begin_object(&json);
    json_member_integer(&json, "n", (int64_t)launch->plan.n);
    delay_spec_write_seed(&launch->plan.spec, &json);
    write_lists(launch, &outcome, &body);
    json.comma = true;
    write_outcome(launch, &outcome, &json);
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
    if (keeps_rest(state->launch) || state->launch->unended == 0)
        reply_done(exchange);
}

enum error
group_reply_prefer(struct exchange *exchange, const struct wait_n_plan *plan)
{
    struct group_reply *state = exchange_room(exchange);
    struct launch_plan launch_plan = {
        .label = plan->label,
        .spec = plan->spec,
        .faults = plan->faults,
        .load_factor = plan->load_factor,
        .ending = plan->ending,
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

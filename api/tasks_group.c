#include "api/tasks_group.h"

#include "api/group_lists.h"
#include "api/rows.h"
#include "api/task_json.h"

/* The room of the exchange, for both. */
struct state {
    struct group *group; /* held by the cursor */
    struct group_cursor cursor;
    size_t row;
    uint32_t counts[STATE_COUNT]; /* of the rows */
    bool until_error;             /* it waits for a failure, or */
    uint64_t until_serial;        /* for that end */
    struct group_lists *lists;    /* while they are written */
    bool with_timeout;            /* a 504 when the alarm rings */
    bool timed_out;
    bool begun;
};
_Static_assert(sizeof(struct state) <= EXCHANGE_ROOM, "the room is too small");

static enum error
find(struct exchange *exchange, const struct tasks_in *in, struct problem *problem)
{
    struct state *state = exchange_room(exchange);

    state->group = group_find(exchange_registry(exchange), in->group.bytes);
    if (state->group)
        return OK;
    return problem_set(problem, ERROR_NOT_FOUND, "there is no group %s",
                       in->group.bytes);
}

/* ---- waiting -----------------------------------------------------------------------
 */

/* Those that had ended count, and each that ends from now on, though it be forgotten.
 */
static uint64_t
choose_serial(const struct group *group, const struct value_count *when)
{
    uint64_t before = group->end_serial - group->ended_count;

    if (when->word < 0)
        return before + (uint64_t)when->count;
    return when->word == RETURN_FIRST ? before + 1 : UINT64_MAX;
}

static bool
is_met(const struct state *state)
{
    const struct group *group = state->group;

    return group_pending(group) == 0 || group->end_serial >= state->until_serial
           || (state->until_error && group->failed_count > 0);
}

static void
end_wait(struct exchange *exchange)
{
    struct state *state = exchange_room(exchange);

    group_lists_close(state->lists);
    group_cursor_close(state->group, &state->cursor);
}

static void
reply_lists(struct exchange *exchange, struct text *body)
{
    struct reply reply = {.status = 200, .waited = true};

    end_wait(exchange);
    exchange_at_end(exchange, NULL);
    exchange_reply(exchange, &reply, body);
}

static void
write_lists(struct exchange *exchange, int64_t now_ns)
{
    struct state *state = exchange_room(exchange);
    struct text body = {.failed = true};

    (void)now_ns;
    if (group_lists_step(state->lists))
        body = group_lists_take(state->lists, state->timed_out);
    else if (!exchange_go_on(exchange, write_lists))
        return;
    reply_lists(exchange, &body);
}

static void
reply_both(struct exchange *exchange, bool timed_out)
{
    struct state *state = exchange_room(exchange);
    struct text failed = {.failed = true};

    exchange_unwatch(exchange);
    if (!exchange_has_room(exchange, group_lists_memory(state->group)))
        return;
    state->timed_out = timed_out;
    state->lists = group_lists_open(state->group, &state->cursor);
    if (state->lists == NULL || exchange_go_on(exchange, write_lists))
        reply_lists(exchange, &failed);
}

static void
on_changed(struct exchange *exchange, int64_t now_ns)
{
    (void)now_ns;
    if (is_met(exchange_room(exchange)))
        reply_both(exchange, false);
}

static void
on_alarm(struct exchange *exchange, int64_t now_ns)
{
    struct state *state = exchange_room(exchange);
    struct problem problem = {0};

    (void)now_ns;
    if (!state->with_timeout) {
        reply_both(exchange, true);
        return;
    }
    problem_set(&problem, ERROR_TIMEOUT, "the timeout ran out; nothing was cancelled");
    exchange_refuse(exchange, &problem);
}

enum error
tasks_group_wait(struct exchange *exchange, const struct tasks_in *in,
                 struct problem *problem)
{
    struct state *state = exchange_room(exchange);
    enum error error = find(exchange, in, problem);
    if (error)
        return error;
    group_cursor_open(state->group, &state->cursor);
    exchange_at_end(exchange, end_wait);
    state->until_error = in->return_when.word == RETURN_FIRST_ERROR;
    state->until_serial = choose_serial(state->group, &in->return_when);
    state->with_timeout = in->timeout.given;
    if (is_met(state)) {
        reply_both(exchange, false);
        return OK;
    }
    exchange_watch(exchange, &state->group->watches, on_changed);
    if (!in->wait.given && !in->timeout.given)
        return OK;
    double seconds = in->wait.given ? in->wait.seconds : in->timeout.seconds;
    return exchange_alarm(exchange, seconds, on_alarm);
}

/* ---- streaming ---------------------------------------------------------------------
 */

static void
write_head(const struct state *state, struct text *out)
{
    struct json_writer json = json_writer(out);

    json_begin_object(&json);
    json_member_string(&json, "group", state->group->name);
    json_key(&json, "tasks");
    text_string(out, "[\n");
}

static void
write_counts(const struct state *state, struct json_writer *json)
{
    json_member_integer(json, "done", state->counts[STATE_DONE]);
    json_member_integer(json, "failed", state->counts[STATE_FAILED]);
    json_member_integer(json, "cancelled", state->counts[STATE_CANCELLED]);
}

static void
write_tail(enum format format, const struct state *state, struct text *out)
{
    struct json_writer json = json_writer(out);

    if (format == FORMAT_JSON) {
        text_string(out, "]");
        json.comma = true;
    } else {
        row_begin(format, "summary", false, 0, out);
        json_begin_object(&json);
        json_member_string(&json, "group", state->group->name);
    }
    write_counts(state, &json);
    json_end_object(&json);
    row_end(format, out);
}

static void
write_row(struct exchange *exchange, struct state *state, struct text *out)
{
    enum format format = exchange_format(exchange);
    struct record *record = state->cursor.next;
    struct json_writer json = json_writer(out);

    row_begin(format, "task", true, state->row, out);
    task_write(record, registry_now(exchange_registry(exchange)), &json);
    row_end(format, out);
    state->counts[record->state]++;
    state->row++;
    group_cursor_step(state->group, &state->cursor);
}

static enum stream_step
next(struct exchange *exchange, struct text *out)
{
    struct state *state = exchange_room(exchange);

    if (!state->begun && exchange_format(exchange) == FORMAT_JSON) {
        state->begun = true;
        write_head(state, out);
        return STREAM_PIECE;
    }
    if (state->cursor.next) {
        write_row(exchange, state, out);
        return STREAM_PIECE;
    }
    if (group_pending(state->group) > 0)
        return STREAM_WAIT;
    write_tail(exchange_format(exchange), state, out);
    return STREAM_END;
}

static void
end_stream(struct exchange *exchange)
{
    struct state *state = exchange_room(exchange);

    group_cursor_close(state->group, &state->cursor);
}

enum error
tasks_group_stream(struct exchange *exchange, const struct tasks_in *in,
                   struct problem *problem)
{
    struct state *state = exchange_room(exchange);
    struct reply reply = {.status = 200};
    enum error error = find(exchange, in, problem);

    if (error)
        return error;
    if (exchange_is_head_of_stream(exchange, &reply))
        return OK;
    group_cursor_open(state->group, &state->cursor);
    exchange_at_end(exchange, end_stream);
    exchange_watch(exchange, &state->group->watches, NULL);
    exchange_stream(exchange, &reply, next);
    return OK;
}

#include "api/wait_n_stream.h"

#include "api/rows.h"
#include "api/task_problem.h"
#include "api/wait_n_json.h"

/* The room of the exchange. */
struct state {
    struct wait_n *wait_n;
    size_t next; /* rank, or index, or place among those that are told, of the next */
    size_t rank; /* of the row that is written */
    size_t rows; /* written */
    size_t failure; /* the next of the failures, where they follow the delays */
    bool by_index;
    bool begun;
};
_Static_assert(sizeof(struct state) <= EXCHANGE_ROOM, "the room is too small");

static void
write_head(const struct state *state, struct text *out)
{
    struct json_writer json = json_writer(out);

    json_begin_object(&json);
    wait_n_write_head(state->wait_n, &json);
    json_key(&json, "delays");
    text_string(out, "[\n");
}

static void
write_row_object(const struct state *state, size_t rank, struct text *out)
{
    const struct batch *batch = state->wait_n->batch;
    struct json_writer json = json_writer(out);
    struct wait_row row = {
        .rank = rank,
        .index = batch_index(batch, rank),
        .delay = batch_delay(batch, rank),
        .elapsed_ns = state->wait_n->dry ? -1 : batch_elapsed_ns(batch, rank),
        .status = batch_status(batch, rank),
        .retry_after = state->wait_n->record.retry_after,
    };

    wait_row_write(&row, &json);
}

static void
write_row(enum format format, const struct state *state, struct text *out)
{
    const struct batch *batch = state->wait_n->batch;
    struct json_writer json = json_writer(out);

    row_begin(format, "result", true, state->rows, out);
    if (format == FORMAT_NDJSON || format == FORMAT_SSE)
        write_row_object(state, state->rank, out);
    else if (batch_status(batch, state->rank))
        json_write_null(&json);
    else
        json_write_double(&json, batch_delay(batch, state->rank));
    row_end(format, out);
}

/* Of the delays in json: those that failed follow them, a row a piece. */
static bool
write_failure(struct state *state, struct text *out)
{
    const struct wait_n *wait_n = state->wait_n;

    if (state->failure == wait_n->failed)
        return false;
    text_string(out, state->failure == 0 ? "],\"failures\":[\n" : ",");
    write_row_object(state, batch_failure(wait_n->batch, state->failure), out);
    text_string(out, "\n");
    state->failure++;
    return true;
}

/* text tells an error only. */
static void
write_text_tail(const struct state *state, struct text *out)
{
    const struct record *record = &state->wait_n->record;
    struct problem problem = {0};

    if (record->state == STATE_DONE)
        return;
    enum error error = task_problem(record, true, &problem);
    text_format(out, "# %d %s\n", problem_status(&problem), error_info(error)->slug);
}

static void
write_tail(enum format format, const struct state *state, struct text *out)
{
    struct json_writer json = json_writer(out);

    if (format == FORMAT_TEXT) {
        write_text_tail(state, out);
        return;
    }
    if (format == FORMAT_JSON) {
        text_string(out, "]");
        json.comma = true;
    } else {
        if (format == FORMAT_SSE)
            text_string(out, "event: summary\ndata: ");
        json_begin_object(&json);
        wait_n_write_head(state->wait_n, &json);
    }
    wait_n_write_tail(state->wait_n, &json);
    json_end_object(&json);
    row_end(format, out);
}

/* As find_row, in order of index. Those that have not ended when it is over are passed,
 * in text also those that failed. */
static bool
find_row_by_index(struct state *state, bool with_failed)
{
    const struct wait_n *wait_n = state->wait_n;
    const struct batch *batch = wait_n->batch;

    for (; state->next < wait_n->n && batch; state->next++) {
        state->rank = batch_rank(batch, state->next);
        if (state->rank == SIZE_MAX && !record_ended(&wait_n->record))
            return false;
        if (state->rank != SIZE_MAX
            && (with_failed || !batch_status(batch, state->rank)))
            return true;
    }
    return false;
}

/* Whether there is a row to write: its rank is state->rank. A failed wait has a row,
 * but no delay. */
static bool
find_row(struct state *state, enum format format)
{
    const struct wait_n *wait_n = state->wait_n;
    bool has_rows = format == FORMAT_NDJSON || format == FORMAT_SSE;

    if (state->by_index)
        return find_row_by_index(state, format != FORMAT_TEXT);
    if (state->next >= (has_rows ? wait_n->ended : wait_n_done(wait_n)))
        return false;
    state->rank = has_rows ? state->next : batch_success(wait_n->batch, state->next);
    return true;
}

static enum stream_step
next(struct exchange *exchange, struct text *out)
{
    struct state *state = exchange_room(exchange);
    enum format format = exchange_format(exchange);

    if (!state->begun) {
        state->begun = true;
        if (format == FORMAT_JSON) {
            write_head(state, out);
            return STREAM_PIECE;
        }
    }
    if (find_row(state, format)) {
        write_row(format, state, out);
        state->next++;
        state->rows++;
        return STREAM_PIECE;
    }
    if (!record_ended(&state->wait_n->record))
        return STREAM_WAIT;
    if (format == FORMAT_JSON && write_failure(state, out))
        return STREAM_PIECE;
    write_tail(format, state, out);
    return STREAM_END;
}

/* ---- when it is over ---------------------------------------------------------------
 */

static void
extend_problem(struct exchange *exchange, struct json_writer *json)
{
    struct state *state = exchange_room(exchange);

    wait_n_write_head(state->wait_n, json);
    wait_n_write_counts(state->wait_n, json);
}

static void
on_changed(struct exchange *exchange, int64_t now_ns)
{
    struct state *state = exchange_room(exchange);
    struct record *record = &state->wait_n->record;
    struct reply reply = {.status = 200, .waited = true, .waitd_id = record->id};
    struct problem problem = {0};

    (void)now_ns;
    if (!record_ended(record))
        return;
    if (record->state != STATE_DONE) {
        task_problem(record, true, &problem);
        exchange_refuse_more(exchange, &problem, extend_problem);
        return;
    }
    exchange_unwatch(exchange);
    if (!exchange_is_head_of_stream(exchange, &reply))
        exchange_stream(exchange, &reply, next);
}

enum error
wait_n_stream_begin(struct exchange *exchange, struct wait_n_plan *plan,
                    const struct wait_n_form *form)
{
    struct state *state = exchange_room(exchange);
    struct reply reply = {.status = 200};
    enum format format = exchange_format(exchange);

    *state = (struct state){.by_index = form->by_index};
    plan->times = format == FORMAT_NDJSON || format == FORMAT_SSE
                  || (format == FORMAT_JSON && fault_spec_given(&plan->faults));
    plan->ranks = form->by_index;
    enum error error = wait_n_start(exchange_registry(exchange), plan, &state->wait_n);
    if (error)
        return error;
    struct record *record = &state->wait_n->record;
    exchange_own(exchange, record);
    exchange_watch(exchange, &record->watches, form->buffered ? on_changed : NULL);
    if (form->buffered) {
        on_changed(exchange, plan->start_ns); /* of none, it is over */
        return OK;
    }
    reply.waitd_id = record->id;
    reply.heartbeat = form->heartbeat;
    exchange_stream(exchange, &reply, next);
    return OK;
}

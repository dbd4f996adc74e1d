/* GET|POST /wait_n: n waits at once, each told when it ends: wait_n(n, max_delay). */
#include "api/app.h"
#include "api/draw.h"
#include "api/group_reply.h"
#include "api/prefer_task.h"
#include "api/rows.h"
#include "api/task_problem.h"
#include "api/wait_n_json.h"
#include "async/wait_n.h"

struct wait_n_in {
    struct draw_in draw;
    struct value_integer n;
    struct value_integer limit;
    struct value_word format;
};

static const char *const format_words[] = {"json", "ndjson", "sse", "text", NULL};

/* clang-format off */
static const struct field fields[] = {
    FIELD(struct wait_n_in, n, FIELD_INTEGER, .required = true, .max_limit = LIMIT_MAX_N,
          .example = "5", .text = "How many waits; all start at the same instant."),
    DRAW_FIELDS(struct wait_n_in),
    FIELD(struct wait_n_in, limit, FIELD_INTEGER, .min = 1, .max_limit = LIMIT_MAX_N,
          .example = "2",
          .text = "At most so many at once (a semaphore): a queued one starts at the "
                  "deadline of the wait that made room."),
    FIELD(struct wait_n_in, format, FIELD_WORD, .words = format_words,
          .fallback_text = "json", .example = "ndjson",
          .text = "Form of the stream; wins over Accept."),
};
/* clang-format on */

/* The room of the exchange. */
struct state {
    struct group_reply group; /* begins with a struct prefer_task */
    struct wait_n *wait_n;
    size_t rank; /* the next row */
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
write_row_object(const struct state *state, struct text *out)
{
    const struct batch *batch = state->wait_n->batch;
    struct json_writer json = json_writer(out);

    json_begin_object(&json);
    json_member_integer(&json, "rank", (int64_t)state->rank);
    json_member_integer(&json, "index", (int64_t)batch_index(batch, state->rank));
    json_member_double(&json, "delay", batch_delay(batch, state->rank));
    json_member_seconds(&json, "elapsed", batch_elapsed_ns(batch, state->rank));
    json_end_object(&json);
}

static void
write_row(enum format format, const struct state *state, struct text *out)
{
    row_begin(format, "result", true, state->rank, out);
    if (format == FORMAT_NDJSON || format == FORMAT_SSE)
        write_row_object(state, out);
    else {
        struct json_writer json = json_writer(out);

        json_write_double(&json, batch_delay(state->wait_n->batch, state->rank));
    }
    row_end(format, out);
}

/* text tells an error only. */
static void
write_text_tail(const struct state *state, struct text *out)
{
    const struct record *record = &state->wait_n->record;
    struct problem problem = {0};

    if (record->state != STATE_CANCELLED)
        return;
    enum error error = task_problem(record, true, &problem);
    text_format(out, "# %d %s\n", error_info(error)->status, error_info(error)->slug);
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
    if (state->rank < state->wait_n->done) {
        write_row(format, state, out);
        state->rank++;
        return STREAM_PIECE;
    }
    if (!record_ended(&state->wait_n->record))
        return STREAM_WAIT;
    write_tail(format, state, out);
    return STREAM_END;
}

static enum error
start_stream(struct exchange *exchange, struct wait_n_plan *plan)
{
    struct state *state = exchange_room(exchange);
    struct reply reply = {.status = 200};
    enum format format = exchange_format(exchange);

    plan->times = format == FORMAT_NDJSON || format == FORMAT_SSE;
    enum error error = wait_n_start(exchange_registry(exchange), plan, &state->wait_n);
    if (error)
        return error;
    reply.waitd_id = state->wait_n->record.id;
    exchange_own(exchange, &state->wait_n->record);
    exchange_watch(exchange, &state->wait_n->record.watches, NULL);
    exchange_stream(exchange, &reply, next);
    return OK;
}

/* An EventSource that lost its connection would run it all again. */
static bool
is_reconnect(struct exchange *exchange)
{
    return exchange_header(exchange, "Last-Event-ID") != NULL;
}

static enum error
handle(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct wait_n_in *in = raw;
    struct wait_n_plan plan = {
        .label = draw_label(&in->draw),
        .n = (size_t)in->n.value,
        .limit = in->limit.given ? (size_t)in->limit.value : 0,
        .timeout_ns = draw_timeout_ns(&in->draw.timeout),
        .start_ns = exchange_received_ns(exchange),
    };
    struct reply head = {.status = 200};
    enum error error = prefer_task_read(exchange, problem);
    if (!error)
        error = draw_spec(&in->draw, &plan.spec, problem);
    if (error)
        return error;
    if (is_reconnect(exchange)) {
        struct text nothing = {0};
        struct reply over = {.status = 204};

        exchange_reply(exchange, &over, &nothing);
        return OK;
    }
    if (exchange_is_head_of_stream(exchange, &head))
        return OK;
    delay_spec_seed(&plan.spec, &exchange_registry(exchange)->fastrand);
    if (prefer_task_wanted(exchange) && plan.n > 0)
        return group_reply_prefer(exchange, &plan);
    return start_stream(exchange, &plan);
}

static const struct answer answers[] = {
    {200, FORMAT_JSON,
     "A stream of one valid document: each delay leaves when its wait ends.",
     "{\"n\":3,\"seed\":7,\"delays\":[\n0.41\n,1.93\n,7.02\n],\"done\":3,\"failed\":0,"
     "\"cancelled\":0,\"elapsed\":7.0214}"},
    {200, FORMAT_NDJSON, "A row a line, then the summary.",
     "{\"rank\":0,\"index\":2,\"delay\":0.41,\"elapsed\":0.4106}\n"
     "{\"n\":1,\"seed\":7,\"done\":1,\"failed\":0,\"cancelled\":0,\"elapsed\":0.4106}"},
    {200, FORMAT_SSE, "event: result for each row, then event: summary.", NULL},
    {200, FORMAT_TEXT, "A delay a line.", "0.41\n1.93\n7.02"},
    {202, FORMAT_JSON,
     "With Prefer: respond-async or wait=N: the group that it became.", NULL},
    {204, FORMAT_JSON, "With Last-Event-ID: nothing is run again.", NULL},
    {0},
};

static const enum error errors[] = {ERROR_TOO_MANY_WAITS, ERROR_TOO_MANY_TASKS, OK};

const struct route route_wait_n = {
    .methods = METHOD_GET | METHOD_POST,
    .path = "/wait_n",
    .text = "Runs n waits at once and streams their delays in the order of completion.",
    .more =
        "It is `await wait_n(n, max_delay)`. The status is 200 once it streams: what "
        "ends it early (timeout 504, cancel 409, drain 503) stands in the tail as "
        "`error`, and the body always ends validly. Closing the connection cancels "
        "what is left.",
    .in = SHAPE(struct wait_n_in, fields),
    .formats =
        1 << FORMAT_JSON | 1 << FORMAT_NDJSON | 1 << FORMAT_SSE | 1 << FORMAT_TEXT,
    .answers = answers,
    .errors = errors,
    .example = "-N 'localhost:8080/wait_n?n=3&max_delay=2&seed=7'",
    .handle = handle,
};

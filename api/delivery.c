#include "api/delivery.h"

#include "api/task_reply.h"
#include "async/dribble.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

enum at { AT_HEADERS, AT_BODY };
enum abort {
    ABORT_BEFORE_HEADERS,
    ABORT_AFTER_HEADERS,
    ABORT_MID_BODY,
    ABORT_RESET,
    ABORT_NONE
};

const char *const delivery_at_words[] = {"headers", "body", NULL};
const char *const delivery_abort_words[] = {"before_headers", "after_headers",
                                            "mid_body", "reset", NULL};
const char *const delivery_chunks_excludes[] = {"event", NULL};
const char *const delivery_jitter_needs[] = {"chunks", NULL};
const char *const delivery_format_excludes[] = {"size", "chunks", NULL};

struct delivery {
    bool headers_first; /* they leave at once */
    uint64_t size;      /* of the bytes; 0: it is the document */
    uint64_t sent;
    struct dribble *dribble; /* owned; NULL: it comes at the end */
    delivery_write *write;
    struct text document; /* once the wait has ended */
};

_Static_assert(sizeof(struct delivery_room) <= EXCHANGE_ROOM, "it has no room");

static struct delivery *
delivery_of(struct exchange *exchange)
{
    struct delivery_room *room = exchange_room(exchange);

    return room->delivery;
}

static struct wait *
owned_wait(struct exchange *exchange)
{
    return wait_of(exchange_owned(exchange));
}

/* ---- what is asked for -------------------------------------------------------------
 */

static bool
is_wanted(const struct delivery_in *in)
{
    return in->chunks.given || in->size.given || in->abort.given
           || in->at.index == AT_BODY;
}

static uint64_t
size_of(const struct delivery_in *in)
{
    if (in->size.given)
        return (uint64_t)in->size.value;
    return in->chunks.given ? (uint64_t)in->chunks.value : 0;
}

static bool
sends_headers_first(const struct delivery_in *in)
{
    return in->chunks.given || in->at.index == AT_BODY;
}

/* What a request says, as far as it can contradict. */
enum trait {
    HAS_AT_HEADERS = 1 << 0, /* said, not only so by default */
    HAS_AT_BODY = 1 << 1,
    HAS_CHUNKS = 1 << 2,
    HAS_SIZE = 1 << 3,
    HAS_BEFORE_HEADERS = 1 << 4,
    HAS_AFTER_HEADERS = 1 << 5,
    HAS_MID_BODY = 1 << 6,
    HAS_RESET = 1 << 7,
    HAS_ABORT = HAS_BEFORE_HEADERS | HAS_AFTER_HEADERS | HAS_MID_BODY | HAS_RESET,
    HAS_STATUS_WITHOUT_BODY = 1 << 8,
    HAS_PREFER = 1 << 9,
    HAS_UNIX_SOCKET = 1 << 10,
};

static const struct contradiction {
    unsigned trait, other_trait; /* any of these, and any of those */
    const char *param, *other;   /* which parameters say so */
    const char *why;
} contradictions[] = {
    {HAS_CHUNKS, HAS_AT_HEADERS, "chunks", "at",
     "a body that comes over the delay has its headers before"},
    {HAS_BEFORE_HEADERS, HAS_AT_BODY, "abort", "at", "the headers leave at once"},
    {HAS_BEFORE_HEADERS, HAS_CHUNKS, "abort", "chunks", "the headers leave at once"},
    {HAS_AFTER_HEADERS, HAS_CHUNKS, "abort", "chunks",
     "chunks leave after the headers"},
    {HAS_AT_BODY, HAS_STATUS_WITHOUT_BODY, "at", "status", "it has no body"},
    {HAS_CHUNKS, HAS_STATUS_WITHOUT_BODY, "chunks", "status", "it has no body"},
    {HAS_SIZE, HAS_STATUS_WITHOUT_BODY, "size", "status", "it has no body"},
    {HAS_AFTER_HEADERS | HAS_MID_BODY, HAS_STATUS_WITHOUT_BODY, "abort", "status",
     "it has no body"},
    {HAS_AT_BODY, HAS_PREFER, "at", "Prefer", "a task has no body to wait for"},
    {HAS_CHUNKS, HAS_PREFER, "chunks", "Prefer", "a task has no body"},
    {HAS_SIZE, HAS_PREFER, "size", "Prefer", "a task has no body"},
    {HAS_ABORT, HAS_PREFER, "abort", "Prefer", "a task has no connection"},
    {HAS_RESET, HAS_UNIX_SOCKET, "abort", NULL,
     "there is no RST on a unix socket: abort=reset is for TCP"},
};

static unsigned
traits_of(struct exchange *exchange, const struct delivery_plan *plan)
{
    const struct delivery_in *in = plan->in;
    bool bodiless = plan->status == 204 || plan->status == 205 || plan->status == 304;
    unsigned traits = 0;

    if (in->at.given)
        traits |= in->at.index == AT_BODY ? HAS_AT_BODY : HAS_AT_HEADERS;
    if (in->abort.given)
        traits |= (unsigned)HAS_BEFORE_HEADERS << in->abort.index;
    if (traits & HAS_RESET && !exchange_can_reset(exchange))
        traits |= HAS_UNIX_SOCKET;
    return traits | (in->chunks.given ? HAS_CHUNKS : 0)
           | (in->size.given ? HAS_SIZE : 0) | (bodiless ? HAS_STATUS_WITHOUT_BODY : 0)
           | (plan->prefers ? HAS_PREFER : 0);
}

static const char *
value_of(const struct delivery_in *in, const char *param)
{
    if (strcmp(param, "abort") == 0)
        return delivery_abort_words[in->abort.index];
    return strcmp(param, "at") == 0 ? delivery_at_words[in->at.index] : NULL;
}

static enum error
contradict(const struct contradiction *row, const struct delivery_in *in,
           struct problem *problem)
{
    const char *value = value_of(in, row->param);

    if (row->other)
        problem_set(problem, ERROR_INVALID_PARAMETER,
                    "%s%s%s and %s exclude each other: %s", row->param,
                    value ? "=" : "", value ? value : "", row->other, row->why);
    else
        problem_set(problem, ERROR_INVALID_PARAMETER, "%s", row->why);
    problem_param(problem, row->param, strlen(row->param));
    if (value)
        problem_value(problem, value, strlen(value));
    if (row->other)
        problem_conflict(problem, row->other);
    return ERROR_INVALID_PARAMETER;
}

static enum error
too_many_chunks(const struct delivery_in *in, struct problem *problem)
{
    char value[NUMBER_TEXT_MAX];

    number_print((double)in->chunks.value, value);
    problem_set(problem, ERROR_INVALID_PARAMETER,
                "chunks=%s is above size=%d: each has a byte at least", value,
                (int)in->size.value);
    problem_param(problem, "chunks", strlen("chunks"));
    problem_value(problem, value, strlen(value));
    problem_conflict(problem, "size");
    return ERROR_INVALID_PARAMETER;
}

static enum error
check(struct exchange *exchange, const struct delivery_plan *plan,
      struct problem *problem)
{
    const struct delivery_in *in = plan->in;
    unsigned traits = traits_of(exchange, plan);

    for (size_t i = 0; i < COUNT(contradictions); i++)
        if (traits & contradictions[i].trait && traits & contradictions[i].other_trait)
            return contradict(&contradictions[i], in, problem);
    if (in->chunks.given && in->size.given && in->chunks.value > in->size.value)
        return too_many_chunks(in, problem);
    return OK;
}

bool
delivery_has_bytes(const struct delivery_in *in)
{
    return size_of(in) > 0;
}

const char *
delivery_abort(const struct delivery_in *in)
{
    return in->abort.given ? delivery_abort_words[in->abort.index] : NULL;
}

/* ---- its state ---------------------------------------------------------------------
 */

static void
end(struct exchange *exchange)
{
    struct delivery *delivery = delivery_of(exchange);

    dribble_free(delivery->dribble);
    text_free(&delivery->document);
    free(delivery);
}

static enum error
make(struct exchange *exchange, const struct delivery_plan *plan)
{
    struct delivery_room *room = exchange_room(exchange);
    struct delivery *delivery = calloc(1, sizeof *delivery);

    if (delivery == NULL)
        return ERROR_OUT_OF_MEMORY;
    delivery->headers_first = sends_headers_first(plan->in);
    delivery->size = size_of(plan->in);
    delivery->write = plan->write;
    room->delivery = delivery;
    exchange_at_end(exchange, end);
    if (!plan->in->chunks.given)
        return OK;
    struct dribble_plan dribble = {(size_t)plan->in->chunks.value, plan->jitter};
    delivery->dribble =
        dribble_new(&dribble, plan->spec, &exchange_registry(exchange)->fastrand);
    return delivery->dribble ? OK : ERROR_OUT_OF_MEMORY;
}

static const char *
type_of(uint64_t size, int status)
{
    if (size > 0)
        return format_info(FORMAT_BYTES)->content_type;
    return status >= FAILED_STATUS ? "application/problem+json" : NULL;
}

enum error
delivery_open(struct exchange *exchange, const struct delivery_plan *plan,
              struct problem *problem)
{
    const struct delivery_in *in = plan->in;
    uint64_t size = size_of(in);

    if (!is_wanted(in))
        return OK;
    enum error error = check(exchange, plan, problem);
    if (error)
        return error;
    struct reply reply = {
        .status = plan->status ? (int)plan->status : 200,
        .content_type = type_of(size, (int)plan->status),
        .length = size,
    };
    if (sends_headers_first(in) && exchange_is_head_of_stream(exchange, &reply))
        return OK;
    return make(exchange, plan);
}

/* ---- sending -----------------------------------------------------------------------
 */

/* How this one ends. */
static enum abort
abort_of(const struct wait *wait)
{
    const char *word = wait->options ? wait->options->abort : NULL;
    enum abort abort = ABORT_BEFORE_HEADERS;

    while (abort < ABORT_NONE && delivery_abort_words[abort] != word)
        abort++;
    return abort;
}

/* Whether it came to its end, as a success or as the failure that it was to be. */
static bool
ended_by_itself(const struct wait *wait)
{
    const struct record *record = &wait->record;

    return record->state == STATE_DONE
           || (record->state == STATE_FAILED && !record_failure(record));
}

static uint64_t
total(struct exchange *exchange, struct delivery *delivery, struct wait *wait)
{
    if (delivery->size > 0)
        return delivery->size;
    if (delivery->document.size == 0)
        delivery->write(exchange, wait, &delivery->document);
    return delivery->document.size;
}

/* How far it has come while it waits. */
static uint64_t
come(struct delivery *delivery, const struct wait *wait, int64_t now_ns)
{
    struct dribble *dribble = delivery->dribble;
    int64_t after_ns;

    if (dribble == NULL)
        return 0;
    while (dribble_next(dribble, wait->delay, &after_ns)
           && wait->start_ns + after_ns <= now_ns)
        dribble_take(dribble);
    return dribble_bytes(dribble, delivery->size);
}

/* The last byte that leaves, now. */
static uint64_t
until(struct exchange *exchange, struct delivery *delivery, struct wait *wait)
{
    bool ended = record_ended(&wait->record), whole = ended_by_itself(wait);
    enum abort abort = abort_of(wait);

    if (delivery->size > 0 && ended && !whole)
        return delivery->sent; /* its length was told: nothing else can be */
    if (ended && whole && abort == ABORT_AFTER_HEADERS)
        return delivery->sent;
    /* A late turn sends what was due before. */
    if (ended && whole && abort == ABORT_RESET)
        return come(delivery, wait, wait->deadline_ns - 1);
    uint64_t size = ended ? total(exchange, delivery, wait) : delivery->size;
    uint64_t most = abort == ABORT_MID_BODY && (whole || !ended) ? size / 2 : size;
    uint64_t come_to =
        ended ? size : come(delivery, wait, registry_now(exchange_registry(exchange)));

    return come_to < most ? come_to : most;
}

static void
write_digits(uint64_t from, size_t count, struct text *out)
{
    UNINITIALIZED char bytes[STREAM_PIECE_MAX];
    unsigned digit = (unsigned)(from % 10);

    for (size_t i = 0; i < count; i++) {
        bytes[i] = (char)('0' + digit);
        digit = digit == 9 ? 0 : digit + 1;
    }
    text_append(out, bytes, count);
}

static void
write_piece(struct delivery *delivery, uint64_t until, struct text *out)
{
    uint64_t rest = until - delivery->sent;
    size_t count = rest < STREAM_PIECE_MAX ? (size_t)rest : STREAM_PIECE_MAX;

    if (delivery->size > 0)
        write_digits(delivery->sent, count, out);
    else
        text_append(out, delivery->document.bytes + delivery->sent, count);
    delivery->sent += count;
}

/* Out of memory: what would come next comes with the end. */
static enum stream_step
sleep_till_next(struct exchange *exchange, const struct delivery *delivery,
                const struct wait *wait)
{
    int64_t after_ns;

    if (delivery->dribble && dribble_next(delivery->dribble, wait->delay, &after_ns))
        (void)!exchange_read_at(exchange, wait->start_ns + after_ns);
    return STREAM_WAIT;
}

static enum stream_step
next(struct exchange *exchange, struct text *out)
{
    struct delivery *delivery = delivery_of(exchange);
    struct wait *wait = owned_wait(exchange);
    uint64_t most = until(exchange, delivery, wait);

    if (delivery->document.failed)
        return STREAM_CUT;
    if (delivery->sent < most) {
        write_piece(delivery, most, out);
        return STREAM_PIECE;
    }
    if (!record_ended(&wait->record))
        return sleep_till_next(exchange, delivery, wait);
    bool whole = ended_by_itself(wait);
    if (whole && abort_of(wait) == ABORT_RESET)
        return STREAM_RESET;
    if (whole ? abort_of(wait) != ABORT_NONE : delivery->size > 0)
        return STREAM_CUT;
    return STREAM_END;
}

/* ---- answering ---------------------------------------------------------------------
 */

static void
stream(struct exchange *exchange, uint64_t length, bool waited)
{
    const struct delivery *delivery = delivery_of(exchange);
    const struct record *record = exchange_owned(exchange);
    int status = task_status(record);
    struct reply reply = {
        .status = status,
        .content_type = type_of(delivery->size, status),
        .waitd_id = waited ? NULL : record->id,
        .length = length,
        .retry_after = status >= FAILED_STATUS ? record->retry_after : 0,
        .waited = waited,
    };

    exchange_stream(exchange, &reply, next);
}

static bool
is_refused(const struct wait *wait)
{
    return wait->options && wait->options->over;
}

void
delivery_start(struct exchange *exchange)
{
    const struct delivery *delivery = delivery_of(exchange);

    if (delivery && delivery->headers_first && !is_refused(owned_wait(exchange)))
        stream(exchange, delivery->size, false);
}

bool
delivery_answer(struct exchange *exchange)
{
    struct delivery *delivery = delivery_of(exchange);
    struct wait *wait = owned_wait(exchange);

    if (delivery == NULL || is_refused(wait) || !ended_by_itself(wait))
        return false;
    enum abort abort = abort_of(wait);
    if (abort == ABORT_BEFORE_HEADERS || abort == ABORT_RESET) {
        exchange_abort(exchange, abort == ABORT_RESET);
        return true;
    }
    if (delivery->size == 0 && abort == ABORT_NONE)
        return false;
    stream(exchange, total(exchange, delivery, wait), true);
    return true;
}

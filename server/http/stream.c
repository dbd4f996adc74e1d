/* stream.c: answers that are pulled piece by piece. */
#include "http/errand.h"

#include <assert.h>
#include <string.h>

enum { BLOCK_LEAST = 128, BLOCK_MOST = 16384 };

static size_t
take_carry(struct exchange *exchange, char *buffer, size_t room)
{
    struct text *carry = &exchange->buffer;
    size_t rest = carry->size - exchange->carried;
    size_t size = rest < room ? rest : room;

    if (size == 0)
        return 0;
    memcpy(buffer, carry->bytes + exchange->carried, size);
    exchange->carried += (uint32_t)size;
    if (exchange->carried == carry->size) {
        text_free(carry);
        exchange->carried = 0;
    }
    return size;
}

/* Writes one piece; what does not fit is carried over to the next call. */
static enum stream_step
take_piece(struct exchange *exchange, char *buffer, size_t room, size_t *used)
{
    UNINITIALIZED char bytes[STREAM_PIECE_MAX];
    struct text piece = text_over(bytes, sizeof bytes);
    enum stream_step step = exchange->next(exchange, &piece);

    assert(!piece.failed);
    size_t size = piece.size < room ? piece.size : room;
    memcpy(buffer, bytes, size);
    *used += size;
    if (size < piece.size)
        text_append(&exchange->buffer, bytes + size, piece.size - size);
    return step;
}

/* Whitespace, or a comment: no row. */
static size_t
take_heartbeat(struct exchange *exchange, char *buffer, size_t room)
{
    const char *beat = exchange->format == FORMAT_SSE ? ":\n\n" : "\n";
    size_t size = strlen(beat);

    if (!exchange->beats || room < size)
        return 0;
    exchange->beats = false;
    memcpy(buffer, beat, size);
    return size;
}

static uint32_t
ms_since_received(const struct exchange *exchange)
{
    int64_t now_ns = registry_now(exchange->server->registry);

    return (uint32_t)((now_ns - exchange->received_ns) / NS_PER_MS);
}

static void on_beat(struct timer *timer, int64_t now_ns);

/* `sent_ms` has room for 49 days and begins again: only its distance from now counts.
 * Out of memory: no heartbeat. */
static void
await_beat(struct exchange *exchange)
{
    struct registry *registry = exchange->server->registry;
    uint32_t silent_ms = ms_since_received(exchange) - exchange->sent_ms;
    int64_t rest_ms = (int64_t)exchange->heartbeat_ms - silent_ms;

    exchange->alarm.fire = on_beat;
    (void)!timers_start(&registry->timers, &exchange->alarm, TIMER_UPKEEP,
                        registry_now(registry) + rest_ms * NS_PER_MS);
}

static void
on_beat(struct timer *timer, int64_t now_ns)
{
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, alarm);
    uint32_t now_ms = ms_since_received(exchange);

    (void)now_ns;
    if (now_ms - exchange->sent_ms >= exchange->heartbeat_ms) {
        exchange->sent_ms = now_ms;
        exchange->beats = true;
        reply_wake(exchange);
    }
    await_beat(exchange);
}

static void
begin_beating(struct exchange *exchange, double seconds)
{
    exchange->heartbeat_ms =
        (uint32_t)((seconds_to_ns(seconds) + NS_PER_MS - 1) / NS_PER_MS);
    exchange->sent_ms = ms_since_received(exchange);
    await_beat(exchange);
}

/* A byte that goes nowhere: sending it fails, and that ends the connection. What ends a
 * stream with an error keeps the descriptor until it is the oldest of its cell. */
static ssize_t
fail_to_send(char *buffer)
{
    buffer[0] = ' ';
    return 1;
}

static ssize_t
cut(struct exchange *exchange, bool reset, char *buffer)
{
    exchange->stream_over = true; /* it was not the client that left */
    if (reset)
        connection_reset(exchange->connection);
    else
        connection_cut(exchange->connection);
    return fail_to_send(buffer);
}

/* Where the end of the connection is that of the stream, libmicrohttpd only marks it as
 * closed, and closes it at its next event: so that there is one, it is cut. */
static ssize_t
sleep_or_end(struct exchange *exchange, char *buffer)
{
    if (exchange->stream_over) {
        if (exchange->ends_by_closing)
            connection_cut(exchange->connection);
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (exchange->connection->gone)
        exchange_client_left(exchange, true);
    if (exchange->phase == EXCHANGE_ABANDONED)
        return fail_to_send(buffer);
    connection_suspend(exchange->connection);
    exchange->suspended = true;
    return 0;
}

static ssize_t
on_read(void *context, uint64_t position, char *buffer, size_t room)
{
    struct exchange *exchange = context;
    enum stream_step step = STREAM_PIECE;

    (void)position;
    if (exchange->phase == EXCHANGE_ABANDONED)
        return fail_to_send(buffer);
    size_t used = take_carry(exchange, buffer, room);
    while (used < room && step == STREAM_PIECE && !exchange->stream_over) {
        step = take_piece(exchange, buffer + used, room - used, &used);
        exchange->stream_over = step == STREAM_END;
    }
    if (exchange->buffer.failed)
        return cut(exchange, false, buffer);
    if (used == 0 && step >= STREAM_CUT)
        return cut(exchange, step == STREAM_RESET, buffer);
    if (used == 0 && !exchange->stream_over)
        used = take_heartbeat(exchange, buffer, room);
    else if (exchange->heartbeat_ms) {
        exchange->sent_ms = ms_since_received(exchange);
        exchange->beats = false; /* that was a sign of life */
    }
    if (used == 0)
        return sleep_or_end(exchange, buffer);
    if (!reply_may_grow(exchange, used)) {
        reply_count_refusal(exchange->server, ERROR_TOO_MUCH_MEMORY);
        return cut(exchange, false, buffer);
    }
    reply_count_bytes(exchange, used);
    connection_sending(exchange->connection);
    return (ssize_t)used;
}

static void
on_read_again(struct timer *timer, int64_t now_ns)
{
    (void)now_ns;
    reply_wake(CONTAINER_OF(timer, struct exchange, alarm));
}

bool
exchange_read_at(struct exchange *exchange, int64_t at_ns)
{
    exchange->alarm.fire = on_read_again;
    return !timers_start(&exchange->server->registry->timers, &exchange->alarm,
                         TIMER_RESULT, at_ns);
}

/* What is pulled is handed out in blocks, which only a body of known length needs. */
static struct MHD_Response *
pulled(const struct reply *reply, MHD_ContentReaderCallback read, void *context)
{
    uint64_t length = reply->length ? reply->length : MHD_SIZE_UNKNOWN;
    size_t block = reply->length == 0           ? BLOCK_LEAST
                   : reply->length < BLOCK_MOST ? (size_t)reply->length
                                                : BLOCK_MOST;
    struct MHD_Response *response =
        MHD_create_response_from_callback(length, block, read, context, NULL);

    if (!response || reply->waited
        || MHD_add_response_header(response, "X-Accel-Buffering", "no") == MHD_YES)
        return response;
    MHD_destroy_response(response);
    return NULL;
}

void
exchange_stream(struct exchange *exchange, const struct reply *reply, stream_next *next)
{
    exchange->next = next;
    if (exchange->visit) {
        struct text nothing = {0};

        visit_answer(exchange, PARCEL_STREAM, reply, &nothing);
        return;
    }
    struct MHD_Response *response = pulled(reply, on_read, exchange);
    if (response == NULL) {
        struct text failed = {.failed = true};

        exchange_reply(exchange, reply, &failed);
        return;
    }
    exchange->streaming = true;
    reply_answer(exchange, reply, response);
    if (reply->heartbeat > 0)
        begin_beating(exchange, reply->heartbeat);
}

bool
exchange_is_head_of_stream(struct exchange *exchange, const struct reply *reply)
{
    if (exchange->method != METHOD_HEAD)
        return false;
    if (exchange->visit) {
        struct text nothing = {0};

        visit_answer(exchange, PARCEL_HEAD_OF_STREAM, reply, &nothing);
        return true;
    }
    struct MHD_Response *response = pulled(reply, reply_read_nothing, NULL);
    if (response == NULL) {
        struct text failed = {.failed = true};

        exchange_reply(exchange, reply, &failed);
        return true;
    }
    /* A chunked answer would send its body after HEAD too: one that ends with the
     * connection does not. */
    if (reply->length == 0)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT,
                                 MHD_RO_END);
    reply_answer(exchange, reply, response);
    return true;
}

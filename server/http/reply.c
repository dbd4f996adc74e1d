#include "http/http_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char out_of_memory_body[] =
    "{\"type\":\"/problems/out-of-memory\",\"title\":\"Out of memory\","
    "\"status\":503,\"detail\":\"no memory for the answer\"}\n";

static void
add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value)
        MHD_add_response_header(response, name, value);
}

static void
add_server_timing(struct exchange *exchange, struct MHD_Response *response)
{
    int64_t now_ns = registry_now(exchange->server->registry);
    char value[64];

    snprintf(value, sizeof value, "wait;dur=%.3f",
             (double)(now_ns - exchange->received_ns) / (double)NS_PER_MS);
    add_header(response, "Server-Timing", value);
}

static void
add_headers(struct exchange *exchange, const struct reply *reply,
            struct MHD_Response *response)
{
    const char *type = reply->content_type
                           ? reply->content_type
                           : format_info(exchange->format)->content_type;

    if (reply->status != MHD_HTTP_NO_CONTENT)
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    add_header(response, MHD_HTTP_HEADER_LOCATION, reply->location);
    add_header(response, MHD_HTTP_HEADER_ALLOW, reply->allow);
    add_header(response, "Preference-Applied", reply->preference_applied);
    add_header(response, "Waitd-Id", reply->waitd_id);
    if (reply->retry_after)
        add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    if (reply->waited)
        add_server_timing(exchange, response);
    if (server_draining(exchange->server))
        add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* The exchange has its answer: nothing more is heard or rung, and it is sent as soon as
 * its cell runs. */
static void
answer(struct exchange *exchange, unsigned status, struct MHD_Response *response)
{
    assert(exchange->response == NULL && exchange->phase <= EXCHANGE_WAITING);
    exchange->status = status;
    exchange->response = response;
    exchange->phase = EXCHANGE_ANSWERED;
    timers_stop(&exchange->server->registry->timers, &exchange->alarm);
    reply_wake(exchange);
}

void
reply_wake(struct exchange *exchange)
{
    if (!exchange->suspended)
        return;
    exchange->suspended = false;
    MHD_resume_connection(exchange->mhd);
    cell_mark(exchange->connection->cell);
}

static struct MHD_Response *
out_of_memory(void)
{
    return MHD_create_response_from_buffer(sizeof out_of_memory_body - 1,
                                           (void *)(uintptr_t)out_of_memory_body,
                                           MHD_RESPMEM_PERSISTENT);
}

void
exchange_reply(struct exchange *exchange, const struct reply *reply, struct text *body)
{
    struct MHD_Response *response = NULL;
    struct reply failed = {
        .status = 503, .content_type = "application/problem+json", .retry_after = true};

    watch_stop(&exchange->watch);
    if (!body->failed)
        response = MHD_create_response_from_buffer(body->size, body->bytes,
                                                   MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        text_free(body);
        reply = &failed;
        response = out_of_memory();
    }
    if (exchange->own)
        exchange->own->bytes_sent += (int64_t)body->size;
    *body = (struct text){0};
    if (response == NULL) { /* not even that: the connection is closed */
        exchange->phase = EXCHANGE_ABANDONED;
        reply_wake(exchange);
        return;
    }
    add_headers(exchange, reply, response);
    answer(exchange, (unsigned)reply->status, response);
}

void
exchange_refuse(struct exchange *exchange, const struct problem *problem)
{
    int status = error_info(problem->error)->status;
    struct reply reply = {
        .status = status,
        .content_type = "application/problem+json",
        .retry_after = status == 429 || status == 503,
    };
    struct text allow = {0};
    struct text body = {0};
    struct json_writer json = json_writer(&body);

    problem_write(problem, &json);
    text_string(&body, "\n");
    if (problem->error == ERROR_METHOD_NOT_ALLOWED) {
        methods_print(exchange->allowed, &allow);
        reply.allow = text_terminated(&allow);
    }
    exchange_reply(exchange, &reply, &body);
    text_free(&allow);
}

/* ---- streams -----------------------------------------------------------------------
 */

static size_t
take_carry(struct exchange *exchange, char *buffer, size_t room)
{
    struct text *carry = &exchange->carry;
    size_t rest = carry->size - exchange->carried;
    size_t size = rest < room ? rest : room;

    if (size == 0)
        return 0;
    memcpy(buffer, carry->bytes + exchange->carried, size);
    exchange->carried += size;
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
    char bytes[STREAM_PIECE_MAX];
    struct text piece = text_over(bytes, sizeof bytes);
    enum stream_step step = exchange->next(exchange, &piece);

    assert(!piece.failed);
    size_t size = piece.size < room ? piece.size : room;
    memcpy(buffer, bytes, size);
    *used += size;
    if (size < piece.size)
        text_append(&exchange->carry, bytes + size, piece.size - size);
    return step;
}

static ssize_t
sleep_or_end(struct exchange *exchange, char *buffer)
{
    if (exchange->stream_over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (exchange->connection->gone)
        exchange_client_left(exchange, true);
    if (exchange->phase == EXCHANGE_ABANDONED) {
        buffer[0] = ' ';
        return 1;
    }
    MHD_suspend_connection(exchange->mhd);
    exchange->suspended = true;
    return 0;
}

/* An abandoned stream is ended by a byte that cannot be sent any more: what ends it
 * with an error keeps the descriptor until it is the oldest of its cell. */
static ssize_t
on_read(void *context, uint64_t position, char *buffer, size_t room)
{
    struct exchange *exchange = context;
    enum stream_step step = STREAM_PIECE;

    (void)position;
    if (exchange->phase == EXCHANGE_ABANDONED) {
        buffer[0] = ' ';
        return 1;
    }
    size_t used = take_carry(exchange, buffer, room);
    while (used < room && step == STREAM_PIECE && !exchange->stream_over) {
        step = take_piece(exchange, buffer + used, room - used, &used);
        exchange->stream_over = step == STREAM_END;
    }
    if (exchange->carry.failed) {
        connection_cut(exchange->connection);
        return 1;
    }
    if (used == 0)
        return sleep_or_end(exchange, buffer);
    if (exchange->own)
        exchange->own->bytes_sent += (int64_t)used;
    return (ssize_t)used;
}

void
exchange_stream(struct exchange *exchange, const struct reply *reply, stream_next *next)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 128, on_read, exchange, NULL);
    if (response == NULL) {
        struct text failed = {.failed = true};

        exchange_reply(exchange, reply, &failed);
        return;
    }
    exchange->streaming = true;
    exchange->next = next;
    add_headers(exchange, reply, response);
    add_header(response, "X-Accel-Buffering", "no");
    answer(exchange, (unsigned)reply->status, response);
}

static ssize_t
on_read_nothing(void *context, uint64_t position, char *buffer, size_t room)
{
    (void)context;
    (void)position;
    (void)buffer;
    (void)room;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

bool
exchange_is_head_of_stream(struct exchange *exchange, const struct reply *reply)
{
    if (exchange->method != METHOD_HEAD)
        return false;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 128, on_read_nothing, NULL, NULL);
    if (response == NULL) {
        struct text failed = {.failed = true};

        exchange_reply(exchange, reply, &failed);
        return true;
    }
    /* A chunked answer would send its body after HEAD too: one that ends with the
     * connection does not. */
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    add_headers(exchange, reply, response);
    add_header(response, "X-Accel-Buffering", "no");
    answer(exchange, (unsigned)reply->status, response);
    return true;
}

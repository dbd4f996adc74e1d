#include "async/memory.h"
#include "base/alloc.h"
#include "http/access.h"
#include "http/away.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    DISCARD_FACTOR = 16, /* bodies too large are read so far, to answer at the end */
};

/* target.c parses the query. libmicrohttpd is about to parse it as well, and where its
 * pool has no room for so many parameters, 0.9.75 answers nothing and forgets the
 * request: so there are none for it. The string is in its buffer, where it writes NULs
 * of its own. */
static void
hide_query(const char *target)
{
    char *query = strchr(target, '?');

    if (query)
        query[1] = '\0';
}

/* With the target, twice where an access log tells it as it came. NULL: out of memory.
 */
static struct exchange *
make(const char *target, bool logs)
{
    size_t size = strlen(target) + 1;
    struct exchange *exchange =
        alloc_zeroed(sizeof *exchange + size + (logs ? size : 0));

    if (exchange == NULL)
        return NULL;
    memcpy(exchange->target, target, size);
    if (logs) {
        exchange->asked_at = (uint16_t)size;
        memcpy(exchange->target + size, target, size);
    }
    return exchange;
}

void *
exchange_on_target(void *context, const char *target, struct MHD_Connection *mhd)
{
    struct server *server = context;
    struct connection *connection = connection_of(mhd);
    struct exchange *exchange = make(target, server->config.access_fd >= 0);

    hide_query(target);
    if (exchange == NULL)
        return NULL;
    exchange->server = server;
    exchange->connection = connection;
    exchange->route_index = (uint16_t)server->routes;
    connection->exchange = exchange;
    server->exchange_count++;
    if (!connection->reading)
        connection_reading(connection);
    return exchange;
}

/* Looked at just before the answer is sent: the hub tells it later. */
static bool
client_has_left(const struct connection *connection)
{
    char byte;
    ssize_t got = recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return connection->gone || got == 0 || (got < 0 && errno != EAGAIN);
}

/* Nothing more is sent, and what was for the client alone goes to others. */
static void
abandon(struct exchange *exchange)
{
    exchange->phase = EXCHANGE_ABANDONED;
    exchange->server->counts.disconnects++;
    exchange_end_work(exchange);
    connection_cut(exchange->connection);
}

static enum MHD_Result
queue_answer(struct exchange *exchange)
{
    bool is_small = exchange->is_small;
    struct MHD_Response *response =
        is_small ? small_answer_response(exchange->small) : exchange->response;

    if (exchange->tracked && client_has_left(exchange->connection)) {
        abandon(exchange);
        return MHD_NO;
    }
    exchange->phase = EXCHANGE_SENDING;
    connection_sending(exchange->connection);
    enum MHD_Result queued = MHD_queue_response(connection_mhd(exchange->connection),
                                                exchange->status, response);
    if (!is_small) {
        exchange->response = NULL;
        MHD_destroy_response(response);
    }
    return queued;
}

static enum MHD_Result
suspend(struct exchange *exchange)
{
    if (exchange->connection->gone) {
        exchange_client_left(exchange, true);
        return MHD_NO;
    }
    connection_look_ahead(exchange->connection);
    connection_suspend(exchange->connection);
    exchange->suspended = true;
    return MHD_YES;
}

/* What is to be done after each call of libmicrohttpd, once the request is read. */
static enum MHD_Result
go_on(struct exchange *exchange)
{
    switch (exchange->phase) {
    case EXCHANGE_ANSWERED: return queue_answer(exchange);
    case EXCHANGE_WAITING: return suspend(exchange);
    default: return MHD_NO;
    }
}

static struct peers *
peers_of(const struct exchange *exchange)
{
    return exchange->server->registry->peers;
}

/* One that is not much too long is read, and dropped: where a connection is closed with
 * bytes unread, its client gets a RST, and may never see why. */
static void
check_length(struct exchange *exchange, const struct head_end *end,
             struct problem *problem)
{
    const char *length = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
    size_t limit = exchange->server->config.max_body;
    unsigned long long size = length ? strtoull(length, NULL, 10) : 0;

    if (size > limit && size <= limit * DISCARD_FACTOR && !end->expects)
        exchange->body_refused = ERROR_CONTENT_TOO_LARGE;
    else if (size > limit) {
        problem_set(problem, ERROR_CONTENT_TOO_LARGE,
                    "the body of %s bytes is above the limit of %zu bytes", length,
                    limit);
        exchange_refuse(exchange, problem);
    } else if (size > 0 && !memory_fits(peers_of(exchange), size))
        exchange->body_refused = ERROR_TOO_MUCH_MEMORY; /* the connection goes on */
}

/* Past libmicrohttpd, which then closes. */
static void
tell(struct exchange *exchange, const struct problem *problem)
{
    exchange->phase = EXCHANGE_ABANDONED;
    connection_tell(exchange->connection, problem);
}

/* The head of the answer has to fit beside that of the request: libmicrohttpd would
 * close without an answer, after the work has begun. It copies the cookies. So there is
 * none for this problem, either. Returns what is left. */
static size_t
check_room(struct exchange *exchange, const struct head_end *end,
           struct problem *problem)
{
    size_t memory = exchange->server->config.connection_memory;
    size_t fields = end->fields;

    if (end->cookies > 0)
        fields += (size_t)MHD_get_connection_values(
            connection_mhd(exchange->connection), MHD_COOKIE_KIND, NULL, NULL);
    size_t taken = end->size + fields * FIELD_MEMORY + end->cookies;
    size_t answer =
        ANSWER_MEMORY + (exchange->server->config.reach->cors ? CORS_MEMORY : 0);

    if (taken + answer <= memory)
        return memory - taken - answer;
    problem_set(problem, ERROR_HEADERS_TOO_LARGE,
                "the head leaves no room for that of the answer in the connection's "
                "memory of %zu bytes",
                memory);
    tell(exchange, problem);
    return 0;
}

static void
check_head(struct exchange *exchange, const struct head_end *end,
           struct problem *problem)
{
    size_t room = check_room(exchange, end, problem);

    if (exchange->phase == EXCHANGE_READING
        && intake_head(exchange, end, room, problem))
        exchange_refuse(exchange, problem);
    if (exchange->phase == EXCHANGE_READING && end->has_body)
        check_length(exchange, end, problem);
}

/* The head is there. What is refused here is refused without reading a body, and the
 * connection is closed after the answer. */
static enum MHD_Result
on_head(struct exchange *exchange, const char *method, const char *version)
{
    const struct server *server = exchange->server;
    UNINITIALIZED struct problem problem;
    struct head_end end;

    exchange->seen = true;
    exchange->method = (uint8_t)method_of(method);
    exchange->ends_by_closing = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    exchange->received_ns = registry_now(server->registry);
    if (guard_check(exchange, method, version, &end, &problem))
        exchange_refuse(exchange, &problem);
    else
        check_head(exchange, &end, &problem);
    exchange->closes |= end.closes;
    exchange->has_body = end.has_body;
    exchange->guarded =
        end.from_page || server->tokens || server->config.reach->hosts.count;
    return exchange->phase == EXCHANGE_READING ? MHD_YES : go_on(exchange);
}

/* From here on it is counted, not kept. */
static void
refuse_body(struct exchange *exchange, enum error error)
{
    size_t size = exchange->buffer.size;

    memory_give(peers_of(exchange), exchange_body_memory(exchange));
    text_free(&exchange->buffer);
    exchange->buffer.size = size;
    exchange->body_refused = error;
}

static void
keep_body(struct exchange *exchange, const char *bytes, size_t size)
{
    struct text *body = &exchange->buffer;
    struct peers *peers = peers_of(exchange);
    size_t before = exchange_body_memory(exchange);
    bool grows = size > body->capacity - body->size;

    if (grows && !memory_fits(peers, body->capacity + size)) {
        refuse_body(exchange, ERROR_TOO_MUCH_MEMORY);
        return;
    }
    text_append(body, bytes, size);
    memory_take(peers, exchange_body_memory(exchange) - before);
}

/* Without reading on to its end. */
static void
give_up_body(struct exchange *exchange)
{
    struct problem problem;

    refuse_body(exchange, ERROR_CONTENT_TOO_LARGE);
    problem_set(&problem, ERROR_CONTENT_TOO_LARGE,
                "the body is above %d times the limit of %zu bytes", DISCARD_FACTOR,
                exchange->server->config.max_body);
    tell(exchange, &problem);
}

static enum MHD_Result
on_body(struct exchange *exchange, const char *upload, size_t *size)
{
    size_t limit = exchange->server->config.max_body;

    intake_body(exchange->connection, upload + *size);
    if (exchange->buffer.size + *size > limit * DISCARD_FACTOR) {
        give_up_body(exchange);
        return MHD_NO;
    }
    if (!exchange->body_refused && exchange->buffer.size + *size > limit)
        refuse_body(exchange, ERROR_CONTENT_TOO_LARGE);
    if (!exchange->body_refused)
        keep_body(exchange, upload, *size);
    if (exchange->body_refused)
        exchange->buffer.size += *size;
    *size = 0;
    return MHD_YES;
}

enum MHD_Result
exchange_on_request(void *server, struct MHD_Connection *mhd, const char *url,
                    const char *method, const char *version, const char *upload,
                    size_t *upload_size, void **context)
{
    struct exchange *exchange = *context;

    (void)server;
    (void)mhd;
    (void)url; /* decoded: routes match the raw target */
    if (exchange == NULL)
        return MHD_NO;
    if (!exchange->seen)
        return on_head(exchange, method, version);
    if (*upload_size > 0)
        return on_body(exchange, upload, upload_size);
    if (exchange->phase == EXCHANGE_READING) {
        connection_waiting(exchange->connection);
        if (exchange->has_body)
            exchange->received_ns = registry_now(exchange->server->registry);
        exchange->phase = EXCHANGE_WAITING;
        exchange_dispatch(exchange);
    }
    return go_on(exchange);
}

int64_t
exchange_over_ns(const struct exchange *exchange)
{
    const struct record *own = exchange->own;

    return own && record_ended(own) ? own->finished_ns
                                    : registry_now(exchange->server->registry);
}

void
exchange_end_work(struct exchange *exchange)
{
    watch_stop(&exchange->watch);
    timers_stop(&exchange->server->registry->timers, &exchange->alarm);
    if (exchange->away)
        exchange->away->end(exchange->away);
    if (exchange->end) {
        exchange->end(exchange);
        exchange->end = NULL;
    }
    if (exchange->own) {
        struct record *own = exchange->own;

        int64_t over_ns = exchange_over_ns(exchange);

        exchange->own = NULL;
        record_disown(own, over_ns);
    }
}

void
exchange_on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                      enum MHD_RequestTerminationCode code)
{
    struct server *server = context;
    struct exchange *exchange = *request_context;

    (void)mhd;
    if (exchange == NULL)
        return;
    *request_context = NULL;
    exchange->delivered = code == MHD_REQUEST_TERMINATED_COMPLETED_OK
                          && exchange->phase == EXCHANGE_SENDING
                          && exchange->status < MHD_HTTP_BAD_REQUEST;
    intake_end(exchange->connection);
    server->settling -= exchange->tracked;
    stall_end(exchange);
    access_add(exchange);
    exchange_end_work(exchange);
    if (exchange->is_small)
        small_answer_give(server, exchange->small);
    else if (exchange->response)
        MHD_destroy_response(exchange->response);
    exchange->connection->exchange = NULL;
    connection_idle(exchange->connection);
    if (exchange->phase == EXCHANGE_READING)
        memory_give(peers_of(exchange), exchange_body_memory(exchange));
    if (exchange->bytes > MEMORY_BODY)
        reply_give_memory(exchange);
    text_free(&exchange->buffer);
    server->exchange_count--;
    free(exchange);
}

/* Whether it still works or sleeps for its client: a half-close ends that. A stream
 * that only has to send what is there goes on while its connection is whole. */
static bool
waits_on(const struct exchange *exchange)
{
    return exchange->suspended || (exchange->own && !record_ended(exchange->own));
}

/* Whether it is of no use without its client. One that is tracked has bytes left: the
 * turn in which it was answered went on until the socket took no more. */
static bool
ends_with_client(const struct exchange *exchange, bool broken)
{
    if (exchange->phase != EXCHANGE_SENDING)
        return exchange->phase == EXCHANGE_WAITING;
    return exchange->tracked
           || (exchange->streaming && !exchange->stream_over
               && (broken || waits_on(exchange)));
}

void
exchange_client_left(struct exchange *exchange, bool broken)
{
    if (!ends_with_client(exchange, broken))
        return;
    abandon(exchange);
    reply_wake(exchange);
}

bool
exchange_sends(const struct exchange *exchange)
{
    return exchange->phase == EXCHANGE_SENDING && !exchange->suspended;
}

/* What stands in the socket would stay there, so it goes with the connection, where
 * that can be. One that is suspended has to run to see it. */
void
exchange_stalled(struct exchange *exchange)
{
    exchange->phase = EXCHANGE_ABANDONED;
    exchange->server->counts.stalls++;
    exchange_end_work(exchange);
    if (exchange_can_reset(exchange))
        connection_reset(exchange->connection);
    else
        connection_cut(exchange->connection);
    reply_wake(exchange);
}

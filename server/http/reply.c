#include "http/errand.h"

#include "async/memory.h"
#include "base/number.h"
#include "base/shortest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { LARGE_ANSWER = 65536, BLOCK = 16384 };

static const char out_of_memory_body[] =
    "{\"type\":\"/problems/out-of-memory\",\"title\":\"Out of memory\","
    "\"status\":503,\"detail\":\"no memory for the answer\"}\n";

const struct reply_header reply_headers[REPLY_HEADERS] = {
    {MHD_HTTP_HEADER_CONTENT_TYPE, offsetof(struct reply, content_type)},
    {MHD_HTTP_HEADER_LOCATION, offsetof(struct reply, location)},
    {MHD_HTTP_HEADER_ALLOW, offsetof(struct reply, allow)},
    {"Preference-Applied", offsetof(struct reply, preference_applied)},
    {"Waitd-Id", offsetof(struct reply, waitd_id)},
    {MHD_HTTP_HEADER_WWW_AUTHENTICATE, offsetof(struct reply, www_authenticate)},
};

bool
reply_add_header(struct MHD_Response *response, const char *name, const char *value)
{
    return value == NULL || value[0] == '\0'
           || MHD_add_response_header(response, name, value) == MHD_YES;
}

/* "": it says nothing of that. */
static void
print_timing(const struct exchange *exchange, const struct reply *reply,
             char timing[SERVER_TIMING_SIZE])
{
    static const char what[] = "wait;dur=";

    timing[0] = '\0';
    if (!reply->waited)
        return;
    int64_t us = (exchange_over_ns(exchange) - exchange->received_ns) / NS_PER_US;
    memcpy(timing, what, sizeof what);
    number_print_decimal(false, (struct decimal){(uint64_t)us, -3},
                         timing + sizeof what - 1);
}

static bool
add_retry_after(unsigned seconds, struct MHD_Response *response)
{
    char value[NUMBER_TEXT_MAX];

    number_print(seconds, value);
    return reply_add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, value);
}

static bool
has_body(int status)
{
    return status != MHD_HTTP_NO_CONTENT && status != MHD_HTTP_RESET_CONTENT
           && status != MHD_HTTP_NOT_MODIFIED;
}

static const char *
header_of(const struct reply *reply, size_t header)
{
    return *(const char *const *)(const void *)((const char *)reply
                                                + reply_headers[header].offset);
}

static bool
closes(const struct exchange *exchange)
{
    return server_draining(exchange->server) || exchange->closes;
}

static bool
add_headers(struct exchange *exchange, const struct reply *reply,
            struct MHD_Response *response)
{
    struct reply whole = *reply;
    char timing[SERVER_TIMING_SIZE];

    if (!has_body(whole.status))
        whole.content_type = NULL;
    else if (whole.content_type == NULL)
        whole.content_type = format_info(exchange->format)->content_type;
    for (size_t i = 0; i < REPLY_HEADERS; i++)
        if (!reply_add_header(response, reply_headers[i].name, header_of(&whole, i)))
            return false;
    print_timing(exchange, reply, timing);
    return reply_add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, CACHE_CONTROL)
           && (!reply->retry_after || add_retry_after(reply->retry_after, response))
           && reply_add_header(response, SERVER_TIMING, timing)
           && (!closes(exchange)
               || reply_add_header(response, MHD_HTTP_HEADER_CONNECTION, "close"))
           && (!exchange->server->config.reach->cors
               || cors_add_headers(exchange, response));
}

static void
count_request(struct server *server, size_t route, int status)
{
    size_t slot = 0;

    while (route_statuses[slot] && route_statuses[slot] != status)
        slot++;
    server->counts.requests[route][slot]++;
}

void
reply_count_refusal(struct server *server, enum error error)
{
    count_request(server, server->routes, error_info(error)->status);
    server->counts.problems[error]++;
}

/* The exchange has its response. */
static void
answered(struct exchange *exchange, const struct reply *reply)
{
    exchange->status = (uint16_t)reply->status;
    exchange->tracked = reply->tracked;
    exchange->server->settling += reply->tracked;
    count_request(exchange->server, exchange->route_index, reply->status);
    exchange->phase = EXCHANGE_ANSWERED;
    timers_stop(&exchange->server->registry->timers, &exchange->alarm);
    reply_wake(exchange);
}

void
reply_answer(struct exchange *exchange, const struct reply *reply,
             struct MHD_Response *response)
{
    assert(exchange->response == NULL && exchange->phase <= EXCHANGE_WAITING);
    if (!add_headers(exchange, reply, response)) {
        MHD_destroy_response(response);
        exchange_abort(exchange, false); /* there is no memory to say so */
        return;
    }
    exchange->response = response;
    answered(exchange, reply);
}

/* What its answer holds at most, of which so many bytes were handed out: in the kernel,
 * and here where it is no stream. */
static size_t
answer_memory(const struct exchange *exchange, uint64_t bytes)
{
    if (bytes <= MEMORY_BODY)
        return 0;
    return exchange->streaming ? MEMORY_UNSENT : MEMORY_UNSENT + bytes;
}

/* What tells what was made is not broken off. */
bool
reply_may_grow(const struct exchange *exchange, size_t more)
{
    bool made = exchange->method == METHOD_POST && exchange->own == NULL;

    return made || exchange->bytes > MEMORY_BODY
           || exchange->bytes + more <= MEMORY_BODY
           || memory_fits(exchange->server->registry->peers, MEMORY_UNSENT);
}

void
reply_count_bytes(struct exchange *exchange, size_t size)
{
    uint64_t before = exchange->bytes;

    if (exchange->method == METHOD_HEAD)
        return;
    exchange->server->counts.bytes += size;
    exchange->bytes += size;
    if (exchange->own)
        exchange->own->bytes_sent += (int64_t)size;
    if (exchange->bytes > MEMORY_BODY)
        memory_take(exchange->server->registry->peers,
                    answer_memory(exchange, exchange->bytes)
                        - answer_memory(exchange, before));
}

void
reply_give_memory(struct exchange *exchange)
{
    memory_give(exchange->server->registry->peers,
                answer_memory(exchange, exchange->bytes));
}

bool
exchange_has_room(struct exchange *exchange, size_t bytes)
{
    struct problem problem;

    if (memory_fits_at_all(exchange->server->registry->peers, bytes))
        return true;
    problem_set(&problem, ERROR_TOO_MUCH_MEMORY, "there is no room for the answer");
    exchange_refuse(exchange, &problem);
    return false;
}

/* Nothing was changed: it may still be refused. */
static bool
is_large(const struct exchange *exchange, const struct text *body)
{
    return body->size > LARGE_ANSWER && exchange->method == METHOD_GET;
}

void
reply_wake(struct exchange *exchange)
{
    if (exchange->visit) {
        visit_wake(exchange);
        return;
    }
    if (!exchange->suspended)
        return;
    exchange->suspended = false;
    connection_resume(exchange->connection);
}

void
exchange_abort(struct exchange *exchange, bool reset)
{
    assert(exchange->phase <= EXCHANGE_WAITING && !exchange->visit);
    watch_stop(&exchange->watch);
    timers_stop(&exchange->server->registry->timers, &exchange->alarm);
    exchange->phase = EXCHANGE_ABANDONED;
    if (reset)
        connection_reset(exchange->connection);
    else
        connection_cut(exchange->connection);
    reply_wake(exchange);
}

/* Whether it has no header that is not in every answer of its format. */
static bool
is_plain(const struct exchange *exchange, const struct reply *reply)
{
    if (!has_body(reply->status) || reply->retry_after || closes(exchange)
        || exchange->server->config.reach->cors)
        return false;
    for (size_t i = 0; i < REPLY_HEADERS; i++)
        if (header_of(reply, i))
            return false;
    return true;
}

/* False: this is not the way to answer it, or there is no memory for it. */
static bool
answer_small(struct exchange *exchange, const struct reply *reply, struct text *body)
{
    char timing[SERVER_TIMING_SIZE];

    if (body->failed || body->size == 0 || body->size > SMALL_ANSWER_MAX
        || !is_plain(exchange, reply))
        return false;
    print_timing(exchange, reply, timing);
    struct small_answer *small =
        small_answer_take(exchange->server, exchange->format, timing, body);
    if (small == NULL)
        return false;
    assert(exchange->response == NULL && exchange->phase <= EXCHANGE_WAITING);
    exchange->small = small;
    exchange->is_small = true;
    reply_count_bytes(exchange, body->size);
    text_free(body);
    answered(exchange, reply);
    return true;
}

static struct MHD_Response *
out_of_memory(void)
{
    return MHD_create_response_from_buffer(sizeof out_of_memory_body - 1,
                                           (void *)(uintptr_t)out_of_memory_body,
                                           MHD_RESPMEM_PERSISTENT);
}

static ssize_t
on_read_block(void *context, uint64_t position, char *buffer, size_t room)
{
    const struct text *body = context;
    size_t rest = body->size - (size_t)position;
    size_t size = rest < room ? rest : room;

    memcpy(buffer, body->bytes + position, size);
    return (ssize_t)size;
}

static void
free_body(void *context)
{
    text_free(context);
    free(context);
}

/* A large body leaves in blocks, between which the others' turn comes. Takes its bytes;
 * NULL, out of memory: it does not. */
static struct MHD_Response *
in_blocks(struct text *body)
{
    struct text *own = malloc(sizeof *own);
    struct MHD_Response *response =
        own ? MHD_create_response_from_callback(body->size, BLOCK, on_read_block, own,
                                                free_body)
            : NULL;

    if (response == NULL) {
        free(own);
        return NULL;
    }
    *own = *body;
    return response;
}

static struct MHD_Response *
in_one(struct text *body)
{
    return MHD_create_response_from_buffer(body->size, body->bytes,
                                           MHD_RESPMEM_MUST_FREE);
}

ssize_t
reply_read_nothing(void *context, uint64_t position, char *buffer, size_t room)
{
    (void)context;
    (void)position;
    (void)buffer;
    (void)room;
    return MHD_CONTENT_READER_END_OF_STREAM;
}

/* Nothing of it is sent but its length. */
static struct MHD_Response *
without_body(struct text *body)
{
    size_t size = body->size;

    text_free(body);
    return MHD_create_response_from_callback(size, 1, reply_read_nothing, NULL, NULL);
}

static struct MHD_Response *
with_body(const struct exchange *exchange, const struct reply *reply, struct text *body)
{
    if (exchange->method == METHOD_HEAD || reply->status == MHD_HTTP_NOT_MODIFIED)
        return without_body(body);
    return body->size > LARGE_ANSWER ? in_blocks(body) : in_one(body);
}

void
exchange_reply(struct exchange *exchange, const struct reply *reply, struct text *body)
{
    struct MHD_Response *response = NULL;
    struct reply failed = {
        .status = 503, .content_type = "application/problem+json", .retry_after = 1};

    watch_stop(&exchange->watch);
    if (exchange->visit) {
        visit_answer(exchange, PARCEL_REPLY, reply, body);
        return;
    }
    if (!has_body(reply->status) && reply->status != MHD_HTTP_NOT_MODIFIED)
        text_free(body);
    if (answer_small(exchange, reply, body))
        return;
    if (is_large(exchange, body) && !exchange_has_room(exchange, body->size)) {
        text_free(body);
        return;
    }
    if (!body->failed)
        response = with_body(exchange, reply, body);
    if (response == NULL) {
        text_free(body);
        reply = &failed;
        response = out_of_memory();
    }
    reply_count_bytes(exchange, body->size);
    *body = (struct text){0};
    if (response == NULL)
        exchange_abort(exchange, false);
    else
        reply_answer(exchange, reply, response);
}

void
exchange_refuse(struct exchange *exchange, const struct problem *problem)
{
    exchange_refuse_more(exchange, problem, NULL);
}

void
exchange_refuse_more(struct exchange *exchange, const struct problem *problem,
                     exchange_extend *extend)
{
    int status = problem_status(problem);
    bool ours =
        !error_has_any_status(problem->error); /* else it knows no better time */
    struct reply reply = {
        .status = status,
        .content_type = "application/problem+json",
        .waited = exchange->suspended,
        .retry_after = problem->retry_after ? problem->retry_after
                                            : ours && (status == 429 || status == 503),
    };
    struct text allow = {0};
    struct text body = {0};
    struct json_writer json = json_writer(&body);

    exchange->server->counts.problems[problem->error]++;
    json_begin_object(&json);
    problem_write_members(problem, &json);
    if (extend)
        extend(exchange, &json);
    json_end_object(&json);
    text_string(&body, "\n");
    if (problem->error == ERROR_UNAUTHORIZED)
        reply.www_authenticate = admit_challenge(exchange);
    if (problem->error == ERROR_METHOD_NOT_ALLOWED) {
        methods_print(methods_allowed(exchange->allowed), ", ", &allow);
        reply.allow = text_terminated(&allow);
    }
    exchange_reply(exchange, &reply, &body);
    text_free(&allow);
}

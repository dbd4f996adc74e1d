#include "http/errand.h"

#include "http/away.h"

#include <stdlib.h>
#include <string.h>

enum { PIECES_AT_ONCE = 64 }; /* of a stream, in one parcel */

struct parcel {
    struct letter letter;
    uint64_t name; /* of the errand, and of its visit */
    size_t sender;
    struct exchange *exchange; /* on the way out: that of the visit */
    enum parcel_kind kind;
    struct reply reply; /* its strings are owned */
    struct text body;
    bool over; /* the last piece */
};

/* Tells the home that the client's exchange has ended. */
struct farewell {
    struct letter letter;
    uint64_t name;
    bool delivered;
};

struct errand {
    struct away away;
    size_t home;
    struct parcel *parcel;     /* NULL: on its way */
    struct farewell *farewell; /* made before it is needed, so that it cannot fail */
    struct text piece;
    size_t taken; /* of the piece */
    bool over;
};

struct visit {
    UT_hash_handle by_name;
    uint64_t name;
    struct exchange *exchange;
    struct parcel *parcel; /* NULL: on its way, nothing can be said */
    char *body_type;       /* owned; NULL: none */
    bool ready;
    STAILQ_ENTRY(visit) in_ready;
    _Alignas(max_align_t) char in[]; /* the parameters: the parcel leaves with the
                                        answer, and the handler may still read them */
};

/* ---- the parcel --------------------------------------------------------------------
 */

static char **
reply_string(struct reply *reply, size_t i)
{
    return (char **)(void *)((char *)reply + reply_headers[i].offset);
}

static void
clear_reply(struct parcel *parcel)
{
    for (size_t i = 0; i < REPLY_HEADERS; i++)
        free(*reply_string(&parcel->reply, i));
    parcel->reply = (struct reply){0};
}

/* False: out of memory. */
static bool
copy_reply(struct parcel *parcel, const struct reply *reply)
{
    bool whole = true;

    parcel->reply = *reply;
    for (size_t i = 0; i < REPLY_HEADERS; i++) {
        char **string = reply_string(&parcel->reply, i);

        if (*string == NULL)
            continue;
        *string = strdup(*string);
        whole = whole && *string;
    }
    return whole;
}

static void
free_parcel(struct parcel *parcel)
{
    if (parcel == NULL)
        return;
    clear_reply(parcel);
    text_free(&parcel->body);
    free(parcel);
}

static void
post(struct server *server, size_t worker, struct parcel *parcel,
     void (*deliver)(struct letter *letter, void *reader))
{
    parcel->letter.deliver = deliver;
    peers_post(server->registry->peers, worker, &parcel->letter);
}

/* ---- at the home: visits -----------------------------------------------------------
 */

static void on_return(struct letter *letter, void *reader);

static struct visit *
find_visit(struct server *server, uint64_t name)
{
    struct visit *visit;

    HASH_FIND(by_name, server->visits, &name, sizeof name, visit);
    return visit;
}

static void
free_visit(struct visit *visit)
{
    struct exchange *exchange = visit->exchange;

    exchange_end_work(exchange);
    text_free(&exchange->buffer);
    free_parcel(visit->parcel);
    free(visit->body_type);
    free(visit);
    free(exchange);
}

static void
end_visit(struct server *server, struct visit *visit)
{
    HASH_DELETE(by_name, server->visits, visit);
    if (visit->ready)
        STAILQ_REMOVE(&server->visits_ready, visit, visit, in_ready);
    free_visit(visit);
}

static void
on_request(struct letter *letter, void *reader)
{
    struct parcel *parcel = CONTAINER_OF(letter, struct parcel, letter);
    struct registry *registry = reader;
    struct server *server = registry->front;
    struct exchange *exchange = parcel->exchange;
    struct visit *visit = exchange->visit;
    struct problem problem = {0};
    enum error error = OK;

    exchange->server = server;
    visit->parcel = parcel;
    HASH_ADD(by_name, server->visits, name, sizeof visit->name, visit);
    if (visit->by_name.tbl == NULL)
        error = problem_set(&problem, ERROR_OUT_OF_MEMORY, "no memory for the request");
    else if (server->stage >= FLUSHING)
        error = problem_set(&problem, ERROR_DRAINING, "the server is stopping");
    else
        exchange_begin(exchange, visit->in);
    if (error)
        exchange_refuse(exchange, &problem);
    text_free(&exchange->buffer);
    exchange->suspended = exchange->phase == EXCHANGE_WAITING;
    if (visit->by_name.tbl == NULL)
        free_visit(visit);
}

static void
on_farewell(struct letter *letter, void *reader)
{
    struct farewell *farewell = CONTAINER_OF(letter, struct farewell, letter);
    struct registry *registry = reader;
    struct visit *visit = find_visit(registry->front, farewell->name);

    if (visit) {
        visit->exchange->delivered = farewell->delivered;
        end_visit(registry->front, visit);
    }
    free(farewell);
}

/* The client has taken what it was sent. */
static void
on_pull(struct letter *letter, void *reader)
{
    struct parcel *parcel = CONTAINER_OF(letter, struct parcel, letter);
    struct registry *registry = reader;
    struct visit *visit = find_visit(registry->front, parcel->name);

    if (visit == NULL) {
        free_parcel(parcel);
        return;
    }
    visit->parcel = parcel;
    visit_wake(visit->exchange);
}

static void
send_back(struct visit *visit)
{
    struct exchange *exchange = visit->exchange;
    struct parcel *parcel = visit->parcel;

    if (exchange->own)
        exchange->own->bytes_sent += (int64_t)parcel->body.size;
    visit->parcel = NULL;
    post(exchange->server, parcel->sender, parcel, on_return);
}

void
visit_answer(struct exchange *exchange, enum parcel_kind kind,
             const struct reply *reply, struct text *body)
{
    struct visit *visit = exchange->visit;
    struct parcel *parcel = visit->parcel;

    exchange->phase = EXCHANGE_SENDING;
    exchange->streaming = kind == PARCEL_STREAM;
    timers_stop(&exchange->server->registry->timers, &exchange->alarm);
    parcel->kind = kind;
    parcel->body = *body;
    *body = (struct text){0};
    if (!copy_reply(parcel, reply))
        parcel->body.failed = true;
    send_back(visit);
}

const char *
visit_body_type(const struct exchange *exchange)
{
    return exchange->visit->body_type;
}

void
visit_wake(struct exchange *exchange)
{
    struct visit *visit = exchange->visit;

    if (visit->ready || visit->parcel == NULL || !exchange->streaming)
        return;
    visit->ready = true;
    STAILQ_INSERT_TAIL(&exchange->server->visits_ready, visit, in_ready);
}

/* Fills the parcel and sends it, or keeps it where there is nothing. */
static void
feed(struct visit *visit)
{
    struct exchange *exchange = visit->exchange;
    struct parcel *parcel = visit->parcel;
    enum stream_step step = STREAM_PIECE;

    for (size_t i = 0; i < PIECES_AT_ONCE && step == STREAM_PIECE; i++)
        step = exchange->next(exchange, &parcel->body);
    parcel->over = step == STREAM_END;
    if (step == STREAM_WAIT && parcel->body.size == 0 && !parcel->body.failed)
        return;
    parcel->kind = PARCEL_PIECE;
    send_back(visit);
}

void
visits_run(struct server *server)
{
    struct visit *visit;

    while ((visit = STAILQ_FIRST(&server->visits_ready)) != NULL) {
        STAILQ_REMOVE_HEAD(&server->visits_ready, in_ready);
        visit->ready = false;
        feed(visit);
    }
}

/* ---- at the client's side: errands -------------------------------------------------
 */

static void
free_errand(struct errand *errand)
{
    free_parcel(errand->parcel);
    text_free(&errand->piece);
    free(errand->farewell);
    free(errand);
}

static void
on_end(struct away *away)
{
    struct errand *errand = CONTAINER_OF(away, struct errand, away);
    struct registry *registry = away->exchange->server->registry;
    struct farewell *farewell = errand->farewell;

    errand->farewell = NULL;
    farewell->delivered = away->exchange->delivered;
    away_close(away);
    peers_post(registry->peers, errand->home, &farewell->letter);
    free_errand(errand);
}

/* The next bytes of the piece that is here; where it is used up, another is asked for.
 */
static enum stream_step
next(struct exchange *exchange, struct text *out)
{
    struct errand *errand = CONTAINER_OF(exchange->away, struct errand, away);
    size_t rest = errand->piece.size - errand->taken;
    size_t size = rest < STREAM_PIECE_MAX ? rest : STREAM_PIECE_MAX;

    if (errand->piece.failed)
        exchange->buffer.failed = true; /* ends the connection */
    if (size > 0) {
        text_append(out, errand->piece.bytes + errand->taken, size);
        errand->taken += size;
        return STREAM_PIECE;
    }
    text_free(&errand->piece);
    errand->taken = 0;
    if (errand->over)
        return STREAM_END;
    if (errand->parcel) {
        post(exchange->server, errand->home, errand->parcel, on_pull);
        errand->parcel = NULL;
    }
    return STREAM_WAIT;
}

static void
take_piece(struct errand *errand)
{
    errand->piece = errand->parcel->body;
    errand->parcel->body = (struct text){0};
    errand->over = errand->parcel->over;
    reply_wake(errand->away.exchange);
}

static void
on_return(struct letter *letter, void *reader)
{
    struct parcel *parcel = CONTAINER_OF(letter, struct parcel, letter);
    struct registry *registry = reader;
    struct away *away = away_find(registry->front, parcel->name);
    if (away == NULL) {
        free_parcel(parcel);
        return;
    }
    struct errand *errand = CONTAINER_OF(away, struct errand, away);
    struct exchange *exchange = away->exchange;
    errand->parcel = parcel;
    switch (parcel->kind) {
    case PARCEL_REPLY: exchange_reply(exchange, &parcel->reply, &parcel->body); break;
    case PARCEL_STREAM:
        if (parcel->body.failed)
            exchange_reply(exchange, &parcel->reply, &parcel->body);
        else
            exchange_stream(exchange, &parcel->reply, next);
        break;
    case PARCEL_HEAD_OF_STREAM:
        (void)!exchange_is_head_of_stream(exchange, &parcel->reply);
        break;
    case PARCEL_PIECE: take_piece(errand); return;
    }
    clear_reply(parcel);
}

/* The body and its type go along, where they are data. Out of memory: false. */
static bool
send_body(struct exchange *exchange, struct visit *visit)
{
    if (exchange->route->body == BODY_PARAMETERS)
        return true;
    const char *type = exchange_body_type(exchange);

    visit->body_type = type ? strdup(type) : NULL;
    if (type && !visit->body_type)
        return false;
    visit->exchange->buffer = exchange->buffer;
    exchange->buffer = (struct text){0};
    return true;
}

/* The exchange that will run at the home: what the handler may ask of it. */
static struct exchange *
make_visitor(struct exchange *exchange, uint64_t name, const void *in)
{
    const char *id = exchange_id(exchange) ? exchange_id(exchange) : "";
    size_t size = strlen(id) + 1;
    struct exchange *visitor = calloc(1, sizeof *visitor + 1 + size);
    size_t in_size = exchange->route->in.size;
    struct visit *visit = calloc(1, sizeof *visit + in_size);

    if (visitor == NULL || visit == NULL) {
        free(visitor);
        free(visit);
        return NULL;
    }
    memcpy(visitor->target + 1, id, size); /* as behind a '/' */
    visitor->id_at = 1;
    visitor->route = exchange->route;
    visitor->route_index = exchange->route_index;
    visitor->method = exchange->method;
    visitor->format = exchange->format;
    visitor->received_ns = exchange->received_ns;
    visitor->phase = EXCHANGE_WAITING;
    visitor->visit = visit;
    visit->name = name;
    visit->exchange = visitor;
    memcpy(visit->in, in, in_size);
    if (send_body(exchange, visit))
        return visitor;
    free(visitor);
    free(visit);
    return NULL;
}

/* All that the errand will need; false: out of memory. */
static bool
pack(struct errand *errand, const void *in)
{
    struct exchange *exchange = errand->away.exchange;
    struct parcel *parcel = calloc(1, sizeof *parcel);

    errand->parcel = parcel;
    errand->farewell = calloc(1, sizeof *errand->farewell);
    if (parcel == NULL || errand->farewell == NULL)
        return false;
    parcel->exchange = make_visitor(exchange, errand->away.name, in);
    if (parcel->exchange == NULL)
        return false;
    parcel->name = errand->away.name;
    parcel->sender = exchange->server->registry->worker;
    errand->farewell->letter.deliver = on_farewell;
    errand->farewell->name = errand->away.name;
    return true;
}

enum error
errand_begin(struct exchange *exchange, size_t home, const void *in)
{
    struct errand *errand = calloc(1, sizeof *errand);

    if (errand == NULL)
        return ERROR_OUT_OF_MEMORY;
    errand->away.end = on_end;
    errand->home = home;
    if (away_open(exchange, &errand->away)) {
        free(errand);
        return ERROR_OUT_OF_MEMORY;
    }
    if (!pack(errand, in)) {
        away_close(&errand->away);
        free_errand(errand);
        return ERROR_OUT_OF_MEMORY;
    }
    post(exchange->server, home, errand->parcel, on_request);
    errand->parcel = NULL;
    return OK;
}

/*
 * exchange.h: one request and its answer, as a handler sees it. An exchange lives from
 * the request line to the last byte of the answer; then everything that it owns ends.
 *
 * A handler either answers (exchange_reply, exchange_stream), or returns OK without and
 * leaves the exchange waiting: a watch or the alarm answers later. Between, no function
 * here blocks. Everything runs on the worker's thread.
 */
#pragma once

#include "async/record.h"
#include "http/negotiate.h"
#include "http/server.h"

struct exchange;

/* What it was asked. */
struct registry *exchange_registry(struct exchange *exchange);
void *exchange_app(struct exchange *exchange);
const double *exchange_limits(struct exchange *exchange);
const struct server *exchange_server(struct exchange *exchange);
int64_t exchange_received_ns(struct exchange *exchange); /* when it was read whole */
enum format exchange_format(struct exchange *exchange);
const char *exchange_id(struct exchange *exchange); /* what stands for {id} */
/* The value of a request header, NULL: none. */
const char *exchange_header(struct exchange *exchange, const char *name);
/* The same of a header that is a list: its lines joined by commas, in the buffer. */
const char *
exchange_header_list(struct exchange *exchange, const char *name, struct text *buffer);
MUST_USE enum error
exchange_prefer(struct exchange *exchange, struct prefer *out, struct problem *problem);

/* The body and its media type (NULL: none), where the route takes data. Lent for the
 * call of the handler. */
const struct text *exchange_body(struct exchange *exchange);
const char *exchange_body_type(struct exchange *exchange);

/* Room of the handler's own, zeroed, for as long as the exchange lives. */
enum { EXCHANGE_ROOM = 96 };
void *exchange_room(struct exchange *exchange);

/* The record of the request itself, of which the caller gives its hold: it is cancelled
 * when the client leaves, and disowned when the exchange ends. */
void exchange_own(struct exchange *exchange, struct record *record);

/* From now on the record goes its own way (202: it has become a task). */
void exchange_let_go(struct exchange *exchange);
struct record *exchange_owned(struct exchange *exchange);

/* Called when what has these watches changes, until the exchange is answered. A stream
 * is read on instead: its `changed` is NULL. */
typedef void exchange_changed(struct exchange *exchange, int64_t now_ns);
void exchange_watch(struct exchange *exchange, struct watches *watches,
                    exchange_changed *changed);

void exchange_unwatch(struct exchange *exchange);

/* Whether it has its answer. */
bool exchange_answered(struct exchange *exchange);

/* Called so many seconds after the request was read, unless the exchange is answered
 * before. */
MUST_USE enum error
exchange_alarm(struct exchange *exchange, double seconds, exchange_changed *rang);

/* Called in its turn, when others' input and output has had its own: for an answer that
 * is made in slices. */
MUST_USE enum error
exchange_go_on(struct exchange *exchange, exchange_changed *next_slice);

/* Called once when the exchange ends, or when its client has left, to give back what
 * the room holds. */
void exchange_at_end(struct exchange *exchange, void (*end)(struct exchange *exchange));

/* Within `end`: whether the whole answer, which was `tracked` and no problem, was taken
 * by the socket before the client was seen to have left. */
bool exchange_delivered(struct exchange *exchange);

struct reply {
    int status;
    const char *content_type; /* NULL: that of the format */
    const char *location;     /* NULL: no such header; likewise the next ones */
    const char *allow;
    const char *preference_applied;
    const char *waitd_id;
    const char *www_authenticate;
    double heartbeat;     /* of a stream: when nothing was sent for so many seconds, an
                             empty line is, in sse a comment; 0: never */
    uint64_t length;      /* of a stream: Content-Length, and so many bytes come, or the
                             connection is cut; 0: unknown */
    unsigned retry_after; /* seconds; 0: no such header */
    bool waited;          /* Server-Timing tells how long */
    bool tracked;         /* exchange_delivered will be asked for; not of a stream */
};

/* Answers with the body, whose bytes it takes; a failed text is a 503 out-of-memory.
 * 204, 205 and 304 have none; 304 has its length (RFC 9110 §8.6). */
void
exchange_reply(struct exchange *exchange, const struct reply *reply, struct text *body);

/* Whether the memory's budget has room for so large an answer. Else false, and
 * answered: too-much-memory. */
MUST_USE bool exchange_has_room(struct exchange *exchange, size_t bytes);

/* Answers with a problem. */
void exchange_refuse(struct exchange *exchange, const struct problem *problem);

/* The same, with extension members (RFC 9457 §3.2) that `extend` writes behind its own.
 */
typedef void exchange_extend(struct exchange *exchange, struct json_writer *json);
void exchange_refuse_more(struct exchange *exchange, const struct problem *problem,
                          exchange_extend *extend);

/*
 * Answers with a stream that is pulled: `next` writes the next piece (at most
 * STREAM_PIECE_MAX bytes) and says how it goes on. When there is nothing, the stream
 * sleeps until a watch of the exchange wakes it.
 */
enum { STREAM_PIECE_MAX = 4096 };
enum stream_step {
    STREAM_PIECE, /* wrote one */
    STREAM_WAIT,  /* nothing now */
    STREAM_END,   /* it is over; what it wrote is the last piece */
    STREAM_CUT,   /* it ends in the middle: wrote nothing; when all before has been
                     taken by the socket, the connection is closed */
    STREAM_RESET, /* likewise, by a RST */
};
typedef enum stream_step stream_next(struct exchange *exchange, struct text *out);
void exchange_stream(struct exchange *exchange, const struct reply *reply,
                     stream_next *next);

/* Within `next`, or after exchange_stream: reads on at that time. Out of memory: false.
 */
MUST_USE bool exchange_read_at(struct exchange *exchange, int64_t at_ns);

/* Instead of an answer, of which nothing was sent: closes the connection, or resets it.
 */
void exchange_abort(struct exchange *exchange, bool reset);

/* Whether its connection can be reset: a unix socket knows no RST. */
bool exchange_can_reset(struct exchange *exchange);

/* HEAD of a stream: true, and answered with the headers alone. Call it before anything
 * is started. */
MUST_USE bool
exchange_is_head_of_stream(struct exchange *exchange, const struct reply *reply);

/* http_private.h: what the files of server/http/ share and nobody else sees. */
#pragma once

#include "async/memory.h"
#include "base/number.h"
#include "http/exchange.h"
#include "http/hub.h"
#include "http/mhd.h"
#include "http/survey.h"
#include "http/target.h"

#include <sys/socket.h>

enum {
    CELL_SIZE = 32, /* connections of one cell: a resume walks all of them */
    CELLS_KEPT_EMPTY = 2,
    PARAMETERS_MAX = 2560,  /* bytes of any route's struct of parameters */
    SMALL_ANSWER_MAX = 128, /* bytes of its body */
    /* In the memory of a connection, bytes: */
    FIELD_MEMORY = 64,   /* what libmicrohttpd keeps of a header or cookie */
    ANSWER_MEMORY = 400, /* what the longest head of an answer takes */
};

/*
 * A cell: a libmicrohttpd daemon without a listen socket. After a resume, libmicrohttpd
 * walks every suspended connection of the daemon, so a worker has many small ones. The
 * daemon's own epoll stays empty: calls.c tells it what the hub tells of its clients.
 */
struct cell {
    struct server *server;
    struct MHD_Daemon *daemon;
    int epoll_fd;                /* the daemon's */
    struct connection *adopting; /* handed over just now */
    int received_fd;          /* who sent last, and has not been answered; -1: nobody */
    const char *received_end; /* of what that sent, in libmicrohttpd's buffer */
    LIST_HEAD(, intake) intakes; /* of those connections that need one */
    uint32_t used;               /* slots */
    uint32_t heard;              /* slots of those with events to be told */
    uint32_t gone;               /* slots of those that were heard to leave */
    bool dirty;
    TAILQ_ENTRY(cell) in_cells; /* with room, or full, or empty */
    STAILQ_ENTRY(cell) in_dirty;
    struct MHD_Connection *slots[CELL_SIZE]; /* of each connection, where it is used */
};
TAILQ_HEAD(cell_list, cell);

/*
 * A client. Its descriptor is ours until it is handed to a cell at its first byte, and
 * libmicrohttpd's from then on. It has until a deadline: that for the header and the
 * body while a request is read, that of the idle timeout between requests, none while
 * it waits. While an answer is sent, its deadline is the next look at whether the
 * client takes it. Deadlines mostly move away, so its timer stays where it is and looks
 * again.
 */
struct connection {
    struct hub_source source;
    struct server *server;
    struct cell *cell;         /* NULL: not handed over yet */
    struct exchange *exchange; /* the request in progress; NULL: none */
    struct timer deadline;     /* real time; not after until_ns */
    int64_t until_ns;
    int fd;
    uint8_t slot;        /* in its cell */
    uint8_t events;      /* of its descriptor, that libmicrohttpd is yet to be told */
    bool polled : 1;     /* libmicrohttpd wants to be told */
    bool hears_room : 1; /* the hub tells when its socket takes more */
    bool reading : 1;    /* the deadline is that of a request, not the idle one */
    bool ahead : 1;     /* more may have come while a request was answered; it counts */
    bool gone : 1;      /* the client has sent its FIN, or worse */
    bool broken : 1;    /* worse: it takes nothing more, and the kernel says so */
    bool dead : 1;      /* closed: waits for the end of the turn */
    bool had_a_run : 1; /* it was hung up, and its head has not been read on since */
    TAILQ_ENTRY(connection) in_server;
    struct address *from[]; /* one, where addresses are counted; NULL: none */
};
TAILQ_HEAD(connection_list, connection);

enum exchange_phase {
    EXCHANGE_READING,   /* headers and body arrive */
    EXCHANGE_WAITING,   /* the handler has begun it */
    EXCHANGE_ANSWERED,  /* `response` is there and not queued yet */
    EXCHANGE_SENDING,   /* libmicrohttpd has the response */
    EXCHANGE_ABANDONED, /* the client has left: nothing is sent any more */
};

struct exchange {
    struct server *server;
    struct connection *connection; /* NULL: of another worker's client (visit) */
    struct visit *visit;
    struct away *away;         /* what other workers do for it; NULL: nothing */
    const struct route *route; /* NULL: not found yet, or none */
    uint16_t route_index;      /* for the counts */
    uint16_t status;
    uint8_t method;
    uint8_t allowed; /* for a 405: the methods of its path */
    enum exchange_phase phase : 8;
    enum format format : 8;
    bool seen; /* libmicrohttpd has made its first call */
    bool suspended;
    bool streaming;
    bool stream_over;
    bool tracked; /* the turn goes on until the socket has taken the answer, unless its
                     client is seen to leave before: then nothing more is sent */
    bool delivered;
    enum error body_refused : 8; /* why it is read, but not kept */
    uint8_t looks;               /* since the client took something */
    /* Bits, because each held wait has them. */
    bool ends_by_closing : 1; /* a stream to an HTTP/1.0 client */
    bool beats : 1;           /* a heartbeat is due */
    bool guarded : 1;         /* admit has to look at it */
    bool closes : 1;          /* its connection, behind its answer */
    bool has_body : 1;        /* so its head says */
    bool stalls : 1;          /* at the last look its client had something to take */
    bool took_more : 1;       /* its socket, since then */
    bool is_small : 1;        /* its answer is `small` */
    bool told : 1;            /* its answer went past libmicrohttpd */
    uint32_t mark;            /* of the last look, to compare with */
    int64_t received_ns;
    struct text buffer; /* the body while it is read; then what a stream carries over */
    union {
        struct MHD_Response *response; /* owned until it is queued */
        struct small_answer *small;    /* has the response; owned */
    };
    struct record *own;
    struct watch watch;
    exchange_changed *changed;
    struct timer alarm;
    exchange_changed *rang;
    void (*end)(struct exchange *exchange);
    stream_next *next;
    uint32_t carried;      /* of `buffer`, sent */
    uint32_t heartbeat_ms; /* 0: none */
    uint32_t sent_ms;  /* when it sent last, after received_ns, where there is one */
    uint16_t id_at;    /* in `target`, what stands for {id}; 0: nothing */
    uint16_t asked_at; /* likewise, the target as it came; 0: no access log */
    uint64_t bytes;    /* of the body, handed to libmicrohttpd */
    _Alignas(max_align_t) char room[EXCHANGE_ROOM];
    char target[]; /* as the client sent it; parsing decodes it in place */
};

struct listener {
    struct hub_source source;
    struct server *server;
    int fd; /* -1: closed */
    bool paused;
    uint64_t accepted_at; /* in which turn */
};

/* What would else be found again for every request of the route. */
struct prepared_route {
    const struct field *format; /* of its parameters; NULL: it has none of that name */
    _Alignas(max_align_t) char defaults[]; /* its parameters where none is given */
};

struct server {
    struct server_config config;
    struct prepared_route **prepared; /* by route; owned */
    struct registry *registry;
    const struct log *log;
    struct tokens *tokens; /* one of them opens it; NULL: it is open. Owned */
    struct hub hub;
    struct timers timers; /* real time: what does not follow the asked clock */
    struct listener tcp, local;
    int port;
    struct timer accept_again;
    struct connection_list connections;
    struct connection_list dead;
    size_t connection_count;
    size_t exchange_count;
    size_t settling;   /* exchanges that are tracked and have their answer */
    struct away *away; /* by name, what waits for other workers */
    uint64_t away_serial;
    struct ballots ballots;                 /* of surveys, this worker's line */
    bool moves_clock;                       /* its asked clock is one that is moved */
    TAILQ_HEAD(advances, advance) advances; /* in their order */
    struct visit *visits;                   /* by name */
    STAILQ_HEAD(, visit) visits_ready;
    struct cell_list cells_with_room, cells_full, cells_empty;
    STAILQ_HEAD(, cell) dirty;
    size_t cells_empty_count;
    size_t cell_count;
    struct server_counts counts;
    uint64_t turns;     /* so many so far */
    int64_t now_ns;     /* of this turn; 0: not asked for yet */
    int64_t turned_ns;  /* when the last one ended */
    int64_t settle_ns;  /* not before it is connections_settle called again */
    struct text access; /* lines of this turn */
    size_t routes;      /* how many there are */
    struct small_answer *small_answers[SMALL_ANSWER_MAX]; /* of each size one to take;
                                                             NULL: it has to be made */
    enum stage {
        SERVING,
        LINGERING, /* stopped listening: clients that have just come may still ask */
        DRAINING,  /* over as soon as nothing is held any more */
        FLUSHING,  /* all was cancelled: the last bytes leave */
        GIVEN_UP,  /* the clients that do not read are dropped */
        DRAINED,
    } stage;
    struct timer drain_timer;
    int64_t drain_limit_ns;
    void (*drained)(void *owner);
    void *drained_owner;
};

/* ---- cell.c ---- */

/* Whether there is a cell for one more connection, made where there is none, so that
 * none that was accepted finds the descriptors used up. */
MUST_USE bool cells_have_room(struct server *server);

/* A cell with room, made where there is none; NULL: the system refuses. */
struct cell *cell_with_room(struct server *server);

/* Gives the connection to the cell; false: it is closed and freed. */
MUST_USE bool cell_adopt(struct cell *cell, struct connection *connection);

/* It has work: it is run before the turn ends. */
void cell_mark(struct cell *cell);

/* Has the processor fetch what a resume walks over, side by side: of many held requests
 * it lies in no cache, and each connection names only the next. */
void cell_fetch(const struct cell *cell);

/* As cell_mark; these events of the connection's descriptor are told to it. */
void cell_hear(struct connection *connection, uint32_t events);

/* Its client is gone: behind what it has sent its end is to be read. */
void cell_hear_end(struct connection *connection);

/* Runs those that are marked, once; what they leave to do marks them again. */
void cells_run(struct server *server);

/* Stops one at once; its connections are closed. */
void cell_stop(struct cell *cell);

/* Stops empty ones but `keep`, and those that silent connections will need. Not from
 * within libmicrohttpd. */
void cells_trim(struct server *server, size_t keep);

/* ---- connection.c ---- */

/* Takes the descriptor, and the places that were taken for it: among the connections,
 * and of its address. */
void connection_open(struct server *server, int fd, struct address *from);

/* Tells the client why it is not served, and closes the descriptor, which has no place.
 */
void connection_turn_away(struct server *server, int fd, enum error error);

/* Its request waits: what has come behind it counts. */
void connection_look_ahead(struct connection *connection);

/* Tells the problem past libmicrohttpd, which has sent nothing of an answer and is to
 * close. */
void connection_tell(struct connection *connection, const struct problem *problem);
void connection_reading(struct connection *connection); /* a request's deadline runs */
void connection_waiting(struct connection *connection); /* no deadline */
void connection_sending(struct connection *connection); /* until the next look,
                                                           where none is due */
void connection_idle(struct connection *connection);    /* the idle deadline runs */
void connection_cut(struct connection *connection);     /* no more bytes, either way */
bool connection_is_unix(const struct connection *connection);
/* Tells the problem, and cuts; where no answer has begun. */
void connection_refuse(struct connection *connection, const struct problem *problem);
void connection_reset(struct connection *connection);  /* likewise, by a RST */
void connection_closed(struct connection *connection); /* its descriptor is gone */
void connections_reap(struct server *server);          /* frees the dead */

/* Of one that was handed over, what it is to libmicrohttpd; and back. */
struct MHD_Connection *connection_mhd(const struct connection *connection);
struct connection *connection_of(struct MHD_Connection *mhd);

/* It is told when its socket takes more, from now on. */
void connection_hear_room(struct connection *connection);

/* Its request waits: until it is resumed, libmicrohttpd does nothing with it. */
void connection_suspend(struct connection *connection);
void connection_resume(struct connection *connection);

/* Moves timers that stayed behind their deadlines, as far as they are the next to fire
 * and before that time: so that they wake nobody up. Some of them, where there are
 * many.
 */
void connections_settle(struct server *server, int64_t before_ns);

/* ---- listener.c ---- */

MUST_USE bool listener_open_tcp(struct server *server, struct text *why);
MUST_USE bool listener_open_unix(struct server *server, struct text *why);
/* On the port and the socket of the first worker. */
MUST_USE bool
listeners_join(struct server *server, const struct server *first, struct text *why);
void listeners_resume(struct server *server); /* there may be room again */
void listeners_close(struct server *server);  /* after accepting what waits */

/* ---- exchange.c: libmicrohttpd's callbacks, and what connection.c tells ---- */

void *exchange_on_target(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result
exchange_on_request(void *server, struct MHD_Connection *mhd, const char *url,
                    const char *method, const char *version, const char *upload,
                    size_t *upload_size, void **context);
void exchange_on_completed(void *server, struct MHD_Connection *mhd, void **context,
                           enum MHD_RequestTerminationCode code);
void exchange_client_left(struct exchange *exchange, bool broken);

/* Whether libmicrohttpd has bytes of its answer that are to be sent. */
bool exchange_sends(const struct exchange *exchange);

/* Its client takes nothing: the connection is closed, without what is left. */
void exchange_stalled(struct exchange *exchange);

/* What the body that is being read holds, with what lies in the socket of a long one.
 */
static inline size_t
exchange_body_memory(const struct exchange *exchange)
{
    size_t capacity = exchange->buffer.capacity;

    return capacity > MEMORY_BODY ? capacity + MEMORY_UNREAD : 0;
}

/* When what it does for its client was over: now, where it is not, or does nothing. */
int64_t exchange_over_ns(const struct exchange *exchange);

/* Gives back all that work for the client holds. */
void exchange_end_work(struct exchange *exchange);

/* ---- dispatch.c ---- */

/* Finds the route, parses, and calls the handler: the exchange is answered or waits. */
void exchange_dispatch(struct exchange *exchange);

/* Calls the handler with the parsed parameters; its error is the answer. */
void exchange_begin(struct exchange *exchange, const void *in);

/* ---- reply.c ---- */

/* The headers of an answer that are strings of a struct reply. */
enum { REPLY_HEADERS = 6 };
extern const struct reply_header {
    const char *name;
    size_t offset;
} reply_headers[REPLY_HEADERS];

/* The exchange has its answer, which is taken: nothing more is rung, and it is sent as
 * soon as its cell runs. */
void reply_answer(struct exchange *exchange, const struct reply *reply,
                  struct MHD_Response *response);

/* A value of NULL or "" is not sent. False: out of memory. */
MUST_USE bool
reply_add_header(struct MHD_Response *response, const char *name, const char *value);

/* Whether a stream may hand out so much more: where it becomes a long one, its socket's
 * buffer needs room in the memory's budget. */
MUST_USE bool reply_may_grow(const struct exchange *exchange, size_t more);

/* The reader of a body that is not sent: that of an answer to HEAD. */
ssize_t reply_read_nothing(void *context, uint64_t position, char *buffer, size_t room);

/* Of the body, handed to libmicrohttpd to be sent: nothing is to HEAD. */
void reply_count_bytes(struct exchange *exchange, size_t size);

/* Somebody was told so without an exchange. */
void reply_count_refusal(struct server *server, enum error error);

/* The exchange has ended: what its long answer held counts no more. */
void reply_give_memory(struct exchange *exchange);

/* The cell is run, a suspended one resumed. */
void reply_wake(struct exchange *exchange);

/* ---- small_answer.c ---- */

#define CACHE_CONTROL "no-store"
#define SERVER_TIMING "Server-Timing"
enum { SERVER_TIMING_SIZE = 16 + NUMBER_TEXT_MAX };

/* One with this body, of 1 to SMALL_ANSWER_MAX bytes, with the timing ("": none) and no
 * header that is not in every answer of that format. To be given back in the callback
 * of completion: libmicrohttpd leaves the response before it makes another call. NULL:
 * out of memory. */
MUST_USE struct small_answer *
small_answer_take(struct server *server, enum format format, const char *timing,
                  const struct text *body);
void small_answer_give(struct server *server, struct small_answer *answer);

/* Owned by the answer. */
struct MHD_Response *small_answer_response(struct small_answer *answer);

/* Frees those that were given back. */
void small_answers_free(struct server *server);

/* ---- stall.c ---- */

/* How long until the next look at an answer that is being sent. */
int64_t stall_look_ns(const struct server *server);

/* Looks at an answer that was begun: when its client has taken nothing of it for the
 * limit, though there was something, the exchange is given up. */
void stall_look(struct exchange *exchange);

/* There is nothing more to take. */
void stall_end(struct exchange *exchange);

/* ---- guard.c ---- */

/* What the guard tells of a head, for others to look at. */
struct head_end {
    const char *body; /* begins there, in libmicrohttpd's buffer */
    size_t size;      /* bytes of the head */
    size_t fields;    /* lines of it with a header */
    size_t cookies;   /* bytes of Cookie */
    bool has_body, chunked;
    bool expects;   /* the client waits for a 100 before it sends the body */
    bool closes;    /* the client wants its connection closed */
    bool from_page; /* headers that a browser adds on behalf of a page */
};

/* bad-request where the head is not unambiguous HTTP/1.0 or 1.1; else *end is filled.
 */
MUST_USE enum error
guard_check(const struct exchange *exchange, const char *method, const char *version,
            struct head_end *end, struct problem *problem);

/* ---- intake.c ---- */

/* The exchange's head has been read, and its trailers may take so many bytes in the
 * connection's memory. bad-request: there was a NUL or a bare LF in it, or what has
 * come of its chunks is framed wrongly. headers-too-large: the trailers among that take
 * more. out-of-memory. */
MUST_USE enum error intake_head(struct exchange *exchange, const struct head_end *end,
                                size_t trailer_room, struct problem *problem);

/* Of a body that is not chunked, the bytes up to `end` have been read. */
void intake_body(const struct connection *connection, const char *end);

/* The request of the connection is over, whatever was read of it. */
void intake_end(const struct connection *connection);

/* The connection is closed. */
void intake_close(struct cell *cell, int fd);

/* So many bytes have been received, more than 0: what recv() is to return. */
ssize_t intake_look(struct cell *cell, int fd, const char *bytes, ssize_t got);

/* ---- calls.c ---- */

/* MHD_run() and MHD_stop_daemon() of the cell. */
void calls_run(struct cell *cell);
void calls_stop(struct cell *cell);

/* ---- admit.c ---- */

/* Whether the server lets in the request, which is `guarded`: its Host, the page that
 * it is from, its token. */
MUST_USE enum error admit(struct exchange *exchange, struct problem *problem);

/* The challenge of a 401 (RFC 6750 §3). */
const char *admit_challenge(struct exchange *exchange);

/* ---- cors.c ---- */

/* What the longest head of an answer takes more, in bytes. */
enum { CORS_MEMORY = 512 };

/* Says to a browser which pages may read the answer, where --cors-origin is given.
 * False: out of memory. */
MUST_USE bool
cors_add_headers(struct exchange *exchange, struct MHD_Response *response);

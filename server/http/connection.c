#include "base/http_date.h"
#include "http/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SETTLED_AT_ONCE = 64, /* timers, before the worker sleeps */
    HEARD = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET,
};

static void
set_deadline(struct connection *connection, int64_t after_ns, bool reading)
{
    struct server *server = connection->server;
    struct timer *timer = &connection->deadline;

    if (server->now_ns == 0)
        server->now_ns = clock_now(&clock_system);
    connection->reading = reading;
    connection->until_ns = server->now_ns + after_ns;
    if (timer_runs(timer) && timer->deadline_ns <= connection->until_ns)
        return;
    /* Out of memory: it lives without this deadline, as a waiting one does. */
    (void)!timers_start(&server->timers, timer, TIMER_LIMIT, connection->until_ns);
}

void
connection_reading(struct connection *connection)
{
    set_deadline(connection, connection->server->config.header_timeout_ns, true);
}

static void
give_ahead(struct connection *connection)
{
    if (!connection->ahead)
        return;
    connection->ahead = false;
    memory_give(connection->server->registry->peers, MEMORY_UNREAD);
}

/* Who sends ahead where there is no room is cut off. */
static void
take_ahead(struct connection *connection)
{
    struct peers *peers = connection->server->registry->peers;

    if (connection->ahead)
        return;
    connection->ahead = true;
    if (!memory_fits(peers, MEMORY_UNREAD)) {
        reply_count_refusal(connection->server, ERROR_TOO_MUCH_MEMORY);
        connection_cut(connection);
    }
    memory_take(peers, MEMORY_UNREAD);
}

static bool
has_unread(const struct connection *connection)
{
    char byte;

    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void
connection_look_ahead(struct connection *connection)
{
    if (connection->server->registry->peers->memory.limit && has_unread(connection))
        take_ahead(connection);
}

/* Where the first bytes of a next request have come already, its deadline runs. Those
 * that libmicrohttpd reads in the turn in which it ends the last answer do not show
 * here: they count as idleness until the next byte comes. A FIN that came right behind
 * a request may have been told to libmicrohttpd before it read that, and will not be
 * again: where nothing else comes, there is nothing to wait for. */
void
connection_idle(struct connection *connection)
{
    bool looks = connection->ahead || connection->gone;

    give_ahead(connection);
    if (looks && has_unread(connection))
        connection_reading(connection);
    else if (connection->gone)
        set_deadline(connection, 0, false);
    else
        set_deadline(connection, connection->server->config.idle_timeout_ns, false);
}

void
connection_waiting(struct connection *connection)
{
    connection->until_ns = INT64_MAX;
    connection->reading = false;
}

void
connection_sending(struct connection *connection)
{
    if (connection->reading || connection->until_ns == INT64_MAX)
        set_deadline(connection, stall_look_ns(connection->server), false);
}

struct MHD_Connection *
connection_mhd(const struct connection *connection)
{
    return connection->cell->slots[connection->slot];
}

struct connection *
connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
        ->socket_context;
}

/* Most sockets take all at once, and never need to. */
void
connection_hear_room(struct connection *connection)
{
    if (connection->hears_room)
        return;
    connection->hears_room = hub_change(&connection->server->hub, connection->fd,
                                        HEARD | EPOLLOUT, &connection->source);
    if (!connection->hears_room)
        connection_cut(connection);
}

void
connection_suspend(struct connection *connection)
{
    MHD_suspend_connection(connection_mhd(connection));
    connection->polled = false;
}

void
connection_resume(struct connection *connection)
{
    MHD_resume_connection(connection_mhd(connection));
    cell_fetch(connection->cell);
    cell_mark(connection->cell);
}

void
connection_cut(struct connection *connection)
{
    if (!connection->dead && !connection->broken)
        shutdown(connection->fd, SHUT_RDWR);
    if (connection->cell)
        cell_hear(connection, EPOLLHUP);
}

/* With SO_LINGER of 0 a FIN would come first. What was not sent yet is lost. */
void
connection_reset(struct connection *connection)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    if (!connection->dead)
        (void)!connect(connection->fd, &nobody, sizeof nobody);
    if (connection->cell)
        cell_hear(connection, EPOLLHUP);
}

static void
give_place(struct server *server, struct address *from)
{
    struct peers *peers = server->registry->peers;

    quota_give(&peers->connections, 1);
    if (from)
        addresses_leave(&peers->addresses, from);
}

static struct address *
from_of(const struct connection *connection)
{
    return connection->server->registry->peers->addresses.most ? connection->from[0]
                                                               : NULL;
}

void
connection_closed(struct connection *connection)
{
    struct server *server = connection->server;

    if (connection->dead)
        return;
    timers_stop(&server->timers, &connection->deadline);
    give_ahead(connection);
    connection->dead = true;
    connection->cell = NULL;
    TAILQ_REMOVE(&server->connections, connection, in_server);
    TAILQ_INSERT_TAIL(&server->dead, connection, in_server);
    server->connection_count--;
    give_place(server, from_of(connection));
    listeners_resume(server);
}

void
connections_reap(struct server *server)
{
    struct connection *connection;

    while ((connection = TAILQ_FIRST(&server->dead)) != NULL) {
        TAILQ_REMOVE(&server->dead, connection, in_server);
        free(connection);
    }
}

static void
write_head(struct text *head, const struct problem *problem, size_t body_size)
{
    int status = problem_status(problem);
    char date[HTTP_DATE_SIZE];

    http_date_print(time(NULL), date);
    text_format(head,
                "HTTP/1.1 %d %s\r\nDate: %s\r\n"
                "Content-Type: application/problem+json\r\n",
                status, error_info(problem->error)->title, date);
    if (status == 429 || status == 503)
        text_string(head, "Retry-After: 1\r\n");
    text_format(head, "Content-Length: %zu\r\nConnection: close\r\n\r\n", body_size);
}

/* Returns the size of the body that it has sent, in bytes: none in answer to a HEAD. */
static size_t
send_problem(struct server *server, int fd, const struct problem *problem, bool is_head)
{
    TEXT_AUTO body = {0};
    TEXT_AUTO answer = {0};

    reply_count_refusal(server, problem->error);
    struct json_writer json = json_writer(&body);
    problem_write(problem, &json);
    text_string(&body, "\n");
    write_head(&answer, problem, body.size);
    if (is_head)
        text_clear(&body);
    text_append(&answer, body.bytes, body.size);
    if (answer.failed || body.failed
        || send(fd, answer.bytes, answer.size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return 0;
    return body.size;
}

void
connection_tell(struct connection *connection, const struct problem *problem)
{
    struct exchange *exchange = connection->exchange;
    bool is_head = exchange && exchange->method == METHOD_HEAD;
    size_t sent = send_problem(connection->server, connection->fd, problem, is_head);

    if (exchange == NULL)
        return;
    exchange->told = true;
    exchange->status = (uint16_t)problem_status(problem);
    reply_count_bytes(exchange, sent);
}

/* A request that is there already is read: closing over it would be a RST, which can
 * overtake the answer. */
void
connection_turn_away(struct server *server, int fd, enum error error)
{
    struct problem problem;
    char request[4096];

    problem_set(&problem, error, "%s", error_info(error)->text);
    (void)!recv(fd, request, sizeof request, MSG_DONTWAIT);
    server->counts.bytes += send_problem(server, fd, &problem, false);
    shutdown(fd, SHUT_WR);
    close(fd);
}

void
connection_refuse(struct connection *connection, const struct problem *problem)
{
    connection_tell(connection, problem);
    connection_cut(connection);
}

static void
refuse_slow(struct connection *connection)
{
    struct problem problem;

    problem_set(&problem, ERROR_REQUEST_TIMEOUT,
                "the request was not read whole within the header timeout");
    connection_refuse(connection, &problem);
}

/* The timer goes to where the deadline has moved. */
static void
follow_deadline(struct connection *connection)
{
    struct timers *timers = &connection->server->timers;

    if (connection->until_ns == INT64_MAX)
        timers_stop(timers, &connection->deadline);
    else
        (void)!timers_start(timers, &connection->deadline, TIMER_LIMIT,
                            connection->until_ns);
}

static void
on_deadline(struct timer *timer, int64_t now_ns)
{
    struct connection *connection = CONTAINER_OF(timer, struct connection, deadline);

    if (connection->until_ns > now_ns) {
        follow_deadline(connection);
        return;
    }
    if (connection->exchange && connection->exchange->phase == EXCHANGE_SENDING) {
        stall_look(connection->exchange);
        return;
    }
    if (connection->reading && connection->cell) {
        refuse_slow(connection);
        return;
    }
    if (connection->cell) {
        connection_cut(connection);
        return;
    }
    close(connection->fd);
    connection_closed(connection);
}

void
connections_settle(struct server *server, int64_t before_ns)
{
    for (int i = 0; i < SETTLED_AT_ONCE; i++) {
        struct timer *timer = timers_first(&server->timers);

        if (!timer || timer->fire != on_deadline || timer->deadline_ns >= before_ns)
            return;
        struct connection *connection =
            CONTAINER_OF(timer, struct connection, deadline);
        if (connection->until_ns == timer->deadline_ns)
            return;
        follow_deadline(connection);
    }
}

bool
connection_is_unix(const struct connection *connection)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;

    return getsockname(connection->fd, (struct sockaddr *)&address, &size) == 0
           && address.ss_family == AF_UNIX;
}

static void
hand_over(struct connection *connection)
{
    struct cell *cell = cell_with_room(connection->server);

    if (cell == NULL) {
        close(connection->fd);
        connection_closed(connection);
        return;
    }
    (void)!cell_adopt(cell, connection);
}

static void
on_ready(struct hub_source *source, uint32_t events)
{
    struct connection *connection = CONTAINER_OF(source, struct connection, source);
    bool broken = events & (EPOLLHUP | EPOLLERR);
    bool left = broken || events & EPOLLRDHUP;

    if (connection->dead)
        return;
    if (connection->cell)
        cell_hear(connection, events);
    if (events & EPOLLOUT && connection->exchange)
        connection->exchange->took_more = true;
    if (events == EPOLLOUT)
        return;
    if (connection->cell == NULL) {
        hand_over(connection);
        if (connection->dead)
            return;
        if (events != EPOLLIN) /* it reads at once, without being told */
            cell_hear(connection, events);
    } else if (!connection->reading && connection->exchange == NULL)
        connection_reading(connection); /* the first byte of the next request */
    else if (connection->exchange && connection->exchange->phase > EXCHANGE_READING
             && !broken && (!left || has_unread(connection)))
        take_ahead(connection);
    if (!left)
        return;
    cell_hear_end(connection);
    connection->broken |= broken;
    if (connection->exchange)
        exchange_client_left(connection->exchange, broken);
    else
        connection_idle(connection);
}

static struct connection *
make(struct server *server, int fd, struct address *from)
{
    bool counts = server->registry->peers->addresses.most > 0;
    /* Of the pointer. NOLINTNEXTLINE(bugprone-sizeof-expression) */
    size_t more = counts ? sizeof from : 0;
    struct connection *connection = calloc(1, sizeof *connection + more);

    if (connection == NULL)
        return NULL;
    if (counts)
        connection->from[0] = from;
    connection->server = server;
    connection->fd = fd;
    connection->source.ready = on_ready;
    connection->deadline.fire = on_deadline;
    if (hub_add(&server->hub, fd, HEARD, &connection->source))
        return connection;
    free(connection);
    return NULL;
}

void
connection_open(struct server *server, int fd, struct address *from)
{
    struct connection *connection = make(server, fd, from);

    if (connection == NULL) {
        close(fd);
        give_place(server, from);
        return;
    }
    TAILQ_INSERT_TAIL(&server->connections, connection, in_server);
    server->connection_count++;
    server->counts.accepted++;
    connection_reading(connection);
}

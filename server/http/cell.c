#include "http/http_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a resume reads of each suspended connection: its neighbour, its upgrade, whether
 * it is resumed. As libmicrohttpd 0.9.75 lays them out; with another they only help
 * less. */
static const size_t walked_over[] = {24, 416, 452};

static void
count_status(struct server *server, int status)
{
    static const enum error errors[] = {ERROR_BAD_REQUEST, ERROR_CONTENT_TOO_LARGE,
                                        ERROR_URI_TOO_LONG, ERROR_HEADERS_TOO_LARGE};

    for (size_t i = 0; i < COUNT(errors); i++)
        if (error_info(errors[i])->status == status)
            reply_count_refusal(server, errors[i]);
}

/* What libmicrohttpd answers by itself (a head that does not fit) it only tells so. */
static void
count_refusal(struct server *server, const char *format, va_list arguments)
{
    static const char refusal[] = "Error processing request (HTTP response code is %u";
    va_list copy;

    if (strncmp(format, refusal, sizeof refusal - 1) != 0)
        return;
    va_copy(copy, arguments);
    count_status(server, (int)va_arg(copy, unsigned));
    va_end(copy);
}

static void
on_log(void *context, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

static void
on_log(void *context, const char *format, va_list arguments)
{
    struct server *server = context;
    char line[256];
    struct text text = text_over(line, sizeof line);

    count_refusal(server, format, arguments);
    text_vformat(&text, format, arguments);
    while (text.size > 0 && text.bytes[text.size - 1] == '\n')
        text.size--;
    LOG(server->log, LOG_LEVEL_DEBUG, "libmicrohttpd",
        {"message", text_terminated(&text)});
}

static struct cell_list *
list_for(struct server *server, uint32_t used)
{
    return used == 0            ? &server->cells_empty
           : used == UINT32_MAX ? &server->cells_full
                                : &server->cells_with_room;
}

/* Moves the cell to the list that its use wants. */
static void
set_used(struct cell *cell, uint32_t used)
{
    struct server *server = cell->server;
    struct cell_list *from = list_for(server, cell->used);
    struct cell_list *to = list_for(server, used);

    server->cells_empty_count += used == 0;
    server->cells_empty_count -= cell->used == 0;
    cell->used = used;
    if (from == to)
        return;
    TAILQ_REMOVE(from, cell, in_cells);
    TAILQ_INSERT_HEAD(to, cell, in_cells);
}

static uint32_t
bit_of(const struct connection *connection)
{
    return UINT32_C(1) << connection->slot;
}

static void
enter(struct cell *cell, struct connection *connection)
{
    static_assert(CELL_SIZE == 32, "a slot is a bit");
    connection->cell = cell;
    connection->slot = (uint8_t)__builtin_ctz(~cell->used);
    set_used(cell, cell->used | bit_of(connection));
}

static void
leave(struct cell *cell, struct connection *connection)
{
    connection_closed(connection);
    cell->heard &= ~bit_of(connection);
    cell->gone &= ~bit_of(connection);
    set_used(cell, cell->used & ~bit_of(connection));
}

/* Where 0.9.75 finds a second error in one head it closes, and does not tell that the
 * request is over. */
static void
end_request(struct server *server, struct MHD_Connection *mhd,
            const struct connection *connection)
{
    void *exchange = connection->exchange;

    exchange_on_completed(server, mhd, &exchange, MHD_REQUEST_TERMINATED_WITH_ERROR);
}

static void
on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
              enum MHD_ConnectionNotificationCode code)
{
    struct cell *cell = context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        cell->slots[cell->adopting->slot] = mhd;
        *socket_context = cell->adopting;
        return;
    }
    struct connection *connection = *socket_context;

    end_request(cell->server, mhd, connection);
    intake_close(cell, connection->fd);
    leave(cell, connection);
}

static struct MHD_Daemon *
start_daemon(struct server *server, struct cell *cell)
{
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME
                     | MHD_USE_TURBO | MHD_USE_ERROR_LOG | MHD_CELL_FLAGS_BY_VERSION;

    return MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_on_request, server, MHD_OPTION_EXTERNAL_LOGGER,
        on_log, server, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CELL_SIZE + 1,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, server->config.connection_memory,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)512,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_STRICTNESS, MHD_STRICTNESS,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_URI_LOG_CALLBACK,
        exchange_on_target, server, MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed,
        server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, cell, MHD_OPTION_END);
}

static struct cell *
cell_new(struct server *server)
{
    struct cell *cell = calloc(1, sizeof *cell);
    if (cell == NULL)
        return NULL;
    cell->server = server;
    cell->received_fd = -1;
    cell->daemon = start_daemon(server, cell);
    if (cell->daemon == NULL) {
        free(cell);
        return NULL;
    }
    cell->epoll_fd =
        MHD_get_daemon_info(cell->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    TAILQ_INSERT_HEAD(&server->cells_empty, cell, in_cells);
    server->cells_empty_count++;
    server->cell_count++;
    return cell;
}

bool
cells_have_room(struct server *server)
{
    return server->connection_count < server->cell_count * CELL_SIZE
           || cell_new(server) != NULL;
}

struct cell *
cell_with_room(struct server *server)
{
    struct cell *cell = TAILQ_FIRST(&server->cells_with_room);

    if (cell == NULL)
        cell = TAILQ_FIRST(&server->cells_empty);
    return cell ? cell : cell_new(server);
}

bool
cell_adopt(struct cell *cell, struct connection *connection)
{
    struct sockaddr address = {.sa_family = AF_UNSPEC}; /* nobody asks for it */

    enter(cell, connection);
    cell->adopting = connection;
    cell_mark(cell);
    if (MHD_add_connection(cell->daemon, connection->fd, &address, sizeof address)
        == MHD_YES)
        return true;
    /* libmicrohttpd has closed the descriptor. Whether it has told so before, the
     * connection knows. */
    if (!connection->dead)
        leave(cell, connection);
    return false;
}

void
cell_mark(struct cell *cell)
{
    if (cell->dirty)
        return;
    cell->dirty = true;
    STAILQ_INSERT_TAIL(&cell->server->dirty, cell, in_dirty);
}

void
cell_fetch(const struct cell *cell)
{
    for (uint32_t used = cell->used; used; used &= used - 1) {
        const char *mhd = (const char *)cell->slots[__builtin_ctz(used)];

        for (size_t i = 0; i < COUNT(walked_over); i++)
            __builtin_prefetch(mhd + walked_over[i]);
    }
}

void
cell_hear(struct connection *connection, uint32_t events)
{
    struct cell *cell = connection->cell;

    connection->events |= (uint8_t)events; /* what libmicrohttpd knows is in these */
    cell->heard |= bit_of(connection);
    cell_mark(cell);
}

void
cell_hear_end(struct connection *connection)
{
    connection->gone = true;
    connection->cell->gone |= bit_of(connection);
}

void
cells_run(struct server *server)
{
    STAILQ_HEAD(, cell) now = STAILQ_HEAD_INITIALIZER(now);
    struct cell *cell;

    STAILQ_CONCAT(&now, &server->dirty);
    while ((cell = STAILQ_FIRST(&now)) != NULL) {
        MHD_UNSIGNED_LONG_LONG timeout;

        STAILQ_REMOVE_HEAD(&now, in_dirty);
        cell->dirty = false;
        calls_run(cell);
        if (MHD_get_timeout(cell->daemon, &timeout) == MHD_YES && timeout == 0)
            cell_mark(cell);
    }
}

void
cell_stop(struct cell *cell)
{
    calls_stop(cell);
    cell->daemon = NULL;
}

void
cells_trim(struct server *server, size_t keep)
{
    while (server->cells_empty_count > keep
           && server->connection_count <= (server->cell_count - 1) * CELL_SIZE) {
        struct cell *cell = TAILQ_LAST(&server->cells_empty, cell_list);

        assert(cell->used == 0);
        if (cell->dirty) {
            STAILQ_REMOVE(&server->dirty, cell, cell, in_dirty);
            cell->dirty = false;
        }
        if (cell->daemon)
            cell_stop(cell);
        TAILQ_REMOVE(&server->cells_empty, cell, in_cells);
        server->cells_empty_count--;
        server->cell_count--;
        free(cell);
    }
}

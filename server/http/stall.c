/*
 * stall.c: answers of which the client takes nothing. TCP_USER_TIMEOUT would not do: it
 * knows no unix sockets, and it also ends connections whose client takes little at a
 * time through a small window.
 */
#include "http/http_private.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

enum { LOOKS = 8 }; /* within the limit: so exact is it */

int64_t
stall_look_ns(const struct server *server)
{
    return server->config.stall_timeout_ns / LOOKS;
}

/* Whether there is something that the client has yet to take. `mark` changes with what
 * it takes: it counts the bytes that its system has acknowledged, or where there is
 * none between, those that stand in the socket: these only shrink until the socket
 * takes more, which the hub tells. */
static bool
has_left(const struct exchange *exchange, uint32_t *mark)
{
    int fd = exchange->connection->fd;
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int unread = 0;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) {
        *mark = (uint32_t)info.tcpi_bytes_acked;
        return exchange_sends(exchange) || info.tcpi_unacked > 0
               || info.tcpi_notsent_bytes > 0;
    }
    (void)!ioctl(fd, SIOCOUTQ, &unread);
    *mark = (uint32_t)unread;
    return exchange_sends(exchange);
}

static bool
has_moved(struct exchange *exchange, uint32_t mark)
{
    bool moved = exchange->took_more || exchange->mark != mark;

    exchange->took_more = false;
    exchange->mark = mark;
    return moved;
}

void
stall_look(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    uint32_t mark;

    connection_waiting(connection);
    if (!has_left(exchange, &mark)) {
        stall_end(exchange);
        return;
    }
    connection_hear_room(connection);
    if (has_moved(exchange, mark) || !exchange->stalls)
        exchange->looks = 0;
    else if (++exchange->looks == LOOKS) {
        exchange_stalled(exchange);
        return;
    }
    exchange->stalls = true;
    connection_sending(connection);
}

void
stall_end(struct exchange *exchange)
{
    exchange->stalls = false;
    exchange->looks = 0;
}

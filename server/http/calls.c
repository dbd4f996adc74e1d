/*
 * calls.c: the system calls that libmicrohttpd makes through us, because the linker
 * hands it ours:
 *
 *   recv                   what it reads is looked at first
 *   epoll_ctl, epoll_wait  what it asks for, and is told, is the hub's to tell: one
 *                          epoll has each client, not two
 *   send, sendmsg          a socket that takes no more is heard of when it does again;
 *                          and the head and the body of an answer leave as one piece
 */
#include "http/http_private.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { JOINED_MOST = 2048 }; /* bytes: most answers are shorter */

/* They are told of nothing else. A worker's own, and NULL outside of these two. */
static _Thread_local struct cell *running;

void
calls_run(struct cell *cell)
{
    running = cell;
    MHD_run(cell->daemon);
    running = NULL;
}

void
calls_stop(struct cell *cell)
{
    running = cell;
    MHD_stop_daemon(cell->daemon);
    running = NULL;
}

/* Among these slots; NULL: it is in none of them. */
static struct connection *
find(const struct cell *cell, uint32_t slots, int fd)
{
    for (; slots; slots &= slots - 1) {
        struct connection *connection =
            connection_of(cell->slots[__builtin_ctz(slots)]);

        if (connection->fd == fd)
            return connection;
    }
    return NULL;
}

/* A FIN is told once, with the bytes before it, and where libmicrohttpd has room for
 * more than these it takes them for all there is. */
static void
hear_end(struct cell *cell, int fd)
{
    struct connection *connection = find(cell, cell->gone, fd);

    if (connection == NULL)
        return;
    connection->had_a_run = false;
    cell_hear(connection, EPOLLIN);
}

/* We ourselves only peek. */
ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
    ssize_t got = recvfrom(fd, bytes, size, flags, NULL, NULL);

    if (running == NULL || got <= 0 || flags & MSG_PEEK)
        return got;
    hear_end(running, fd);
    return MHD_CHECKS_LINES ? got : intake_look(running, fd, bytes, got);
}

/* As by the kernel, what came before it asked is told as well. */
static void
ask_for(struct connection *connection)
{
    connection->polled = true;
    if (connection->events)
        cell_hear(connection, 0);
}

/* It takes back what it asked for where it suspends, and connection_suspend knows, or
 * where it closes. */
int
epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    if (running == NULL || epoll != running->epoll_fd)
        return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
    if (operation == EPOLL_CTL_ADD)
        ask_for(connection_of(event->data.ptr));
    return 0;
}

/* What was urgent may have been read since. Of all that is kept only that passes. */
static uint32_t
still_so(const struct connection *connection)
{
    struct pollfd now = {.fd = connection->fd, .events = POLLPRI};

    if (connection->events & EPOLLPRI && poll(&now, 1, 0) == 0)
        return connection->events & ~(uint32_t)EPOLLPRI;
    return connection->events;
}

/* Where 0.9.75 gives a request up while it reads its head it asks for nothing more, and
 * does not clean it up before it looks at it again. That it has given up shows where a
 * run went by without a read: a client that hung up is heard of in the next run again.
 * Returns whether it has. */
static bool
notice_given_up(struct connection *connection)
{
    const struct exchange *exchange = connection->exchange;

    if (!(connection->events & EPOLLHUP) || exchange == NULL || exchange->seen)
        return false;
    if (connection->had_a_run)
        return true;
    connection->had_a_run = true;
    cell_hear(connection, 0);
    return false;
}

static int
tell(struct cell *cell, struct epoll_event *events)
{
    uint32_t heard = cell->heard;
    int told = 0;

    cell->heard = 0;
    for (; heard; heard &= heard - 1) {
        struct MHD_Connection *mhd = cell->slots[__builtin_ctz(heard)];
        struct connection *connection = connection_of(mhd);

        if (!connection->polled && !notice_given_up(connection))
            continue;
        events[told++] =
            (struct epoll_event){.events = still_so(connection), .data.ptr = mhd};
        connection->events = 0;
    }
    return told;
}

int
epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    if (running == NULL || epoll != running->epoll_fd)
        return epoll_pwait(epoll, events, most, timeout_ms, NULL);
    assert(most >= CELL_SIZE);
    return tell(running, events);
}

static void
hear_room(const struct cell *cell, int fd)
{
    struct connection *connection = find(cell, cell->used, fd);

    if (connection)
        connection_hear_room(connection);
}

static ssize_t
sent_of(int fd, ssize_t sent, size_t size)
{
    int why = errno;
    bool full = sent < 0 ? why == EAGAIN : (size_t)sent < size;

    if (running && full)
        hear_room(running, fd);
    errno = why;
    return sent;
}

ssize_t
send(int fd, const void *bytes, size_t size, int flags)
{
    return sent_of(fd, sendto(fd, bytes, size, flags, NULL, 0), size);
}

/* Where 0.9.75 refuses a request by itself, it has written the head of its answer
 * twice: the bytes of the first. What is left of a head may be CRLF CRLF. */
static size_t
repeated(const struct iovec *head)
{
    const char *bytes = head->iov_base;
    size_t half = head->iov_len / 2;
    bool twice =
        head->iov_len % 2 == 0 && half > 2 && memcmp(bytes, bytes + half, half) == 0;

    return twice ? half : 0;
}

/* The kernel takes longer to gather two short pieces than we to join them. */
ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    const struct iovec *piece = message->msg_iov;
    UNINITIALIZED char joined[JOINED_MOST];

    if (running == NULL || message->msg_iovlen != 2)
        return syscall(SYS_sendmsg, fd, message, flags);
    size_t size = piece[0].iov_len + piece[1].iov_len;
    if (size > sizeof joined)
        return sent_of(fd, syscall(SYS_sendmsg, fd, message, flags), size);
    memcpy(joined, piece[0].iov_base, piece[0].iov_len);
    memcpy(joined + piece[0].iov_len, piece[1].iov_base, piece[1].iov_len);
    size_t skipped = repeated(&piece[0]);
    ssize_t sent = send(fd, joined + skipped, size - skipped, flags);
    return sent < 0 ? sent : sent + (ssize_t)skipped;
}

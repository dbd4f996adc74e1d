/*
 * calls.c: the system calls that libmicrohttpd makes through us, because the linker
 * hands it ours: recv, for what it reads is looked at first; epoll_wait, for it asks at
 * every MHD_run, and the hub knows whether there is anything; sendmsg, for it sends
 * the head and the body of an answer as two pieces.
 */
#include "http/http_private.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { JOINED_MOST = 2048 }; /* bytes: most answers are shorter */

/* They are told of nothing else. A worker's own, and NULL outside of calls_run. */
static _Thread_local struct cell *running;

void
calls_run(struct cell *cell)
{
    running = cell;
    MHD_run(cell->daemon);
    running = NULL;
}

/* We ourselves only peek. */
ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
    ssize_t got = recvfrom(fd, bytes, size, flags, NULL, NULL);

    if (MHD_CHECKS_LINES || running == NULL || got <= 0 || flags & MSG_PEEK)
        return got;
    return intake_look(running, fd, bytes, got);
}

int
epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
    if (running && !running->stirred)
        return 0;
    if (running)
        running->stirred = false;
    return epoll_pwait(epoll, events, most, timeout_ms, NULL);
}

/* The kernel takes longer to gather two short pieces than we to join them. */
ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    const struct iovec *piece = message->msg_iov;
    UNINITIALIZED char joined[JOINED_MOST];

    if (running == NULL || message->msg_iovlen != 2
        || piece[0].iov_len + piece[1].iov_len > sizeof joined)
        return syscall(SYS_sendmsg, fd, message, flags);
    memcpy(joined, piece[0].iov_base, piece[0].iov_len);
    memcpy(joined + piece[0].iov_len, piece[1].iov_base, piece[1].iov_len);
    return send(fd, joined, piece[0].iov_len + piece[1].iov_len, flags);
}

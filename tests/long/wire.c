#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void
die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    exit(1);
}

int64_t
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * SECOND_NS + time.tv_nsec;
}

double
between(double min, double max)
{
    return min + (max - min) * drand48();
}

int
dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void
say(int fd, const char *request, size_t size)
{
    if (send(fd, request, size, MSG_NOSIGNAL) != (ssize_t)size)
        die("send");
}

void
get(int fd, const char *target)
{
    char request[512];
    int size =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: l\r\n\r\n", target);

    say(fd, request, (size_t)size);
}

/* Reads what has come; true when the answer is whole. */
bool
answer_read(struct answer *answer, int fd)
{
    ssize_t got = recv(fd, answer->bytes + answer->size,
                       sizeof answer->bytes - 1 - answer->size, 0);

    if (got <= 0) {
        if (got == 0)
            errno = ECONNRESET;
        die("recv");
    }
    answer->size += (size_t)got;
    answer->bytes[answer->size] = '\0';
    char *head_end = strstr(answer->bytes, "\r\n\r\n");
    if (head_end == NULL)
        return false;
    answer->status = atoi(answer->bytes + strlen("HTTP/1.1 "));
    answer->body = head_end + 4;
    char *length = strstr(answer->bytes, "Content-Length: ");
    size_t body_size = answer->size - (size_t)(answer->body - answer->bytes);
    if (length && length < head_end)
        return body_size >= strtoul(length + strlen("Content-Length: "), NULL, 10);
    if (answer->status == 204 || answer->status == 304)
        return true;
    return body_size >= 5
           && memcmp(answer->bytes + answer->size - 5, "0\r\n\r\n", 5) == 0;
}

double
number_after(const char *text, const char *name)
{
    const char *found = strstr(text, name);

    return found ? strtod(found + strlen(name), NULL) : -1;
}

void
reset(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

int
poll_open(void)
{
    int poll = epoll_create1(EPOLL_CLOEXEC);

    if (poll < 0)
        die("epoll_create1");
    return poll;
}

void
poll_add(int poll, int fd, void *of)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = of};

    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
}

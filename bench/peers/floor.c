/*
 * floor.c: the floor: what a wait costs where nothing but the kernel is asked. One
 * epoll, one timerfd, a heap of deadlines; it looks for "delay=" and answers the same
 * bytes to everything. No HTTP server can be cheaper and still be one.
 *
 *   floor PORT
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 20000, EVENTS = 256 };

struct wait {
    int64_t due_ns;
    int fd;
    uint32_t generation; /* a descriptor that was closed since belongs to another */
};

struct loop {
    int epoll, listener, timer;
    struct wait heap[2 * MOST]; /* those who left stay in it until they are due */
    size_t waits;
    uint32_t generation[MOST];
};

static const char answer[] =
    "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Content-Type: application/json\r\nContent-Length: 34\r\n\r\n"
    "{\"elapsed\":0.000000000,\"floor\":1}\n";

static int64_t
now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void
must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

static void
watch(struct loop *loop, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    must(epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void
drop(struct loop *loop, int fd)
{
    loop->generation[fd]++;
    close(fd);
}

static void
reply(struct loop *loop, int fd)
{
    if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
        drop(loop, fd);
}

static void
heap_push(struct loop *loop, struct wait wait)
{
    size_t i = loop->waits++;

    for (; i > 0 && loop->heap[(i - 1) / 2].due_ns > wait.due_ns; i = (i - 1) / 2)
        loop->heap[i] = loop->heap[(i - 1) / 2];
    loop->heap[i] = wait;
}

static struct wait
heap_pop(struct loop *loop)
{
    struct wait first = loop->heap[0], last = loop->heap[--loop->waits];
    size_t i = 0;

    for (size_t child = 1; child < loop->waits; child = 2 * i + 1) {
        if (child + 1 < loop->waits
            && loop->heap[child + 1].due_ns < loop->heap[child].due_ns)
            child++;
        if (loop->heap[child].due_ns >= last.due_ns)
            break;
        loop->heap[i] = loop->heap[child];
        i = child;
    }
    loop->heap[i] = last;
    return first;
}

static void
arm(struct loop *loop)
{
    if (loop->waits == 0)
        return;
    int64_t due = loop->heap[0].due_ns;
    struct itimerspec when = {.it_value = {due / 1000000000, due % 1000000000}};

    must(timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &when, NULL), "timerfd");
}

static void
on_timer(struct loop *loop)
{
    uint64_t times;

    if (read(loop->timer, &times, sizeof times) < 0)
        return;
    while (loop->waits > 0 && loop->heap[0].due_ns <= now_ns()) {
        struct wait wait = heap_pop(loop);
        if (wait.generation == loop->generation[wait.fd])
            reply(loop, wait.fd);
    }
    arm(loop);
}

static void
on_accept(struct loop *loop)
{
    for (int i = 0; i < EVENTS; i++) {
        int fd = accept4(loop->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (fd >= MOST) {
            close(fd);
            continue;
        }
        watch(loop, fd, EPOLLIN | EPOLLRDHUP);
    }
}

static void
on_client(struct loop *loop, int fd)
{
    char request[2048];
    ssize_t size = recv(fd, request, sizeof request - 1, 0);

    if (size <= 0) {
        drop(loop, fd);
        return;
    }
    request[size] = '\0';
    const char *asked = strstr(request, "delay=");
    double delay = asked ? strtod(asked + 6, NULL) : 0;

    if (delay <= 0 || loop->waits == 2 * MOST) {
        reply(loop, fd);
        return;
    }
    struct wait wait = {.due_ns = now_ns() + (int64_t)(delay * 1e9) + 1,
                        .fd = fd,
                        .generation = loop->generation[fd]};

    heap_push(loop, wait);
    if (loop->heap[0].due_ns == wait.due_ns)
        arm(loop);
}

static int
listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    must(fd, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
    must(listen(fd, 4096), "listen");
    return fd;
}

static void
turn(struct loop *loop)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(loop->epoll, events, EVENTS, -1);

    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == loop->listener)
            on_accept(loop);
        else if (events[i].data.fd == loop->timer)
            on_timer(loop);
        else
            on_client(loop, events[i].data.fd);
    }
}

int
main(int argc, char **argv)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (argc != 2 || loop == NULL)
        return 2;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->listener = listen_on(atoi(argv[1]));
    loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(loop, loop->listener, EPOLLIN);
    watch(loop, loop->timer, EPOLLIN);
    for (;;)
        turn(loop);
}

/* crowds.c: many clients at once: those that are reset together, and those that ask for
 * everything. */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- held, then reset ---- */

static const char *const long_waits[] = {
    "/wait?delay=60",
    "/wait_n?n=10&min_delay=50&max_delay=60",
    "/wait?delay=60&label=storm",
    "/measure?n=2&delay=60&mode=both",
};

/* Told by each line of the standard input: h: they ask, r: they are reset. */
void
run_storm(int port, size_t count)
{
    int *fds = calloc(count, sizeof *fds);
    char order[8];

    if (fds == NULL)
        die("calloc");
    while (fgets(order, sizeof order, stdin)) {
        for (size_t i = 0; i < count; i++) {
            if (order[0] == 'h')
                get(fds[i] = dial(port), long_waits[i % 4]);
            else
                reset(fds[i]);
        }
        puts(order[0] == 'h' ? "held" : "reset");
        fflush(stdout);
    }
    free(fds);
}

/* ---- everything ---- */

enum { NAMES = 500 };

/* %ld stands for one of so many names. */
static const struct {
    const char *method, *target, *body;
} asked[] = {
    {"GET", "/wait?delay=0", ""},
    {"GET", "/wait?delay=0", ""},
    {"GET", "/wait?max_delay=0.002&label=l%ld", ""},
    {"GET", "/wait?delay=0.001&status=503&key=k%ld&fail_first=2", ""},
    {"GET", "/wait_n?n=5&max_delay=0.002", ""},
    {"GET", "/wait_n?n=5&max_delay=0.002&format=sse&limit=2", ""},
    {"GET", "/wait_n?n=3&delay=60&timeout=0.001", ""},
    {"GET", "/measure?n=3&delay=0.001&mode=both", ""},
    {"POST", "/tasks?delay=0.001", ""},
    {"POST", "/tasks?n=3&max_delay=0.002&group=g%ld&limit=1", ""},
    {"GET", "/tasks?group=g%ld&limit=3", ""},
    {"DELETE", "/tasks?group=g%ld", ""},
    {"PUT", "/tasks/t%ld?delay=60", ""},
    {"GET", "/tasks/t%ld", ""},
    {"POST", "/tasks/t%ld/cancel", ""},
    {"DELETE", "/tasks/t%ld", ""},
    {"PUT", "/events/e%ld", ""},
    {"GET", "/events/e%ld?timeout=0.001", ""},
    {"DELETE", "/events/e%ld", ""},
    {"GET", "/wait?delay=0&event=e%ld&timeout=0.001", ""},
    {"POST", "/semaphores/s%ld/acquire?ttl=1ms&timeout=0.001", ""},
    {"POST", "/barriers/b%ld/wait?parties=2&timeout=0.001", ""},
    {"POST", "/latches/c%ld", ""},
    {"POST", "/queues/q%ld", "item"},
    {"POST", "/queues/q%ld/get?timeout=0.001", ""},
    {"GET", "/wait?delay=sometimes", ""},
    {"GET", "/nowhere/%ld", ""},
    {"GET", "/healthz", ""},
};

struct asker {
    int fd;
    struct answer answer;
};

static void
ask(struct asker *asker)
{
    size_t i = (size_t)lrand48() % (sizeof asked / sizeof *asked);
    char target[128], request[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(target, sizeof target, asked[i].target, lrand48() % NAMES);
#pragma GCC diagnostic pop
    int size = snprintf(request, sizeof request,
                        "%s %s HTTP/1.1\r\nHost: l\r\nContent-Length: %zu\r\n\r\n%s",
                        asked[i].method, target, strlen(asked[i].body), asked[i].body);
    asker->answer.size = 0;
    say(asker->fd, request, (size_t)size);
}

static void
connect_asker(struct asker *asker, int port, int poll)
{
    asker->fd = dial(port);
    poll_add(poll, asker->fd, asker);
}

/* One in sixteen leaves after its answer, one in 256 before: another comes. */
static bool
leaves(long one_in, struct asker *asker, int port, int poll)
{
    if (lrand48() % one_in)
        return false;
    reset(asker->fd);
    connect_asker(asker, port, poll);
    return true;
}

void
run_mix(int port, size_t total, size_t at_once)
{
    struct asker *askers = calloc(at_once, sizeof *askers);
    size_t sent = 0, answered = 0, left = 0, statuses[6] = {0};
    int poll = poll_open();
    int64_t begin_ns = now();

    if (askers == NULL)
        die("calloc");
    for (; sent < at_once; sent++) {
        connect_asker(&askers[sent], port, poll);
        ask(&askers[sent]);
    }
    while (answered + left < total) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poll, events, EVENTS, 60000);

        if (count <= 0)
            die("nothing came in 60 s");
        for (int i = 0; i < count; i++) {
            struct asker *asker = events[i].data.ptr;

            if (!answer_read(&asker->answer, asker->fd))
                continue;
            answered++;
            statuses[asker->answer.status / 100 % 6]++;
            (void)leaves(16, asker, port, poll);
            while (sent < total) {
                ask(asker);
                sent++;
                if (!leaves(256, asker, port, poll))
                    break;
                left++;
            }
        }
    }
    printf("answered=%zu left=%zu s2xx=%zu s4xx=%zu s5xx=%zu seconds=%.2f\n", answered,
           left, statuses[2], statuses[4], statuses[5],
           (double)(now() - begin_ns) / 1e9);
    free(askers);
}

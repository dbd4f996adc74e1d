#include "worker.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

/*
 * libuv keeps whole milliseconds and epoll adds slack to its timeouts, so deadlines
 * stand in heaps of our own, and one absolute timerfd wakes the loop for the nearest of
 * them.
 */
struct worker {
    uv_loop_t loop;
    uv_poll_t hub;
    uv_poll_t timer;
    uv_prepare_t turn; /* before each poll: what is due, and what has work */
    uv_idle_t busy;    /* active while a turn has left something to do */
    uv_signal_t terminate, interrupt;
    int timer_fd;
    int64_t armed_ns; /* INT64_MAX: not armed */
    bool expired;     /* readable until it is set again: nobody needs to read it */
    int64_t drain_ns;
    struct registry registry;
    struct server *server;
    const struct log *log;
};

static void
on_hub(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = CONTAINER_OF(poll, struct worker, hub);

    (void)status;
    (void)events;
    server_ready(worker->server);
}

static void
on_timer(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = CONTAINER_OF(poll, struct worker, timer);

    (void)status;
    (void)events;
    worker->expired = true;
}

/* Sets the timer where its deadline has come nearer, or has passed; at INT64_MAX it is
 * disarmed. */
static void
arm(struct worker *worker)
{
    int64_t next_ns = server_next_ns(worker->server);
    struct itimerspec at = {0};

    if (next_ns >= worker->armed_ns && !worker->expired)
        return;
    if (next_ns < 1)
        next_ns = 1; /* 0 would disarm it */
    if (next_ns != INT64_MAX)
        at.it_value = (struct timespec){.tv_sec = next_ns / NS_PER_SECOND,
                                        .tv_nsec = next_ns % NS_PER_SECOND};
    if (timerfd_settime(worker->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) == 0) {
        worker->armed_ns = next_ns;
        worker->expired = false;
    }
}

static void
on_busy(uv_idle_t *idle)
{
    (void)idle; /* its being active keeps the loop from sleeping */
}

static void
on_turn(uv_prepare_t *prepare)
{
    struct worker *worker = CONTAINER_OF(prepare, struct worker, turn);

    if (server_turn(worker->server))
        uv_idle_start(&worker->busy, on_busy);
    else
        uv_idle_stop(&worker->busy);
    arm(worker);
}

static void
on_drained(void *owner)
{
    struct worker *worker = owner;

    uv_stop(&worker->loop);
}

static void
on_signal(uv_signal_t *handle, int signum)
{
    struct worker *worker = handle->data;

    if (server_draining(worker->server))
        _exit(128 + signum);
    LOG(worker->log, LOG_LEVEL_INFO, "draining",
        {"signal", signum == SIGTERM ? "SIGTERM" : "SIGINT"});
    server_drain(worker->server, worker->drain_ns, on_drained, worker);
}

static void
init_handles(struct worker *worker)
{
    uv_poll_init(&worker->loop, &worker->hub, server_fd(worker->server));
    uv_poll_start(&worker->hub, UV_READABLE, on_hub);
    uv_poll_init(&worker->loop, &worker->timer, worker->timer_fd);
    uv_poll_start(&worker->timer, UV_READABLE, on_timer);
    uv_prepare_init(&worker->loop, &worker->turn);
    uv_prepare_start(&worker->turn, on_turn);
    uv_idle_init(&worker->loop, &worker->busy);
    uv_signal_init(&worker->loop, &worker->terminate);
    uv_signal_init(&worker->loop, &worker->interrupt);
    worker->terminate.data = worker->interrupt.data = worker;
    uv_signal_start(&worker->terminate, on_signal, SIGTERM);
    uv_signal_start(&worker->interrupt, on_signal, SIGINT);
}

struct worker *
worker_open(const struct server_config *http, const struct registry_limits *limits,
            const uint64_t *seed, const struct log *log, struct text *why)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        text_string(why, "cannot start: no memory");
        return NULL;
    }
    worker->log = log;
    worker->armed_ns = INT64_MAX;
    registry_open(&worker->registry, limits, &clock_system, seed);
    worker->server = server_open(http, &worker->registry, log, why);
    if (worker->server == NULL) {
        registry_close(&worker->registry);
        free(worker);
        return NULL;
    }
    worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (worker->timer_fd < 0 || uv_loop_init(&worker->loop) != 0) {
        text_string(why, "cannot start: no descriptors for the loop");
        server_close(worker->server);
        registry_close(&worker->registry);
        free(worker);
        return NULL;
    }
    init_handles(worker);
    return worker;
}

const struct server *
worker_server(const struct worker *worker)
{
    return worker->server;
}

void
worker_run(struct worker *worker, int64_t drain_ns)
{
    worker->drain_ns = drain_ns;
    uv_run(&worker->loop, UV_RUN_DEFAULT);
}

static void
close_handle(uv_handle_t *handle, void *argument)
{
    (void)argument;
    uv_close(handle, NULL);
}

void
worker_close(struct worker *worker)
{
    uv_walk(&worker->loop, close_handle, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    int error = uv_loop_close(&worker->loop);

    assert(error == 0);
    (void)error;
    server_close(worker->server);
    registry_close(&worker->registry);
    close(worker->timer_fd);
    free(worker);
}

#include "worker.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { LETTERS_A_TURN = 256 };

/*
 * libuv keeps whole milliseconds and epoll adds slack to its timeouts, so deadlines
 * stand in heaps of our own, and one absolute timerfd wakes the loop for the nearest of
 * them.
 */
struct worker {
    struct worker_plan plan;
    uv_loop_t loop;
    uv_poll_t hub;
    uv_poll_t timer;
    uv_async_t mail;
    uv_prepare_t turn; /* before each poll: what is due, and what has work */
    uv_idle_t busy;    /* active while a turn has left something to do */
    int timer_fd;
    int64_t armed_ns; /* INT64_MAX: not armed */
    bool expired;     /* readable until it is set again: nobody needs to read it */
    struct registry registry;
    struct server *server;
    struct letter drain, stop; /* each is posted once */
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

/* ---- mail --------------------------------------------------------------------------
 */

static struct mailbox *
mailbox(struct worker *worker)
{
    return &worker->plan.peers->at[worker->plan.index].mailbox;
}

static void
wake(void *waker)
{
    uv_async_send(waker);
}

static void
on_mail(uv_async_t *async)
{
    struct worker *worker = CONTAINER_OF(async, struct worker, mail);

    if (mailbox_deliver(mailbox(worker), LETTERS_A_TURN))
        uv_async_send(async);
}

static void
on_drain(struct letter *letter, void *reader)
{
    struct worker *worker = CONTAINER_OF(letter, struct worker, drain);

    (void)reader;
    server_drain(worker->server, worker->plan.drain_ns, worker->plan.on_drained,
                 worker->plan.owner);
}

static void
on_stop(struct letter *letter, void *reader)
{
    struct worker *worker = CONTAINER_OF(letter, struct worker, stop);

    (void)reader;
    uv_stop(&worker->loop);
}

void
worker_drain(struct worker *worker)
{
    mailbox_post(mailbox(worker), &worker->drain);
}

void
worker_stop(struct worker *worker)
{
    mailbox_post(mailbox(worker), &worker->stop);
}

/* ---- opening and closing -----------------------------------------------------------
 */

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
}

static bool
open_loop(struct worker *worker)
{
    worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (worker->timer_fd < 0 || uv_loop_init(&worker->loop) != 0)
        return false;
    if (uv_async_init(&worker->loop, &worker->mail, on_mail) != 0)
        return false;
    return true;
}

struct worker *
worker_open(const struct worker_plan *plan, struct text *why)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        text_string(why, "cannot start: no memory");
        return NULL;
    }
    worker->plan = *plan;
    worker->armed_ns = INT64_MAX;
    worker->drain.deliver = on_drain;
    worker->stop.deliver = on_stop;
    registry_open(&worker->registry, plan->limits, &clock_system, plan->seed,
                  plan->peers, plan->index);
    worker->server =
        server_open(plan->http, &worker->registry,
                    plan->first ? plan->first->server : NULL, plan->log, why);
    if (worker->server == NULL) {
        registry_close(&worker->registry);
        free(worker);
        return NULL;
    }
    if (!open_loop(worker)) {
        text_string(why, "cannot start: no descriptors for the loop");
        server_stop(worker->server);
        server_close(worker->server);
        registry_close(&worker->registry);
        free(worker);
        return NULL;
    }
    init_handles(worker);
    mailbox(worker)->waker = &worker->mail;
    mailbox(worker)->wake = wake;
    return worker;
}

const struct server *
worker_server(const struct worker *worker)
{
    return worker->server;
}

uv_loop_t *
worker_loop(struct worker *worker)
{
    return &worker->loop;
}

void
worker_run(struct worker *worker)
{
    uv_run(&worker->loop, UV_RUN_DEFAULT);
}

static void
close_handle(uv_handle_t *handle, void *argument)
{
    (void)argument;
    uv_close(handle, NULL);
}

void
worker_drop(struct worker *worker)
{
    mailbox(worker)->wake = NULL;
    uv_walk(&worker->loop, close_handle, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    int error = uv_loop_close(&worker->loop);

    assert(error == 0);
    (void)error;
    server_stop(worker->server);
}

void
worker_deliver(struct worker *worker)
{
    while (mailbox_deliver(mailbox(worker), LETTERS_A_TURN))
        continue;
}

void
worker_close(struct worker *worker)
{
    server_close(worker->server);
    registry_close(&worker->registry);
    close(worker->timer_fd);
    free(worker);
}

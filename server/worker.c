#include "worker.h"

#include "async/record.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { LETTERS_A_TURN = 256 };
static const int64_t FAR_NS =
    NS_PER_SECOND; /* a timer set so much too early is moved */

/*
 * libuv keeps whole milliseconds and epoll adds slack to its timeouts, so deadlines
 * stand in heaps of our own, and one absolute timerfd wakes the loop for the nearest of
 * them. The loop sleeps in the hub, and the uv loop is one of its sources: the other
 * way round, each turn would ask two epolls.
 */
struct worker {
    struct worker_plan plan;
    uv_loop_t loop; /* for mail, and what else shall run on this thread */
    uv_async_t mail;
    struct hub_source loop_ready, timer_ready;
    int timer_fd;
    int64_t armed_ns; /* INT64_MAX: not armed */
    bool expired;     /* readable until it is set again: nobody needs to read it */
    bool stopping;
    struct registry registry;
    struct server *server;
    struct letter drain, stop; /* each is posted once */
};

static void
on_loop_ready(struct hub_source *source, uint32_t events)
{
    struct worker *worker = CONTAINER_OF(source, struct worker, loop_ready);

    (void)events;
    uv_run(&worker->loop, UV_RUN_NOWAIT);
}

static void
on_timer(struct hub_source *source, uint32_t events)
{
    struct worker *worker = CONTAINER_OF(source, struct worker, timer_ready);

    (void)events;
    worker->expired = true;
}

/* Sets the timer where its deadline has come nearer, has passed, or is far away now: an
 * idle worker does not wake up. Where it has moved a little, the timer finds that out.
 */
static void
arm(struct worker *worker)
{
    int64_t next_ns = server_next_ns(worker->server);
    struct itimerspec at = {0};

    bool nearer = next_ns < worker->armed_ns;
    bool far = !nearer && next_ns - worker->armed_ns > FAR_NS;

    if (!nearer && !far && !worker->expired)
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

void
worker_run(struct worker *worker)
{
    struct hub *hub = server_hub(worker->server);
    struct resident *resident = *worker->plan.resident;

    /* So that its backend knows its descriptors. */
    uv_run(&worker->loop, UV_RUN_NOWAIT);
    while (!worker->stopping) {
        if (resident)
            resident_look(resident, clock_now(&clock_system));
        bool busy = server_turn(worker->server);

        if (!busy)
            arm(worker);
        hub_dispatch(hub, !busy);
    }
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
    worker->stopping = true;
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

static bool
open_loop(struct worker *worker)
{
    struct hub *hub = server_hub(worker->server);

    worker->loop_ready.ready = on_loop_ready;
    worker->timer_ready.ready = on_timer;
    worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return worker->timer_fd >= 0 && uv_loop_init(&worker->loop) == 0
           && uv_async_init(&worker->loop, &worker->mail, on_mail) == 0
           && hub_add(hub, worker->timer_fd, EPOLLIN, &worker->timer_ready)
           && hub_add(hub, uv_backend_fd(&worker->loop), EPOLLIN, &worker->loop_ready);
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
    registry_open(&worker->registry, plan->limits, plan->http->asked->clock, plan->seed,
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
    registry_keep_all(&worker->registry);
    server_stop(worker->server);
    registry_cancel_all(&worker->registry, REASON_DRAIN,
                        registry_now(&worker->registry));
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

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
 * False: it could not be set, and nothing would wake a worker that sleeps.
 */
static bool
arm(struct worker *worker)
{
    int64_t next_ns = server_next_ns(worker->server);
    struct itimerspec at = {0};

    bool nearer = next_ns < worker->armed_ns;
    bool far = !nearer && next_ns - worker->armed_ns > FAR_NS;

    if (!nearer && !far && !worker->expired)
        return true;
    if (next_ns < 1)
        next_ns = 1; /* 0 would disarm it */
    if (next_ns != INT64_MAX)
        at.it_value = (struct timespec){.tv_sec = next_ns / NS_PER_SECOND,
                                        .tv_nsec = next_ns % NS_PER_SECOND};
    if (timerfd_settime(worker->timer_fd, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        return false;
    worker->armed_ns = next_ns;
    worker->expired = false;
    return true;
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
        bool sleeps = !server_turn(worker->server) && arm(worker);

        hub_dispatch(hub, sleeps);
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

/* ---- other tokens ------------------------------------------------------------------
 */

struct worker_tokens {
    struct letter letter;
    struct worker *worker;
    struct tokens *tokens;
};

void
worker_tokens_free(struct worker_tokens *letter)
{
    tokens_free(letter->tokens);
    free(letter);
}

static void
on_tokens(struct letter *posted, void *reader)
{
    struct worker_tokens *letter = CONTAINER_OF(posted, struct worker_tokens, letter);

    (void)reader;
    server_take_tokens(letter->worker->server, letter->tokens);
    free(letter);
}

struct worker_tokens *
worker_tokens_new(struct worker *worker, const struct tokens *tokens)
{
    struct worker_tokens *letter = calloc(1, sizeof *letter);

    if (letter == NULL)
        return NULL;
    letter->letter.deliver = on_tokens;
    letter->worker = worker;
    letter->tokens = tokens_copy(tokens);
    if (letter->tokens)
        return letter;
    worker_tokens_free(letter);
    return NULL;
}

void
worker_tokens_post(struct worker_tokens *letter)
{
    mailbox_post(mailbox(letter->worker), &letter->letter);
}

/* ---- opening and closing -----------------------------------------------------------
 */

static bool
open_uv(struct worker *worker)
{
    if (uv_loop_init(&worker->loop) != 0)
        return false;
    if (uv_async_init(&worker->loop, &worker->mail, on_mail) == 0)
        return true;
    uv_loop_close(&worker->loop);
    return false;
}

static void
close_handle(uv_handle_t *handle, void *argument)
{
    (void)argument;
    uv_close(handle, NULL);
}

static void
close_uv(struct worker *worker)
{
    uv_walk(&worker->loop, close_handle, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    int error = uv_loop_close(&worker->loop);

    assert(error == 0);
    (void)error;
}

/* False: nothing of it is left. */
static bool
open_loop(struct worker *worker)
{
    struct hub *hub = server_hub(worker->server);

    worker->loop_ready.ready = on_loop_ready;
    worker->timer_ready.ready = on_timer;
    worker->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (worker->timer_fd < 0)
        return false;
    if (open_uv(worker)) {
        if (hub_add(hub, worker->timer_fd, EPOLLIN, &worker->timer_ready)
            && hub_add(hub, uv_backend_fd(&worker->loop), EPOLLIN, &worker->loop_ready))
            return true;
        close_uv(worker);
    }
    close(worker->timer_fd);
    return false;
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

void
worker_drop(struct worker *worker)
{
    mailbox(worker)->wake = NULL;
    close_uv(worker);
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

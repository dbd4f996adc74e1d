#include "workers.h"

#include "async/memory.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* The first worker runs on the thread that calls workers_run, and hears the signals. */
struct workers {
    size_t count; /* that are open */
    struct peers *peers;
    struct resident *resident; /* NULL: no budget */
    const struct log *log;
    atomic_size_t drained;
    bool draining;
    uv_signal_t terminate, interrupt, hangup;
    void (*on_hangup)(struct workers *workers, void *owner);
    void *owner;
    size_t threads_started;
    uv_thread_t threads[PEERS_MOST];
    struct worker *at[PEERS_MOST];
};

static void
stop_all(struct workers *workers)
{
    for (size_t i = 0; i < workers->count; i++)
        worker_stop(workers->at[i]);
}

/* The thread of the one that has drained. */
static void
on_drained(void *owner)
{
    struct workers *workers = owner;

    if (atomic_fetch_add(&workers->drained, 1) + 1 == workers->count)
        stop_all(workers);
}

static void
on_signal(uv_signal_t *handle, int signum)
{
    struct workers *workers = handle->data;

    if (workers->draining)
        _exit(128 + signum);
    LOG(workers->log, LOG_LEVEL_INFO, "draining",
        {"signal", signum == SIGTERM ? "SIGTERM" : "SIGINT"});
    workers->draining = true;
    for (size_t i = 0; i < workers->count; i++)
        worker_drain(workers->at[i]);
}

static void
on_hangup(uv_signal_t *handle, int signum)
{
    struct workers *workers = handle->data;

    (void)signum;
    workers->on_hangup(workers, workers->owner);
}

static bool
hear(struct workers *workers, uv_signal_t *handle, int signum, uv_signal_cb heard)
{
    if (uv_signal_init(worker_loop(workers->at[0]), handle) != 0)
        return false;
    handle->data = workers;
    return uv_signal_start(handle, heard, signum) == 0;
}

static bool
open_next(struct workers *workers, const struct workers_plan *plan, struct text *why)
{
    size_t index = workers->count;
    uint64_t seed = plan->seed ? *plan->seed + index : 0;
    struct worker_plan worker = {
        .http = plan->http,
        .limits = plan->limits,
        .seed = plan->seed ? &seed : NULL,
        .log = plan->log,
        .peers = workers->peers,
        .resident = &workers->resident,
        .index = index,
        .first = index > 0 ? workers->at[0] : NULL,
        .drain_ns = plan->drain_ns,
        .on_drained = on_drained,
        .owner = workers,
    };

    workers->at[index] = worker_open(&worker, why);
    if (workers->at[index] == NULL)
        return false;
    workers->count++;
    return true;
}

/* The base of the budget is what the workers take when they are open. */
static bool
open_all(struct workers *workers, const struct workers_plan *plan, struct text *why)
{
    const struct server_config *http = plan->http;
    struct peers *peers = workers->peers;

    peers->addresses.most = http->max_connections_per_address;
    memory_open(&peers->memory, http->max_memory, http->connection_memory);
    while (workers->count < plan->count)
        if (!open_next(workers, plan, why))
            return false;
    if (http->max_memory)
        workers->resident = resident_open(peers, why);
    return workers->resident || http->max_memory == 0;
}

struct workers *
workers_open(const struct workers_plan *plan, struct text *why)
{
    struct workers *workers = calloc(1, sizeof *workers);
    struct peers *peers = peers_new(plan->count);

    if (workers == NULL || peers == NULL) {
        text_string(why, "cannot start: no memory");
        free(workers);
        peers_free(peers);
        return NULL;
    }
    workers->peers = peers;
    workers->log = plan->log;
    workers->on_hangup = plan->on_hangup;
    workers->owner = plan->owner;
    if (!open_all(workers, plan, why)) {
        workers_close(workers);
        return NULL;
    }
    if (hear(workers, &workers->terminate, SIGTERM, on_signal)
        && hear(workers, &workers->interrupt, SIGINT, on_signal)
        && hear(workers, &workers->hangup, SIGHUP, on_hangup))
        return workers;
    text_string(why, "cannot start: no descriptors for signals");
    workers_close(workers);
    return NULL;
}

const struct server *
workers_server(const struct workers *workers)
{
    return worker_server(workers->at[0]);
}

/* All of the letters are there before one is posted: no worker has other tokens than
 * the next. */
bool
workers_take_tokens(struct workers *workers, const struct tokens *tokens)
{
    struct worker_tokens *letters[PEERS_MOST];
    size_t made = 0;

    while (made < workers->count
           && (letters[made] = worker_tokens_new(workers->at[made], tokens)) != NULL)
        made++;
    bool whole = made == workers->count;
    for (size_t i = 0; i < made; i++) {
        if (whole)
            worker_tokens_post(letters[i]);
        else
            worker_tokens_free(letters[i]);
    }
    return whole;
}

static void
run_one(void *argument)
{
    worker_run(argument);
}

/* Worker 0 runs on this thread. */
static bool
start_threads(struct workers *workers)
{
    for (size_t i = 1; i < workers->count; i++) {
        if (uv_thread_create(&workers->threads[i], run_one, workers->at[i]) != 0)
            return false;
        workers->threads_started++;
    }
    return true;
}

bool
workers_run(struct workers *workers, struct text *why)
{
    bool started = start_threads(workers);

    if (started)
        worker_run(workers->at[0]);
    else {
        text_format(why, "cannot start worker %zu of %zu: no thread to be had",
                    workers->threads_started + 2, workers->count);
        stop_all(workers);
    }
    for (size_t i = 1; i <= workers->threads_started; i++)
        uv_thread_join(&workers->threads[i]);
    return started;
}

/* libuv forgets them with its loop, and one that comes then would kill the process,
 * though all is done. No other thread is left. */
static void
ignore_signals(void)
{
    sigset_t late;

    sigemptyset(&late);
    sigaddset(&late, SIGTERM);
    sigaddset(&late, SIGINT);
    sigaddset(&late, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &late, NULL);
}

void
workers_close(struct workers *workers)
{
    ignore_signals();
    for (size_t i = 0; i < workers->count; i++)
        worker_drop(workers->at[i]);
    /* Twice: what a letter makes is delivered too (a farewell ends a visit, an answer
     * that finds nobody is freed). */
    for (size_t i = 0; i < 2 * workers->count; i++)
        worker_deliver(workers->at[i % workers->count]);
    for (size_t i = 0; i < workers->count; i++)
        worker_close(workers->at[i]);
    resident_close(workers->resident);
    peers_free(workers->peers);
    free(workers);
}

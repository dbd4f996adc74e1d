/* GET /metrics: what the server counts, in Prometheus' text format 0.0.4. */
#include "api/metrics.h"

#include "api/app.h"
#include "async/memory.h"
#include "async/record.h"
#include "base/number.h"
#include "http/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one worker has counted. */
struct sample {
    struct server_counts counts; /* its `requests` are this sample's */
    size_t connections, cells, waits;
    size_t memory_used, memory_limit; /* of the process: told by the first worker */
    uint64_t dropped;                 /* ended tasks */
    size_t tasks[STATE_COUNT];
    size_t objects[OBJECT_KINDS];
    struct histogram lateness;
    bool failed; /* out of memory */
};

struct source {
    const struct app *app;
    const struct sample *sample;
    char worker[32]; /* the label: worker="0" */
    struct text *out;
};

/* ---- a worker's sample -------------------------------------------------------------
 */

static bool
take(struct server *server, const void *question, void *portion)
{
    const struct registry *registry = server_registry(server);
    struct sample *sample = portion;
    size_t size = (server_routes(server) + 1) * sizeof *sample->counts.requests;

    (void)question;
    sample->counts = *server_counts(server);
    sample->counts.requests = malloc(size);
    sample->failed = sample->counts.requests == NULL;
    if (!sample->failed)
        memcpy(sample->counts.requests, server_counts(server)->requests, size);
    sample->connections = server_connections(server);
    sample->cells = server_cells(server);
    sample->waits = registry->waits;
    sample->dropped = registry->dropped;
    if (registry->worker == 0 && registry->peers->memory.limit) {
        sample->memory_used = memory_used(registry->peers);
        sample->memory_limit = registry->peers->memory.limit;
    }
    sample->lateness = registry->timers.lateness;
    memcpy(sample->objects, registry->objects.count, sizeof sample->objects);
    memcpy(sample->tasks, registry->task_states, sizeof sample->tasks);
    return true;
}

static void
free_sample(void *portion)
{
    struct sample *sample = portion;

    free(sample->counts.requests);
}

/* ---- the metrics -------------------------------------------------------------------
 */

static void
write_value(struct source *source, const char *name, const char *labels, uint64_t value)
{
    text_format(source->out, "%s{%s%s%s} %llu\n", name, source->worker,
                *labels ? "," : "", labels, (unsigned long long)value);
}

static void
write_connections(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->connections);
}

static void
write_accepted(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->counts.accepted);
}

static void
write_pauses(struct source *source, const char *name)
{
    static const char *const labels[PAUSE_COUNT] = {
        [PAUSE_CONNECTIONS] = "reason=\"connections\"",
        [PAUSE_SYSTEM] = "reason=\"system\"",
    };

    for (size_t i = 0; i < PAUSE_COUNT; i++)
        write_value(source, name, labels[i], source->sample->counts.pauses[i]);
}

static void
write_dropped(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->dropped);
}

static void
write_memory(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->memory_used);
}

static void
write_memory_limit(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->memory_limit);
}

static void
write_disconnects(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->counts.disconnects);
}

static void
write_stalls(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->counts.stalls);
}

static void
write_bytes(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->counts.bytes);
}

static void
write_access_dropped(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->counts.access_dropped);
}

static void
write_cells(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->cells);
}

static void
write_waits(struct source *source, const char *name)
{
    write_value(source, name, "", source->sample->waits);
}

static void
write_tasks(struct source *source, const char *name)
{
    for (size_t state = 0; state < STATE_COUNT; state++) {
        char labels[32];
        struct text text = text_over(labels, sizeof labels);

        text_format(&text, "state=\"%s\"", record_state_words[state]);
        write_value(source, name, text_terminated(&text), source->sample->tasks[state]);
    }
}

static void
write_objects(struct source *source, const char *name)
{
    _Static_assert(KIND_QUEUE - KIND_EVENT == OBJECT_QUEUE, "the words are in order");

    for (size_t kind = 0; kind < OBJECT_KINDS; kind++) {
        char labels[32];
        struct text text = text_over(labels, sizeof labels);

        text_format(&text, "kind=\"%s\"", record_kind_words[KIND_EVENT + kind]);
        write_value(source, name, text_terminated(&text),
                    source->sample->objects[kind]);
    }
}

static void
write_route_requests(struct source *source, const char *name, const char *path,
                     unsigned methods, const uint64_t counts[ROUTE_STATUSES])
{
    for (size_t i = 0; i < ROUTE_STATUSES; i++) {
        char labels[160];
        struct text text = text_over(labels, sizeof labels);

        if (counts[i] == 0)
            continue;
        text_format(&text, "route=\"%s\",method=\"", path);
        methods_print(methods, "|", &text);
        if (route_statuses[i])
            text_format(&text, "\",status=\"%d\"", route_statuses[i]);
        else
            text_string(&text, "\",status=\"other\"");
        write_value(source, name, text_terminated(&text), counts[i]);
    }
}

static void
write_requests(struct source *source, const char *name)
{
    const struct route *const *routes = source->app->routes;
    size_t i = 0;

    for (; routes[i] != NULL; i++)
        write_route_requests(source, name, routes[i]->path, routes[i]->methods,
                             source->sample->counts.requests[i]);
    write_route_requests(source, name, "", 0, source->sample->counts.requests[i]);
}

static void
write_problems(struct source *source, const char *name)
{
    for (enum error error = OK + 1; error < ERROR_COUNT; error++) {
        char labels[64];
        struct text text = text_over(labels, sizeof labels);

        if (source->sample->counts.problems[error] == 0)
            continue;
        text_format(&text, "type=\"%s\"", error_info(error)->slug);
        write_value(source, name, text_terminated(&text),
                    source->sample->counts.problems[error]);
    }
}

static void
write_histogram(struct source *source, const char *name,
                const struct histogram *histogram)
{
    char number[NUMBER_TEXT_MAX];
    uint64_t below = 0;

    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        below += histogram->counts[i];
        if (i < HISTOGRAM_BOUNDS)
            number_print(ns_to_seconds(histogram_bounds_ns[i]), number);
        text_format(source->out, "%s_bucket{%s,le=\"%s\"} %llu\n", name, source->worker,
                    i < HISTOGRAM_BOUNDS ? number : "+Inf", (unsigned long long)below);
    }
    number_print(ns_to_seconds(histogram->sum_ns), number);
    text_format(source->out, "%s_sum{%s} %s\n%s_count{%s} %llu\n", name, source->worker,
                number, name, source->worker, (unsigned long long)below);
}

static void
write_lateness(struct source *source, const char *name)
{
    write_histogram(source, name, &source->sample->lateness);
}

static void
write_turns(struct source *source, const char *name)
{
    write_histogram(source, name, &source->sample->counts.turns);
}

static const struct metric {
    const char *name, *type, *text;
    void (*write)(struct source *source, const char *name);
} metrics[] = {
    {"waitd_requests_total", "counter",
     "Requests answered, by route and status; route is empty where there was none.",
     write_requests},
    {"waitd_problems_total", "counter",
     "Requests refused or failed, by type of problem.", write_problems},
    {"waitd_waits", "gauge",
     "Waits in flight; each of the n counts until it has ended, and so does each "
     "request that blocks at an object.",
     write_waits},
    {"waitd_tasks", "gauge", "Tasks by state, kept ones included.", write_tasks},
    {"waitd_objects", "gauge", "Events, semaphores, barriers, latches and queues.",
     write_objects},
    {"waitd_lateness_seconds", "histogram",
     "How long after its deadline a wait ended that ended by itself, on the clock of "
     "all waits (GET /clock).",
     write_lateness},
    {"waitd_turn_seconds", "histogram", "How long a turn of the loop took.",
     write_turns},
    {"waitd_disconnects_total", "counter",
     "Clients that left while something waited for them.", write_disconnects},
    {"waitd_stalled_total", "counter",
     "Clients cut off because they took nothing of their answer for --stall-timeout.",
     write_stalls},
    {"waitd_connections", "gauge", "Connections open now.", write_connections},
    {"waitd_accepted_total", "counter", "Connections accepted.", write_accepted},
    {"waitd_accept_pauses_total", "counter",
     "Times that accepting stopped: there were as many connections as may be, or the "
     "system had no descriptor or memory. Each 0.1 s it is tried again.",
     write_pauses},
    {"waitd_tasks_dropped_total", "counter",
     "Ended tasks forgotten before --retention was over, to make room for newer ones.",
     write_dropped},
    {"waitd_memory_bytes", "gauge",
     "Bytes counted against --max-memory, of the whole process; 0 without it.",
     write_memory},
    {"waitd_memory_limit_bytes", "gauge", "What --max-memory says; 0 without it.",
     write_memory_limit},
    {"waitd_cells", "gauge", "libmicrohttpd daemons that share the connections.",
     write_cells},
    {"waitd_access_log_dropped_total", "counter",
     "Lines of the access log that nobody took in time.", write_access_dropped},
    {"waitd_body_bytes_total", "counter", "Bytes of bodies handed out to be sent.",
     write_bytes},
};

void
metrics_print_table(struct text *out)
{
    for (size_t i = 0; i < COUNT(metrics); i++)
        text_format(out, "| `%s` | %s | %s |\n", metrics[i].name, metrics[i].type,
                    metrics[i].text);
}

static void
write_samples(struct source *source, const struct metric *metric, void **samples,
              size_t count)
{
    text_format(source->out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->text,
                metric->name, metric->type);
    for (size_t i = 0; i < count; i++) {
        source->sample = samples[i];
        snprintf(source->worker, sizeof source->worker, "worker=\"%zu\"", i);
        if (source->sample->failed)
            source->out->failed = true;
        else
            metric->write(source, metric->name);
    }
}

static void
reply_metrics(struct exchange *exchange, const void *question, void **samples,
              size_t count)
{
    struct text body = {0};
    struct reply reply = {.status = 200,
                          .content_type = "text/plain; version=0.0.4; charset=utf-8"};
    struct source source = {.app = exchange_app(exchange), .out = &body};

    (void)question;
    for (size_t i = 0; i < COUNT(metrics); i++)
        write_samples(&source, &metrics[i], samples, count);
    exchange_reply(exchange, &reply, &body);
}

static const struct survey_class all_workers = {
    .size = sizeof(struct sample),
    .take = take,
    .free = free_sample,
    .reply = reply_metrics,
};

static enum error
handle(struct exchange *exchange, const void *in, struct problem *problem)
{
    (void)in;
    (void)problem;
    return survey_begin(exchange, &all_workers, NULL, 0);
}

static const struct answer answers[] = {
    {200, FORMAT_TEXT, "All metrics.",
     "# HELP waitd_waits Waits in flight; each of the n counts until it has ended, and "
     "so does each request that blocks at an object.\n"
     "# TYPE waitd_waits gauge\nwaitd_waits{worker=\"0\"} 3"},
    {0},
};
static const enum error errors[] = {OK};

const struct route route_metrics = {
    .methods = METHOD_GET,
    .path = "/metrics",
    .text = "Says what the server has counted, for Prometheus.",
    .more = "Counters begin with the process.",
    .formats = 1 << FORMAT_TEXT,
    .while_draining = true,
    .answers = answers,
    .errors = errors,
    .example = "localhost:8080/metrics",
    .handle = handle,
};

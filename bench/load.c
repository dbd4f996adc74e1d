/*
 * load.c: puts one kind of load on a server and prints what it found as one JSON
 * object.
 *
 *   load MODE [name=value]...
 *
 *   held    each connection sends one request; the sends are spread over spread seconds
 *   steady  as held, and each answer is followed by the next request, for seconds
 *   churn   rate connections a second: connect, wait, close
 *   zero    keep-alive; closed loop, or rate requests a second
 *   stream  one request for rows, its answer chunked; connections others wait meanwhile
 *
 * A mode is only a set of defaults for struct settings.
 */
#include "engine.h"
#include "net.h"
#include "stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { MOST_CONNECTIONS = 19000, BYTES_PER_ROW = 64 };

struct settings {
    double port, pid, connections, decimals, rate, spread, seconds, warm, min, max,
        seed;
    double rows;
    const char *path, *stream;
};

struct mode {
    const char *name;
    struct settings defaults;
    bool again, close, until_answered;
};

static const struct mode modes[] = {
    {"held",
     {.connections = 18000, .spread = 2.5, .min = 3, .max = 6},
     .until_answered = true},
    {"steady",
     {.connections = 100, .warm = 1, .seconds = 4, .min = 0.01, .max = 0.03},
     .again = true},
    {"churn",
     {.connections = MOST_CONNECTIONS,
      .rate = 2000,
      .seconds = 5,
      .min = 0.05,
      .max = 0.15},
     .close = true,
     .until_answered = true},
    {"zero", {.connections = 64, .warm = 0.3, .seconds = 2}, .again = true},
    {"stream",
     {.connections = 16, .warm = 0.5, .min = 0.01, .max = 0.03, .rows = 1000000},
     .again = true},
};

static _Noreturn void
usage(const char *what)
{
    fprintf(stderr,
            "load: %s\nusage: load held|steady|churn|zero|stream [name=value]...\n",
            what);
    exit(2);
}

static void
set(struct settings *settings, const char *argument)
{
    const struct {
        const char *name;
        double *number;
        const char **text;
    } names[] = {
        {.name = "port", .number = &settings->port},
        {.name = "pid", .number = &settings->pid},
        {.name = "connections", .number = &settings->connections},
        {.name = "decimals", .number = &settings->decimals},
        {.name = "rate", .number = &settings->rate},
        {.name = "spread", .number = &settings->spread},
        {.name = "seconds", .number = &settings->seconds},
        {.name = "warm", .number = &settings->warm},
        {.name = "min", .number = &settings->min},
        {.name = "max", .number = &settings->max},
        {.name = "seed", .number = &settings->seed},
        {.name = "rows", .number = &settings->rows},
        {.name = "path", .text = &settings->path},
        {.name = "stream", .text = &settings->stream},
    };
    const char *value = strchr(argument, '=');

    for (size_t i = 0; value && i < sizeof names / sizeof *names; i++) {
        size_t size = (size_t)(value - argument);
        if (strlen(names[i].name) != size
            || strncmp(names[i].name, argument, size) != 0)
            continue;
        if (names[i].text)
            *names[i].text = value + 1;
        else
            *names[i].number = atof(value + 1);
        return;
    }
    usage(argument);
}

static struct plan
plan_of(const struct mode *mode, const struct settings *settings)
{
    struct plan plan = {
        .port = (int)settings->port,
        .pid = (pid_t)settings->pid,
        .path = settings->path,
        .decimals = (int)settings->decimals,
        .connections = (int)settings->connections,
        .sends = (int64_t)settings->connections,
        .interval_s = settings->spread / settings->connections,
        .delay_min_s = settings->min,
        .delay_max_s = settings->max,
        .warm_s = settings->warm,
        .seconds = mode->until_answered ? 0 : settings->seconds,
        .again = mode->again,
        .close = mode->close,
        .seed = (long)settings->seed,
    };

    if (settings->rate > 0) {
        plan.interval_s = 1 / settings->rate;
        plan.sends = llround(settings->rate * (settings->seconds + settings->warm));
        plan.again = false;
        plan.from_planned = !mode->close;
    }
    plan.limit_s = (double)plan.sends * plan.interval_s + settings->warm
                   + settings->seconds + settings->max + 30;
    return plan;
}

/* ---- the report ---- */

static void
print_histogram(const char *name, const struct histogram *histogram)
{
    static const double quantiles[] = {0,    0.001, 0.01,  0.05,   0.1,
                                       0.25, 0.5,   0.75,  0.9,    0.95,
                                       0.99, 0.995, 0.999, 0.9999, 1};

    printf(",\"%s\":{\"count\":%lu,\"negative\":%lu,\"mean_us\":%.3f,\"min_us\":%.3f,"
           "\"max_us\":%.3f,\"quantiles_us\":{",
           name, histogram->count, histogram->negative, histogram_mean(histogram) / 1e3,
           (double)histogram->min / 1e3, (double)histogram->max / 1e3);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        printf("%s\"%g\":%.3f", i ? "," : "", quantiles[i],
               (double)histogram_quantile(histogram, quantiles[i]) / 1e3);
    printf("}}");
}

static void
print_result(const struct result *result)
{
    double cpu_s = result->after.cpu_s - result->before.cpu_s;

    printf(
        ",\"sent\":%lu,\"answered\":%lu,\"failed\":%lu,\"refused\":%lu,\"counted\":%lu,"
        "\"early\":%lu,\"seconds\":%.6f",
        result->sent, result->answered, result->failed, result->refused,
        result->counted, result->lateness.negative, result->seconds);
    printf(",\"cpu_s\":%.6f,\"user_s\":%.2f,\"system_s\":%.2f,\"switches\":%ld", cpu_s,
           result->after.user_s - result->before.user_s,
           result->after.system_s - result->before.system_s,
           result->after.switches - result->before.switches);
    if (result->counted > 0)
        printf(",\"cpu_us_each\":%.4f,\"per_second\":%.1f",
               cpu_s * 1e6 / (double)result->counted,
               (double)result->counted / result->seconds);
    printf(",\"rss_start_kb\":%ld,\"rss_held_kb\":%ld,\"rss_after_kb\":%ld,"
           "\"peak_kb\":%ld",
           result->start.rss_kb, result->held.rss_kb, result->after.rss_kb,
           result->after.peak_kb);
    print_histogram("lateness", &result->lateness);
    print_histogram("slip", &result->slip);
}

static void
print_stream(const struct stream *stream)
{
    static struct stream_report report;

    stream_report(stream, &report);
    printf(",\"rows\":%lu,\"bytes\":%lu,\"whole\":%s,\"ordered\":%s,\"stream_seconds\":"
           "%.6f",
           report.rows, report.bytes, report.whole ? "true" : "false",
           report.ordered ? "true" : "false", report.seconds);
    print_histogram("row_lateness", &report.lateness);
}

int
main(int argc, char **argv)
{
    static struct result result;
    const struct mode *mode = NULL;
    struct rlimit files;

    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i].name, argv[1]) == 0)
            mode = &modes[i];
    }
    if (mode == NULL)
        usage("which mode?");
    struct settings settings = mode->defaults;
    settings.path = "/wait?delay={}";
    settings.decimals = 3;
    for (int i = 2; i < argc; i++)
        set(&settings, argv[i]);
    if (settings.port < 1 || settings.connections < 1)
        usage("port and connections must be positive");

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    struct plan plan = plan_of(mode, &settings);
    struct stream *stream = NULL;
    if (settings.stream) {
        uint64_t room = (uint64_t)settings.rows * BYTES_PER_ROW + 65536;
        stream = stream_new(settings.stream, room);
    }
    engine_run(&plan, stream, &result);
    printf("{\"mode\":\"%s\",\"connections\":%d", mode->name, plan.connections);
    print_result(&result);
    if (stream)
        print_stream(stream);
    printf("}\n");
    stream_free(stream);
    return 0;
}

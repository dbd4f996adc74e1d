/* main.c: reads the configuration, starts the workers, stops them. */
#include "config.h"
#include "healthcheck.h"
#include "man.h"
#include "token_file.h"
#include "workers.h"

#include "api/app.h"
#include "api/profiles.h"
#include "base/number.h"
#include "http/json_body.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, DESCRIPTORS_SPARED = 64 };

static int
fail(int status, const struct text *why)
{
    fprintf(stderr, "waitd: %.*s\n", (int)why->size, why->bytes);
    return status;
}

static void
print(struct text *out)
{
    fwrite(out->bytes, 1, out->size, stdout);
    text_free(out);
}

/* Raises the limit as far as it may be raised; returns it. */
static size_t
raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return (size_t)limit.rlim_cur;
}

static void
set_connections(struct config *config, size_t descriptors)
{
    size_t spared =
        descriptors / 2 > DESCRIPTORS_SPARED ? DESCRIPTORS_SPARED : descriptors / 2;

    if (!config->max_connections.given)
        config->max_connections.value = (int64_t)(descriptors - spared);
}

/* Where it is not told: a worker for each core that this process may use, or the one
 * that moves the clock. */
static void
set_workers(struct config *config)
{
    cpu_set_t cores;
    int64_t count = 1;

    if (config->workers.given)
        return;
    if (!clock_mode_is_moved(config_clock_mode(config))
        && sched_getaffinity(0, sizeof cores, &cores) == 0)
        count = CPU_COUNT(&cores);
    config->workers.value = count < PEERS_MOST ? count : PEERS_MOST;
}

static struct server_config
http_config(const struct config *config, struct app *app)
{
    return (struct server_config){
        .access_fd = -1,
        .host = config->host.bytes,
        .port = config->port.word == 0 ? -1 : (int)config->port.count,
        .unix_path = config->unix.bytes,
        .max_connections = (size_t)config->max_connections.value,
        .max_connections_per_address =
            (size_t)config->max_connections_per_address.value,
        .max_memory = (size_t)config->max_memory.value,
        .max_body = (size_t)config->max_body.value,
        .connection_memory = (size_t)config->connection_memory.value,
        .header_timeout_ns = seconds_to_ns(config->header_timeout.seconds),
        .idle_timeout_ns = seconds_to_ns(config->idle_timeout.seconds),
        .stall_timeout_ns = seconds_to_ns(config->stall_timeout.seconds),
        .limits = {[LIMIT_MAX_DELAY] = config->max_delay.seconds,
                   [LIMIT_MAX_N] = (double)config->max_n.value},
        .routes = app->routes,
        .app = app,
    };
}

/* Beside the file, then in its place, so that a reader sees it whole or not at all. */
static bool
write_port_file(const char *path, int port, struct text *why)
{
    char beside[4096];

    snprintf(beside, sizeof beside, "%s.%d", path, (int)getpid());
    FILE *file = fopen(beside, "we");
    bool written = file && fprintf(file, "%d\n", port) > 0;

    if (file)
        written = fclose(file) == 0 && written;
    if (written && rename(beside, path) == 0)
        return true;
    text_format(why, "cannot write the port file %s: %s", path, strerror(errno));
    unlink(beside);
    return false;
}

/* False: *why. */
static bool
open_access_log(const char *path, int *fd, struct text *why)
{
    if (path == NULL)
        return true;
    if (strcmp(path, "-") == 0)
        *fd = STDOUT_FILENO;
    else
        *fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (*fd >= 0)
        return true;
    text_format(why, "cannot write the access log %s: %s", path, strerror(errno));
    return false;
}

static void
log_listening(const struct log *log, const struct config *config, const struct app *app,
              int port)
{
    char number[16], workers[16], descriptors[24], connections[24];

    snprintf(descriptors, sizeof descriptors, "%zu", app->descriptors);
    snprintf(connections, sizeof connections, "%lld",
             (long long)config->max_connections.value);
    snprintf(number, sizeof number, "%d", port);
    snprintf(workers, sizeof workers, "%d", (int)config->workers.value);
    LOG(log, LOG_LEVEL_INFO, "listening", {"host", port ? config->host.bytes : NULL},
        {"port", port ? number : NULL}, {"unix", config->unix.bytes},
        {"workers", workers}, {"descriptors", descriptors},
        {"connections", connections}, {"version", WAITD_VERSION});
}

/* Whoever can reach it can use it: it is as well to know. */
static void
log_openness(const struct log *log, const struct config *config,
             const struct server *server)
{
    if (config->token_file.bytes || !server_is_reachable(server))
        return;
    LOG(log, LOG_LEVEL_WARN, "open to other machines", {"host", config->host.bytes},
        {"hint",
         "--token-file wants a token of them, --host 127.0.0.1 keeps them out"});
}

static bool
serve_on(struct workers *workers, const struct config *config, const struct app *app,
         const struct log *log, struct text *why)
{
    int port = server_port(workers_server(workers));

    if (config->port_file.bytes && !write_port_file(config->port_file.bytes, port, why))
        return false;
    log_listening(log, config, app, port);
    log_openness(log, config, workers_server(workers));
    return workers_run(workers, why);
}

static int
serve(struct config *config, struct app *app, const struct reach *reach,
      const struct tokens *tokens, struct token_file *token_file)
{
    const struct log *log = token_file->log;
    struct registry_limits limits = {
        .max_tasks = (size_t)config->max_tasks.value,
        .max_waits = (size_t)config->max_waits.value,
        .retention_ns = seconds_to_ns(config->retention.seconds),
        .max_objects = (size_t)config->max_objects.value,
        .max_object_bytes = (size_t)config->max_object_bytes.value,
        .idle_ttl_ns = seconds_to_ns(config->idle_ttl.seconds),
    };
    uint64_t seed = (uint64_t)config->seed.value;
    struct asked_clock asked;
    TEXT_AUTO why = {0};

    app->descriptors = raise_descriptors();
    set_connections(config, app->descriptors);
    set_workers(config);
    asked_clock_open(&asked, config_clock_mode(config), config->time_scale.value);
    struct server_config http = http_config(config, app);
    http.asked = &asked;
    http.reach = reach;
    http.tokens = tokens;
    if (!open_access_log(config->access_log.bytes, &http.access_fd, &why))
        return fail(EXIT_FAILURE, &why);
    struct workers_plan plan = {
        .count = (size_t)config->workers.value,
        .http = &http,
        .limits = &limits,
        .seed = config->seed.given ? &seed : NULL,
        .log = log,
        .drain_ns = seconds_to_ns(config->drain.seconds),
        .on_hangup = token_file_again,
        .owner = token_file,
    };
    struct workers *workers = workers_open(&plan, &why);
    if (workers == NULL)
        return fail(EXIT_FAILURE, &why);
    bool served = serve_on(workers, config, app, log, &why);
    workers_close(workers);
    if (!served)
        return fail(EXIT_FAILURE, &why);
    LOG(log, LOG_LEVEL_INFO, "stopped");
    return EXIT_SUCCESS;
}

/* Who may reach it, and then it serves. */
static int
serve_reach(struct config *config, struct app *app)
{
    struct log log = {
        .fd = STDERR_FILENO,
        .level = (enum log_level)config->log_level.index,
        .format = (enum log_format)config->log_format.index,
        .clock = &clock_system,
    };
    struct token_file file = {config->token_file.bytes, &log};
    struct tokens *tokens = NULL;
    struct reach reach;
    int status = EXIT_USAGE;
    TEXT_AUTO why = {0};

    if (!reach_open(&reach, config->allow_host.bytes, config->cors_origin.bytes, &why))
        return fail(EXIT_USAGE, &why);
    if (token_file_read(&file, &tokens, &why))
        status = serve(config, app, &reach, tokens, &file);
    else
        fail(EXIT_USAGE, &why);
    tokens_free(tokens);
    reach_close(&reach);
    return status;
}

static int
serve_with_profiles(struct config *config, struct app *app)
{
    struct profiles profiles;
    TEXT_AUTO why = {0};

    if (!profiles_open(&profiles, http_config(config, app).limits,
                       config->profiles.bytes, &why))
        return fail(EXIT_USAGE, &why);
    app->profiles = &profiles;
    int status = serve_reach(config, app);
    app->profiles = NULL;
    api_close(app);
    profiles_close(&profiles);
    return status;
}

int
main(int argc, char **argv)
{
    struct config config;
    struct app app = {
        .version = WAITD_VERSION,
        .routes = api_routes,
        .flags = &config_shape,
        .values = &config,
    };
    enum action action;
    TEXT_AUTO why = {0};
    struct text out = {0};

    if (!config_read(argc, argv, &config, &action, &why))
        return fail(EXIT_USAGE, &why);
    assert(routes_check(api_routes, http_config(&config, &app).limits) == NULL);
    signal(SIGPIPE, SIG_IGN);
    json_body_setup();
    switch (action) {
    case ACTION_SERVE: return serve_with_profiles(&config, &app);
    case ACTION_HELP: config_print_help(&out); break;
    case ACTION_VERSION: text_string(&out, "waitd " WAITD_VERSION "\n"); break;
    case ACTION_HEALTHCHECK: return healthcheck(&config) ? EXIT_SUCCESS : EXIT_FAILURE;
    case ACTION_PRINT_API: api_print_manual(&app, &out); break;
    case ACTION_PRINT_OPENAPI:
        api_print_openapi(&app, http_config(&config, &app).limits, &out);
        break;
    case ACTION_PRINT_MAN: man_print(&out); break;
    }
    print(&out);
    return EXIT_SUCCESS;
}

#include "config.h"

#include "async/peers.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/spelling.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLAG_SIZE = CONFIG_FLAG_SIZE,
    HOUR = 3600,
    DAY = 24 * HOUR,
    MEBIBYTE = 1024 * 1024
};

static const char *const port_words[] = {"none", NULL};
static const char *const log_format_words[] = {"text", "json", NULL};
static const char *const clock_words[] = {"real", "manual", NULL};
static const char *const log_level_words[] = {"debug", "info", "warn", "error", NULL};

static const double no_limits[LIMIT_COUNT];

/* max_delay and max_n leave room for the least heartbeat and the least n. */
/* clang-format off */
static const struct field fields[] = {
    FIELD(struct config, host, FIELD_TEXT, .fallback_text = "127.0.0.1",
          .example = "0.0.0.0", .text = "Address or name to listen on."),
    FIELD(struct config, port, FIELD_COUNT, .min = 0, .max = 65535, .words = port_words,
          .fallback_text = "8080", .example = "0",
          .text = "TCP port; 0 takes any free one, none opens no TCP port."),
    FIELD(struct config, port_file, FIELD_TEXT, .example = "/run/waitd.port",
          .text = "File to write the port to, once it listens."),
    FIELD_AS("unix", struct config, unix, FIELD_TEXT, .example = "/run/waitd.sock",
             .text = "Unix socket to listen on, beside TCP."),
    FIELD(struct config, workers, FIELD_INTEGER, .min = 1, .max = PEERS_MOST,
          .fallback_text = "the cores that it may use", .example = "2",
          .text = "Threads that share the work; they share nothing else."),
    FIELD(struct config, max_delay, FIELD_DURATION, .min = 0.01, .max = 30 * DAY,
          .fallback = 300, .fallback_text = "300s", .example = "1h",
          .text = "Limit of every duration that a client may ask for."),
    FIELD(struct config, max_n, FIELD_INTEGER, .min = 1, .max = 10000000,
          .fallback = 100000, .fallback_text = "100000", .example = "1000",
          .text = "Limit of n: the waits of one request."),
    FIELD(struct config, max_tasks, FIELD_INTEGER, .min = 1, .max = 10000000,
          .fallback = 100000, .fallback_text = "100000", .example = "1000",
          .text = "Limit of tasks that have not ended, and of ended ones kept."),
    FIELD(struct config, max_waits, FIELD_INTEGER, .min = 1, .max = 1000000000,
          .fallback = 2000000, .fallback_text = "2000000", .example = "10000",
          .text = "Limit of waits in flight; each of the n counts until it has ended, and so "
                  "does each request that blocks at an object."),
    FIELD(struct config, max_connections, FIELD_INTEGER, .min = 1, .max = 10000000,
          .fallback_text = "the descriptor limit less 64", .example = "1000",
          .text = "Limit of open connections; more stay in the backlog."),
    FIELD(struct config, max_connections_per_address, FIELD_INTEGER, .max = 10000000,
          .fallback = 0, .fallback_text = "0", .example = "100",
          .text = "Limit of connections of one IP address, or IPv6 /64; 0: none."),
    FIELD(struct config, max_memory, FIELD_SIZE, .min = MEBIBYTE,
          .max = 1024.0 * 1024 * MEBIBYTE, .fallback_text = "none", .example = "48MiB",
          .text = "Limit of the memory of the process, with what the kernel holds for "
                  "its connections: above it new work and connections are refused."),
    FIELD(struct config, max_body, FIELD_SIZE, .min = 256, .max = 64 * MEBIBYTE,
          .fallback = 65536, .fallback_text = "64KiB", .example = "1MiB",
          .text = "Limit of a request's body."),
    FIELD(struct config, connection_memory, FIELD_SIZE, .min = 2048, .max = 32768,
          .fallback = 4096, .fallback_text = "4KiB", .example = "8KiB",
          .text = "Memory of one connection: its head must fit into it."),
    FIELD(struct config, header_timeout, FIELD_DURATION, .min = 0.01, .max = HOUR,
          .fallback = 10, .fallback_text = "10s", .example = "5s",
          .text = "Limit for reading a request whole, head and body."),
    FIELD(struct config, idle_timeout, FIELD_DURATION, .min = 0.01, .max = DAY,
          .fallback = 75, .fallback_text = "75s", .example = "10s",
          .text = "How long a connection may be idle between requests."),
    FIELD(struct config, stall_timeout, FIELD_DURATION, .min = 0.1, .max = HOUR,
          .fallback = 30, .fallback_text = "30s", .example = "5s",
          .text = "How long a client may take nothing of its answer."),
    FIELD(struct config, retention, FIELD_DURATION, .max = 30 * DAY, .fallback = 60,
          .fallback_text = "60s", .example = "10m",
          .text = "How long an ended task is kept."),
    FIELD(struct config, idle_ttl, FIELD_DURATION, .min = 1, .max = 30 * DAY,
          .fallback = 600, .fallback_text = "10m", .example = "1h",
          .text = "How long an unused event, semaphore, barrier, latch or queue is kept."),
    FIELD(struct config, max_objects, FIELD_INTEGER, .min = 1, .max = 10000000,
          .fallback = 100000, .fallback_text = "100000", .example = "1000",
          .text = "Limit of these objects; each lease of a semaphore counts as one."),
    FIELD(struct config, max_object_bytes, FIELD_SIZE, .min = 1024,
          .max = 64.0 * 1024 * MEBIBYTE, .fallback = 64.0 * MEBIBYTE,
          .fallback_text = "64MiB", .example = "1GiB",
          .text = "Limit of what payloads of events and items of queues take."),
    FIELD(struct config, drain, FIELD_DURATION, .max = HOUR, .fallback = 10,
          .fallback_text = "10s", .example = "0",
          .text = "After SIGTERM: how long waits may still end."),
    FIELD(struct config, allow_host, FIELD_TEXT, .example = "localhost,waitd.test:8080",
          .text = "Hosts that it answers to over TCP, each with its port or with any, "
                  "*.NAME for those below it; others get 421. Without it, all."),
    FIELD(struct config, cors_origin, FIELD_TEXT, .example = "http://localhost:3000",
          .text = "Origins whose web pages may read and change things here; * is any."),
    FIELD(struct config, token_file, FIELD_TEXT, .example = "/etc/waitd/tokens",
          .text = "File of bearer tokens, one a line, of which each request but /healthz and "
                  "/readyz has to have one; SIGHUP reads it again."),
    FIELD(struct config, profiles, FIELD_TEXT, .example = "/etc/waitd/profiles.json",
          .text = "JSON file of profiles beside the program's own: see GET /profiles."),
    FIELD(struct config, access_log, FIELD_TEXT, .example = "-",
          .text = "File for a JSON line a request, with its delay and how late it was, on the "
                  "clock of all waits; - is the standard output."),
    FIELD(struct config, log_format, FIELD_WORD, .words = log_format_words,
          .fallback_text = "text", .example = "json", .text = "Form of a log line."),
    FIELD(struct config, log_level, FIELD_WORD, .words = log_level_words,
          .fallback_text = "info", .example = "debug",
          .text = "Lower events are not written."),
    FIELD(struct config, seed, FIELD_SEED, .example = "1",
          .text = "Starts the generator of delays and ids that have no seed of their own: "
                  "with one worker the same requests get the same ones."),
    FIELD(struct config, clock, FIELD_WORD, .words = clock_words, .fallback_text = "real",
          .example = "manual",
          .text = "The clock of all that clients wait for. A manual one stands until POST "
                  "/clock/advance, and has one worker."),
    FIELD(struct config, time_scale, FIELD_NUMBER, .max = CLOCK_SCALE_MAX, .fallback = 1,
          .fallback_text = "1", .example = "0.1",
          .text = "Seconds that one of this clock takes, from 0.001 on: 0.1 is ten times as "
                  "fast. 0 goes to each deadline at once, and has one worker."),
};
/* clang-format on */

const struct shape config_shape = SHAPE(struct config, fields);

const struct action_info config_actions[] = {
    {ACTION_HELP, "--help", "Print this and exit."},
    {ACTION_VERSION, "--version", "Print the version and exit."},
    {ACTION_HEALTHCHECK, "--healthcheck",
     "Ask /healthz of the server that these flags describe (its socket, else its port "
     "file, else its port); exit 0 where it answers within 2 s, 1 where not."},
    {ACTION_PRINT_API, "--print-api", "Print docs/api.md and exit."},
    {ACTION_PRINT_OPENAPI, "--print-openapi", "Print the OpenAPI document and exit."},
    {ACTION_PRINT_MAN, "--print-man", "Print the manual page waitd(8) and exit."},
    {ACTION_SERVE, NULL, NULL},
};

/* "--log-format", or with the environment's prefix WAITD_LOG_FORMAT. */
static void
flag_name(const struct field *field, bool environment, char out[FLAG_SIZE])
{
    struct text text = text_over(out, FLAG_SIZE);

    text_string(&text, environment ? "WAITD_" : "--");
    for (const char *c = field->name; *c; c++) {
        char upper = (char)toupper((unsigned char)*c);
        char dashed = *c == '_' ? '-' : *c;

        text_append(&text, environment ? &upper : &dashed, 1);
    }
    text_terminated(&text);
}

/* Sets the field from a flag or variable of that name, which the error then tells. */
static bool
set(const struct field *field, const char *name, const char *value,
    struct config *config, struct text *why)
{
    struct field named = *field;
    struct problem problem = {0};

    named.name = name;
    if (field_set_text(&named, no_limits, value, strlen(value), config, &problem) == OK)
        return true;
    text_string(why, problem.detail);
    return false;
}

static const struct field *
find_flag(const char *argument, size_t size)
{
    char name[FLAG_SIZE];

    for (size_t i = 0; i < config_shape.count; i++) {
        flag_name(&config_shape.fields[i], false, name);
        if (strlen(name) == size && memcmp(name, argument, size) == 0)
            return &config_shape.fields[i];
    }
    return NULL;
}

static const struct action_info *
find_action(const char *argument, size_t size)
{
    for (const struct action_info *info = config_actions; info->flag; info++)
        if (strlen(info->flag) == size && memcmp(info->flag, argument, size) == 0)
            return info;
    return NULL;
}

static bool
unknown_flag(const char *argument, size_t size, struct text *why)
{
    char names[COUNT(fields)][FLAG_SIZE];
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;

    for (size_t i = 0; i < config_shape.count; i++) {
        flag_name(&config_shape.fields[i], false, names[i]);
        spelling_consider(argument, size, names[i], &nearest, &distance);
    }
    for (const struct action_info *info = config_actions; info->flag; info++)
        spelling_consider(argument, size, info->flag, &nearest, &distance);
    json_escape(why, argument, size < 100 ? size : 100);
    text_format(why, " is not a flag; %s%s", nearest ? "did you mean " : "see --help",
                nearest ? nearest : "");
    return false;
}

static bool
read_flag(const struct field *field, const char *value, struct config *config,
          struct text *why)
{
    char name[FLAG_SIZE];

    flag_name(field, false, name);
    if (value)
        return set(field, name, value, config, why);
    text_format(why, "%s needs a value, such as %s: %s", name, field->example,
                field->text);
    return false;
}

static bool
read_flags(int argc, char **argv, struct config *config, enum action *action,
           struct text *why)
{
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        size_t size = strcspn(argument, "=");
        const char *value = argument[size] == '=' ? argument + size + 1 : NULL;
        const struct action_info *info = find_action(argument, size);
        const struct field *field = find_flag(argument, size);

        if (info && value) {
            text_format(why, "%s takes no value", info->flag);
            return false;
        }
        if (info) {
            *action = info->action;
            continue;
        }
        if (field == NULL)
            return unknown_flag(argument, size, why);
        if (!read_flag(field, value ? value : argv[++i], config, why))
            return false;
    }
    return true;
}

static bool
read_environment(struct config *config, struct text *why)
{
    for (size_t i = 0; i < config_shape.count; i++) {
        const struct field *field = &config_shape.fields[i];
        char name[FLAG_SIZE];

        flag_name(field, true, name);
        const char *value = getenv(name);
        if (value && !field_given(field, config)
            && !set(field, name, value, config, why))
            return false;
    }
    return true;
}

enum clock_mode
config_clock_mode(const struct config *config)
{
    if (strcmp(clock_words[config->clock.index], "manual") == 0)
        return CLOCK_MANUAL;
    return config->time_scale.value == 0 ? CLOCK_JUMPING : CLOCK_REAL;
}

static bool
refuse(struct text *why, const char *reason)
{
    text_string(why, reason);
    return false;
}

/* What is wrong only together. */
static bool
check(const struct config *config, struct text *why)
{
    enum clock_mode mode = config_clock_mode(config);
    double scale = config->time_scale.value;

    if (config->port.word == 0 && !config->unix.bytes)
        return refuse(why,
                      "--port none needs --unix: there would be nothing to listen on");
    if (scale > 0 && scale < CLOCK_SCALE_MIN)
        return refuse(why, "--time-scale is 0, or from 0.001 on");
    if (mode == CLOCK_MANUAL && config->time_scale.given)
        return refuse(why,
                      "--time-scale cannot be with --clock manual, which goes only "
                      "by POST /clock/advance: leave one out");
    if (clock_mode_is_moved(mode) && config->workers.given && config->workers.value > 1)
        return refuse(why,
                      "--clock manual and --time-scale 0 have one worker: --workers "
                      "can only be 1 with them");
    return true;
}

bool
config_read(int argc, char **argv, struct config *config, enum action *action,
            struct text *why)
{
    *action = ACTION_SERVE;
    shape_defaults(&config_shape, no_limits, config);
    return read_flags(argc, argv, config, action, why) && read_environment(config, why)
           && check(config, why);
}

void
config_print_help(struct text *out)
{
    char name[FLAG_SIZE];

    text_string(out,
                "usage: waitd [flag [value]]...\n\n"
                "Answers HTTP requests late, on purpose, and exactly when it said it "
                "would.\nEvery flag is also a variable: --log-format is "
                "WAITD_LOG_FORMAT; the flag wins.\n\n");
    for (size_t i = 0; i < config_shape.count; i++) {
        const struct field *field = &config_shape.fields[i];

        flag_name(field, false, name);
        text_format(out, "  %-20s %s", name, field->text);
        if (field->fallback_text)
            text_format(out, " [%s]", field->fallback_text);
        text_string(out, "\n");
    }
    text_string(out, "\n");
    for (const struct action_info *info = config_actions; info->flag; info++)
        text_format(out, "  %-20s %s\n", info->flag, info->text);
    text_string(out,
                "\nIt exits 0 after SIGTERM or SIGINT, 1 where it cannot start, 2 on "
                "a wrong flag or\nvariable, 70 when a library has failed; a second "
                "signal ends it with 128 + the signal.\n");
}

void
config_flag_name(const struct field *field, char out[CONFIG_FLAG_SIZE])
{
    flag_name(field, false, out);
}

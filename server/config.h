/* config.h: what the program is told: flags, and WAITD_… in the environment. */
#pragma once

#include "base/clock.h"
#include "base/field.h"

#undef unix /* gcc's gnu17 defines it */

struct config {
    struct value_text host;
    struct value_count port; /* word 0: none */
    struct value_text port_file;
    struct value_text unix;
    struct value_integer workers;
    struct value_duration max_delay;
    struct value_integer max_n;
    struct value_integer max_tasks;
    struct value_integer max_waits;
    struct value_integer max_connections;
    struct value_integer max_connections_per_address;
    struct value_integer max_memory;
    struct value_integer max_body;
    struct value_integer connection_memory;
    struct value_duration header_timeout;
    struct value_duration idle_timeout;
    struct value_duration stall_timeout;
    struct value_duration retention;
    struct value_duration idle_ttl;
    struct value_integer max_objects;
    struct value_integer max_object_bytes;
    struct value_duration drain;
    struct value_text allow_host;
    struct value_text cors_origin;
    struct value_text token_file;
    struct value_text profiles;
    struct value_text access_log;
    struct value_word log_format; /* enum log_format */
    struct value_word log_level;  /* enum log_level */
    struct value_integer seed;
    struct value_word clock;
    struct value_number time_scale;
};

/* The table of the flags: a field log_format is --log-format and WAITD_LOG_FORMAT. */
extern const struct shape config_shape;

/* What a command line asks for beside serving. */
enum action {
    ACTION_SERVE,
    ACTION_HELP,
    ACTION_VERSION,
    ACTION_HEALTHCHECK,
    ACTION_PRINT_API,
    ACTION_PRINT_OPENAPI,
    ACTION_PRINT_MAN,
};
struct action_info {
    enum action action;
    const char *flag;
    const char *text;
};
extern const struct action_info config_actions[]; /* ends with a flag of NULL */

/* Reads flags and environment; a flag wins. *config borrows their texts. False: *why
 * says in one line what is wrong and what would be right. */
MUST_USE bool config_read(int argc, char **argv, struct config *config,
                          enum action *action, struct text *why);

/* What --clock and --time-scale make of it together. */
enum clock_mode config_clock_mode(const struct config *config);

/* --help. */
void config_print_help(struct text *out);

/* "--log-format" for the field log_format. */
enum { CONFIG_FLAG_SIZE = 48 };
void config_flag_name(const struct field *field, char out[CONFIG_FLAG_SIZE]);

/*
 * log.h: one line an event, to a file descriptor, in one write. A text line is
 * `2026-01-02T03:04:05.678Z info listening address=127.0.0.1 port=8080`; a JSON line is
 * an object with time, level, event and the same keys. Bytes of a user are escaped and
 * cut at 200, so that no value makes a second line.
 */
#pragma once

#include "base/clock.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log {
    int fd;
    enum log_level level; /* lower ones are not written */
    enum log_format format;
    const struct clock *clock;
};

struct log_field {
    const char *key;
    const char *value; /* NULL: left out */
};

/* `event` is a fixed word or phrase of ours. `fields` ends with a key of NULL. A value
 * in a text line is quoted as JSON where it is empty or has a blank, quote, backslash,
 * '=' or a byte outside printable ASCII. */
void log_event(const struct log *log, enum log_level level, const char *event,
               const struct log_field *fields);

/* LOG(log, LOG_LEVEL_INFO, "listening", {"address", address}, {"port", port}) */
/* clang-format off */
#define LOG(log, level, event, ...)                                                      \
    log_event((log), (level), (event),                                                   \
              (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL}})
/* clang-format on */

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "base/rfc3339.h"
#include "base/utf8.h"

enum { LINE_BYTES = 2048, END_BYTES = sizeof "}\n" - 1, VALUE_BYTES = 200 };

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error",
};

static bool
is_plain(const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (value[i] <= ' ' || value[i] > '~' || strchr("\"\\=", value[i]) != NULL)
            return false;
    return size > 0;
}

static void
add_text_field(struct text *line, const struct log_field *field)
{
    size_t size = utf8_cut(field->value, strlen(field->value), VALUE_BYTES);

    text_format(line, " %s=", field->key);
    if (is_plain(field->value, size)) {
        text_append(line, field->value, size);
        return;
    }
    text_append(line, "\"", 1);
    json_escape(line, field->value, size);
    text_append(line, "\"", 1);
}

static void
add_json_field(struct json_writer *json, const struct log_field *field)
{
    json_key(json, field->key);
    json_write_bytes(json, field->value,
                     utf8_cut(field->value, strlen(field->value), VALUE_BYTES));
}

/* `json` is NULL in a text line. A field that does not fit is left out. */
static void
add_fields(struct text *line, struct json_writer *json, const struct log_field *fields)
{
    for (; fields->key != NULL; fields++) {
        size_t size = line->size;

        if (fields->value == NULL)
            continue;
        if (json == NULL)
            add_text_field(line, fields);
        else
            add_json_field(json, fields);
        if (!line->failed)
            continue;
        line->failed = false;
        line->size = size;
    }
}

static void
fill_text(struct text *line, const char *time, const char *level, const char *event,
          const struct log_field *fields)
{
    text_format(line, "%s %s %s", time, level, event);
    add_fields(line, NULL, fields);
}

static void
fill_json(struct text *line, const char *time, const char *level, const char *event,
          const struct log_field *fields)
{
    struct json_writer json = json_writer(line);

    json_begin_object(&json);
    json_member_string(&json, "time", time);
    json_member_string(&json, "level", level);
    json_member_string(&json, "event", event);
    add_fields(line, &json, fields);
    line->capacity = LINE_BYTES;
    json_end_object(&json);
}

void
log_event(const struct log *log, enum log_level level, const char *event,
          const struct log_field *fields)
{
    char bytes[LINE_BYTES];
    struct text line = text_over(bytes, sizeof bytes - END_BYTES);
    char time[RFC3339_SIZE];
    ssize_t written;

    if (level < log->level)
        return;
    rfc3339_print(log->clock->wall_ns(log->clock), time);
    if (log->format == LOG_FORMAT_JSON)
        fill_json(&line, time, level_names[level], event, fields);
    else
        fill_text(&line, time, level_names[level], event, fields);
    line.capacity = sizeof bytes;
    text_append(&line, "\n", 1);
    do
        written = write(log->fd, line.bytes, line.size);
    while (written < 0 && errno == EINTR);
}

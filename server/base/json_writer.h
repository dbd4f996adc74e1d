/*
 * json_writer.h: JSON (RFC 8259) written value by value into a text; commas and quotes
 * are its business. Numbers are the shortest text that reads back as the same double.
 * The caller pairs begin and end.
 */
#pragma once

#include "base/text.h"

#include <stdbool.h>

struct json_writer {
    struct text *out;
    bool comma; /* the next key or value follows another one */
};

/* A writer that begins with an empty line of thought at the end of `out`. */
struct json_writer json_writer(struct text *out);

void json_begin_object(struct json_writer *json);
void json_end_object(struct json_writer *json);
void json_begin_array(struct json_writer *json);
void json_end_array(struct json_writer *json);
/* `key` is a word of ours, that needs no escape. */
void json_key(struct json_writer *json, const char *key);

/* Values: of an array, or behind json_key. */
void json_write_double(struct json_writer *json, double value); /* finite */
void json_write_seconds(struct json_writer *json, int64_t ns); /* as seconds, exactly */
void json_write_integer(struct json_writer *json, int64_t value);
void json_write_flag(struct json_writer *json, bool value);
void json_write_null(struct json_writer *json);
void json_write_string(struct json_writer *json, const char *string); /* NULL: null */
void json_write_verbatim(struct json_writer *json, const char *bytes,
                         size_t size); /* a JSON value as it is */
void json_write_bytes(struct json_writer *json, const char *bytes, size_t size);

/* Members of an object: json_key and a value. */
void json_member_double(struct json_writer *json, const char *key, double value);
void json_member_seconds(struct json_writer *json, const char *key, int64_t ns);
void json_member_integer(struct json_writer *json, const char *key, int64_t value);
void json_member_flag(struct json_writer *json, const char *key, bool value);
void json_member_null(struct json_writer *json, const char *key);
void json_member_string(struct json_writer *json, const char *key, const char *string);

/* Appends the bytes as they stand between JSON's quotes: quote, backslash, controls and
 * Unicode's line ends escaped, what is not UTF-8 as U+FFFD. */
void json_escape(struct text *out, const char *bytes, size_t size);

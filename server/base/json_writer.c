#include "base/json_writer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"

static void
separate(struct json_writer *json)
{
    if (json->comma)
        text_append(json->out, ",", 1);
    json->comma = true;
}

static void
begin(struct json_writer *json, const char *bracket)
{
    separate(json);
    text_append(json->out, bracket, 1);
    json->comma = false;
}

static void
end(struct json_writer *json, const char *bracket)
{
    text_append(json->out, bracket, 1);
    json->comma = true;
}

void
json_write_verbatim(struct json_writer *json, const char *bytes, size_t size)
{
    separate(json);
    text_append(json->out, bytes, size);
}

/*
 * What number_print says of these seconds up to 8388608 (2^23), where a double begins
 * to tell no single ns from the next; this goes on to tell them. And it computes with
 * integers only.
 */
static size_t
print_seconds(int64_t ns, char out[NUMBER_TEXT_MAX])
{
    struct decimal decimal = {
        .digits = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns,
        .exponent = -9,
    };

    return number_print_decimal(ns < 0, decimal, out);
}

/* U+0080 … U+009F, U+2028 and U+2029: valid as they are, but terminals obey the former
 * and many readers of lines take them as the end of one. */
static unsigned
hidden_control(const unsigned char *at, size_t length)
{
    if (length == 2 && at[0] == 0xc2 && at[1] < 0xa0)
        return at[1];
    if (length == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8)
        return 0x2000U + (at[2] & 0x3fU);
    return 0;
}

/* Room for what the one escaped character becomes; NULL where it stands for itself. */
static const char *
escaped(const unsigned char *at, size_t length, char room[8])
{
    static const char *const short_forms[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n",  ['\f'] = "\\f",
        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\",
    };
    unsigned code;

    if (length == 0)
        return "\xef\xbf\xbd";
    if (at[0] < COUNT(short_forms) && short_forms[at[0]] != NULL)
        return short_forms[at[0]];
    code = at[0] < 0x20 || at[0] == 0x7f ? at[0] : hidden_control(at, length);
    if (code == 0 && at[0] != 0)
        return NULL;
    snprintf(room, 8, "\\u%04x", code & 0xffffU);
    return room;
}

struct json_writer
json_writer(struct text *out)
{
    return (struct json_writer){.out = out};
}

void
json_begin_object(struct json_writer *json)
{
    begin(json, "{");
}

void
json_end_object(struct json_writer *json)
{
    end(json, "}");
}

void
json_begin_array(struct json_writer *json)
{
    begin(json, "[");
}

void
json_end_array(struct json_writer *json)
{
    end(json, "]");
}

void
json_key(struct json_writer *json, const char *key)
{
    json_write_verbatim(json, "\"", 1);
    text_string(json->out, key);
    text_append(json->out, "\":", 2);
    json->comma = false;
}

void
json_write_double(struct json_writer *json, double value)
{
    char number[NUMBER_TEXT_MAX];

    assert(isfinite(value));
    json_write_verbatim(json, number, number_print(value, number));
}

void
json_write_seconds(struct json_writer *json, int64_t ns)
{
    char number[NUMBER_TEXT_MAX];

    json_write_verbatim(json, number, print_seconds(ns, number));
}

void
json_write_integer(struct json_writer *json, int64_t value)
{
    char number[NUMBER_TEXT_MAX];

    json_write_verbatim(json, number, number_print_integer(value, number));
}

void
json_write_flag(struct json_writer *json, bool value)
{
    separate(json);
    text_string(json->out, value ? "true" : "false");
}

void
json_write_null(struct json_writer *json)
{
    json_write_verbatim(json, "null", 4);
}

void
json_write_string(struct json_writer *json, const char *string)
{
    if (string == NULL)
        json_write_null(json);
    else
        json_write_bytes(json, string, strlen(string));
}

void
json_write_bytes(struct json_writer *json, const char *bytes, size_t size)
{
    json_write_verbatim(json, "\"", 1);
    json_escape(json->out, bytes, size);
    text_append(json->out, "\"", 1);
}

void
json_member_double(struct json_writer *json, const char *key, double value)
{
    json_key(json, key);
    json_write_double(json, value);
}

void
json_member_seconds(struct json_writer *json, const char *key, int64_t ns)
{
    json_key(json, key);
    json_write_seconds(json, ns);
}

void
json_member_integer(struct json_writer *json, const char *key, int64_t value)
{
    json_key(json, key);
    json_write_integer(json, value);
}

void
json_member_flag(struct json_writer *json, const char *key, bool value)
{
    json_key(json, key);
    json_write_flag(json, value);
}

void
json_member_null(struct json_writer *json, const char *key)
{
    json_key(json, key);
    json_write_null(json);
}

void
json_member_string(struct json_writer *json, const char *key, const char *string)
{
    json_key(json, key);
    json_write_string(json, string);
}

void
json_escape(struct text *out, const char *bytes, size_t size)
{
    size_t plain = 0; /* where the run begins that needs no escape */
    size_t length;

    for (size_t i = 0; i < size; i += length) {
        char room[8];
        const char *instead;

        length = utf8_sequence(bytes + i, size - i);
        instead = escaped((const unsigned char *)bytes + i, length, room);
        if (length == 0)
            length = 1;
        if (instead == NULL)
            continue;
        text_append(out, bytes + plain, i - plain);
        text_string(out, instead);
        plain = i + length;
    }
    if (plain < size)
        text_append(out, bytes + plain, size - plain);
}

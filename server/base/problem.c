#include "base/problem.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* A NUL would hide what follows it; as a byte that UTF-8 does not have it is written as
 * U+FFFD like the others. */
static void
copy_cut(char out[PROBLEM_VALUE_MAX + 1], const char *bytes, size_t size)
{
    size_t kept = utf8_cut(bytes, size, PROBLEM_VALUE_MAX);

    for (size_t i = 0; i < kept; i++)
        out[i] = bytes[i] == '\0' ? '\xff' : bytes[i];
    out[kept] = '\0';
}

/* Of what is no UTF-8, each byte becomes a '?': a parser's words may quote a part of a
 * sequence. */
static void
mend(char *bytes, size_t size)
{
    size_t length;

    for (size_t i = 0; i < size; i += length) {
        length = utf8_sequence(bytes + i, size - i);
        if (length > 0)
            continue;
        bytes[i] = '?';
        length = 1;
    }
}

enum error
problem_set(struct problem *problem, enum error error, const char *format, ...)
{
    /* Longer, to show a sequence that the cut would split. */
    char room[sizeof problem->detail + 4];
    va_list arguments;
    size_t size;

    va_start(arguments, format);
    vsnprintf(room, sizeof room, format, arguments);
    va_end(arguments);
    size = utf8_cut(room, strlen(room), sizeof problem->detail - 1);
    *problem = (struct problem){.error = error};
    mend(room, size);
    memcpy(problem->detail, room, size);
    return error;
}

void
problem_param(struct problem *problem, const char *name, size_t size)
{
    copy_cut(problem->param, name, size);
}

void
problem_value(struct problem *problem, const char *bytes, size_t size)
{
    problem->has_value = true;
    copy_cut(problem->value, bytes, size);
}

void
problem_limits(struct problem *problem, double min, double max)
{
    problem->has_limits = true;
    problem->min = min;
    problem->max = max;
}

void
problem_conflict(struct problem *problem, const char *other)
{
    snprintf(problem->conflicts_with, sizeof problem->conflicts_with, "%s", other);
}

int
problem_status(const struct problem *problem)
{
    return problem->status ? problem->status : error_info(problem->error)->status;
}

void
problem_write_members(const struct problem *problem, struct json_writer *json)
{
    const struct error_info *info = error_info(problem->error);
    char type[64];

    snprintf(type, sizeof type, "/problems/%s", info->slug);
    json_member_string(json, "type", type);
    json_member_string(json, "title", info->title);
    json_member_integer(json, "status", problem_status(problem));
    json_member_string(json, "detail", problem->detail);
    if (problem->param[0] != '\0')
        json_member_string(json, "param", problem->param);
    if (problem->has_value)
        json_member_string(json, "value", problem->value);
    if (problem->has_limits) {
        json_member_double(json, "min", problem->min);
        json_member_double(json, "max", problem->max);
    }
    if (problem->conflicts_with[0] != '\0')
        json_member_string(json, "conflicts_with", problem->conflicts_with);
    if (problem->retry_after)
        json_member_integer(json, "retry_after", problem->retry_after);
}

void
problem_write(const struct problem *problem, struct json_writer *json)
{
    json_begin_object(json);
    problem_write_members(problem, json);
    json_end_object(json);
}

#include "http/json_body.h"

#include "base/utf8.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 32,
    VALUES_MAX = 65536,
};

/* jansson 2.14 goes on where the text of a token could not grow, and then reads and
 * writes beyond it. */
static void *
allocate_or_end(size_t size)
{
    static const char line[] = "waitd: panic: jansson has no memory for JSON\n";
    void *memory = malloc(size);

    if (memory)
        return memory;
    (void)!write(STDERR_FILENO, line, sizeof line - 1);
    _exit(EXIT_PANIC);
}

struct extent {
    int depth;
    size_t values;
};

/* What the parser would meet, at small cost. Strings are skipped; of JSON it is exact:
 * a value is the first, or stands first in a list or object, or behind a comma. */
static struct extent
measure(const char *bytes, size_t size)
{
    struct extent extent = {.values = 1};
    bool in_string = false, opened = false;
    int depth = 0;

    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        bool opens = !in_string && (c == '[' || c == '{');
        bool closes = !in_string && (c == ']' || c == '}');

        if (isspace((unsigned char)c))
            continue;
        extent.values += (opened && !closes) || (!in_string && c == ',');
        opened = opens;
        depth += opens - closes;
        if (depth > extent.depth)
            extent.depth = depth;
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
    }
    return extent;
}

size_t
json_body_values(const char *bytes, size_t size)
{
    return measure(bytes, size).values;
}

/* jansson allows 2,048 levels, ours need one or two; and each value costs it some 200
 * bytes. */
static enum error
check_extent(const char *bytes, size_t size, struct problem *problem)
{
    struct extent extent = measure(bytes, size);

    if (extent.depth > DEPTH_MAX)
        return problem_set(problem, ERROR_INVALID_JSON, "nested deeper than %d levels",
                           DEPTH_MAX);
    if (extent.values > VALUES_MAX)
        return problem_set(problem, ERROR_INVALID_JSON, "more than %d values",
                           VALUES_MAX);
    return OK;
}

/* The parser names the key in its text only: duplicate object key near '"n"'. */
static enum error
duplicate_key(const json_error_t *error, struct problem *problem)
{
    const char *start = strstr(error->text, "'\"");
    const char *end = strrchr(error->text, '"');
    int size = start && end > start + 1 ? (int)(end - start - 2) : 0;

    problem_set(problem, ERROR_DUPLICATE_PARAMETER, "%.*s is in the object twice", size,
                start ? start + 2 : "");
    problem_param(problem, start ? start + 2 : "", (size_t)size);
    return ERROR_DUPLICATE_PARAMETER;
}

static enum error
parse_error(const json_error_t *error, struct problem *problem)
{
    if (json_error_code(error) == json_error_duplicate_key)
        return duplicate_key(error, problem);
    return problem_set(problem, ERROR_INVALID_JSON, "line %d, column %d: %.200s",
                       error->line, error->column, error->text);
}

/* The beginning of a value's JSON: more than is shown of any. */
struct beginning {
    size_t size;
    char bytes[2 * PROBLEM_VALUE_MAX];
};

static int
keep_beginning(const char *bytes, size_t size, void *out)
{
    struct beginning *beginning = out;
    size_t room = sizeof beginning->bytes - beginning->size;
    size_t kept = size < room ? size : room;

    memcpy(beginning->bytes + beginning->size, bytes, kept);
    beginning->size += kept;
    return kept < size ? -1 : 0; /* enough */
}

static enum error
wrong_type(const struct field *field, const json_t *value, struct problem *problem)
{
    struct beginning shown = {0};

    (void)!json_dump_callback(value, keep_beginning, &shown,
                              JSON_ENCODE_ANY | JSON_COMPACT);
    return field_wrong_type(field, shown.bytes, shown.size, problem);
}

static enum error
set_array(const struct field *field, const double *limits, const json_t *array,
          void *in, struct problem *problem)
{
    size_t i;
    json_t *item;

    if (json_array_size(array) == 0)
        return wrong_type(field, array, problem);
    json_array_foreach(array, i, item)
    {
        enum error error;

        if (field->kind == FIELD_INTEGERS && json_is_integer(item))
            error = field_append_integer(field, limits, json_integer_value(item), in,
                                         problem);
        else if (field->kind != FIELD_INTEGERS && json_is_string(item))
            error = field_append_text(field, limits, json_string_value(item),
                                      json_string_length(item), in, problem);
        else
            error = wrong_type(field, array, problem);
        if (error)
            return error;
    }
    return OK;
}

static bool
takes_string(enum field_kind kind)
{
    return kind != FIELD_NUMBER && kind != FIELD_INTEGER && kind != FIELD_FLAG
           && kind != FIELD_SIZE;
}

static bool
takes_number(enum field_kind kind)
{
    return kind == FIELD_DURATION || kind == FIELD_NUMBER || kind == FIELD_INTEGER
           || kind == FIELD_SEED || kind == FIELD_SIZE || kind == FIELD_COUNT;
}

static enum error
set_value(const struct field *field, const double *limits, const json_t *value,
          void *in, struct problem *problem)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        if (takes_string(field->kind))
            return field_set_text(field, limits, json_string_value(value),
                                  json_string_length(value), in, problem);
        break;
    case JSON_INTEGER:
        return field_set_integer(field, limits, json_integer_value(value), in, problem);
    case JSON_REAL:
        return field_set_double(field, limits, json_real_value(value), in, problem);
    case JSON_TRUE:
    case JSON_FALSE: return field_set_flag(field, json_is_true(value), in, problem);
    case JSON_ARRAY:
        if (field_is_list(field->kind))
            return set_array(field, limits, value, in, problem);
        break;
    default: break;
    }
    return wrong_type(field, value, problem);
}

/* The field of that name, which was not given yet; NULL: *problem says why not. */
static const struct field *
find_field(const struct shape *shape, const char *where, const char *name, size_t size,
           const void *in, struct problem *problem)
{
    const struct field *field = shape_find(shape, name, size);

    if (field == NULL) {
        shape_unknown(shape, where, name, size, problem);
        return NULL;
    }
    if (!field_given(field, in))
        return field;
    problem_set(problem, ERROR_DUPLICATE_PARAMETER,
                "%s is in the query and in the body", field->name);
    problem_param(problem, name, size);
    return NULL;
}

static enum error
set_member(const struct shape *shape, const double *limits, const char *where,
           const char *name, const json_t *value, void *in, struct problem *problem)
{
    const struct field *field =
        find_field(shape, where, name, strlen(name), in, problem);

    return field ? set_value(field, limits, value, in, problem) : problem->error;
}

/* Parsed, of which the caller has a reference; NULL: *error is invalid-json, found as
 * *parsed says. */
static json_t *
load(const char *bytes, size_t size, size_t flags, enum error *error,
     json_error_t *parsed, struct problem *problem)
{
    json_t *value = NULL;

    *parsed = (json_error_t){.line = 1};
    *error = check_extent(bytes, size, problem);
    if (!*error)
        value = json_loadb(bytes ? bytes : "", size, flags | JSON_DECODE_ANY, parsed);
    if (value == NULL && !*error)
        *error = parse_error(parsed, problem);
    return value;
}

void
json_body_setup(void)
{
    json_set_alloc_funcs(allocate_or_end, free);
}

enum error
json_body_check(const char *bytes, size_t size, struct problem *problem)
{
    enum error error = OK;
    json_error_t parsed;
    json_auto_t *value =
        load(bytes, size, JSON_DECODE_INT_AS_REAL, &error, &parsed, problem);

    (void)value;
    return error;
}

static enum error
set_members(const struct shape *shape, const double *limits, const char *where,
            const json_t *object, void *in, struct problem *problem)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        enum error error = set_member(shape, limits, where, name, value, in, problem);
        if (error)
            return error;
    }
    return OK;
}

/* ---- numbers that jansson has no room for ------------------------------------------
 */

/* Behind the string that begins at that quote; of valid JSON. */
static const char *
string_end(const char *quote)
{
    const char *at = quote + 1;

    while (*at != '"')
        at += *at == '\\' ? 2 : 1;
    return at + 1;
}

/* In which member of the outermost object a place lies. */
struct member {
    const char *key; /* as it is written; NULL: in none */
    size_t size;
    int depth; /* 1: it is in no list or object within */
};

/* All before it is valid JSON. */
static struct member
member_at(const char *bytes, const char *place)
{
    struct member member = {0};

    for (const char *at = bytes; at < place; at++) {
        member.depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        if (*at != '"')
            continue;
        const char *end = string_end(at);

        if (member.depth == 1 && end[strspn(end, " \t\r\n")] == ':') {
            member.key = at + 1;
            member.size = (size_t)(end - at) - 2;
        }
        at = end - 1;
    }
    return member;
}

/* The problem that jansson stopped at such a number is replaced by that of the
 * parameter whose value it is: the one that it would be in a query. */
static enum error
refuse_number(const struct shape *shape, const double *limits, const char *where,
              const char *bytes, const json_error_t *parsed, void *in,
              struct problem *problem)
{
    const char *end = bytes + parsed->position, *number = end;

    while (number > bytes && strchr("0123456789+-.eE", number[-1]))
        number--;
    size_t size = (size_t)(end - number);
    struct member member = member_at(bytes, number);
    if (member.key == NULL)
        return problem->error;
    const struct field *field =
        find_field(shape, where, member.key, member.size, in, problem);
    if (field == NULL)
        return problem->error;
    if (field->kind != FIELD_INTEGERS
        && (member.depth > 1 || !takes_number(field->kind)))
        return field_wrong_type(field, number, size, problem);
    enum error error = field_set_text(field, limits, number, size, in, problem);
    return error ? error : parse_error(parsed, problem);
}

enum error
json_body_parse(const struct shape *shape, const double *limits, const char *where,
                const char *bytes, size_t size, void *in, struct problem *problem)
{
    enum error error = OK;
    json_error_t parsed;
    json_auto_t *object =
        load(bytes, size, JSON_REJECT_DUPLICATES, &error, &parsed, problem);
    if (error && json_error_code(&parsed) == json_error_numeric_overflow)
        return refuse_number(shape, limits, where, bytes, &parsed, in, problem);
    if (error)
        return error;
    if (!json_is_object(object))
        return problem_set(problem, ERROR_INVALID_JSON,
                           "the body must be an object of parameters");
    return set_members(shape, limits, where, object, in, problem);
}

/* ---- objects in an object ----------------------------------------------------------
 */

/* Whether that string is a key, and this one. */
static bool
is_key(const char *quote, const char *end, const char *key)
{
    size_t size = strlen(key);

    return end[strspn(end, " \t\r\n")] == ':' && (size_t)(end - quote) == size + 2
           && memcmp(quote + 1, key, size) == 0;
}

/* The line of outer's key, or of inner's in its object where there is one. */
static size_t
find_line(const char *bytes, const char *outer, const char *inner)
{
    size_t line = 1, found = 1;
    int depth = 0;
    bool inside = false;

    for (const char *at = bytes; *at; at++) {
        line += *at == '\n';
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        if (*at != '"')
            continue;
        const char *end = string_end(at);

        if (depth == 1 && end[strspn(end, " \t\r\n")] == ':')
            inside = is_key(at, end, outer);
        if (depth == 1 && inside && is_key(at, end, outer))
            found = line;
        if (depth == 2 && inside && is_key(at, end, inner))
            return line;
        at = end - 1;
    }
    return found;
}

static enum error
take_one(const struct json_each *each, const char *name, const json_t *value,
         struct problem *problem)
{
    shape_defaults(each->shape, each->limits, each->in);
    if (!json_is_object(value))
        return problem_set(problem, ERROR_INVALID_JSON, "it must be an object");
    enum error error =
        set_members(each->shape, each->limits, name, value, each->in, problem);
    if (!error)
        error = shape_check(each->shape, each->in, problem);
    if (!error)
        error = each->take(each->owner, name, each->in, problem);
    if (error && problem->error != error)
        problem_set(problem, error, "%s", error_info(error)->text);
    return error;
}

enum error
json_body_each(const struct json_each *each, const char *bytes, size_t size,
               size_t *line, struct problem *problem)
{
    enum error error = OK;
    const char *name;
    json_t *value;
    json_error_t parsed;
    json_auto_t *object =
        load(bytes, size, JSON_REJECT_DUPLICATES, &error, &parsed, problem);

    *line = error && parsed.line > 0 ? (size_t)parsed.line : 1;
    if (error)
        return error;
    if (!json_is_object(object))
        return problem_set(problem, ERROR_INVALID_JSON, "it must be an object");
    json_object_foreach(object, name, value)
    {
        error = take_one(each, name, value, problem);
        if (error) {
            int shown = (int)utf8_cut(name, strlen(name), NAME_MAX_BYTES);

            snprintf(each->place, NAME_MAX_BYTES + 1, "%.*s", shown, name);
            *line = find_line(bytes, name, problem->param);
            return error;
        }
    }
    return OK;
}

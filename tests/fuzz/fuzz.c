#include "fuzz.h"

#include "http/json_body.h"
#include "base/utf8.h"

#include <jansson.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 4096 }; /* bytes of any struct of parameters */

const double fuzz_limits[LIMIT_COUNT] = {
    [LIMIT_MAX_DELAY] = 300,
    [LIMIT_MAX_N] = 10000,
};

char *
fuzz_copy(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);

    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

char *
fuzz_cut(char **bytes, size_t *size, char separator, size_t *cut_size)
{
    char *start = *bytes;
    char *end = memchr(start, separator, *size);

    *cut_size = end ? (size_t)(end - start) : *size;
    *bytes += end ? *cut_size + 1 : *cut_size;
    *size -= end ? *cut_size + 1 : *cut_size;
    start[*cut_size] = '\0';
    return start;
}

bool
fuzz_matches(const char *pattern, const char *bytes, size_t size)
{
    regex_t regex;
    regmatch_t all = {.rm_so = 0, .rm_eo = (regoff_t)size};
    int failure = regcomp(&regex, pattern, REG_EXTENDED);

    assert(failure == 0);
    bool found = regexec(&regex, bytes, 1, &all, REG_STARTEND) == 0;
    regfree(&regex);
    return found && all.rm_so == 0 && all.rm_eo == (regoff_t)size;
}

bool
fuzz_is_json(const char *bytes, size_t size)
{
    json_t *value = json_loadb(bytes, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool is = value != NULL;

    json_decref(value);
    return is;
}

void
fuzz_check_problem(const struct problem *problem, enum error error)
{
    TEXT_AUTO text = {0};
    struct json_writer json = json_writer(&text);
    int status = problem_status(problem);

    assert(problem->error == error);
    assert(status >= 400 && status < 500);
    assert(problem->detail[0] != '\0');
    assert(utf8_valid(problem->detail, strlen(problem->detail)));
    assert(!problem->has_limits || problem->min <= problem->max);
    problem_write(problem, &json);
    assert(fuzz_is_json(text_terminated(&text), text.size));
}

/* ---- what was set ------------------------------------------------------------------
 */

static void
check_limits(const struct field *field, const void *in)
{
    const void *member = (const char *)in + field->offset;
    double value = field->min, max = field_max(field, fuzz_limits);

    if (field->kind == FIELD_DURATION)
        value = ((const struct value_duration *)member)->seconds;
    else if (field->kind == FIELD_NUMBER)
        value = ((const struct value_number *)member)->value;
    else if (field->kind == FIELD_INTEGER || field->kind == FIELD_SIZE)
        value = (double)((const struct value_integer *)member)->value;
    else
        return;
    assert(value >= field->min && value <= max);
}

/* What JSON has in another form than it was sent in, or has not at all. */
static bool
reads_back(enum field_kind kind)
{
    return kind != FIELD_TIME && kind != FIELD_TEXT;
}

static void
write_given(const struct shape *shape, const void *in, struct text *out)
{
    struct json_writer json = json_writer(out);

    json_begin_object(&json);
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];

        if (!field_given(field, in) || !reads_back(field->kind))
            continue;
        json_key(&json, field->name);
        field_write(field, in, &json);
    }
    json_end_object(&json);
}

void
fuzz_check_values(const struct shape *shape, const void *in)
{
    _Alignas(max_align_t) char again[VALUES_MAX];
    TEXT_AUTO written = {0};
    TEXT_AUTO rewritten = {0};
    struct problem problem = {0};

    assert(shape->size <= sizeof again);
    for (size_t i = 0; i < shape->count; i++)
        if (field_given(&shape->fields[i], in))
            check_limits(&shape->fields[i], in);
    write_given(shape, in, &written);
    shape_defaults(shape, fuzz_limits, again);
    enum error error =
        json_body_parse(shape, fuzz_limits, "itself", text_terminated(&written),
                        written.size, again, &problem);
    assert(error == OK);
    write_given(shape, again, &rewritten);
    assert(written.size == rewritten.size
           && memcmp(written.bytes, rewritten.bytes, written.size) == 0);
}

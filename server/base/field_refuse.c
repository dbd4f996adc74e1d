/* field_refuse.c: what is wrong with a value or a name, for people. */
#include "base/field_private.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/spelling.h"
#include "base/utf8.h"

enum {
    SHOWN_BYTES = 40, /* of a value, in a detail */
    ELLIPSIS_SIZE = sizeof "…",
    SHOWN_MAX = SHOWN_BYTES * 4 + ELLIPSIS_SIZE /* each may become \xNN */
};

/* Valid UTF-8 of one line, whatever the bytes are. */
static const char *
show(const char *bytes, size_t size, char out[SHOWN_MAX])
{
    struct text text = text_over(out, SHOWN_MAX);
    size_t kept = utf8_cut(bytes, size, SHOWN_BYTES);
    size_t length;

    for (size_t i = 0; i < kept; i += length) {
        length = utf8_sequence(bytes + i, kept - i);
        if (length == 0)
            text_string(&text, "\xef\xbf\xbd");
        else if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f)
            text_format(&text, "\\x%02x", (unsigned)bytes[i]);
        else
            text_append(&text, bytes + i, length);
        length += length == 0;
    }
    if (kept < size)
        text_string(&text, "…");
    return text_terminated(&text);
}

enum error
entry_refuse(const struct entry *entry, const char *format, ...)
{
    const struct field *field = entry->field;
    char reason[sizeof entry->problem->detail];
    char shown[SHOWN_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    problem_set(entry->problem, ERROR_INVALID_PARAMETER, "%s=%s %s", field->name,
                show(entry->text, entry->size, shown), reason);
    problem_param(entry->problem, field->name, strlen(field->name));
    problem_value(entry->problem, entry->text, entry->size);
    return ERROR_INVALID_PARAMETER;
}

enum error
field_refuse(const struct field *field, enum error error, const char *reason,
             struct problem *problem)
{
    problem_set(problem, error, "%s %s", field->name, reason);
    problem_param(problem, field->name, strlen(field->name));
    return error;
}

/* "json, ndjson, sse, text" */
static void
list_words(struct text *out, const char *const *words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        text_format(out, "%s%s", i > 0 ? ", " : "", words[i]);
}

/* What an element of a list or the whole of any other field may be. */
static const char *
describe(const struct field *field, struct text *out)
{
    if (field->kind == FIELD_INTEGERS)
        return field_kind_text(FIELD_INTEGER);
    if (field->kind == FIELD_CHOICES)
        return "a duration, or one with a weight (2s:0.1)";
    if (field->kind != FIELD_WORD && field->kind != FIELD_WORDS
        && field->kind != FIELD_COUNT)
        return field_kind_text(field->kind);
    text_string(out, "one of ");
    list_words(out, field->words);
    if (field->kind == FIELD_COUNT)
        text_format(out, ", or %s", field_kind_text(FIELD_INTEGER));
    return text_terminated(out);
}

enum error
entry_malformed(const struct entry *entry)
{
    TEXT_AUTO description = {0};

    return entry_refuse(entry, "is not %s", describe(entry->field, &description));
}

enum error
entry_wrong_element(const struct entry *entry)
{
    TEXT_AUTO description = {0};

    return entry_refuse(entry, "must be %s", describe(entry->field, &description));
}

enum error
field_duplicate(const struct field *field, struct problem *problem)
{
    return field_refuse(field, ERROR_DUPLICATE_PARAMETER, "was given twice", problem);
}

/* Behind a limit: " s". */
static const char *
limit_unit(const struct field *field)
{
    if (field->kind == FIELD_DURATION || field->kind == FIELD_CHOICES)
        return "s";
    if (field->unit != NULL)
        return field->unit;
    return field->kind == FIELD_SIZE ? "bytes" : "";
}

enum error
entry_outside_limits(const struct entry *entry, const char *side, double limit)
{
    const struct field *field = entry->field;
    const char *unit = limit_unit(field);
    char number[NUMBER_TEXT_MAX];

    number_print(limit, number);
    entry_refuse(entry, "is %s the limit of %s%s%s", side, number,
                 *unit != '\0' ? " " : "", unit);
    problem_limits(entry->problem, field->min, field_max(field, entry->limits));
    return ERROR_INVALID_PARAMETER;
}

/* "did you mean max_delay?", or as many of the names as have room, or that there are
 * none. */
static const char *
advise(const struct shape *shape, const char *name, size_t size, struct text *out)
{
    enum { ROOM = 150 };
    const char *nearest = NULL;
    size_t distance = 0;

    for (size_t i = 0; i < shape->count; i++)
        spelling_consider(name, size, shape->fields[i].name, &nearest, &distance);
    if (nearest != NULL) {
        text_format(out, "did you mean %s?", nearest);
        return text_terminated(out);
    }
    text_string(out, shape->count == 0 ? "it takes no parameters" : "it takes ");
    for (size_t i = 0; i < shape->count; i++) {
        text_string(out, i > 0 ? ", " : "");
        if (out->size + strlen(shape->fields[i].name) > ROOM) {
            text_string(out, "...");
            break;
        }
        text_string(out, shape->fields[i].name);
    }
    return text_terminated(out);
}

enum error
field_wrong_type(const struct field *field, const char *shown, size_t shown_size,
                 struct problem *problem)
{
    struct entry entry = {
        .field = field,
        .text = shown,
        .size = shown_size,
        .problem = problem,
    };
    TEXT_AUTO text = {0};

    if (field_is_list(field->kind))
        return entry_refuse(&entry, "must be %s", field_kind_text(field->kind));
    return entry_refuse(&entry, "must be %s%s",
                        field_kinds[field->kind].string ? "a string: " : "",
                        describe(field, &text));
}

enum error
shape_unknown(const struct shape *shape, const char *where, const char *name,
              size_t size, struct problem *problem)
{
    TEXT_AUTO advice = {0};
    char shown[SHOWN_MAX];

    problem_set(problem, ERROR_UNKNOWN_PARAMETER, "%s is not a parameter of %s; %s",
                show(name, size, shown), where, advise(shape, name, size, &advice));
    problem_param(problem, name, size);
    return ERROR_UNKNOWN_PARAMETER;
}

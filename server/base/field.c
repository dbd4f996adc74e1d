#include "base/field.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/field_private.h"
#include "base/number.h"

/* Whatever the kind, the flag is where the member begins. */
#define GIVEN_IS_FIRST(type) _Static_assert(offsetof(struct type, given) == 0, #type)
GIVEN_IS_FIRST(value_duration);
GIVEN_IS_FIRST(value_integer);
GIVEN_IS_FIRST(value_number);
GIVEN_IS_FIRST(value_flag);
GIVEN_IS_FIRST(value_word);
GIVEN_IS_FIRST(value_words);
GIVEN_IS_FIRST(value_count);
GIVEN_IS_FIRST(value_integers);
GIVEN_IS_FIRST(value_name);
GIVEN_IS_FIRST(value_label);
GIVEN_IS_FIRST(value_time);
GIVEN_IS_FIRST(value_text);
GIVEN_IS_FIRST(value_choices);

static void *
member_of(const struct field *field, void *in)
{
    return (char *)in + field->offset;
}

static void
mark_given(const struct field *field, void *in, bool given)
{
    *(bool *)member_of(field, in) = given;
}

static void
set_default(const struct field *field, const double *limits, void *in)
{
    struct problem problem;
    struct entry entry = {
        .field = field,
        .limits = limits,
        .text = field->fallback_text,
        .member = member_of(field, in),
        .problem = &problem,
    };
    enum error e = OK;

    if (field->kind == FIELD_DURATION) {
        ((struct value_duration *)entry.member)->seconds =
            field_fallback(field, limits);
    } else if (field->kind == FIELD_NUMBER) {
        ((struct value_number *)entry.member)->value = field_fallback(field, limits);
    } else if (field_kinds[field->kind].number) {
        ((struct value_integer *)entry.member)->value =
            (int64_t)field_fallback(field, limits);
    } else if (field->fallback_text != NULL) {
        entry.size = strlen(field->fallback_text);
        e = field_kinds[field->kind].set_text(&entry);
    }
    assert(e == OK); /* the table is ours */
    (void)e;
}

/* Whether it is given as what it would be without: false, or a rate of 0. Who writes
 * all defaults out has asked for nothing by that, and contradicts himself in nothing.
 */
static bool
is_off(const struct field *field, const void *in)
{
    const void *member = (const char *)in + field->offset;

    if (field->kind == FIELD_FLAG)
        return !((const struct value_flag *)member)->on;
    return field->kind == FIELD_NUMBER && field->fallback_text != NULL
           && ((const struct value_number *)member)->value == 0;
}

/* The first field that is given as well and that `field` excludes; or NULL. */
static const struct field *
find_excluded(const struct shape *shape, const struct field *field, const void *in)
{
    const char *const *names = field->excludes;

    for (; names != NULL && *names != NULL; names++) {
        const struct field *other = shape_find(shape, *names, strlen(*names));

        if (other != NULL && field_given(other, in) && !is_off(other, in))
            return other;
    }
    return NULL;
}

/* "fail_status needs fail_rate or fail_first", where none of them is given; what the
 * shape does not have is not named. */
static enum error
check_needs(const struct shape *shape, const struct field *field, const void *in,
            struct problem *problem)
{
    if (field->needs == NULL)
        return OK;
    TEXT_AUTO reason = {0};
    for (const char *const *name = field->needs; *name; name++) {
        const struct field *other = shape_find(shape, *name, strlen(*name));

        if (other == NULL)
            continue;
        if (field_given(other, in))
            return OK;
        text_format(&reason, "%s%s", reason.size ? " or " : "needs ", *name);
    }
    return field_refuse(field, ERROR_INVALID_PARAMETER, text_terminated(&reason),
                        problem);
}

/* What a field that was given must fulfil. */
static enum error
check_given(const struct shape *shape, const struct field *field, const void *in,
            struct problem *problem)
{
    if (is_off(field, in))
        return OK;
    const struct field *other = find_excluded(shape, field, in);

    if (other == NULL)
        return check_needs(shape, field, in, problem);
    problem_set(problem, ERROR_INVALID_PARAMETER, "%s and %s exclude each other",
                field->name, other->name);
    problem_param(problem, field->name, strlen(field->name));
    problem_conflict(problem, other->name);
    return ERROR_INVALID_PARAMETER;
}

/* ---- public --------------------------------------------------------- */

double
field_max(const struct field *field, const double *limits)
{
    return field->max_limit == LIMIT_NONE ? field->max : limits[field->max_limit];
}

double
field_fallback(const struct field *field, const double *limits)
{
    double max = field_max(field, limits);

    return field->fallback < max ? field->fallback : max;
}

void
shape_defaults(const struct shape *shape, const double *limits, void *in)
{
    memset(in, 0, shape->size);
    for (size_t i = 0; i < shape->count; i++)
        set_default(&shape->fields[i], limits, in);
}

const struct field *
shape_find(const struct shape *shape, const char *name, size_t size)
{
    for (size_t i = 0; i < shape->count && size > 0; i++) {
        const char *other = shape->fields[i].name;

        if (other[0] != name[0]) /* most of them */
            continue;
        if (strlen(other) == size && memcmp(other, name, size) == 0)
            return &shape->fields[i];
    }
    return NULL;
}

bool
field_given(const struct field *field, const void *in)
{
    return *(const bool *)((const char *)in + field->offset);
}

enum error
field_set_text(const struct field *field, const double *limits, const char *text,
               size_t size, void *in, struct problem *problem)
{
    struct entry entry = {field, limits, text, size, member_of(field, in), problem};
    enum error e;

    if (field_given(field, in))
        return field_duplicate(field, problem);
    if (size == 0) {
        field_refuse(field, ERROR_INVALID_PARAMETER, "is empty", problem);
        problem_value(problem, "", 0);
        return ERROR_INVALID_PARAMETER;
    }
    e = field_kinds[field->kind].set_text(&entry);
    if (e)
        return e;
    mark_given(field, in, true);
    return OK;
}

enum error
field_set_integer(const struct field *field, const double *limits, int64_t value,
                  void *in, struct problem *problem)
{
    char shown[NUMBER_TEXT_MAX];
    size_t size = number_print_integer(value, shown);
    struct entry entry = {field, limits, shown, size, member_of(field, in), problem};
    enum error e;

    if (field_given(field, in))
        return field_duplicate(field, problem);
    if (field_kinds[field->kind].set_integer == NULL)
        return field_wrong_type(field, shown, size, problem);
    e = field_kinds[field->kind].set_integer(&entry, value);
    if (e)
        return e;
    mark_given(field, in, true);
    return OK;
}

enum error
field_set_double(const struct field *field, const double *limits, double value,
                 void *in, struct problem *problem)
{
    char shown[NUMBER_TEXT_MAX + 2] = "not finite";
    struct entry entry = {field, limits, shown, 0, member_of(field, in), problem};
    enum error e;

    if (field_given(field, in))
        return field_duplicate(field, problem);
    if (isfinite(value))
        number_print(value, shown);
    if (field_kinds[field->kind].set_double == NULL || !isfinite(value)) {
        /* "n=2 must be an integer" would puzzle whoever wrote 2.0. */
        if (strpbrk(shown, ".en") == NULL)
            memcpy(shown + strlen(shown), ".0", sizeof ".0");
        return field_wrong_type(field, shown, strlen(shown), problem);
    }
    entry.size = strlen(shown);
    e = field_kinds[field->kind].set_double(&entry, value);
    if (e)
        return e;
    mark_given(field, in, true);
    return OK;
}

enum error
field_set_flag(const struct field *field, bool value, void *in, struct problem *problem)
{
    struct value_flag *flag = member_of(field, in);
    const char *shown = value ? "true" : "false";

    if (field_given(field, in))
        return field_duplicate(field, problem);
    if (field->kind != FIELD_FLAG)
        return field_wrong_type(field, shown, strlen(shown), problem);
    *flag = (struct value_flag){.given = true, .on = value};
    return OK;
}

enum error
field_append_integer(const struct field *field, const double *limits, int64_t value,
                     void *in, struct problem *problem)
{
    struct value_integers *member = member_of(field, in);
    struct value_integers list = {0}; /* the first element drops the default */
    char shown[NUMBER_TEXT_MAX];
    size_t size = number_print_integer(value, shown);
    struct entry entry = {field, limits, shown, size, &list, problem};
    enum error e;

    if (field->kind != FIELD_INTEGERS)
        return entry_wrong_element(&entry);
    if (member->given)
        list = *member;
    e = entry_append_integer(&entry, value);
    if (e)
        return e;
    list.given = true;
    *member = list;
    return OK;
}

static enum error
append_word(const struct entry *entry)
{
    struct value_words *member = entry->member;
    struct value_words words = {0}; /* the first element drops the default */
    struct entry added = *entry;
    enum error e;

    if (member->given)
        words = *member;
    added.member = &words;
    e = entry_append_word(&added);
    if (e)
        return e;
    words.given = true;
    *member = words;
    return OK;
}

enum error
field_append_text(const struct field *field, const double *limits, const char *text,
                  size_t size, void *in, struct problem *problem)
{
    struct entry entry = {field, limits, text, size, member_of(field, in), problem};
    enum error e;

    if (field->kind == FIELD_WORDS)
        return append_word(&entry);
    if (field->kind != FIELD_CHOICES)
        return entry_wrong_element(&entry);
    e = entry_append_choice(&entry);
    if (e)
        return e;
    mark_given(field, in, true);
    return OK;
}

enum error
shape_check(const struct shape *shape, const void *in, struct problem *problem)
{
    const struct field *field = shape->fields; /* NULL where there are none */

    for (size_t left = shape->count; left > 0; left--, field++) {
        if (!field_given(field, in)) {
            if (field->required)
                return field_refuse(field, ERROR_INVALID_PARAMETER, "is required",
                                    problem);
            continue;
        }
        enum error e = check_given(shape, field, in, problem);
        if (e)
            return e;
    }
    return OK;
}

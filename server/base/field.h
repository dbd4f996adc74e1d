/*
 * field.h: a table of fields describes a struct: for each member its name, kind,
 * default, limits, example and sentence. The same table parses (queries, JSON bodies,
 * flags, environment), makes the error texts, the OpenAPI schema and the manuals.
 */
#pragma once

#include "base/problem.h"

#include <stdbool.h>

/* What a member can be. `given` tells a value that was sent from a default; it is the
 * first of each. */
/* clang-format off */
struct value_duration { bool given; double seconds; };
struct value_integer { bool given; int64_t value; };
struct value_number { bool given; double value; };
struct value_flag { bool given; bool on; };
struct value_word { bool given; int index; /* into the field's words */ };
struct value_words { bool given; uint32_t set; /* bit i: word i; 0: none given */ };
struct value_count { bool given; int word; /* into the field's words, or -1: */ int64_t count; };
enum { INTEGERS_MAX = 16 };
struct value_integers { bool given; size_t size; int64_t at[INTEGERS_MAX]; };
enum { NAME_MAX_BYTES = 64, LABEL_MAX_BYTES = 128 };
struct value_name { bool given; char bytes[NAME_MAX_BYTES + 1]; };
struct value_label { bool given; char bytes[LABEL_MAX_BYTES + 1]; };
struct value_time { bool given; int64_t wall_ns; };
struct value_text { bool given; const char *bytes; /* borrowed, terminated */ };
enum { CHOICES_MAX = 64 };
struct value_choices { bool given; size_t size; struct { double seconds, weight; } at[CHOICES_MAX]; };
/* clang-format on */

enum field_kind {
    FIELD_DURATION, /* seconds, or a number with a unit */
    FIELD_NUMBER,   /* a plain number, with a fraction or without */
    FIELD_INTEGER,
    FIELD_SEED,     /* integer 0 … 2^63-1; in JSON also a string */
    FIELD_SIZE,     /* bytes, KiB, MiB, GiB (value_integer) */
    FIELD_FLAG,     /* true false 1 0 */
    FIELD_WORD,     /* one of `words` */
    FIELD_WORDS,    /* comma list of `words` */
    FIELD_COUNT,    /* one of `words`, or an integer */
    FIELD_INTEGERS, /* comma list of at most INTEGERS_MAX, none twice */
    FIELD_NAME,     /* [A-Za-z0-9][A-Za-z0-9._-]{0,63} */
    FIELD_LABEL,    /* 1 … 128 bytes of UTF-8, no control characters */
    FIELD_TIME,     /* RFC 3339 */
    FIELD_CHOICES, /* comma list of at most CHOICES_MAX durations, each with a weight */
    FIELD_TEXT,    /* any non-empty text: flags only (value_text borrows) */
};

/* Limits that the configuration sets; a field names one as its maximum. */
enum limit { LIMIT_NONE, LIMIT_MAX_DELAY, LIMIT_MAX_N, LIMIT_COUNT };

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset; /* of the member in the struct */
    bool required;
    double min, max;      /* both inclusive, for DURATION, NUMBER, INTEGER, SIZE, COUNT,
                             INTEGERS */
    enum limit max_limit; /* the maximum is the limit of that name instead of `max` */
    double fallback;      /* default of DURATION, NUMBER, INTEGER, SIZE; never above the
                             maximum */
    const char *fallback_text;   /* default of every other kind, as it would be sent and
                                    under any limits valid (asserted); for
                                    number kinds: how the default reads in the manuals */
    const char *const *words;    /* ends with NULL */
    const char *const *excludes; /* names of what contradicts it; ends with NULL */
    const char *const *needs;    /* it means nothing unless one of these is given */
    const char *unit;            /* for people: "seconds", "bytes"; NULL */
    const char *example;         /* as it would stand in a query */
    const char *text;            /* one sentence */
};

struct shape {
    size_t size; /* of the struct */
    const struct field *fields;
    size_t count;
};

/* clang-format off */
/* The kind's storage is checked against the member by the compiler:
 *     FIELD(struct wait_in, max_delay, FIELD_DURATION, .max_limit = …, .text = …) */
#define FIELD(type, member, kind_, ...) FIELD_AS(#member, type, member, kind_, __VA_ARGS__)
#define FIELD_AS(name_, type, member, kind_, ...)                                        \
    {                                                                                    \
        .name = (name_), .kind = (kind_),                                                \
        .offset = offsetof(type, member)                                                 \
                  + 0 * sizeof(char[FIELD_FITS(((type *)0)->member, kind_) ? 1 : -1]),   \
        __VA_ARGS__                                                                      \
    }
#define FIELD_FITS(member, kind_)                                                        \
    _Generic((member),                                                                   \
        struct value_duration: (kind_) == FIELD_DURATION,                                \
        struct value_integer: (kind_) == FIELD_INTEGER || (kind_) == FIELD_SEED          \
                              || (kind_) == FIELD_SIZE,                                  \
        struct value_number: (kind_) == FIELD_NUMBER,                                    \
        struct value_flag: (kind_) == FIELD_FLAG,                                        \
        struct value_word: (kind_) == FIELD_WORD,                                        \
        struct value_words: (kind_) == FIELD_WORDS,                                      \
        struct value_count: (kind_) == FIELD_COUNT,                                      \
        struct value_integers: (kind_) == FIELD_INTEGERS,                                \
        struct value_name: (kind_) == FIELD_NAME,                                        \
        struct value_label: (kind_) == FIELD_LABEL,                                      \
        struct value_time: (kind_) == FIELD_TIME,                                        \
        struct value_choices: (kind_) == FIELD_CHOICES,                                  \
        struct value_text: (kind_) == FIELD_TEXT)
#define SHAPE(type, table) {.size = sizeof(type), .fields = (table), .count = COUNT(table)}
/* clang-format on */

/* The largest value that the field takes under these limits (a double for each enum
 * limit). */
double field_max(const struct field *field, const double *limits);

/* Its default, where it is a number kind: `fallback`, or the maximum where that is
 * less. */
double field_fallback(const struct field *field, const double *limits);

/* Zeroes the struct and sets every default. */
void shape_defaults(const struct shape *shape, const double *limits, void *in);

/* The field of that name; NULL where there is none. */
const struct field *
shape_find(const struct shape *shape, const char *name, size_t size);

bool field_given(const struct field *field, const void *in);

/*
 * Each of these sets the field's member from one value and marks it as given. On error
 * the member is unchanged and *problem tells name, value and limits. A field that was
 * given already is a duplicate-parameter. Text is what a query or a flag holds; that of
 * a FIELD_TEXT is terminated and outlives the struct.
 */
MUST_USE enum error
field_set_text(const struct field *field, const double *limits, const char *text,
               size_t size, void *in, struct problem *problem);
/* A JSON number that is an integer: all numeric kinds. */
MUST_USE enum error field_set_integer(const struct field *field, const double *limits,
                                      int64_t value, void *in, struct problem *problem);
/* Any other JSON number: FIELD_DURATION and FIELD_NUMBER take it, the rest refuse. */
MUST_USE enum error field_set_double(const struct field *field, const double *limits,
                                     double value, void *in, struct problem *problem);
MUST_USE enum error field_set_flag(const struct field *field, bool value, void *in,
                                   struct problem *problem);

/*
 * Each of these adds one element of a JSON array to a FIELD_INTEGERS, FIELD_WORDS or
 * FIELD_CHOICES and marks it as given. That it was not given before the first one, and
 * that the array is not empty, is for the caller to check.
 */
MUST_USE enum error
field_append_integer(const struct field *field, const double *limits, int64_t value,
                     void *in, struct problem *problem);
MUST_USE enum error
field_append_text(const struct field *field, const double *limits, const char *text,
                  size_t size, void *in, struct problem *problem);

/* The problem of a JSON value whose type the field does not take; `shown` is that
 * value, or how to name it ("null", "an object"). */
enum error field_wrong_type(const struct field *field, const char *shown,
                            size_t shown_size, struct problem *problem);

/* Whether JSON has it as an array. */
static inline bool
field_is_list(enum field_kind kind)
{
    return kind == FIELD_WORDS || kind == FIELD_INTEGERS || kind == FIELD_CHOICES;
}

/* What the kind takes, for people: "a number of seconds or a number with a unit (us ms
 * s m h)". */
const char *field_kind_text(enum field_kind kind);

/* Checks what the whole struct must fulfil once all is set: required fields are given,
 * none that exclude each other, and none without what it needs. A flag that is false,
 * and a number whose default is 0 and that is 0, neither exclude nor need any. */
MUST_USE enum error
shape_check(const struct shape *shape, const void *in, struct problem *problem);

/* The unknown-parameter problem, with the nearest valid name; `where` is what has no
 * such parameter ("GET /wait"). */
enum error shape_unknown(const struct shape *shape, const char *where, const char *name,
                         size_t size, struct problem *problem);

/* Writes the member's value as JSON: null for a text that is not set. */
void field_write(const struct field *field, const void *in, struct json_writer *json);

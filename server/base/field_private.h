/*
 * field_private.h: what field.c (access to the struct), field_parse.c (the kinds) and
 * field_refuse.c (the error texts) share. For those three only.
 */
#pragma once

#include "base/field.h"

/* One value on its way into a member. */
struct entry {
    const struct field *field;
    const double *limits;
    const char *text; /* as it came, or as it would read */
    size_t size;
    void *member;
    struct problem *problem;
};

struct kind {
    enum error (*set_text)(const struct entry *entry);
    enum error (*set_integer)(const struct entry *entry, int64_t value); /* or NULL */
    enum error (*set_double)(const struct entry *entry, double value);   /* or NULL */
    const char *text;
    bool number; /* its default is field->fallback */
    bool string; /* JSON has it as a string only */
};

/* field_parse.c: by enum field_kind. */
extern const struct kind field_kinds[];

/* field_parse.c: the value, once its limits are checked, goes into the entry's member;
 * that it is given is for the caller to mark. */
enum error entry_append_integer(const struct entry *entry, int64_t value);
enum error entry_append_word(const struct entry *entry);
enum error entry_append_choice(const struct entry *entry);

/* field_refuse.c: each fills the problem and returns its error.
 * "max_delay=301" and the reason: */
enum error
entry_refuse(const struct entry *entry, const char *format, ...) PRINTF_LIKE(2, 3);
enum error entry_malformed(const struct entry *entry);
enum error entry_wrong_element(const struct entry *entry); /* of a JSON array */
enum error
entry_outside_limits(const struct entry *entry, const char *side, double limit);

/* field_refuse.c: problems of the field as such, of no value. */
enum error field_refuse(const struct field *field, enum error error, const char *reason,
                        struct problem *problem);
enum error field_duplicate(const struct field *field, struct problem *problem);

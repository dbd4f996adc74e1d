/*
 * target.h: the request target (RFC 9112 §3.2), raw as the client sent it: origin-form,
 * absolute-form, and * for OPTIONS.
 */
#pragma once

#include "base/problem.h"

struct target {
    const char *path; /* raw, begins with '/', or is "*" */
    size_t path_size;
    char *query; /* behind '?', NULL: none; target_next consumes it */
    size_t query_size;
};

/* Splits it. bad-request where it is none of the forms, holds a byte outside printable
 * ASCII or a fragment, or %00 in its path. */
MUST_USE enum error
target_split(char *raw, struct target *target, struct problem *problem);

/* The authority of an absolute-form target without its user, NULL where it has none.
 * Before it is split. */
const char *target_authority(const char *raw, size_t *size);

struct target_pair {
    const char *name, *value; /* decoded, within the target's own bytes; terminated */
    size_t name_size, value_size;
};

/* The next name=value of the query, decoded in place (%XX; '+' is a blank), *last where
 * there is none. invalid-parameter where the encoding is broken or holds %00. */
MUST_USE enum error target_next(struct target *target, struct target_pair *pair,
                                bool *last, struct problem *problem);

/* json_body.h: JSON as parameters of a route, or as data. The one user of jansson's
 * parser. */
#pragma once

#include "base/field.h"

/* Sets the fields of `in` from the object in bytes, which may have been given in the
 * query already. `where` is for unknown names ("POST /wait"). Errors: invalid-json
 * (what the parser refuses, what is no object, what is nested deeper than 32),
 * duplicate-, unknown-, invalid-parameter. */
MUST_USE enum error
json_body_parse(const struct shape *shape, const double *limits, const char *where,
                const char *bytes, size_t size, void *in, struct problem *problem);

/* invalid-json where the bytes are no JSON value. */
MUST_USE enum error
json_body_check(const char *bytes, size_t size, struct problem *problem);

/* json_body.h: JSON as parameters of a route, or as data. The one user of jansson's
 * parser. */
#pragma once

#include "base/field.h"

/* Once, before anything here is called: from then on the program ends, with a line and
 * exit code 70, where jansson has no memory. */
void json_body_setup(void);

/* Sets the fields of `in` from the object in bytes, which may have been given in the
 * query already. `where` is for unknown names ("POST /wait"). Errors: invalid-json
 * (what the parser refuses, what is no object, what is nested deeper than 32 levels or
 * has more than 65,536 values), duplicate-, unknown-, invalid-parameter. */
MUST_USE enum error
json_body_parse(const struct shape *shape, const double *limits, const char *where,
                const char *bytes, size_t size, void *in, struct problem *problem);

/* invalid-json where the bytes are no JSON value, or have a number in them that a
 * double has no room for. */
MUST_USE enum error
json_body_check(const char *bytes, size_t size, struct problem *problem);

/* How many values the parser would make of the bytes. */
size_t json_body_values(const char *bytes, size_t size);

/* How json_body_each reads an object of objects. */
struct json_each {
    const struct shape *shape; /* of each */
    const double *limits;
    void *in; /* of shape->size: set from each in turn */
    void *owner;
    /* Takes one; its error ends the reading. */
    enum error (*take)(void *owner, const char *name, const void *in,
                       struct problem *problem);
    char *place; /* NAME_MAX_BYTES + 1: the name that the error is about, "": none */
};

/* Errors as of json_body_parse, of shape_check and of `take`; *line is then where in
 * the bytes, from 1. */
MUST_USE enum error json_body_each(const struct json_each *each, const char *bytes,
                                   size_t size, size_t *line, struct problem *problem);

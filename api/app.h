/* app.h: the public surface of waitd, and what its handlers share. */
#pragma once

#include "http/exchange.h"

#include <stdatomic.h>

struct profiles;

struct app {
    const char *version;
    const struct route *const *routes; /* api_routes */
    const struct profiles *profiles;
    const struct shape *flags; /* the program's flags, and their values: */
    const void *values;
    size_t descriptors;             /* that the process may have open */
    _Atomic(struct text *) openapi; /* NULL: not asked for yet. Owned */
};

/* Frees what the handlers have made for all; nobody is served any more. */
void api_close(struct app *app);

/* Every endpoint, NULL-ended. */
extern const struct route *const api_routes[];

/* The field behind {id} in a path. */
extern const struct field api_id_field;   /* of a record */
extern const struct field api_name_field; /* of a coordination object */

/* The OpenAPI 3.1 document with these limits, and docs/api.md (Markdown). */
void api_print_openapi(const struct app *app, const double *limits, struct text *out);
void api_print_manual(const struct app *app, struct text *out);

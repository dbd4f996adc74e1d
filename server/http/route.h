/*
 * route.h: what a client can ask, as tables. One struct route is one endpoint: its
 * methods, its path, its parameters, its answers and its handler. Parsing, error texts,
 * 404, 405 and Allow, the OpenAPI document, docs/api.md and the list at / come from it.
 */
#pragma once

#include "base/field.h"

struct exchange;

enum method {
    METHOD_GET = 1 << 0, /* answers HEAD too */
    METHOD_POST = 1 << 1,
    METHOD_PUT = 1 << 2,
    METHOD_PATCH = 1 << 3,
    METHOD_DELETE = 1 << 4,
    METHOD_HEAD = 1 << 5,    /* in requests only */
    METHOD_OPTIONS = 1 << 6, /* in requests only */
};
enum {
    METHODS_WITH_BODY = METHOD_POST | METHOD_PUT | METHOD_PATCH,
    METHODS_THAT_CHANGE = METHODS_WITH_BODY | METHOD_DELETE,
};

/* The statuses that an answer can have, for who counts them; 0 ends the list and stands
 * for any other. */
extern const int route_statuses[];
enum { ROUTE_STATUSES = 21 };

/* The method of that name; 0: none of ours. */
unsigned method_of(const char *name);

/* The name of a single method. */
const char *method_name(unsigned method);

/* In the order in which `format` words and Accept prefer them. Bytes are data of a type
 * of their own: who offers them, and nothing else, sends them whatever Accept says. */
enum format {
    FORMAT_JSON,
    FORMAT_NDJSON,
    FORMAT_SSE,
    FORMAT_TEXT,
    FORMAT_BYTES,
    FORMAT_COUNT
};

struct format_info {
    const char *word;       /* of the parameter `format` */
    const char *media_type; /* as Accept names it */
    const char *content_type;
};
const struct format_info *format_info(enum format format);

enum body_kind {
    BODY_PARAMETERS, /* a JSON object with the same names as the query */
    BODY_JSON,       /* any JSON value, or none: data for the handler */
    BODY_BYTES,      /* anything: likewise */
};

struct answer {
    int status;
    enum format format;
    const char *text;    /* when, and what it holds */
    const char *example; /* a body; NULL: none */
};

struct route {
    unsigned methods;
    const char *path;               /* with at most one {id} as a whole segment */
    const struct field *path_field; /* describes {id} (FIELD_NAME); NULL: none */
    const char *text;               /* one sentence */
    const char *more;               /* details for the manual; NULL: none */
    struct shape in;                /* parameters; size 0: none */
    unsigned formats;               /* 1 << enum format, each it can answer in */
    bool while_draining;            /* answers while the server stops */
    bool for_health;                /* answers without a token, whatever its Host */
    enum body_kind body;            /* of a method that takes one */
    const struct answer *answers;   /* ends with status 0 */
    const enum error *errors;       /* beyond the general ones; ends with OK */
    const char *example;            /* a curl line, behind `curl -s` */

    /* Which of its formats these parameters leave to Accept; NULL: all of them. */
    unsigned (*offers)(const void *in);

    /* The name whose home works on it; NULL: the client's own worker does. It is lent
     * for the call. The function may be NULL. */
    const char *(*home)(const char *id, const void *in);

    /* Begins the work: replies, streams, or leaves the exchange waiting. `in` is lent
     * for the call. An error has filled *problem or is told by its error alone. */
    enum error (*handle)(struct exchange *exchange, const void *in,
                         struct problem *problem);
};

/* A `home` of who is named by {id}. */
const char *route_id_home(const char *id, const void *in);

struct route_found {
    const struct route *route; /* NULL: none for this method */
    size_t index;              /* of the route in the list */
    unsigned methods;          /* where it is NULL: of all of that path; 0: none */
    const char *id;            /* what stands for {id}, in the path; NULL: nothing */
    size_t id_size;
};

/* `routes` ends with NULL; `path` is the raw path of the target. */
struct route_found route_find(const struct route *const *routes, unsigned method,
                              const char *path, size_t size);

/* The names of a set of methods, the separator between them. */
void methods_print(unsigned methods, const char *separator, struct text *out);

/* With those that every path answers too: what Allow lists. */
unsigned methods_allowed(unsigned methods);

/* Why the tables are wrong (a missing text or example, min above max, the same endpoint
 * twice), NULL where they are right. */
const char *routes_check(const struct route *const *routes, const double *limits);

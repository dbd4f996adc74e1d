/* error.h: what can go wrong, and what a client is told about it. */
#pragma once

#include "base/base.h"

#include <stdbool.h>

enum error {
    OK,
#define ERROR(symbol, status, slug, title, text) ERROR_##symbol,
#include "base/errors.def"
#undef ERROR
    ERROR_COUNT,
};

struct error_info {
    int status;        /* HTTP */
    const char *slug;  /* the last part of its type, /problems/<slug> */
    const char *title; /* short, the same for every occurrence */
    const char *text;  /* what it means and what to do, for /problems/<slug> */
};

/* `error` is not OK. */
const struct error_info *error_info(enum error error);

/* Whether a client can ask for it with a status of its own choice; that in its info is
 * then the default. */
bool error_has_any_status(enum error error);

/* The error of that slug, OK where there is none. */
enum error error_from_slug(const char *slug);

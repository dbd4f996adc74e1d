/*
 * reach.h: who may reach the server: the names that it answers to, and the web pages
 * that may use it. Its tokens, which change while it runs, are beside it (tokens.h).
 *
 * A browser sends what any page tells it to, with the rights of its user's network. So
 * what comes from a page (it has Origin or Sec-Fetch-Site) changes nothing here unless
 * the page is of this server, or of an origin that is allowed. Other clients send
 * neither.
 */
#pragma once

#include "base/text.h"

enum { REACH_NAMES_MAX = 64, REACH_NAME_SIZE_MAX = 255 };

/* A list that is separated by commas, in lower case. */
struct reach_names {
    size_t count;
    char *at[REACH_NAMES_MAX]; /* within bytes */
    char *bytes;               /* owned */
};

struct reach {
    struct reach_names hosts; /* NAME, NAME:PORT or *.NAME; none: every host */
    struct reach_names origins;
    bool any_origin;
    bool cors; /* pages of other origins are answered */
};

/* From the values of --allow-host and --cors-origin, each of which may be NULL. False:
 * *why says in one line what is wrong. */
MUST_USE bool reach_open(struct reach *reach, const char *allow_host,
                         const char *cors_origin, struct text *why);
void reach_close(struct reach *reach);

/* Whether that Host, or authority of a target, is in the list. */
bool reach_has_host(const struct reach *reach, const char *host, size_t size);

/* Whether that Origin is one of those allowed. */
bool reach_has_origin(const struct reach *reach, const char *origin);

/* Whether that Origin is the one of who asks for this host: http or https, a default
 * port told or not. */
bool reach_is_own(const char *origin, const char *host, size_t size);

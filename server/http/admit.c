/*
 * admit.c: whether a request is let in, before its route is looked for: 421, 403 and
 * 401, in this order. It looks at headers, and so is asked only where one of them
 * matters.
 */
#include "http/http_private.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* What the head says of where it is from; NULL: nothing. */
struct claims {
    const char *host, *origin, *site, *authorization;
    const char *twice; /* the header that came more than once */
};

static const struct {
    const char *name;
    size_t offset;
} claim_headers[] = {
    {MHD_HTTP_HEADER_HOST, offsetof(struct claims, host)},
    {MHD_HTTP_HEADER_ORIGIN, offsetof(struct claims, origin)},
    {"Sec-Fetch-Site", offsetof(struct claims, site)},
    {MHD_HTTP_HEADER_AUTHORIZATION, offsetof(struct claims, authorization)},
};

static enum MHD_Result
on_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct claims *claims = context;

    (void)kind;
    for (size_t i = 0; i < COUNT(claim_headers); i++) {
        const char **claim =
            (const char **)(void *)((char *)claims + claim_headers[i].offset);

        if (strcasecmp(name, claim_headers[i].name) != 0)
            continue;
        if (*claim)
            claims->twice = claim_headers[i].name;
        *claim = value ? value : "";
    }
    return MHD_YES;
}

/* ---- Host --------------------------------------------------------------------------
 */

/* The host that it asks for: an absolute target wins (RFC 9112 §3.2.2). NULL: none. */
static const char *
asked_host(const struct exchange *exchange, const struct claims *claims, size_t *size)
{
    const char *authority = target_authority(exchange->target, size);

    if (authority)
        return authority;
    *size = claims->host ? strlen(claims->host) : 0;
    return claims->host;
}

static enum error
check_host(const struct exchange *exchange, const struct claims *claims,
           struct problem *problem)
{
    size_t size;
    const char *host = asked_host(exchange, claims, &size);
    const struct reach *reach = exchange->server->config.reach;

    if (reach->hosts.count == 0 || (host && reach_has_host(reach, host, size)))
        return OK;
    if (connection_is_unix(exchange->connection)) /* no name leads to it */
        return OK;
    if (host == NULL || size == 0)
        return problem_set(problem, ERROR_MISDIRECTED,
                           "the request names no host, and --allow-host wants one");
    return problem_set(problem, ERROR_MISDIRECTED,
                       "the server does not answer to the host %.*s; it would with "
                       "--allow-host %.*s",
                       size < 100 ? (int)size : 100, host, size < 100 ? (int)size : 100,
                       host);
}

/* ---- pages of other origins --------------------------------------------------------
 */

static bool
is_own_site(const char *site)
{
    return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

static enum error
check_origin(const struct exchange *exchange, const struct claims *claims,
             struct problem *problem)
{
    size_t size;
    const char *host = asked_host(exchange, claims, &size);

    if (!(exchange->method & METHODS_THAT_CHANGE)
        || (claims->origin
            && reach_has_origin(exchange->server->config.reach, claims->origin)))
        return OK;
    if (claims->origin && !(host && reach_is_own(claims->origin, host, size)))
        return problem_set(problem, ERROR_FORBIDDEN_ORIGIN,
                           "a page of the origin %.100s may change nothing here; "
                           "--cors-origin lists those that may",
                           claims->origin);
    if (claims->site && !is_own_site(claims->site))
        return problem_set(
            problem, ERROR_FORBIDDEN_ORIGIN,
            "a page of another origin (Sec-Fetch-Site: %.100s) may change "
            "nothing here; --cors-origin lists those that may",
            claims->site);
    return OK;
}

/* ---- tokens ------------------------------------------------------------------------
 */

/* What follows "Bearer", without blanks; NULL where that is not the scheme. */
static const char *
bearer(const char *authorization, size_t *size)
{
    static const char scheme[] = "Bearer";
    size_t name = sizeof scheme - 1;

    if (authorization == NULL || strncasecmp(authorization, scheme, name) != 0
        || (authorization[name] != ' ' && authorization[name] != '\0'))
        return NULL;
    const char *token = authorization + name + strspn(authorization + name, " ");
    const char *end = token + strlen(token);

    while (end > token && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *size = (size_t)(end - token);
    return token;
}

const char *
admit_challenge(struct exchange *exchange)
{
    size_t size;

    return bearer(exchange_header(exchange, MHD_HTTP_HEADER_AUTHORIZATION), &size)
               ? "Bearer realm=\"waitd\", error=\"invalid_token\""
               : "Bearer realm=\"waitd\"";
}

/* A browser asks with OPTIONS whether a page may send a token, and sends none with it.
 */
static enum error
check_token(const struct exchange *exchange, const struct claims *claims,
            struct problem *problem)
{
    const struct tokens *tokens = exchange->server->tokens;
    size_t size;
    const char *token = bearer(claims->authorization, &size);

    if (tokens == NULL || exchange->method == METHOD_OPTIONS
        || (token && tokens_accept(tokens, token, size)))
        return OK;
    return problem_set(problem, ERROR_UNAUTHORIZED,
                       token ? "the token is none of --token-file"
                             : "a token is wanted; this line works: curl "
                               "--oauth2-bearer TOKEN");
}

/* ---- all of it ---------------------------------------------------------------------
 */

/* Who watches the process need not know its names and tokens. */
static bool
is_for_health(struct exchange *exchange)
{
    struct problem problem;
    struct target target;

    if (target_split(exchange->target, &target, &problem))
        return false;
    const struct route *route =
        route_find(exchange->server->config.routes, exchange->method, target.path,
                   target.path_size)
            .route;
    return route && route->for_health;
}

enum error
admit(struct exchange *exchange, struct problem *problem)
{
    struct claims claims = {0};
    enum error error = OK;

    MHD_get_connection_values(connection_mhd(exchange->connection), MHD_HEADER_KIND,
                              on_header, &claims);
    if (claims.twice)
        return problem_set(problem, ERROR_BAD_REQUEST, "refused: more than one %s",
                           claims.twice);
    error = check_host(exchange, &claims, problem);
    if (!error)
        error = check_origin(exchange, &claims, problem);
    if (!error)
        error = check_token(exchange, &claims, problem);
    return error && is_for_health(exchange) ? OK : error;
}

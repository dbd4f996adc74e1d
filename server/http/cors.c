/* cors.c: what tells a browser that pages of other origins may use the server. */
#include "http/http_private.h"

/* Beyond those that every page may send and read (Fetch standard, CORS-safelisted). The
 * star stands for all but Authorization. */
static const char sent[] = "Authorization, Content-Type, Last-Event-ID, Prefer, *";
static const char read_by_pages[] =
    "Allow, Location, Preference-Applied, Retry-After, Server-Timing, Waitd-Id, "
    "WWW-Authenticate";
static const char methods[] = "GET, HEAD, POST, PUT, PATCH, DELETE";
static const char kept_for_s[] = "600";

static bool
is_preflight(struct exchange *exchange)
{
    return exchange->method == METHOD_OPTIONS
           && exchange_header(exchange, MHD_HTTP_HEADER_ACCESS_CONTROL_REQUEST_METHOD);
}

static bool
answer_preflight(struct MHD_Response *response)
{
    return reply_add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_METHODS,
                            methods)
           && reply_add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS,
                               sent)
           && reply_add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_MAX_AGE,
                               kept_for_s);
}

bool
cors_add_headers(struct exchange *exchange, struct MHD_Response *response)
{
    const struct reach *reach = exchange->server->config.reach;
    const char *origin = exchange_header(exchange, MHD_HTTP_HEADER_ORIGIN);

    if (!reach->any_origin
        && !reply_add_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ORIGIN))
        return false;
    if (!reach->any_origin && !(origin && reach_has_origin(reach, origin)))
        return true;
    if (!reply_add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN,
                          reach->any_origin ? "*" : origin))
        return false;
    return is_preflight(exchange)
               ? answer_preflight(response)
               : reply_add_header(response,
                                  MHD_HTTP_HEADER_ACCESS_CONTROL_EXPOSE_HEADERS,
                                  read_by_pages);
}

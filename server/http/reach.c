#include "http/reach.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the lists ---------------------------------------------------------------------
 */

static bool
refuse(struct text *why, const char *flag, const char *name, const char *reason)
{
    text_format(why, "%s: \"%.100s\" %s", flag, name, reason);
    return false;
}

/* Bytes of a name and its port, or of an IPv6 address in brackets. */
static bool
is_host_text(const char *name)
{
    return *name != '\0'
           && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._:[]")] == '\0';
}

/* Where its port is ":8080" or nothing, as in a Host. */
static const char *
port_of(const char *host)
{
    const char *bracket = strchr(host, ']');
    const char *behind = bracket ? bracket + 1 : host + strcspn(host, ":");

    return *behind == '\0'
                   || (*behind == ':' && behind[1] != '\0'
                       && behind[1 + strspn(behind + 1, "0123456789")] == '\0')
               ? behind
               : NULL;
}

static bool
check_host(const char *name, struct text *why)
{
    const char *host = strncmp(name, "*.", 2) == 0 ? name + 2 : name;

    if (is_host_text(host) && *host != ':'
        && (*host == '[') == (strchr(host, ']') != NULL) && port_of(host))
        return true;
    return refuse(why, "--allow-host", name,
                  "is not a host: write a name or an address as Host has it, such as "
                  "localhost, waitd.test:8080, [::1] or *.waitd.test");
}

static bool
check_origin(const char *name, struct text *why)
{
    const char *host = strstr(name, "://");

    if (strcmp(name, "*") == 0
        || (host && host > name && is_host_text(host + 3) && host[3] != ':'
            && port_of(host + 3)))
        return true;
    return refuse(why, "--cors-origin", name,
                  "is not an origin: write it as a browser sends it, such as "
                  "http://localhost:3000, without a path; or *");
}

static bool
add_name(struct reach_names *names, char *name, const char *flag, struct text *why,
         bool (*check)(const char *name, struct text *why))
{
    if (strlen(name) > REACH_NAME_SIZE_MAX)
        return refuse(why, flag, name, "is longer than 255 bytes");
    if (names->count == REACH_NAMES_MAX)
        return refuse(why, flag, name, "is one too many: at most 64");
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (!check(name, why))
        return false;
    names->at[names->count++] = name;
    return true;
}

static bool
read_names(struct reach_names *names, const char *list, const char *flag,
           struct text *why, bool (*check)(const char *name, struct text *why))
{
    if (list == NULL)
        return true;
    names->bytes = strdup(list);
    if (names->bytes == NULL) {
        text_string(why, "cannot start: no memory");
        return false;
    }
    char *rest = names->bytes, *name;

    while ((name = strsep(&rest, ",")) != NULL)
        if (!add_name(names, name, flag, why, check))
            return false;
    return true;
}

bool
reach_open(struct reach *reach, const char *allow_host, const char *cors_origin,
           struct text *why)
{
    *reach = (struct reach){.cors = cors_origin != NULL};
    if (!read_names(&reach->hosts, allow_host, "--allow-host", why, check_host)
        || !read_names(&reach->origins, cors_origin, "--cors-origin", why,
                       check_origin)) {
        reach_close(reach);
        return false;
    }
    for (size_t i = 0; i < reach->origins.count; i++)
        reach->any_origin |= strcmp(reach->origins.at[i], "*") == 0;
    return true;
}

void
reach_close(struct reach *reach)
{
    free(reach->hosts.bytes);
    free(reach->origins.bytes);
    *reach = (struct reach){0};
}

/* ---- what a request says -----------------------------------------------------------
 */

/* The size of the host without its port. */
static size_t
name_size(const char *host, size_t size)
{
    const char *colon = memrchr(host, ':', size);
    size_t before = colon ? (size_t)(colon - host) : size;
    bool digits = before < size;

    for (size_t i = before + 1; i < size; i++)
        digits = digits && host[i] >= '0' && host[i] <= '9';
    return digits ? before : size;
}

static bool
matches(const char *pattern, const char *host, size_t size)
{
    bool below = pattern[0] == '*'; /* a name in front of this one */
    const char *wanted = below ? pattern + 1 : pattern;
    size_t wanted_size = strlen(wanted);
    const char *port = port_of(below ? wanted + 1 : wanted);

    assert(port); /* check_host has seen it */
    if (*port == '\0')
        size = name_size(host, size);
    if (below && size > wanted_size) {
        host += size - wanted_size;
        size = wanted_size;
    } else if (below)
        return false;
    return size == wanted_size && strncasecmp(host, wanted, size) == 0;
}

bool
reach_has_host(const struct reach *reach, const char *host, size_t size)
{
    for (size_t i = 0; i < reach->hosts.count; i++)
        if (matches(reach->hosts.at[i], host, size))
            return true;
    return false;
}

bool
reach_has_origin(const struct reach *reach, const char *origin)
{
    for (size_t i = 0; i < reach->origins.count; i++)
        if (strcmp(reach->origins.at[i], origin) == 0)
            return true;
    return reach->any_origin;
}

static size_t
without_port(const char *host, size_t size, const char *port)
{
    size_t port_size = strlen(port);

    return size > port_size && memcmp(host + size - port_size, port, port_size) == 0
               ? size - port_size
               : size;
}

bool
reach_is_own(const char *origin, const char *host, size_t size)
{
    static const struct {
        const char *scheme, *port;
    } schemes[] = {{"http://", ":80"}, {"https://", ":443"}};

    for (size_t i = 0; i < COUNT(schemes); i++) {
        const char *own = origin + strlen(schemes[i].scheme);

        if (strncasecmp(origin, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
            continue;
        size_t own_size = without_port(own, strlen(own), schemes[i].port);
        size_t host_size = without_port(host, size, schemes[i].port);
        return own_size > 0 && own_size == host_size
               && strncasecmp(own, host, own_size) == 0;
    }
    return false;
}

#include "http/target.h"

#include <string.h>

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Of an absolute-form target; 0: it is another. */
static size_t
scheme_size(const char *raw)
{
    return strncasecmp(raw, "http://", 7) == 0    ? 7
           : strncasecmp(raw, "https://", 8) == 0 ? 8
                                                  : 0;
}

const char *
target_authority(const char *raw, size_t *size)
{
    size_t scheme = scheme_size(raw);

    if (scheme == 0)
        return NULL;
    const char *authority = raw + scheme;
    *size = strcspn(authority, "/?");
    const char *at = memrchr(authority, '@', *size);
    if (at) {
        *size -= (size_t)(at + 1 - authority);
        authority = at + 1;
    }
    return authority;
}

/* An absolute-form target without its scheme and authority; others as they are. */
static char *
origin_form(char *raw)
{
    static char root[] = "/";
    size_t scheme = scheme_size(raw);

    if (scheme == 0)
        return raw;
    char *end = raw + scheme + strcspn(raw + scheme, "/?");
    if (*end == '\0')
        return root;
    if (*end == '?') /* an empty path is "/": its room is the authority's last byte */
        *--end = '/';
    return end;
}

enum error
target_split(char *raw, struct target *target, struct problem *problem)
{
    for (const char *byte = raw; *byte; byte++)
        if (*byte <= ' ' || *byte >= 0x7f || *byte == '#')
            return problem_set(problem, ERROR_BAD_REQUEST,
                               "the request target holds a byte that must be "
                               "percent-encoded");
    char *form = origin_form(raw);
    if (form[0] != '/' && strcmp(form, "*") != 0)
        return problem_set(problem, ERROR_BAD_REQUEST,
                           "the request target must begin with '/'");
    char *question = strchr(form, '?');

    target->path = form;
    target->path_size = question ? (size_t)(question - form) : strlen(form);
    target->query = question ? question + 1 : NULL;
    target->query_size = question ? strlen(question + 1) : 0;
    const char *nul = strstr(form, "%00");
    if (nul != NULL && nul < form + target->path_size)
        return problem_set(problem, ERROR_BAD_REQUEST, "the path holds %%00");
    return OK;
}

/* Decodes size bytes in place and terminates them (the byte behind is a separator or
 * the end); returns the decoded size, SIZE_MAX where the encoding is broken or holds a
 * NUL. */
static size_t
decode(char *bytes, size_t size)
{
    size_t to = 0;

    for (size_t from = 0; from < size; from++) {
        char c = bytes[from];

        if (c == '+')
            c = ' ';
        if (c == '%') {
            int high = size - from > 2 ? hex_value(bytes[from + 1]) : -1;
            int low = high >= 0 ? hex_value(bytes[from + 2]) : -1;

            if (low < 0 || (high == 0 && low == 0))
                return SIZE_MAX;
            c = (char)(high << 4 | low);
            from += 2;
        }
        bytes[to++] = c;
    }
    bytes[to] = '\0';
    return to;
}

static enum error
broken(const char *name, size_t size, struct problem *problem)
{
    problem_set(problem, ERROR_INVALID_PARAMETER,
                "the percent-encoding of a parameter is broken, or holds %%00");
    problem_param(problem, name, size);
    return ERROR_INVALID_PARAMETER;
}

static void
skip_empty(struct target *target)
{
    while (target->query_size > 0 && *target->query == '&') {
        target->query++;
        target->query_size--;
    }
}

enum error
target_next(struct target *target, struct target_pair *pair, bool *last,
            struct problem *problem)
{
    skip_empty(target);
    *last = target->query_size == 0;
    if (*last)
        return OK;
    char *start = target->query;
    char *end = memchr(start, '&', target->query_size);
    size_t size = end ? (size_t)(end - start) : target->query_size;
    size_t taken = end ? size + 1 : size;
    char *equals = memchr(start, '=', size);
    size_t name_size = equals ? (size_t)(equals - start) : size;
    size_t value_size = equals ? size - name_size - 1 : 0;

    target->query += taken;
    target->query_size -= taken;
    pair->name_size = decode(start, name_size);
    if (pair->name_size == SIZE_MAX)
        return broken(start, name_size, problem);
    pair->name = start;
    pair->value = equals ? equals + 1 : start + pair->name_size;
    pair->value_size = equals ? decode(equals + 1, value_size) : 0;
    if (pair->value_size == SIZE_MAX)
        return broken(pair->name, pair->name_size, problem);
    return OK;
}

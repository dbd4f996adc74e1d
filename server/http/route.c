#include "http/route.h"

#include <string.h>

static const struct {
    unsigned method;
    const char *name;
} method_names[] = {
    {METHOD_GET, "GET"},         {METHOD_HEAD, "HEAD"},   {METHOD_POST, "POST"},
    {METHOD_PUT, "PUT"},         {METHOD_PATCH, "PATCH"}, {METHOD_DELETE, "DELETE"},
    {METHOD_OPTIONS, "OPTIONS"},
};

static const struct format_info formats[FORMAT_COUNT] = {
    [FORMAT_JSON] = {"json", "application/json", "application/json"},
    [FORMAT_NDJSON] = {"ndjson", "application/x-ndjson", "application/x-ndjson"},
    [FORMAT_SSE] = {"sse", "text/event-stream", "text/event-stream"},
    [FORMAT_TEXT] = {"text", "text/plain", "text/plain; charset=utf-8"},
    [FORMAT_BYTES] = {"bytes", "application/octet-stream", "application/octet-stream"},
};

const int route_statuses[ROUTE_STATUSES] = {200, 201, 202, 204, 400, 401, 403,
                                            404, 405, 406, 408, 409, 413, 414,
                                            415, 421, 429, 431, 503, 504, 0};

unsigned
method_of(const char *name)
{
    for (size_t i = 0; i < COUNT(method_names); i++)
        if (strcmp(name, method_names[i].name) == 0)
            return method_names[i].method;
    return 0;
}

const char *
method_name(unsigned method)
{
    for (size_t i = 0; i < COUNT(method_names); i++)
        if (method == method_names[i].method)
            return method_names[i].name;
    return "";
}

const struct format_info *
format_info(enum format format)
{
    return &formats[format];
}

const char *
route_id_home(const char *id, const void *in)
{
    (void)in;
    return id;
}

/* Whether the path is that of the pattern; the segment that stands for {id} goes to
 * *found. */
static bool
path_matches(const char *pattern, const char *path, size_t size,
             struct route_found *found)
{
    if (size > 1 && pattern[1] != path[1]) /* most of them; each has a '/' before it */
        return false;
    const char *brace = strchr(pattern, '{');
    if (brace == NULL)
        return strlen(pattern) == size && memcmp(pattern, path, size) == 0;

    size_t head = (size_t)(brace - pattern);
    const char *tail = strchr(brace, '}') + 1;
    if (size < head || memcmp(pattern, path, head) != 0)
        return false;
    const char *id = path + head;
    const char *slash = memchr(id, '/', size - head);
    size_t id_size = slash ? (size_t)(slash - id) : size - head;
    const char *rest = id + id_size;
    size_t rest_size = size - head - id_size;
    if (id_size == 0 || strlen(tail) != rest_size || memcmp(tail, rest, rest_size) != 0)
        return false;
    found->id = id;
    found->id_size = id_size;
    return true;
}

struct route_found
route_find(const struct route *const *routes, unsigned method, const char *path,
           size_t size)
{
    struct route_found found = {0};
    unsigned wanted = method == METHOD_HEAD ? METHOD_GET : method;

    for (size_t i = 0; routes[i] != NULL; i++) {
        if (!path_matches(routes[i]->path, path, size, &found))
            continue;
        found.methods |= routes[i]->methods;
        if (routes[i]->methods & wanted) {
            found.route = routes[i];
            found.index = i;
            break; /* what else is there does not matter then */
        }
    }
    return found;
}

void
methods_print(unsigned methods, const char *separator, struct text *out)
{
    const char *between = "";

    for (size_t i = 0; i < COUNT(method_names); i++) {
        if (!(methods & method_names[i].method))
            continue;
        text_string(out, between);
        text_string(out, method_names[i].name);
        between = separator;
    }
}

unsigned
methods_allowed(unsigned methods)
{
    return methods | METHOD_OPTIONS | (methods & METHOD_GET ? METHOD_HEAD : 0);
}

static const char *
field_check(const struct field *field, const double *limits)
{
    if (!field->name || !field->text || !field->example)
        return "a field lacks its name, text or example";
    if ((field->kind == FIELD_WORD || field->kind == FIELD_WORDS) && !field->words)
        return "a field lacks its words";
    if (field->min > field_max(field, limits))
        return "a field's minimum is above its maximum";
    return NULL;
}

static const char *
route_check(const struct route *route, const double *limits)
{
    if (!route->path || !route->text || !route->example || !route->answers
        || !route->handle || !route->formats)
        return "a route lacks its path, text, example, answers, formats or handler";
    if ((strchr(route->path, '{') != NULL) != (route->path_field != NULL))
        return "a route has {id} without a field, or a field without {id}";
    for (size_t i = 0; i < route->in.count; i++) {
        const char *wrong = field_check(&route->in.fields[i], limits);

        if (wrong)
            return wrong;
    }
    return NULL;
}

const char *
routes_check(const struct route *const *routes, const double *limits)
{
    for (const struct route *const *route = routes; *route != NULL; route++) {
        const char *wrong = route_check(*route, limits);

        if (wrong)
            return wrong;
        for (const struct route *const *other = routes; other != route; other++)
            if (strcmp((*other)->path, (*route)->path) == 0
                && ((*other)->methods & (*route)->methods))
                return "two routes answer the same method and path";
    }
    return NULL;
}

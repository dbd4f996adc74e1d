#include "http/errand.h"
#include "http/json_body.h"

#include <stdlib.h>
#include <string.h>

/* "GET /wait": where an unknown parameter was sent to. */
static const char *
place(struct exchange *exchange, char *buffer, size_t size)
{
    struct text text = text_over(buffer, size);

    text_format(&text, "%s %s", method_name(exchange->method), exchange->route->path);
    return text_terminated(&text);
}

static enum error
parse_query(struct exchange *exchange, struct target *target, void *in,
            struct problem *problem)
{
    const struct shape *shape = &exchange->route->in;
    const double *limits = exchange_limits(exchange);

    for (;;) {
        struct target_pair pair;
        bool last;
        char where[64];
        enum error error = target_next(target, &pair, &last, problem);

        if (error || last)
            return error;
        const struct field *field = shape_find(shape, pair.name, pair.name_size);
        if (field == NULL)
            return shape_unknown(shape, place(exchange, where, sizeof where), pair.name,
                                 pair.name_size, problem);
        error = field_set_text(field, limits, pair.value, pair.value_size, in, problem);
        if (error)
            return error;
    }
}

static bool
is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t size = sizeof json - 1;

    return type && strncasecmp(type, json, size) == 0
           && (type[size] == '\0' || strchr("; \t", type[size]));
}

static enum error
unsupported(const char *type, enum body_kind body, struct problem *problem)
{
    return problem_set(problem, ERROR_UNSUPPORTED_MEDIA_TYPE,
                       "a body of type %.60s is not taken; this line works: "
                       "curl --json %s",
                       type ? type : "(none)",
                       body == BODY_JSON ? "'{\"any\":\"JSON\"}' -X PUT"
                                         : "'{\"max_delay\":3}'");
}

static enum error
parse_json(struct exchange *exchange, void *in, struct problem *problem)
{
    const struct text *body = &exchange->buffer;
    const struct peers *peers = exchange->server->registry->peers;
    const char *type = exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE);
    char where[64];

    if (body->size == 0 && type == NULL)
        return OK;
    if (!is_json(type))
        return unsupported(type, exchange->route->body, problem);
    if (peers->memory.limit
        && !memory_fits(peers,
                        json_body_values(body->bytes, body->size) * MEMORY_JSON_VALUE))
        return problem_set(problem, ERROR_TOO_MUCH_MEMORY,
                           "there is no room to parse the body");
    if (exchange->route->body == BODY_JSON)
        return json_body_check(body->bytes, body->size, problem);
    return json_body_parse(&exchange->route->in, exchange_limits(exchange),
                           place(exchange, where, sizeof where), body->bytes,
                           body->size, in, problem);
}

static enum error
refused_body(const struct exchange *exchange, struct problem *problem)
{
    if (exchange->body_refused == ERROR_TOO_MUCH_MEMORY)
        return problem_set(problem, ERROR_TOO_MUCH_MEMORY,
                           "there was no room for the whole body");
    return problem_set(problem, ERROR_CONTENT_TOO_LARGE,
                       "the body is above the limit of %zu bytes",
                       exchange->server->config.max_body);
}

static enum error
parse_body(struct exchange *exchange, void *in, struct problem *problem)
{
    const struct text *body = &exchange->buffer;

    if (exchange->body_refused)
        return refused_body(exchange, problem);
    if (body->failed)
        return problem_set(problem, ERROR_OUT_OF_MEMORY, "no memory for the body");
    if (!(exchange->method & METHODS_WITH_BODY))
        return body->size == 0
                   ? OK
                   : problem_set(problem, ERROR_BAD_REQUEST, "%s takes no body",
                                 method_name(exchange->method));
    return exchange->route->body == BODY_BYTES ? OK : parse_json(exchange, in, problem);
}

/* `format`, where it is given, wins over Accept. */
static enum error
choose_format(struct exchange *exchange, const struct field *field, const void *in,
              struct problem *problem)
{
    const struct route *route = exchange->route;
    unsigned offered = route->offers ? route->offers(in) : route->formats;
    TEXT_AUTO lines = {0};

    if (field && field_given(field, in)) {
        const struct value_word *word =
            (const struct value_word *)(const void *)((const char *)in + field->offset);

        for (enum format i = 0; i < FORMAT_COUNT; i++)
            if (strcmp(field->words[word->index], format_info(i)->word) == 0)
                exchange->format = i;
        return OK;
    }
    if (offered == 1 << FORMAT_BYTES) {
        exchange->format = FORMAT_BYTES;
        return OK;
    }
    const char *accept = exchange_header_list(exchange, MHD_HTTP_HEADER_ACCEPT, &lines);
    enum format format;
    if (negotiate_format(accept, offered, &format)) {
        exchange->format = format;
        return OK;
    }
    return problem_set(problem, ERROR_NOT_ACCEPTABLE,
                       "Accept: %.200s names none of the types that %s answers in%s",
                       accept, route->path,
                       route->offers ? " with these parameters" : "");
}

static enum error
parse(struct exchange *exchange, struct target *target,
      const struct prepared_route *prepared, void *in, struct problem *problem)
{
    const struct shape *shape = &exchange->route->in;

    memcpy(in, prepared->defaults, shape->size);
    enum error error = parse_query(exchange, target, in, problem);
    if (!error)
        error = parse_body(exchange, in, problem);
    if (!error)
        error = shape_check(shape, in, problem);
    if (!error)
        error = choose_format(exchange, prepared->format, in, problem);
    return error;
}

/* The id stays where it is, in the target, and is terminated there: the query has been
 * split off, and the rest of the path has been matched. */
static enum error
parse_id(struct exchange *exchange, const struct route_found *found,
         struct problem *problem)
{
    struct value_name id = {0};

    if (found->route->path_field == NULL)
        return OK;
    enum error error =
        field_set_text(found->route->path_field, exchange_limits(exchange), found->id,
                       found->id_size, &id, problem);
    if (!error) {
        exchange->target[found->id - exchange->target + (ptrdiff_t)found->id_size] =
            '\0';
        exchange->id_at = (uint16_t)(found->id - exchange->target);
    }
    return error;
}

static void
answer_options(struct exchange *exchange, unsigned methods)
{
    struct text allow = {0};
    struct text nothing = {0};

    methods_print(methods_allowed(methods), ", ", &allow);
    struct reply reply = {.status = 204, .allow = text_terminated(&allow)};
    exchange_reply(exchange, &reply, &nothing);
    text_free(&allow);
}

static unsigned
all_methods(const struct route *const *routes)
{
    unsigned methods = 0;

    for (; *routes != NULL; routes++)
        methods |= (*routes)->methods;
    return methods;
}

/* Finds the route, or answers (OPTIONS) or says why there is none. */
static enum error
find(struct exchange *exchange, const struct target *target, struct route_found *found,
     struct problem *problem)
{
    const struct route *const *routes = exchange->server->config.routes;
    bool asterisk = target->path[0] == '*';

    *found = route_find(routes, exchange->method, target->path, target->path_size);
    if (asterisk)
        found->methods = all_methods(routes);
    if (asterisk && exchange->method != METHOD_OPTIONS)
        return problem_set(problem, ERROR_BAD_REQUEST,
                           "the target * is for OPTIONS only");
    if (found->methods == 0)
        return problem_set(problem, ERROR_NOT_FOUND, "there is nothing at %.*s",
                           (int)(target->path_size < 200 ? target->path_size : 200),
                           target->path);
    if (exchange->method == METHOD_OPTIONS) {
        answer_options(exchange, found->methods);
        return OK;
    }
    if (found->route)
        return OK;
    exchange->allowed = (uint8_t)found->methods;
    return problem_set(problem, ERROR_METHOD_NOT_ALLOWED,
                       "%.*s does not answer this method", (int)target->path_size,
                       target->path);
}

void
exchange_begin(struct exchange *exchange, const void *in)
{
    UNINITIALIZED struct problem problem;

    problem.error = OK;
    enum error error = exchange->route->handle(exchange, in, &problem);

    if (error && problem.error != error)
        problem_set(&problem, error, "%s", error_info(error)->text);
    if (error)
        exchange_refuse(exchange, &problem);
}

/* Here, or at the home of what it asks for. */
static enum error
begin(struct exchange *exchange, const void *in, struct problem *problem)
{
    const struct registry *registry = exchange->server->registry;
    const struct route *route = exchange->route;
    const char *name = route->home ? route->home(exchange_id(exchange), in) : NULL;
    size_t home = name ? peers_home(registry->peers, name) : registry->worker;

    if (home == registry->worker) {
        exchange_begin(exchange, in);
        return OK;
    }
    enum error error = errand_begin(exchange, home, in);
    return error ? problem_set(problem, error, "%s", error_info(error)->text) : OK;
}

static enum error
handle(struct exchange *exchange, struct target *target,
       const struct route_found *found, struct problem *problem)
{
    _Alignas(max_align_t) UNINITIALIZED char in[PARAMETERS_MAX];

    exchange->route = found->route;
    exchange->route_index = (uint16_t)found->index;
    if (server_draining(exchange->server) && !found->route->while_draining)
        return problem_set(problem, ERROR_DRAINING, "the server is stopping");
    enum error error = parse_id(exchange, found, problem);
    if (!error)
        error = parse(exchange, target, exchange->server->prepared[found->index], in,
                      problem);
    return error ? error : begin(exchange, in, problem);
}

void
exchange_dispatch(struct exchange *exchange)
{
    UNINITIALIZED struct problem problem;
    struct route_found found = {0};
    size_t kept = exchange_body_memory(exchange); /* an errand may take it away */
    struct target target;
    enum error error = exchange->guarded ? admit(exchange, &problem) : OK;

    if (!error)
        error = target_split(exchange->target, &target, &problem);
    if (!error)
        error = find(exchange, &target, &found, &problem);
    if (!error && exchange->phase == EXCHANGE_WAITING)
        error = handle(exchange, &target, &found, &problem);
    text_free(&exchange->buffer);
    if (kept > 0)
        memory_give(exchange->server->registry->peers, kept);
    if (error)
        exchange_refuse(exchange, &problem);
}

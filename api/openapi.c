/* GET /openapi.json: the route tables as OpenAPI 3.1. */
#include "api/app.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The bounds of an integer are integers: 5, not 5.0. */
static json_t *
bound(double value)
{
    json_int_t whole = (json_int_t)value;

    return (double)whole == value ? json_integer(whole) : json_real(value);
}

static json_t *
schema_of_number(const struct field *field, const double *limits, const char *type)
{
    json_t *schema = json_pack("{s:s}", "type", type);

    json_object_set_new(schema, "minimum", bound(field->min));
    json_object_set_new(schema, "maximum", bound(field_max(field, limits)));
    return schema;
}

static json_t *
words(const struct field *field)
{
    json_t *list = json_array();

    for (const char *const *word = field->words; *word; word++)
        json_array_append_new(list, json_string(*word));
    return json_pack("{s:s, s:o}", "type", "string", "enum", list);
}

static json_t *
duration_schema(const struct field *field, const double *limits)
{
    return json_pack("{s:[o, {s:s, s:s}]}", "oneOf",
                     schema_of_number(field, limits, "number"), "type", "string",
                     "pattern", "^[0-9]+(\\.[0-9]+)?(e[+-]?[0-9]+)?(us|ms|s|m|h)$");
}

static json_t *
schema(const struct field *field, const double *limits)
{
    switch (field->kind) {
    case FIELD_DURATION: return duration_schema(field, limits);
    case FIELD_NUMBER: return schema_of_number(field, limits, "number");
    case FIELD_INTEGER:
    case FIELD_SIZE: return schema_of_number(field, limits, "integer");
    case FIELD_SEED: return json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
    case FIELD_FLAG: return json_pack("{s:s}", "type", "boolean");
    case FIELD_WORD: return words(field);
    case FIELD_WORDS:
        return json_pack("{s:s, s:o}", "type", "array", "items", words(field));
    case FIELD_COUNT:
        return json_pack("{s:[o, o]}", "oneOf", words(field),
                         schema_of_number(field, limits, "integer"));
    case FIELD_INTEGERS:
        return json_pack("{s:s, s:o, s:i}", "type", "array", "items",
                         schema_of_number(field, limits, "integer"), "maxItems",
                         INTEGERS_MAX);
    case FIELD_CHOICES:
        return json_pack("{s:s, s:{s:s, s:s}, s:i}", "type", "array", "items", "type",
                         "string", "pattern",
                         "^[0-9.e+-]+(us|ms|s|m|h)?(:[0-9.e+-]+)?$", "maxItems",
                         CHOICES_MAX);
    case FIELD_NAME:
        return json_pack("{s:s, s:s}", "type", "string", "pattern",
                         "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$");
    case FIELD_LABEL:
        return json_pack("{s:s, s:i, s:i}", "type", "string", "minLength", 1,
                         "maxLength", LABEL_MAX_BYTES);
    case FIELD_TIME:
        return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
    case FIELD_TEXT: return json_pack("{s:s}", "type", "string");
    }
    return json_object();
}

static json_t *
parameter(const struct field *field, const double *limits, const char *in)
{
    bool path = strcmp(in, "path") == 0;
    json_t *object = json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", field->name, "in",
                               in, "required", path || field->required, "description",
                               field->text, "schema", schema(field, limits));

    if (field_is_list(field->kind))
        json_object_set_new(object, "explode", json_false());
    return object;
}

static json_t *
parameters(const struct route *route, const double *limits)
{
    json_t *list = json_array();

    if (route->path_field)
        json_array_append_new(list, parameter(route->path_field, limits, "path"));
    for (size_t i = 0; i < route->in.count; i++)
        json_array_append_new(list, parameter(&route->in.fields[i], limits, "query"));
    return list;
}

/* The same parameters in a body: none is required there, for the query may hold it. */
static json_t *
request_body(const struct route *route, const double *limits)
{
    json_t *properties = json_object();

    for (size_t i = 0; i < route->in.count; i++) {
        const struct field *field = &route->in.fields[i];
        json_t *property = schema(field, limits);

        json_object_set_new(property, "description", json_string(field->text));
        json_object_set_new(properties, field->name, property);
    }
    return json_pack("{s:b, s:{s:{s:{s:s, s:b, s:o}}}}", "required", 0, "content",
                     "application/json", "schema", "type", "object",
                     "additionalProperties", 0, "properties", properties);
}

/* Of a body that is data: anything. */
static json_t *
data_body(const struct route *route)
{
    const char *type = route->body == BODY_JSON ? "application/json" : "*/*";

    return json_pack("{s:b, s:{s:{}}}", "required", 0, "content", type);
}

static json_t *
media(const struct answer *answer)
{
    json_t *object = json_object();

    if (answer->example && answer->format == FORMAT_JSON) {
        json_t *example = json_loads(answer->example, JSON_DECODE_ANY, NULL);

        if (example)
            json_object_set_new(object, "example", example);
    } else if (answer->example)
        json_object_set_new(object, "example", json_string(answer->example));
    return object;
}

static void
add_answer(json_t *responses, const struct answer *answer)
{
    char status[8];
    snprintf(status, sizeof status, "%d", answer->status);
    json_t *response = json_object_get(responses, status);

    if (response == NULL) {
        response = json_pack("{s:s}", "description", answer->text);
        json_object_set_new(responses, status, response);
        if (answer->status != 204)
            json_object_set_new(response, "content", json_object());
    }
    json_t *content = json_object_get(response, "content");
    const char *type = format_info(answer->format)->media_type;
    if (content && !json_object_get(content, type))
        json_object_set_new(content, type, media(answer));
}

static void
add_error(json_t *responses, enum error error)
{
    char status[8];

    if (error_has_any_status(error))
        snprintf(status, sizeof status, "default");
    else
        snprintf(status, sizeof status, "%d", error_info(error)->status);
    if (json_object_get(responses, status))
        return;
    json_object_set_new(responses, status,
                        json_pack("{s:s, s:{s:{s:{s:s}}}}", "description",
                                  error_info(error)->title, "content",
                                  "application/problem+json", "schema", "$ref",
                                  "#/components/schemas/Problem"));
}

static json_t *
responses(const struct route *route, unsigned method)
{
    json_t *object = json_object();

    for (const struct answer *answer = route->answers; answer->status; answer++)
        add_answer(object, answer);
    for (const enum error *error = route->errors; *error; error++)
        add_error(object, *error);
    add_error(object, ERROR_INVALID_PARAMETER);
    if (!route->for_health) {
        add_error(object, ERROR_UNAUTHORIZED);
        add_error(object, ERROR_MISDIRECTED);
    }
    if (method & METHODS_THAT_CHANGE)
        add_error(object, ERROR_FORBIDDEN_ORIGIN);
    if (method & METHODS_WITH_BODY)
        add_error(object, ERROR_CONTENT_TOO_LARGE);
    if ((method & METHODS_WITH_BODY) && route->body != BODY_BYTES)
        add_error(object, ERROR_UNSUPPORTED_MEDIA_TYPE);
    add_error(object, ERROR_NOT_ACCEPTABLE);
    add_error(object, ERROR_DRAINING);
    return object;
}

/* "getTasksId": unique, for what generates clients. */
static json_t *
operation_id(const struct route *route, unsigned method)
{
    struct text id = {0};
    bool upper = true;

    for (const char *c = method_name(method); *c; c++) {
        char lower = (char)(*c | 32);

        text_append(&id, &lower, 1);
    }
    for (const char *c = route->path; *c; c++) {
        char letter = upper && *c >= 'a' && *c <= 'z' ? (char)(*c & ~32) : *c;

        upper = !((*c | 32) >= 'a' && (*c | 32) <= 'z');
        if (!upper)
            text_append(&id, &letter, 1);
    }
    json_t *string = json_stringn(id.bytes, id.size);
    text_free(&id);
    return string;
}

static void
add_operation(json_t *item, const struct route *route, unsigned method,
              const double *limits)
{
    char name[8];
    struct text lower = text_over(name, sizeof name);
    json_t *operation =
        json_pack("{s:o, s:s, s:o, s:o}", "operationId", operation_id(route, method),
                  "summary", route->text, "parameters", parameters(route, limits),
                  "responses", responses(route, method));

    if (route->more)
        json_object_set_new(operation, "description", json_string(route->more));
    if ((method & METHODS_WITH_BODY) && route->body != BODY_PARAMETERS)
        json_object_set_new(operation, "requestBody", data_body(route));
    else if ((method & METHODS_WITH_BODY) && route->in.count)
        json_object_set_new(operation, "requestBody", request_body(route, limits));
    for (const char *c = method_name(method); *c; c++)
        text_append(&lower, (char[]){(char)(*c | 32)}, 1);
    json_object_set_new(item, text_terminated(&lower), operation);
}

static json_t *
paths(const struct route *const *routes, const double *limits)
{
    static const unsigned methods[] = {METHOD_GET, METHOD_POST, METHOD_PUT,
                                       METHOD_PATCH, METHOD_DELETE};
    json_t *object = json_object();

    for (; *routes; routes++) {
        json_t *item = json_object_get(object, (*routes)->path);

        if (item == NULL) {
            item = json_object();
            json_object_set_new(object, (*routes)->path, item);
        }
        for (size_t i = 0; i < COUNT(methods); i++)
            if ((*routes)->methods & methods[i])
                add_operation(item, *routes, methods[i], limits);
    }
    return object;
}

static json_t *
problem_schema(void)
{
    return json_pack(
        "{s:s, s:[s,s,s,s], s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, "
        "s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}",
        "type", "object", "required", "type", "title", "status", "detail", "properties",
        "type", "type", "string", "title", "type", "string", "status", "type",
        "integer", "detail", "type", "string", "param", "type", "string", "value",
        "type", "string", "min", "type", "number", "max", "type", "number",
        "conflicts_with", "type", "string");
}

static json_t *
document(const struct app *app, const double *limits)
{
    return json_pack(
        "{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{}, {s:[]}], s:o, s:{s:{s:o}, "
        "s:{s:{s:s, s:s, s:s}}}}",
        "openapi", "3.1.0", "info", "title", "waitd", "version", app->version,
        "description",
        "Answers HTTP requests late, on purpose, and exactly when it said it would.",
        "license", "name", "MIT", "identifier", "MIT", "security", "token", "paths",
        paths(app->routes, limits), "components", "schemas", "Problem",
        problem_schema(), "securitySchemes", "token", "type", "http", "scheme",
        "bearer", "description", "Where the server was started with --token-file.");
}

void
api_print_openapi(const struct app *app, const double *limits, struct text *out)
{
    json_auto_t *object = document(app, limits);
    char *dumped =
        object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;

    if (dumped) {
        text_string(out, dumped);
        text_string(out, "\n");
    } else
        out->failed = true;
    free(dumped);
}

static void
free_document(struct text *made)
{
    if (made)
        text_free(made);
    free(made);
}

void
api_close(struct app *app)
{
    free_document(atomic_exchange(&app->openapi, NULL));
}

/* It takes milliseconds: the worker that is asked first makes it for all. One that made
 * it at the same time throws its own away. NULL: out of memory. */
static const struct text *
made_once(struct app *app, const double *limits)
{
    struct text *made = atomic_load(&app->openapi);
    struct text *others = NULL;

    if (made)
        return made;
    made = calloc(1, sizeof *made);
    if (made)
        api_print_openapi(app, limits, made);
    if (made && !made->failed
        && atomic_compare_exchange_strong(&app->openapi, &others, made))
        return made;
    free_document(made);
    return others;
}

static enum error
handle(struct exchange *exchange, const void *in, struct problem *problem)
{
    const struct text *made =
        made_once(exchange_app(exchange), exchange_limits(exchange));
    struct text body = {.failed = made == NULL};
    struct reply reply = {.status = 200};

    (void)in;
    (void)problem;
    if (made)
        text_append(&body, made->bytes, made->size);
    exchange_reply(exchange, &reply, &body);
    return OK;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "The document, with the limits in force.", NULL},
    {0},
};
static const enum error errors[] = {OK};

const struct route route_openapi = {
    .methods = METHOD_GET,
    .path = "/openapi.json",
    .text = "Describes all of this as OpenAPI 3.1.",
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "localhost:8080/openapi.json",
    .handle = handle,
};

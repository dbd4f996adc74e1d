/* GET / and /version: what this is. */
#include "api/app.h"

#include "async/memory.h"

static void
write_endpoints(const struct app *app, struct json_writer *json)
{
    json_key(json, "endpoints");
    json_begin_array(json);
    for (const struct route *const *route = app->routes; *route; route++) {
        struct text methods = {0};

        methods_print(methods_allowed((*route)->methods), ", ", &methods);
        json_begin_object(json);
        json_member_string(json, "path", (*route)->path);
        json_member_string(json, "methods", text_terminated(&methods));
        json_member_string(json, "text", (*route)->text);
        json_end_object(json);
        text_free(&methods);
    }
    json_end_array(json);
}

static void
write_flags(const struct app *app, struct json_writer *json)
{
    json_key(json, "flags");
    json_begin_object(json);
    for (size_t i = 0; i < app->flags->count; i++) {
        const struct field *field = &app->flags->fields[i];

        json_key(json, field->name);
        field_write(field, app->values, json);
    }
    json_end_object(json);
}

/* What the process may take and has no flag for, and how much of its memory is used. */
static void
write_limits(struct exchange *exchange, struct json_writer *json)
{
    const struct peers *peers = exchange_registry(exchange)->peers;
    const struct app *app = exchange_app(exchange);

    json_member_integer(json, "descriptors", (int64_t)app->descriptors);
    if (peers->memory.limit)
        json_member_integer(json, "memory_used", (int64_t)memory_used(peers));
    else
        json_member_null(json, "memory_used");
}

static enum error
handle_root(struct exchange *exchange, const void *in, struct problem *problem)
{
    const struct app *app = exchange_app(exchange);
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {.status = 200};

    (void)in;
    (void)problem;
    json_begin_object(&json);
    json_member_string(&json, "name", "waitd");
    json_member_string(&json, "version", app->version);
    json_member_string(
        &json, "text",
        "Answers HTTP requests late, on purpose, and exactly when it said "
        "it would.");
    write_endpoints(app, &json);
    write_flags(app, &json);
    write_limits(exchange, &json);
    json_member_string(&json, "openapi", "/openapi.json");
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
    return OK;
}

static enum error
handle_version(struct exchange *exchange, const void *in, struct problem *problem)
{
    const struct app *app = exchange_app(exchange);
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {.status = 200};

    (void)in;
    (void)problem;
    json_begin_object(&json);
    json_member_string(&json, "name", "waitd");
    json_member_string(&json, "version", app->version);
    json_member_string(&json, "libmicrohttpd", server_library_version());
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
    return OK;
}

static const struct answer root_answers[] = {
    {200, FORMAT_JSON,
     "The endpoints; the flags with their values in force; how many descriptors the "
     "process may have open; and how many bytes are counted against max_memory, null "
     "where there is none.",
     NULL},
    {0},
};
static const struct answer version_answers[] = {
    {200, FORMAT_JSON, "The version.",
     "{\"name\":\"waitd\",\"version\":\"0.1.0\",\"libmicrohttpd\":\"0.9.75\"}"},
    {0},
};
static const enum error errors[] = {OK};

const struct route route_root = {
    .methods = METHOD_GET,
    .path = "/",
    .text = "Says what this is: its endpoints, its limits in force.",
    .formats = 1 << FORMAT_JSON,
    .answers = root_answers,
    .errors = errors,
    .example = "localhost:8080/",
    .handle = handle_root,
};

const struct route route_version = {
    .methods = METHOD_GET,
    .path = "/version",
    .text = "Says which version runs.",
    .formats = 1 << FORMAT_JSON,
    .answers = version_answers,
    .errors = errors,
    .example = "localhost:8080/version",
    .handle = handle_version,
};

/* GET /problems/{id}: what the type of a problem means. */
#include "api/app.h"

static const struct field slug_field = {
    .name = "slug",
    .kind = FIELD_NAME,
    .example = "invalid-parameter",
    .text = "The last part of a problem's type.",
};

static enum error
handle(struct exchange *exchange, const void *in, struct problem *problem)
{
    const char *slug = exchange_id(exchange);
    enum error error = error_from_slug(slug);
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {.status = 200};

    (void)in;
    if (error == OK)
        return problem_set(problem, ERROR_NOT_FOUND, "there is no problem %s", slug);
    const struct error_info *info = error_info(error);
    struct text type = {0};

    text_format(&type, "/problems/%s", slug);
    json_begin_object(&json);
    json_member_string(&json, "type", text_terminated(&type));
    json_member_string(&json, "title", info->title);
    json_member_integer(&json, "status", info->status);
    json_member_string(&json, "text", info->text);
    json_end_object(&json);
    text_string(&body, "\n");
    text_free(&type);
    exchange_reply(exchange, &reply, &body);
    return OK;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "Its title, status and meaning.",
     "{\"type\":\"/problems/"
     "timeout\",\"title\":\"Timeout\",\"status\":504,\"text\":\"The "
     "`timeout` of the request ran out.\"}"},
    {0},
};

static const enum error errors[] = {ERROR_NOT_FOUND, OK};

const struct route route_problem = {
    .methods = METHOD_GET,
    .path = "/problems/{slug}",
    .path_field = &slug_field,
    .text = "Explains a type of problem.",
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "localhost:8080/problems/timeout",
    .handle = handle,
};

/* GET /healthz and /readyz: for whoever watches the process. */
#include "api/app.h"

static void
reply_ok(struct exchange *exchange)
{
    struct reply reply = {.status = 200};
    struct text body = {0};

    text_string(&body, "{\"status\":\"ok\"}\n");
    exchange_reply(exchange, &reply, &body);
}

static enum error
handle_alive(struct exchange *exchange, const void *in, struct problem *problem)
{
    (void)in;
    (void)problem;
    reply_ok(exchange);
    return OK;
}

static enum error
handle_ready(struct exchange *exchange, const void *in, struct problem *problem)
{
    (void)in;
    if (server_draining(exchange_server(exchange)))
        return problem_set(problem, ERROR_DRAINING, "the server is stopping");
    reply_ok(exchange);
    return OK;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "Yes.", "{\"status\":\"ok\"}"},
    {0},
};

static const enum error alive_errors[] = {OK};
static const enum error ready_errors[] = {ERROR_DRAINING, OK};

const struct route route_healthz = {
    .methods = METHOD_GET,
    .path = "/healthz",
    .text = "Whether the process answers at all, while it stops too.",
    .formats = 1 << FORMAT_JSON,
    .while_draining = true,
    .for_health = true,
    .answers = answers,
    .errors = alive_errors,
    .example = "localhost:8080/healthz",
    .handle = handle_alive,
};

const struct route route_readyz = {
    .methods = METHOD_GET,
    .path = "/readyz",
    .text = "Whether it takes new work: 503 from SIGTERM on.",
    .formats = 1 << FORMAT_JSON,
    .while_draining = true,
    .for_health = true,
    .answers = answers,
    .errors = ready_errors,
    .example = "localhost:8080/readyz",
    .handle = handle_ready,
};

/* POST /reset: everything goes, so that the next test starts clean. */
#include "api/app.h"
#include "api/swept_reply.h"

static enum error
handle(struct exchange *exchange, const void *in, struct problem *problem)
{
    struct registry *registry = exchange_registry(exchange);

    (void)in;
    (void)problem;
    swept_reply(exchange, registry_reset(registry, registry_now(registry)));
    return OK;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "How many were pending and are cancelled, and how many went.",
     "{\"cancelled\":12,\"removed\":40}"},
    {0},
};

static const enum error errors[] = {OK};

const struct route route_reset = {
    .methods = METHOD_POST,
    .path = "/reset",
    .text = "Cancels everything pending and forgets all tasks and groups.",
    .more = "Requests in flight are answered 409, in band where they stream.",
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "-X POST localhost:8080/reset",
    .handle = handle,
};

/* POST /reset: everything goes, so that the next test starts clean. */
#include "api/app.h"
#include "api/swept_reply.h"
#include "http/survey.h"

static bool
reset(struct server *server, const void *question, void *portion)
{
    struct registry *registry = server_registry(server);
    struct registry_swept *swept = portion;

    (void)question;
    *swept = registry_reset(registry, registry_now(registry));
    return true;
}

static void
reply_sum(struct exchange *exchange, const void *question, void **portions,
          size_t count)
{
    struct registry_swept sum = {0};

    (void)question;
    for (size_t i = 0; i < count; i++) {
        const struct registry_swept *swept = portions[i];

        sum.cancelled += swept->cancelled;
        sum.removed += swept->removed;
    }
    swept_reply(exchange, sum);
}

static const struct survey_class everywhere = {
    .size = sizeof(struct registry_swept),
    .changes = true,
    .take = reset,
    .reply = reply_sum,
};

static enum error
handle(struct exchange *exchange, const void *in, struct problem *problem)
{
    (void)in;
    (void)problem;
    return survey_begin(exchange, &everywhere, NULL, 0);
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

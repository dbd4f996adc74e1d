/* DELETE /tasks?group=: cancels and forgets a group. */
#include "api/app.h"
#include "api/swept_reply.h"
#include "async/group.h"

struct delete_in {
    struct value_name group;
};

/* clang-format off */
static const struct field fields[] = {
    FIELD(struct delete_in, group, FIELD_NAME, .required = true, .example = "g",
          .text = "The group; one that is not there answers zeros."),
};
/* clang-format on */

static enum error
handle(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct delete_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    struct group *group = group_find(registry, in->group.bytes);
    struct registry_swept swept = {0};

    (void)problem;
    if (group)
        swept = group_sweep(group, registry_now(registry));
    swept_reply(exchange, swept);
    return OK;
}

static const char *
home(const char *id, const void *raw)
{
    const struct delete_in *in = raw;

    (void)id;
    return in->group.bytes;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "How many had to be cancelled, and how many went.",
     "{\"cancelled\":3,\"removed\":5}"},
    {0},
};

static const enum error errors[] = {OK};

const struct route route_tasks_delete = {
    .methods = METHOD_DELETE,
    .path = "/tasks",
    .text = "Cancels and forgets every task of a group.",
    .in = SHAPE(struct delete_in, fields),
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "-X DELETE 'localhost:8080/tasks?group=g'",
    .home = home,
    .handle = handle,
};

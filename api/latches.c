/* /latches/{id}: a counter that only grows, and who waits for it. */
#include "api/app.h"
#include "api/blocking.h"
#include "api/object_json.h"

#include <string.h>

enum { COUNT_MOST = 1000000000 };

/* ---- POST ---------------------------------------------------------------------------
 */

struct count_in {
    struct value_integer by;
};

/* clang-format off */
static const struct field count_fields[] = {
    FIELD(struct count_in, by, FIELD_INTEGER, .min = 1, .max = COUNT_MOST, .fallback = 1,
          .fallback_text = "1", .example = "2", .text = "Adds so much."),
};
/* clang-format on */

static enum error
count(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct count_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    struct latch *latch;
    enum error error = latch_need(registry, exchange_id(exchange), &latch);

    (void)problem;
    if (error)
        return error;
    latch_count(latch, in->by.value, registry_now(registry));
    object_reply_state(exchange, &latch_class, exchange_id(exchange));
    return OK;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "Its value, and how many still wait.",
     "{\"value\":4,\"waiting\":0}"},
    {0},
};

static const enum error count_errors[] = {ERROR_TOO_MANY_OBJECTS, OK};

const struct route route_latch_count = {
    .methods = METHOD_POST,
    .path = "/latches/{id}",
    .path_field = &api_name_field,
    .text = "Counts up, and releases those who waited for that much.",
    .in = SHAPE(struct count_in, count_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = count_errors,
    .example = "-X POST localhost:8080/latches/done",
    .home = route_id_home,
    .handle = count,
};

/* ---- GET ----------------------------------------------------------------------------
 */

struct get_in {
    struct poll_in poll;
    struct value_integer at_least;
};

static const char *const latch_needs[] = {"at_least", "waiting", NULL};
static const char *const at_least_excludes[] = {"waiting", NULL};

/* clang-format off */
static const struct field get_fields[] = {
    FIELD(struct get_in, at_least, FIELD_INTEGER, .min = 1, .max = COUNT_MOST,
          .needs = poll_needs, .excludes = at_least_excludes, .example = "5",
          .text = "Until its value is at least that."),
    POLL_FIELDS(struct get_in, latch_needs),
};
/* clang-format on */

static enum error
get(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct get_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    struct latch_plan plan = {
        .waiter = polling_plan(exchange, &in->poll),
        .at_least = in->at_least.value,
    };
    struct latch_waiter *waiter;
    struct latch *latch;

    (void)problem;
    if (!polling_waits(&in->poll)) {
        object_reply_state(exchange, &latch_class, exchange_id(exchange));
        return OK;
    }
    enum error error = latch_need(registry, exchange_id(exchange), &latch);
    if (error)
        return error;
    if (in->poll.waiting.given)
        return polling_watch(exchange, &in->poll, &latch->object);
    error = latch_wait(latch, &plan, registry_now(registry), &waiter);
    if (!error)
        polling_begin(exchange, &in->poll, &waiter->waiter);
    return error;
}

const struct route route_latch_get = {
    .methods = METHOD_GET,
    .path = "/latches/{id}",
    .path_field = &api_name_field,
    .text = "Tells the value of a latch; with at_least waits until it is that much.",
    .in = SHAPE(struct get_in, get_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = object_get_errors,
    .example = "'localhost:8080/latches/done?at_least=5&timeout=30'",
    .home = route_id_home,
    .handle = get,
};

/* ---- DELETE -------------------------------------------------------------------------
 */

static enum error
forget(struct exchange *exchange, const void *in, struct problem *problem)
{
    (void)in;
    (void)problem;
    object_reply_delete(exchange, &latch_class);
    return OK;
}

const struct route route_latch_delete = {
    .methods = METHOD_DELETE,
    .path = "/latches/{id}",
    .path_field = &api_name_field,
    .text = "Forgets a latch: the next one counts from 0.",
    .formats = 1 << FORMAT_JSON,
    .answers = object_delete_answers,
    .errors = object_delete_errors,
    .example = "-X DELETE localhost:8080/latches/done",
    .home = route_id_home,
    .handle = forget,
};

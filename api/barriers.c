/* /barriers/{id}: asyncio.Barrier, which a lost party may break. */
#include "api/app.h"
#include "api/blocking.h"
#include "api/object_json.h"

enum { PARTIES_MOST = 10000 };

/* ---- POST wait ----------------------------------------------------------------------
 */

struct wait_in {
    struct block_in block;
    struct value_integer parties;
    struct value_word on_loss;
};

enum { ON_LOSS_WITHDRAW, ON_LOSS_BREAK };
static const char *const on_loss_words[] = {"withdraw", "break", NULL};

/* clang-format off */
static const struct field wait_fields[] = {
    FIELD(struct wait_in, parties, FIELD_INTEGER, .required = true, .min = 1,
          .max = PARTIES_MOST, .example = "3",
          .text = "How many must come; each generation has the number of its first."),
    FIELD(struct wait_in, on_loss, FIELD_WORD, .words = on_loss_words,
          .fallback_text = "withdraw", .example = "break",
          .text = "What it means to the others when this one leaves or times out before all "
                  "have come: nothing, or that they get 409 barrier-broken."),
    BLOCK_FIELDS(struct wait_in),
};
/* clang-format on */

static enum error
await_all(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct wait_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    struct barrier_plan plan = {
        .waiter = blocking_plan(exchange, &in->block),
        .parties = (size_t)in->parties.value,
        .breaks = in->on_loss.index == ON_LOSS_BREAK,
    };
    struct barrier_waiter *waiter;
    struct barrier *barrier;
    enum error error = barrier_need(registry, exchange_id(exchange), &barrier);

    if (!error)
        error = barrier_wait(barrier, &plan, registry_now(registry), &waiter);
    if (error == ERROR_PARAMETER_CONFLICT)
        return object_conflict("parties", plan.parties, barrier->parties, problem);
    if (error == ERROR_BARRIER_BROKEN)
        return problem_set(problem, error, "%s was aborted; DELETE makes it new",
                           exchange_id(exchange));
    if (!error)
        blocking_begin(exchange, &waiter->waiter, blocking_reply);
    return error;
}

static const struct answer wait_answers[] = {
    {200, FORMAT_JSON, "All have come; rank is the order of arrival, from 0.",
     "{\"rank\":0,\"generation\":1,\"parties\":3}"},
    {0},
};

static const enum error wait_errors[] = {ERROR_TIMEOUT,
                                         ERROR_BARRIER_BROKEN,
                                         ERROR_PARAMETER_CONFLICT,
                                         ERROR_CANCELLED,
                                         ERROR_TOO_MANY_OBJECTS,
                                         ERROR_TOO_MANY_WAITS,
                                         OK};

const struct route route_barrier_wait = {
    .methods = METHOD_POST,
    .path = "/barriers/{id}/wait",
    .path_field = &api_name_field,
    .text = "Waits until all parties are there; then all go on at once.",
    .more =
        "It is `await barrier.wait()`. The last to come releases all, and the next "
        "generation begins. A generation that was broken by a loss is over for those "
        "who waited; the barrier is usable again at once.",
    .in = SHAPE(struct wait_in, wait_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = wait_answers,
    .errors = wait_errors,
    .example = "-X POST 'localhost:8080/barriers/start/wait?parties=3&timeout=30'",
    .home = route_id_home,
    .handle = await_all,
};

/* ---- POST abort, DELETE -------------------------------------------------------------
 */

static void
reply_released(struct exchange *exchange, size_t released)
{
    struct text body = {0};
    struct json_writer json = object_begin(&body);

    json_member_integer(&json, "released", (int64_t)released);
    object_reply(exchange, &json, &body);
}

static enum error
abort_barrier(struct exchange *exchange, const void *in, struct problem *problem)
{
    struct registry *registry = exchange_registry(exchange);
    struct barrier *barrier;
    enum error error = barrier_need(registry, exchange_id(exchange), &barrier);

    (void)in;
    (void)problem;
    if (!error)
        reply_released(exchange, barrier_abort(barrier, registry_now(registry)));
    return error;
}

static const struct answer released_answers[] = {
    {200, FORMAT_JSON, "So many waited, and got 409 barrier-broken.",
     "{\"released\":2}"},
    {0},
};

static const enum error abort_errors[] = {ERROR_TOO_MANY_OBJECTS, OK};

const struct route route_barrier_abort = {
    .methods = METHOD_POST,
    .path = "/barriers/{id}/abort",
    .path_field = &api_name_field,
    .text =
        "Breaks a barrier for all who wait, and for all who come until it is deleted.",
    .more = "It is `await barrier.abort()`.",
    .formats = 1 << FORMAT_JSON,
    .answers = released_answers,
    .errors = abort_errors,
    .example = "-X POST localhost:8080/barriers/start/abort",
    .home = route_id_home,
    .handle = abort_barrier,
};

static enum error
forget(struct exchange *exchange, const void *in, struct problem *problem)
{
    struct registry *registry = exchange_registry(exchange);
    struct barrier *barrier = barrier_find(registry, exchange_id(exchange));

    (void)in;
    (void)problem;
    reply_released(exchange,
                   barrier ? barrier_forget(barrier, registry_now(registry)) : 0);
    return OK;
}

static const enum error forget_errors[] = {OK};

const struct route route_barrier_delete = {
    .methods = METHOD_DELETE,
    .path = "/barriers/{id}",
    .path_field = &api_name_field,
    .text = "Breaks a barrier for all who wait, and forgets it: the next one is new.",
    .more = "It is `await barrier.reset()`.",
    .formats = 1 << FORMAT_JSON,
    .answers = released_answers,
    .errors = forget_errors,
    .example = "-X DELETE localhost:8080/barriers/start",
    .home = route_id_home,
    .handle = forget,
};

/* ---- GET ----------------------------------------------------------------------------
 */

static enum error
get(struct exchange *exchange, const void *in, struct problem *problem)
{
    (void)problem;
    return object_get(exchange, &barrier_class, in);
}

static const struct answer get_answers[] = {
    {200, FORMAT_JSON, "How many have come, and how often it has opened.",
     "{\"parties\":3,\"generation\":1,\"broken\":false,\"waiting\":2}"},
    {0},
};

const struct route route_barrier_get = {
    .methods = METHOD_GET,
    .path = "/barriers/{id}",
    .path_field = &api_name_field,
    .text = "Tells how a barrier stands; with waiting until so many wait at it.",
    .in = OBJECT_GET_SHAPE,
    .formats = 1 << FORMAT_JSON,
    .answers = get_answers,
    .errors = object_get_errors,
    .example = "localhost:8080/barriers/start",
    .home = route_id_home,
    .handle = get,
};

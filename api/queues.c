/* /queues/{id}: asyncio.Queue of bodies of any type. */
#include "api/app.h"
#include "api/blocking.h"
#include "api/object_json.h"

#include <string.h>

enum {
    MAXSIZE_MOST = 1000000,
    TYPE_MOST = 128, /* bytes: has room in the head of whatever answer gives it back */
};

/* ---- POST: put ----------------------------------------------------------------------
 */

struct put_in {
    struct block_in block;
    struct value_integer maxsize;
};

/* clang-format off */
static const struct field put_fields[] = {
    FIELD(struct put_in, maxsize, FIELD_INTEGER, .min = 1, .max = MAXSIZE_MOST,
          .fallback_text = "as it is in use, or none", .example = "10",
          .text = "Where so many items are in it, put waits. Fixed while it has any, or is "
                  "waited at."),
    BLOCK_FIELDS(struct put_in),
};
/* clang-format on */

static void
answer_put(struct exchange *exchange, struct waiter *waiter)
{
    struct reply reply = {.status = 201, .waited = true};
    struct text body = {0};
    struct json_writer json = object_begin(&body);

    waiter_write(waiter, &json);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
}

static enum error
begin_put(struct exchange *exchange, const struct queue_plan *plan,
          struct problem *problem)
{
    struct registry *registry = exchange_registry(exchange);
    struct queue_waiter *waiter;
    struct queue *queue;
    enum error error = queue_need(registry, exchange_id(exchange), &queue);

    if (!error)
        error = queue_put(queue, plan, registry_now(registry), &waiter);
    if (error == ERROR_PARAMETER_CONFLICT)
        return object_conflict("maxsize", plan->maxsize, queue->maxsize, problem);
    if (!error)
        blocking_begin(exchange, &waiter->waiter, answer_put);
    return error;
}

static enum error
type_too_long(const char *type, struct problem *problem)
{
    return problem_set(problem, ERROR_HEADERS_TOO_LARGE,
                       "the Content-Type of %zu bytes is above the limit of %d bytes",
                       strlen(type), TYPE_MOST);
}

static enum error
put(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct put_in *in = raw;
    const struct text *body = exchange_body(exchange);
    const char *type = exchange_body_type(exchange);
    struct queue_plan plan = {
        .waiter = blocking_plan(exchange, &in->block),
        .has_maxsize = in->maxsize.given,
        .maxsize = (size_t)in->maxsize.value,
    };

    if (type && strlen(type) > TYPE_MOST)
        return type_too_long(type, problem);
    enum error error = blob_new(exchange_registry(exchange), body->bytes, body->size,
                                type, &plan.item);
    if (error)
        return error;
    error = begin_put(exchange, &plan, problem);
    if (error)
        blob_release(plan.item);
    return error;
}

static const struct answer put_answers[] = {
    {201, FORMAT_JSON, "It is in, or somebody has got it; so many are in now.",
     "{\"size\":1}"},
    {0},
};

static const enum error put_errors[] = {
    ERROR_TIMEOUT,           ERROR_CANCELLED,         ERROR_PARAMETER_CONFLICT,
    ERROR_CONTENT_TOO_LARGE, ERROR_HEADERS_TOO_LARGE, ERROR_TOO_MANY_OBJECTS,
    ERROR_TOO_MANY_BYTES,    ERROR_TOO_MANY_WAITS,    OK};

const struct route route_queue_put = {
    .methods = METHOD_POST,
    .path = "/queues/{id}",
    .path_field = &api_name_field,
    .text = "Puts the body into a queue, as it is; waits while the queue is full.",
    .more =
        "It is `await queue.put(item)`. The body may be of any type, or empty, up to "
        "--max-body. A client that leaves while it waits has put nothing.",
    .in = SHAPE(struct put_in, put_fields),
    .body = BODY_BYTES,
    .formats = 1 << FORMAT_JSON,
    .answers = put_answers,
    .errors = put_errors,
    .example = "--data-binary @job.tar -H 'Content-Type: application/x-tar' "
               "'localhost:8080/queues/jobs?maxsize=10&timeout=5'",
    .home = route_id_home,
    .handle = put,
};

/* ---- POST get -----------------------------------------------------------------------
 */

struct get_in {
    struct block_in block;
};

/* clang-format off */
static const struct field get_fields[] = { BLOCK_FIELDS(struct get_in) };
/* clang-format on */

static void
answer_get(struct exchange *exchange, struct waiter *waiter)
{
    const struct blob *item = CONTAINER_OF(waiter, struct queue_waiter, waiter)->item;
    struct reply reply = {
        .status = 200,
        .waited = true,
        .tracked = true,
        .content_type = item->type ? item->type : "application/octet-stream",
    };
    struct text body = {0};

    text_append(&body, item->bytes, item->size);
    exchange_reply(exchange, &reply, &body);
}

static enum error
get(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct get_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    struct queue_plan plan = {.waiter = blocking_plan(exchange, &in->block)};
    struct queue_waiter *waiter;
    struct queue *queue;
    enum error error = queue_need(registry, exchange_id(exchange), &queue);

    (void)problem;
    if (!error)
        error = queue_get(queue, &plan, registry_now(registry), &waiter);
    if (!error)
        blocking_begin(exchange, &waiter->waiter, answer_get);
    return error;
}

static const struct answer get_answers[] = {
    {200, FORMAT_BYTES,
     "The item as it came, with its Content-Type (this one where it came without), "
     "whatever `Accept` says.",
     NULL},
    {0},
};

static const enum error get_errors[] = {
    ERROR_TIMEOUT, ERROR_CANCELLED, ERROR_TOO_MANY_OBJECTS, ERROR_TOO_MANY_WAITS, OK};

const struct route route_queue_get_item = {
    .methods = METHOD_POST,
    .path = "/queues/{id}/get",
    .path_field = &api_name_field,
    .text = "Takes the oldest item out of a queue; waits while the queue is empty.",
    .more =
        "It is `await queue.get()`. An item goes to one client; where that has left "
        "before the item was sent, it goes back to its place and to the next in line.",
    .in = SHAPE(struct get_in, get_fields),
    .formats = 1 << FORMAT_BYTES,
    .answers = get_answers,
    .errors = get_errors,
    .example = "-X POST 'localhost:8080/queues/jobs/get?timeout=30'",
    .home = route_id_home,
    .handle = get,
};

/* ---- GET ----------------------------------------------------------------------------
 */

static enum error
inspect(struct exchange *exchange, const void *in, struct problem *problem)
{
    (void)problem;
    return object_get(exchange, &queue_class, in);
}

static const struct answer inspect_answers[] = {
    {200, FORMAT_JSON,
     "How many items are in it; waiting to get, or to put where it is full.",
     "{\"size\":0,\"maxsize\":null,\"waiting\":2}"},
    {0},
};

const struct route route_queue_inspect = {
    .methods = METHOD_GET,
    .path = "/queues/{id}",
    .path_field = &api_name_field,
    .text = "Tells how a queue stands; with waiting until so many wait at it.",
    .in = OBJECT_GET_SHAPE,
    .formats = 1 << FORMAT_JSON,
    .answers = inspect_answers,
    .errors = object_get_errors,
    .example = "localhost:8080/queues/jobs",
    .home = route_id_home,
    .handle = inspect,
};

/* ---- DELETE -------------------------------------------------------------------------
 */

static enum error
forget(struct exchange *exchange, const void *in, struct problem *problem)
{
    (void)in;
    (void)problem;
    object_reply_delete(exchange, &queue_class);
    return OK;
}

const struct route route_queue_delete = {
    .methods = METHOD_DELETE,
    .path = "/queues/{id}",
    .path_field = &api_name_field,
    .text = "Forgets a queue with all that is in it.",
    .formats = 1 << FORMAT_JSON,
    .answers = object_delete_answers,
    .errors = object_delete_errors,
    .example = "-X DELETE localhost:8080/queues/jobs",
    .home = route_id_home,
    .handle = forget,
};

/* /semaphores/{id}: asyncio.Semaphore and Lock, whose permits are leases. */
#include "api/app.h"
#include "api/blocking.h"
#include "api/object_json.h"
#include "api/task_problem.h"
#include "base/number.h"

#include <string.h>

enum { LIMIT_MOST = 10000, TTL_MOST = 3600, TTL_DEFAULT = 60, HEARTBEAT_DEFAULT = 15 };

static enum error
lease_lost(const struct value_name *lease, struct problem *problem)
{
    problem_set(problem, ERROR_LEASE_LOST, "there is no lease %s any more",
                lease->bytes);
    problem_param(problem, "lease", strlen("lease"));
    problem_value(problem, lease->bytes, strlen(lease->bytes));
    return ERROR_LEASE_LOST;
}

/* ---- POST acquire -------------------------------------------------------------------
 */

struct acquire_in {
    struct block_in block;
    struct value_integer limit;
    struct value_duration ttl;
    struct value_word hold;
    struct value_duration heartbeat;
};

static const char *const hold_words[] = {"connection", NULL};
static const char *const hold_excludes[] = {"ttl", NULL};
static const char *const heartbeat_needs[] = {"hold", NULL};

/* clang-format off */
static const struct field acquire_fields[] = {
    FIELD(struct acquire_in, limit, FIELD_INTEGER, .min = 1, .max = LIMIT_MOST,
          .fallback_text = "as it is in use, or 1", .example = "3",
          .text = "So many leases at once: 1 is a lock. Fixed while the semaphore is used."),
    FIELD(struct acquire_in, ttl, FIELD_DURATION, .min = 0.001, .max = TTL_MOST,
          .fallback = TTL_DEFAULT, .fallback_text = "60", .unit = "seconds",
          .example = "60", .text = "The lease ends after so long, unless it is renewed."),
    FIELD(struct acquire_in, hold, FIELD_WORD, .words = hold_words,
          .excludes = hold_excludes, .fallback_text = NULL, .example = "connection",
          .text = "The lease lives as long as this connection: the answer is a stream "
                  "(ndjson) of its line and of heartbeats."),
    FIELD(struct acquire_in, heartbeat, FIELD_DURATION, .min = 0.01,
          .max_limit = LIMIT_MAX_DELAY, .needs = heartbeat_needs,
          .fallback = HEARTBEAT_DEFAULT,
          .fallback_text = "15", .unit = "seconds", .example = "5s",
          .text = "After so long a silence an empty line."),
    BLOCK_FIELDS(struct acquire_in),
};
/* clang-format on */

/* Of one that is ended from outside: what else than its lease a holder's stream says.
 */
static void
write_end(struct record *record, struct text *out)
{
    struct problem problem = {0};
    struct json_writer json = json_writer(out);

    if (record->state == STATE_DONE)
        return;
    task_problem(record, true, &problem);
    json_begin_object(&json);
    json_key(&json, "error");
    problem_write(&problem, &json);
    json_end_object(&json);
    text_string(out, "\n");
}

/* The line of the lease leaves with the first call. */
static enum stream_step
next(struct exchange *exchange, struct text *out)
{
    struct blocking *blocking = exchange_room(exchange);
    struct record *record = &blocking->waiter->record;

    if (!blocking->begun) {
        blocking->begun = true;
        struct json_writer json = object_begin(out);
        waiter_write(blocking->waiter, &json);
        json_end_object(&json);
        text_string(out, "\n");
        return STREAM_PIECE;
    }
    if (!record_ended(record))
        return STREAM_WAIT;
    write_end(record, out);
    return STREAM_END;
}

static void
answer_acquired(struct exchange *exchange, struct waiter *waiter)
{
    const struct blocking *blocking = exchange_room(exchange);
    struct reply reply = {
        .status = 200,
        .content_type = format_info(FORMAT_NDJSON)->content_type,
        .waitd_id = waiter->record.id,
        .heartbeat = blocking->heartbeat,
    };

    if (waiter->holds)
        exchange_stream(exchange, &reply, next);
    else
        blocking_reply(exchange, waiter);
}

static enum error
acquire(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct acquire_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    struct blocking *blocking = exchange_room(exchange);
    struct semaphore_plan plan = {
        .waiter = blocking_plan(exchange, &in->block),
        .limit = in->limit.given ? (size_t)in->limit.value : 0,
        .ttl_ns = in->hold.given ? 0 : seconds_to_ns(in->ttl.seconds),
    };
    struct semaphore_waiter *waiter;
    struct semaphore *semaphore;

    enum error error = semaphore_need(registry, exchange_id(exchange), &semaphore);
    if (!error)
        error = semaphore_acquire(semaphore, &plan, registry_now(registry), &waiter);
    if (error == ERROR_PARAMETER_CONFLICT)
        return object_conflict("limit", plan.limit, semaphore->limit, problem);
    if (error)
        return error;
    blocking->heartbeat = in->heartbeat.seconds;
    blocking_begin(exchange, &waiter->waiter, answer_acquired);
    return OK;
}

static const struct answer acquire_answers[] = {
    {200, FORMAT_JSON, "The lease. Its token is higher than that of any lease before.",
     "{\"lease\":\"kx8n3vqmra5tzc2p\",\"token\":17,\"available\":2,\"limit\":3,"
     "\"expires_in\":60}"},
    {200, FORMAT_NDJSON,
     "With hold: the line of the lease, then empty lines; where the server ends it, "
     "{\"error\":…}.",
     NULL},
    {0},
};

static const enum error acquire_errors[] = {
    ERROR_TIMEOUT,          ERROR_CANCELLED,      ERROR_PARAMETER_CONFLICT,
    ERROR_TOO_MANY_OBJECTS, ERROR_TOO_MANY_WAITS, OK};

const struct route route_semaphore_acquire = {
    .methods = METHOD_POST,
    .path = "/semaphores/{id}/acquire",
    .path_field = &api_name_field,
    .text = "Waits for a permit of a semaphore and gets a lease of it.",
    .more =
        "It is `await semaphore.acquire()`, with limit 1 `await lock.acquire()`. "
        "Waiters are served in the order of arrival. Whoever leaves while it waits "
        "gives up its place; a lease that did not reach its client goes to the next "
        "in line at once. Send the token along with what the lease protects: who "
        "has seen a higher one can refuse a client that was too slow (fencing).",
    .in = SHAPE(struct acquire_in, acquire_fields),
    .formats = 1 << FORMAT_JSON | 1 << FORMAT_NDJSON,
    .answers = acquire_answers,
    .errors = acquire_errors,
    .example = "-X POST 'localhost:8080/semaphores/db/acquire?limit=3&ttl=60'",
    .home = route_id_home,
    .handle = acquire,
};

/* ---- POST release -------------------------------------------------------------------
 */

struct release_in {
    struct value_name lease;
};

#define LEASE_FIELD(type)                                                              \
    FIELD(type, lease, FIELD_NAME, .required = true, .example = "kx8n3vqmra5tzc2p",    \
          .text = "The lease that acquire answered.")

/* clang-format off */
static const struct field release_fields[] = { LEASE_FIELD(struct release_in) };
/* clang-format on */

/* NULL: lost. */
static struct lease *
find_lease(struct exchange *exchange, const struct value_name *id)
{
    const struct semaphore *semaphore =
        semaphore_find(exchange_registry(exchange), exchange_id(exchange));

    return semaphore ? semaphore_lease(semaphore, id->bytes) : NULL;
}

static enum error
release(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct release_in *in = raw;
    struct lease *lease = find_lease(exchange, &in->lease);
    struct text body = {0};

    if (lease == NULL)
        return lease_lost(&in->lease, problem);
    const struct semaphore *semaphore = lease->semaphore;
    lease_release(lease, registry_now(exchange_registry(exchange)));
    struct json_writer json = object_begin(&body);
    object_write(&semaphore_class, &semaphore->object, &json);
    object_reply(exchange, &json, &body);
    return OK;
}

static const struct answer release_answers[] = {
    {200, FORMAT_JSON, "It is released, and the next in line has been served.",
     "{\"available\":3,\"limit\":3,\"waiting\":0}"},
    {0},
};

static const enum error release_errors[] = {ERROR_LEASE_LOST, OK};

const struct route route_semaphore_release = {
    .methods = METHOD_POST,
    .path = "/semaphores/{id}/release",
    .path_field = &api_name_field,
    .text = "Gives a lease back.",
    .more = "It is `semaphore.release()`, and only for who has acquired.",
    .in = SHAPE(struct release_in, release_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = release_answers,
    .errors = release_errors,
    .example = "--json '{\"lease\":\"kx8n3vqmra5tzc2p\"}' "
               "localhost:8080/semaphores/db/release",
    .home = route_id_home,
    .handle = release,
};

/* ---- POST renew ---------------------------------------------------------------------
 */

struct renew_in {
    struct value_name lease;
    struct value_duration ttl;
};

/* clang-format off */
static const struct field renew_fields[] = {
    LEASE_FIELD(struct renew_in),
    FIELD(struct renew_in, ttl, FIELD_DURATION, .min = 0.001, .max = TTL_MOST,
          .fallback = TTL_DEFAULT, .fallback_text = "60", .unit = "seconds",
          .example = "60", .text = "The lease ends so long from now."),
};
/* clang-format on */

static enum error
renew(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct renew_in *in = raw;
    struct lease *lease = find_lease(exchange, &in->lease);
    struct text body = {0};

    if (lease == NULL)
        return lease_lost(&in->lease, problem);
    lease_renew(lease, seconds_to_ns(in->ttl.seconds),
                registry_now(exchange_registry(exchange)));
    struct json_writer json = object_begin(&body);
    lease_write(lease, &json);
    object_reply(exchange, &json, &body);
    return OK;
}

static const struct answer renew_answers[] = {
    {200, FORMAT_JSON, "The lease, with its new end; that of a connection has none.",
     NULL},
    {0},
};

const struct route route_semaphore_renew = {
    .methods = METHOD_POST,
    .path = "/semaphores/{id}/renew",
    .path_field = &api_name_field,
    .text = "Puts the end of a lease off.",
    .in = SHAPE(struct renew_in, renew_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = renew_answers,
    .errors = release_errors,
    .example = "--json '{\"lease\":\"kx8n3vqmra5tzc2p\",\"ttl\":60}' "
               "localhost:8080/semaphores/db/renew",
    .home = route_id_home,
    .handle = renew,
};

/* ---- GET ----------------------------------------------------------------------------
 */

static enum error
get(struct exchange *exchange, const void *in, struct problem *problem)
{
    (void)problem;
    return object_get(exchange, &semaphore_class, in);
}

static const struct answer get_answers[] = {
    {200, FORMAT_JSON, "How many leases are free, and how many wait for one.",
     "{\"available\":0,\"limit\":1,\"waiting\":2}"},
    {0},
};

const struct route route_semaphore_get = {
    .methods = METHOD_GET,
    .path = "/semaphores/{id}",
    .path_field = &api_name_field,
    .text = "Tells how a semaphore stands; with waiting until so many wait for it.",
    .in = OBJECT_GET_SHAPE,
    .formats = 1 << FORMAT_JSON,
    .answers = get_answers,
    .errors = object_get_errors,
    .example = "localhost:8080/semaphores/db",
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
    object_reply_delete(exchange, &semaphore_class);
    return OK;
}

const struct route route_semaphore_delete = {
    .methods = METHOD_DELETE,
    .path = "/semaphores/{id}",
    .path_field = &api_name_field,
    .text =
        "Forgets a semaphore with all its leases, and cancels all who wait for one.",
    .formats = 1 << FORMAT_JSON,
    .answers = object_delete_answers,
    .errors = object_delete_errors,
    .example = "-X DELETE localhost:8080/semaphores/db",
    .home = route_id_home,
    .handle = forget,
};

#include "api/object_json.h"

#include "base/number.h"

static void
member_payload(struct json_writer *json, const struct blob *payload)
{
    json_key(json, "payload");
    if (payload)
        json_write_verbatim(json, payload->bytes, payload->size);
    else
        json_write_null(json);
}

/* 0: null. */
static void
member_size(struct json_writer *json, const char *key, size_t size)
{
    if (size > 0)
        json_member_integer(json, key, (int64_t)size);
    else
        json_member_null(json, key);
}

/* ---- the objects: each may never have been used (NULL) ------------------------------
 */

static void
write_event(const struct object *object, struct json_writer *json)
{
    static const struct event unused;
    const struct event *event =
        object ? CONTAINER_OF(object, const struct event, object) : &unused;

    json_member_flag(json, "set", event->set);
    json_member_integer(json, "generation", (int64_t)event->generation);
    member_payload(json, event->payload);
}

static void
write_semaphore(const struct object *object, struct json_writer *json)
{
    static const struct semaphore unused;
    const struct semaphore *semaphore =
        object ? CONTAINER_OF(object, const struct semaphore, object) : &unused;

    if (semaphore->limit > 0)
        json_member_integer(json, "available", (int64_t)semaphore_available(semaphore));
    else
        json_member_null(json, "available");
    member_size(json, "limit", semaphore->limit);
}

static void
write_barrier(const struct object *object, struct json_writer *json)
{
    static const struct barrier unused;
    const struct barrier *barrier =
        object ? CONTAINER_OF(object, const struct barrier, object) : &unused;

    member_size(json, "parties", barrier->parties);
    json_member_integer(json, "generation", (int64_t)barrier->generation);
    json_member_flag(json, "broken", barrier->broken);
}

static void
write_latch(const struct object *object, struct json_writer *json)
{
    static const struct latch unused;
    const struct latch *latch =
        object ? CONTAINER_OF(object, const struct latch, object) : &unused;

    json_member_integer(json, "value", latch->value);
}

static void
write_queue(const struct object *object, struct json_writer *json)
{
    static const struct queue unused;
    const struct queue *queue =
        object ? CONTAINER_OF(object, const struct queue, object) : &unused;

    json_member_integer(json, "size", (int64_t)queue->size);
    member_size(json, "maxsize", queue->maxsize);
}

void
lease_write(const struct lease *lease, struct json_writer *json)
{
    json_member_string(json, "lease", lease->id);
    json_member_integer(json, "token", (int64_t)lease->token);
    json_member_integer(json, "available",
                        (int64_t)semaphore_available(lease->semaphore));
    json_member_integer(json, "limit", (int64_t)lease->semaphore->limit);
    if (lease->ttl_ns > 0)
        json_member_seconds(json, "expires_in", lease->ttl_ns);
    else
        json_member_null(json, "expires_in");
}

/* ---- what waiters got --------------------------------------------------------------
 */

static void
write_event_waiter(const struct waiter *waiter, struct json_writer *json)
{
    const struct event_waiter *mine =
        CONTAINER_OF(waiter, const struct event_waiter, waiter);

    json_member_flag(json, "set", mine->set);
    json_member_integer(json, "generation", (int64_t)mine->generation);
    member_payload(json, mine->payload);
    json_member_integer(json, "waiting", (int64_t)waiter->object->waiters.count);
}

/* Of one that is kept, the lease may have ended. */
static void
write_semaphore_waiter(const struct waiter *waiter, struct json_writer *json)
{
    const struct semaphore_waiter *mine =
        CONTAINER_OF(waiter, const struct semaphore_waiter, waiter);

    if (mine->lease) {
        lease_write(mine->lease, json);
        return;
    }
    json_member_string(json, "lease", mine->lease_id);
    json_member_integer(json, "token", (int64_t)mine->token);
}

static void
write_barrier_waiter(const struct waiter *waiter, struct json_writer *json)
{
    const struct barrier_waiter *mine =
        CONTAINER_OF(waiter, const struct barrier_waiter, waiter);

    json_member_integer(json, "rank", (int64_t)mine->rank);
    json_member_integer(json, "generation", (int64_t)mine->generation);
    json_member_integer(json, "parties", (int64_t)mine->parties);
}

static void
write_latch_waiter(const struct waiter *waiter, struct json_writer *json)
{
    const struct latch_waiter *mine =
        CONTAINER_OF(waiter, const struct latch_waiter, waiter);

    json_member_integer(json, "value", mine->value);
    json_member_integer(json, "waiting", (int64_t)waiter->object->waiters.count);
}

static void
write_queue_waiter(const struct waiter *waiter, struct json_writer *json)
{
    const struct queue_waiter *mine =
        CONTAINER_OF(waiter, const struct queue_waiter, waiter);

    const struct blob *item = mine->item;

    if (mine->puts)
        json_member_integer(json, "size", (int64_t)mine->size);
    else {
        json_member_integer(json, "bytes", (int64_t)(item ? item->size : mine->size));
        json_member_string(json, "content_type", item ? item->type : mine->type);
    }
}

void
object_write(const struct object_class *class, const struct object *object,
             struct json_writer *json)
{
    static void (*const write[OBJECT_KINDS])(const struct object *object,
                                             struct json_writer *json) = {
        [OBJECT_EVENT] = write_event,         [OBJECT_LATCH] = write_latch,
        [OBJECT_BARRIER] = write_barrier,     [OBJECT_QUEUE] = write_queue,
        [OBJECT_SEMAPHORE] = write_semaphore,
    };

    write[class->kind](object, json);
    json_member_integer(json, "waiting", object ? (int64_t)object->waiters.count : 0);
}

void
waiter_write(const struct waiter *waiter, struct json_writer *json)
{
    static void (*const write[OBJECT_KINDS])(const struct waiter *waiter,
                                             struct json_writer *json) = {
        [OBJECT_EVENT] = write_event_waiter,
        [OBJECT_LATCH] = write_latch_waiter,
        [OBJECT_BARRIER] = write_barrier_waiter,
        [OBJECT_QUEUE] = write_queue_waiter,
        [OBJECT_SEMAPHORE] = write_semaphore_waiter,
    };

    if (waiter->wanted > 0)
        object_write(waiter->object->class, waiter->object, json);
    else
        write[waiter->object->class->kind](waiter, json);
}

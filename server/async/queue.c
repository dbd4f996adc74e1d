#include "async/queue.h"

#include <stdlib.h>
#include <string.h>

static struct queue *
queue_of(struct object *object)
{
    return CONTAINER_OF(object, struct queue, object);
}

static struct queue_waiter *
mine(struct waiter *waiter)
{
    return CONTAINER_OF(waiter, struct queue_waiter, waiter);
}

/* ---- the items ---------------------------------------------------------------------
 */

static void
append(struct queue *queue, struct blob *item)
{
    item->serial = ++queue->serial;
    item->queued = true;
    blob_hold(item);
    TAILQ_INSERT_TAIL(&queue->items, item, link);
    queue->size++;
}

static void
take_out(struct queue *queue, struct blob *item)
{
    TAILQ_REMOVE(&queue->items, item, link);
    item->queued = false;
    queue->size--;
}

/* To its place in the order. */
static void
put_back(struct queue *queue, struct blob *item)
{
    struct blob *later = TAILQ_FIRST(&queue->items);

    while (later && later->serial < item->serial)
        later = TAILQ_NEXT(later, link);
    if (later)
        TAILQ_INSERT_BEFORE(later, item, link);
    else
        TAILQ_INSERT_TAIL(&queue->items, item, link);
    item->queued = true;
    queue->size++;
}

/* ---- the line ----------------------------------------------------------------------
 */

static bool
is_full(const struct queue *queue)
{
    return queue->maxsize > 0 && queue->size >= queue->maxsize;
}

static bool
must_wait(const struct queue *queue, const struct queue_waiter *waiter)
{
    return waiter->puts ? is_full(queue) : queue->size == 0;
}

static void
serve(struct queue *queue, struct queue_waiter *waiter)
{
    if (waiter->puts) {
        append(queue, waiter->item);
        waiter->size = queue->size;
    } else {
        waiter->item = TAILQ_FIRST(&queue->items);
        take_out(queue, waiter->item);
    }
    waiter_serve(&waiter->waiter, OK);
}

/* Serves who waits as far as there are items or room. All in the line get, or all put:
 * who finds an item or room does not join it. */
static void
serve_line(struct queue *queue, int64_t now_ns)
{
    struct waiter *first;

    while ((first = waitlist_first(&queue->object.waiters)) != NULL
           && !must_wait(queue, mine(first)))
        serve(queue, mine(first));
    waitlist_tell(queue->object.registry, now_ns);
}

/* Of one that puts: it is told that it did not. One that is done has. */
static void
withdraw_put(struct queue *queue, struct queue_waiter *waiter)
{
    if (record_ended(&waiter->waiter.record))
        return;
    take_out(queue, waiter->item);
    blob_release(waiter->item);
}

/* Another has got what it put, or it went with the queue. */
static bool
stands(const struct waiter *waiter)
{
    const struct queue_waiter *queue_waiter =
        CONTAINER_OF(waiter, const struct queue_waiter, waiter);

    return queue_waiter->puts && !queue_waiter->item->queued;
}

static void
give_back(struct waiter *waiter, int64_t now_ns)
{
    struct queue *queue = queue_of(waiter->object);

    if (mine(waiter)->puts)
        withdraw_put(queue, mine(waiter));
    else if (mine(waiter)->item) {
        put_back(queue, mine(waiter)->item);
        mine(waiter)->item = NULL;
    }
    serve_line(queue, now_ns);
}

/* What it got is no longer here, only how much it was. */
static void
shed(struct waiter *waiter)
{
    struct blob *item = mine(waiter)->item;

    if (item && !mine(waiter)->puts) {
        mine(waiter)->size = item->size;
        mine(waiter)->type = item->type ? strdup(item->type) : NULL;
    }
    blob_release(item);
    mine(waiter)->item = NULL;
}

static void
free_waiter(struct waiter *waiter)
{
    blob_release(mine(waiter)->item);
    free(mine(waiter)->type);
}

/* ---- the object --------------------------------------------------------------------
 */

static void
open_queue(struct object *object)
{
    TAILQ_INIT(&queue_of(object)->items);
}

static void
clear(struct object *object)
{
    struct queue *queue = queue_of(object);
    struct blob *item;

    while ((item = TAILQ_FIRST(&queue->items)) != NULL) {
        take_out(queue, item);
        blob_release(item);
    }
}

const struct object_class queue_class = {
    .kind = OBJECT_QUEUE,
    .waiter_kind = KIND_QUEUE,
    .size = sizeof(struct queue),
    .waiter_size = sizeof(struct queue_waiter),
    .open = open_queue,
    .clear = clear,
    .stands = stands,
    .give_back = give_back,
    .shed = shed,
    .free_waiter = free_waiter,
};

enum error
queue_need(struct registry *registry, const char *name, struct queue **out)
{
    struct object *object;
    enum error error = object_need(registry, &queue_class, name, &object);

    if (!error)
        *out = queue_of(object);
    return error;
}

/* What was named goes with the last who used it. */
static void
forget_maxsize_if_unused(struct queue *queue)
{
    if (queue->size > 0 || object_in_use(&queue->object))
        return;
    queue->maxsize = 0;
    queue->sized = false;
}

/* Who waits at an empty queue gets, and names no maxsize. */
static bool
contradicts(const struct queue *queue, const struct queue_plan *plan)
{
    return plan->has_maxsize && plan->maxsize != queue->maxsize
           && (queue->sized || queue->size > 0);
}

static enum error
begin(struct queue *queue, const struct queue_plan *plan, int64_t now_ns,
      struct queue_waiter **out)
{
    struct waiter *waiter;
    enum error error = waiter_open(&queue->object, &plan->waiter, &waiter);

    if (error)
        return object_unneed(&queue->object, error);
    *out = mine(waiter);
    (*out)->puts = plan->item != NULL;
    if (plan->has_maxsize) {
        queue->maxsize = plan->maxsize;
        queue->sized = true;
    }
    (*out)->item = plan->item;
    if (must_wait(queue, *out))
        waiter_join(waiter);
    else
        serve(queue, *out);
    serve_line(queue, now_ns);
    if ((*out)->puts && record_ended(&waiter->record))
        (*out)->size = queue->size;
    return OK;
}

enum error
queue_get(struct queue *queue, const struct queue_plan *plan, int64_t now_ns,
          struct queue_waiter **out)
{
    forget_maxsize_if_unused(queue);
    return begin(queue, plan, now_ns, out);
}

enum error
queue_put(struct queue *queue, const struct queue_plan *plan, int64_t now_ns,
          struct queue_waiter **out)
{
    forget_maxsize_if_unused(queue);
    if (contradicts(queue, plan))
        return ERROR_PARAMETER_CONFLICT;
    return begin(queue, plan, now_ns, out);
}

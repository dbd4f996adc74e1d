#include "async/latch.h"

const struct object_class latch_class = {
    .kind = OBJECT_LATCH,
    .waiter_kind = KIND_LATCH,
    .size = sizeof(struct latch),
    .waiter_size = sizeof(struct latch_waiter),
};

enum error
latch_need(struct registry *registry, const char *name, struct latch **out)
{
    struct object *object;
    enum error error = object_need(registry, &latch_class, name, &object);

    if (!error)
        *out = CONTAINER_OF(object, struct latch, object);
    return error;
}

static void
serve(struct latch *latch, struct latch_waiter *waiter)
{
    waiter->value = latch->value;
    waiter_serve(&waiter->waiter, OK);
}

/* The walk is only for a value that may release somebody: one who has left since only
 * makes it walk for nothing once. */
void
latch_count(struct latch *latch, int64_t by, int64_t now_ns)
{
    struct waiter *waiter, *next;
    int64_t nearest = INT64_MAX;

    latch->value += by;
    if (waitlist_first(&latch->object.waiters) == NULL || latch->value < latch->nearest)
        return;
    for (waiter = waitlist_first(&latch->object.waiters); waiter; waiter = next) {
        struct latch_waiter *mine = CONTAINER_OF(waiter, struct latch_waiter, waiter);

        next = TAILQ_NEXT(waiter, link);
        if (mine->at_least <= latch->value)
            serve(latch, mine);
        else if (mine->at_least < nearest)
            nearest = mine->at_least;
    }
    latch->nearest = nearest;
    waitlist_tell(latch->object.registry, now_ns);
}

enum error
latch_wait(struct latch *latch, const struct latch_plan *plan, int64_t now_ns,
           struct latch_waiter **out)
{
    bool first = waitlist_first(&latch->object.waiters) == NULL;
    struct waiter *waiter;
    enum error error = waiter_open(&latch->object, &plan->waiter, &waiter);
    if (error)
        return object_unneed(&latch->object, error);
    *out = CONTAINER_OF(waiter, struct latch_waiter, waiter);
    (*out)->at_least = plan->at_least;
    if (latch->value >= plan->at_least)
        serve(latch, *out);
    else {
        waiter_join(waiter);
        if (first || plan->at_least < latch->nearest)
            latch->nearest = plan->at_least;
    }
    waitlist_tell(latch->object.registry, now_ns);
    return OK;
}

#include "async/barrier.h"

static size_t
break_generation(struct barrier *barrier, int64_t now_ns)
{
    size_t waited = waitlist_serve_all(&barrier->object.waiters, ERROR_BARRIER_BROKEN);

    waitlist_tell(barrier->object.registry, now_ns);
    return waited;
}

static void
left(struct waiter *waiter, int64_t now_ns)
{
    struct barrier *barrier = CONTAINER_OF(waiter->object, struct barrier, object);

    if (CONTAINER_OF(waiter, struct barrier_waiter, waiter)->breaks)
        break_generation(barrier, now_ns);
}

const struct object_class barrier_class = {
    .kind = OBJECT_BARRIER,
    .waiter_kind = KIND_BARRIER,
    .size = sizeof(struct barrier),
    .waiter_size = sizeof(struct barrier_waiter),
    .left = left,
};

struct barrier *
barrier_find(struct registry *registry, const char *name)
{
    struct object *object = object_find(registry, &barrier_class, name);

    return object ? CONTAINER_OF(object, struct barrier, object) : NULL;
}

enum error
barrier_need(struct registry *registry, const char *name, struct barrier **out)
{
    struct object *object;
    enum error error = object_need(registry, &barrier_class, name, &object);

    if (!error)
        *out = CONTAINER_OF(object, struct barrier, object);
    return error;
}

static void
let_through(struct barrier *barrier, struct waiter *waiter, size_t rank)
{
    struct barrier_waiter *mine = CONTAINER_OF(waiter, struct barrier_waiter, waiter);

    mine->rank = rank;
    mine->generation = barrier->generation;
    waiter_serve(waiter, OK);
}

static void
open_barrier(struct barrier *barrier, struct waiter *last)
{
    struct waitlist *list = &barrier->object.waiters;
    struct waiter *waiter;
    size_t rank = 0;

    barrier->generation++;
    while ((waiter = waitlist_first(list)) != NULL)
        let_through(barrier, waiter, rank++);
    let_through(barrier, last, rank);
}

enum error
barrier_wait(struct barrier *barrier, const struct barrier_plan *plan, int64_t now_ns,
             struct barrier_waiter **out)
{
    struct waitlist *list = &barrier->object.waiters;
    struct waiter *waiter;

    if (barrier->broken)
        return ERROR_BARRIER_BROKEN;
    if (list->count > 0 && plan->parties != barrier->parties)
        return ERROR_PARAMETER_CONFLICT;
    enum error error = waiter_open(&barrier->object, &plan->waiter, &waiter);
    if (error)
        return object_unneed(&barrier->object, error);
    *out = CONTAINER_OF(waiter, struct barrier_waiter, waiter);
    (*out)->breaks = plan->breaks;
    (*out)->parties = plan->parties;
    barrier->parties = plan->parties;
    if (list->count + 1 >= plan->parties)
        open_barrier(barrier, waiter);
    else
        waiter_join(waiter);
    waitlist_tell(barrier->object.registry, now_ns);
    return OK;
}

size_t
barrier_abort(struct barrier *barrier, int64_t now_ns)
{
    barrier->broken = true;
    return break_generation(barrier, now_ns);
}

size_t
barrier_forget(struct barrier *barrier, int64_t now_ns)
{
    size_t waited = break_generation(barrier, now_ns);

    if (TAILQ_EMPTY(&barrier->object.waiters.watching)) {
        object_forget(&barrier->object);
        return waited;
    }
    barrier->parties = 0;
    barrier->generation = 0;
    barrier->broken = false;
    return waited;
}

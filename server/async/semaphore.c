#include "async/semaphore.h"

#include "async/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- leases ------------------------------------------------------------------------
 */

static void
free_lease(struct lease *lease)
{
    struct registry *registry = lease->semaphore->object.registry;

    timers_stop(&registry->timers, &lease->expiry);
    quota_give(&registry->peers->objects, 1);
    if (lease->waiter)
        lease->waiter->lease = NULL;
    free(lease);
}

static void
end_lease(struct lease *lease)
{
    struct semaphore *semaphore = lease->semaphore;

    TAILQ_REMOVE(&semaphore->leases, lease, link);
    semaphore->held--;
    free_lease(lease);
}

static void serve_next(struct semaphore *semaphore, int64_t now_ns);

static void
on_expiry(struct timer *timer, int64_t now_ns)
{
    struct lease *lease = CONTAINER_OF(timer, struct lease, expiry);
    struct semaphore *semaphore = lease->semaphore;

    semaphore->object.registry->timers.reached++;
    end_lease(lease);
    object_use(&semaphore->object);
    serve_next(semaphore, now_ns);
}

/* Cannot fail: each lease has its place in the timers from its making on. */
static void
expire_at(struct lease *lease, int64_t at_ns)
{
    enum error error = timers_start(&lease->semaphore->object.registry->timers,
                                    &lease->expiry, TIMER_RESULT, at_ns);

    assert(error == OK);
    (void)error;
}

static enum error
make_lease(struct semaphore *semaphore, int64_t ttl_ns, struct lease **out)
{
    struct registry *registry = semaphore->object.registry;

    if (!memory_fits(registry->peers, MEMORY_OBJECT))
        return ERROR_TOO_MUCH_MEMORY;
    struct lease *lease = calloc(1, sizeof *lease);
    if (lease == NULL)
        return ERROR_OUT_OF_MEMORY;
    lease->semaphore = semaphore;
    lease->ttl_ns = ttl_ns;
    lease->expiry.fire = on_expiry;
    name_draw(&registry->fastrand, lease->id);
    if (!quota_take(&registry->peers->objects, 1, registry->limits.max_objects)) {
        free(lease);
        return ERROR_TOO_MANY_OBJECTS;
    }
    if (timers_start(&registry->timers, &lease->expiry, TIMER_RESULT, INT64_MAX)) {
        free_lease(lease);
        return ERROR_OUT_OF_MEMORY;
    }
    *out = lease;
    return OK;
}

void
lease_renew(struct lease *lease, int64_t ttl_ns, int64_t now_ns)
{
    if (lease->ttl_ns == 0)
        return;
    lease->ttl_ns = ttl_ns;
    expire_at(lease, now_ns + ttl_ns);
}

struct lease *
semaphore_lease(const struct semaphore *semaphore, const char *id)
{
    struct lease *lease;

    TAILQ_FOREACH (lease, &semaphore->leases, link) {
        if (strcmp(lease->id, id) == 0)
            return lease;
    }
    return NULL;
}

void
lease_release(struct lease *lease, int64_t now_ns)
{
    struct semaphore *semaphore = lease->semaphore;
    struct semaphore_waiter *waiter = lease->waiter;

    end_lease(lease);
    if (waiter && waiter->waiter.place == WAITER_HOLDING)
        waiter_end_hold(&waiter->waiter, now_ns);
    serve_next(semaphore, now_ns);
}

/* ---- waiters -----------------------------------------------------------------------
 */

static void
grant(struct semaphore *semaphore, struct semaphore_waiter *waiter)
{
    struct lease *lease = waiter->lease;

    lease->granted = true;
    lease->token = ++semaphore->object.registry->objects.token;
    waiter->token = lease->token;
    TAILQ_INSERT_TAIL(&semaphore->leases, lease, link);
    semaphore->held++;
    waiter_serve(&waiter->waiter, OK);
}

static void
serve_next(struct semaphore *semaphore, int64_t now_ns)
{
    struct waiter *next;

    while (semaphore->held < semaphore->limit
           && (next = waitlist_first(&semaphore->object.waiters)) != NULL)
        grant(semaphore, CONTAINER_OF(next, struct semaphore_waiter, waiter));
    waitlist_tell(semaphore->object.registry, now_ns);
}

/* From now on it has its ttl, however long it stood behind others to be told. */
static void
told(struct waiter *waiter, int64_t now_ns)
{
    struct lease *lease = CONTAINER_OF(waiter, struct semaphore_waiter, waiter)->lease;

    if (lease) /* who watches the line has none */
        lease_renew(lease, lease->ttl_ns, now_ns);
}

static void
give_back(struct waiter *waiter, int64_t now_ns)
{
    struct lease *lease = CONTAINER_OF(waiter, struct semaphore_waiter, waiter)->lease;

    if (lease == NULL)
        return;
    struct semaphore *semaphore = lease->semaphore;
    end_lease(lease);
    serve_next(semaphore, now_ns);
}

/* One that never was granted goes; another stays for its client. */
static void
part(struct waiter *waiter)
{
    struct lease *lease = CONTAINER_OF(waiter, struct semaphore_waiter, waiter)->lease;

    if (lease && lease->granted)
        lease->waiter = NULL;
    else if (lease)
        free_lease(lease);
}

/* Of one that was told why it got none. */
static void
shed(struct waiter *waiter)
{
    struct lease *lease = CONTAINER_OF(waiter, struct semaphore_waiter, waiter)->lease;

    if (lease && !lease->granted)
        free_lease(lease);
}

static void
left(struct waiter *waiter, int64_t now_ns)
{
    (void)now_ns;
    part(waiter);
}

/* ---- the object --------------------------------------------------------------------
 */

static void
open_semaphore(struct object *object)
{
    TAILQ_INIT(&CONTAINER_OF(object, struct semaphore, object)->leases);
}

static bool
is_held(const struct object *object)
{
    return CONTAINER_OF(object, const struct semaphore, object)->held > 0;
}

static size_t
expel(struct object *object, enum error error)
{
    struct lease *lease;
    size_t count = 0;

    TAILQ_FOREACH (lease, &CONTAINER_OF(object, struct semaphore, object)->leases,
                   link) {
        if (lease->waiter && lease->waiter->waiter.place >= WAITER_SERVED) {
            waiter_serve(&lease->waiter->waiter, error);
            count++;
        }
    }
    return count;
}

static void
clear(struct object *object)
{
    struct semaphore *semaphore = CONTAINER_OF(object, struct semaphore, object);

    while (!TAILQ_EMPTY(&semaphore->leases))
        end_lease(TAILQ_FIRST(&semaphore->leases));
}

const struct object_class semaphore_class = {
    .kind = OBJECT_SEMAPHORE,
    .waiter_kind = KIND_SEMAPHORE,
    .size = sizeof(struct semaphore),
    .waiter_size = sizeof(struct semaphore_waiter),
    .expel = expel,
    .is_held = is_held,
    .open = open_semaphore,
    .clear = clear,
    .told = told,
    .left = left,
    .give_back = give_back,
    .shed = shed,
    .free_waiter = part,
};

struct semaphore *
semaphore_find(struct registry *registry, const char *name)
{
    struct object *object = object_find(registry, &semaphore_class, name);

    return object ? CONTAINER_OF(object, struct semaphore, object) : NULL;
}

enum error
semaphore_need(struct registry *registry, const char *name, struct semaphore **out)
{
    struct object *object;
    enum error error = object_need(registry, &semaphore_class, name, &object);

    if (!error)
        *out = CONTAINER_OF(object, struct semaphore, object);
    return error;
}

/* The limit that the plan asks for; 0: it contradicts that in use. */
static size_t
choose_limit(const struct semaphore *semaphore, size_t asked)
{
    if (object_in_use(&semaphore->object))
        return asked == 0 || asked == semaphore->limit ? semaphore->limit : 0;
    return asked ? asked : 1;
}

enum error
semaphore_acquire(struct semaphore *semaphore, const struct semaphore_plan *plan,
                  int64_t now_ns, struct semaphore_waiter **out)
{
    size_t limit = choose_limit(semaphore, plan->limit);
    struct lease *lease;
    struct waiter *waiter;

    if (limit == 0)
        return ERROR_PARAMETER_CONFLICT;
    enum error error = make_lease(semaphore, plan->ttl_ns, &lease);
    if (error)
        return object_unneed(&semaphore->object, error);
    error = waiter_open(&semaphore->object, &plan->waiter, &waiter);
    if (error) {
        free_lease(lease);
        return object_unneed(&semaphore->object, error);
    }
    *out = CONTAINER_OF(waiter, struct semaphore_waiter, waiter);
    (*out)->lease = lease;
    memcpy((*out)->lease_id, lease->id, sizeof lease->id);
    lease->waiter = *out;
    waiter->holds = plan->ttl_ns == 0;
    semaphore->limit = limit;
    if (semaphore->held < limit)
        grant(semaphore, *out);
    else
        waiter_join(waiter);
    waitlist_tell(semaphore->object.registry, now_ns);
    return OK;
}

#include "async/object.h"

#include "async/gate.h"
#include "async/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int64_t
unused_until_ns(const struct object *object)
{
    return object->used_ns + object->registry->limits.idle_ttl_ns;
}

static void
await_idle(struct registry *registry, int64_t now_ns)
{
    struct objects *objects = &registry->objects;
    const struct object *oldest = TAILQ_FIRST(&objects->by_use);

    if (oldest == NULL || timer_runs(&objects->idle))
        return;
    /* Out of memory: the next use tries again. */
    (void)!timers_start(&registry->timers, &objects->idle, TIMER_UPKEEP,
                        timers_not_past(unused_until_ns(oldest), now_ns));
}

void
object_use(struct object *object)
{
    struct registry *registry = object->registry;

    if (object->gone)
        return;
    object->used_ns = registry_now(registry);
    TAILQ_REMOVE(&registry->objects.by_use, object, in_use);
    TAILQ_INSERT_TAIL(&registry->objects.by_use, object, in_use);
    await_idle(registry, object->used_ns);
}

bool
object_in_use(const struct object *object)
{
    return !TAILQ_EMPTY(&object->waiters.line)
           || (object->class->is_held && object->class->is_held(object));
}

/* One a time: a thousand that were left together go in as many, each behind what is
 * due. */
static void
on_idle(struct timer *timer, int64_t now_ns)
{
    struct registry *registry = CONTAINER_OF(timer, struct registry, objects.idle);
    struct object *oldest = TAILQ_FIRST(&registry->objects.by_use);

    if (oldest && unused_until_ns(oldest) <= now_ns) {
        if (object_in_use(oldest) || !TAILQ_EMPTY(&oldest->waiters.watching))
            object_use(oldest);
        else
            object_forget(oldest);
    }
    await_idle(registry, now_ns);
}

static struct object *
look_up(struct registry *registry, const struct object_class *class, const char *name)
{
    struct object *object;

    HASH_FIND(by_name, registry->objects.by_name[class->kind], name, strlen(name),
              object);
    return object;
}

struct object *
object_find(struct registry *registry, const struct object_class *class,
            const char *name)
{
    struct object *object = look_up(registry, class, name);

    if (object) {
        object->fresh = false;
        object_use(object);
    }
    return object;
}

static struct object *
make(struct registry *registry, const struct object_class *class, const char *name)
{
    struct objects *objects = &registry->objects;
    struct object *object = calloc(1, class->size);
    if (object == NULL)
        return NULL;
    object->class = class;
    object->registry = registry;
    object->holders = 1; /* the table */
    object->fresh = true;
    object->name = strdup(name);
    waitlist_open(&object->waiters);
    if (object->name)
        HASH_ADD_KEYPTR(by_name, objects->by_name[class->kind], object->name,
                        strlen(name), object);
    if (object->by_name.tbl == NULL) {
        free(object->name);
        free(object);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&objects->by_use, object, in_use);
    objects->count[class->kind]++;
    if (class->open)
        class->open(object);
    return object;
}

enum error
object_need(struct registry *registry, const struct object_class *class,
            const char *name, struct object **out)
{
    struct quota *quota = &registry->peers->objects;

    *out = look_up(registry, class, name);
    if (*out != NULL)
        (*out)->fresh = false;
    else {
        if (!memory_fits(registry->peers, MEMORY_OBJECT))
            return ERROR_TOO_MUCH_MEMORY;
        if (!quota_take(quota, 1, registry->limits.max_objects))
            return ERROR_TOO_MANY_OBJECTS;
        *out = make(registry, class, name);
        if (*out == NULL) {
            quota_give(quota, 1);
            return ERROR_OUT_OF_MEMORY;
        }
    }
    object_use(*out);
    return OK;
}

enum error
object_unneed(struct object *object, enum error error)
{
    if (object->fresh)
        object_forget(object);
    return error;
}

void
object_hold(struct object *object)
{
    object->holders++;
}

void
object_release(struct object *object)
{
    if (--object->holders > 0)
        return;
    assert(object->gone);
    free(object->name);
    free(object);
}

void
object_forget(struct object *object)
{
    struct registry *registry = object->registry;
    struct objects *objects = &registry->objects;

    if (object->gone)
        return;
    object->gone = true;
    HASH_DELETE(by_name, objects->by_name[object->class->kind], object);
    TAILQ_REMOVE(&objects->by_use, object, in_use);
    objects->count[object->class->kind]--;
    quota_give(&registry->peers->objects, 1);
    if (object->class->clear)
        object->class->clear(object);
    object_release(object);
}

size_t
object_delete(struct object *object, int64_t now_ns)
{
    struct registry *registry = object->registry;
    size_t count = waitlist_serve_all(&object->waiters, ERROR_CANCELLED);

    count += waitlist_serve_watching(&object->waiters, ERROR_CANCELLED);
    if (object->class->expel)
        count += object->class->expel(object, ERROR_CANCELLED);
    object_forget(object);
    waitlist_tell(registry, now_ns);
    return count;
}

void
objects_open(struct registry *registry)
{
    TAILQ_INIT(&registry->objects.by_use);
    TAILQ_INIT(&registry->objects.telling);
    TAILQ_INIT(&registry->objects.adrift);
    registry->objects.idle.fire = on_idle;
}

void
objects_forget_all(struct registry *registry)
{
    struct object *object;

    while ((object = TAILQ_FIRST(&registry->objects.by_use)) != NULL)
        object_forget(object);
    gates_land(registry);
}

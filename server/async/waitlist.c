#include "async/object.h"

#include <assert.h>
#include <stdlib.h>

enum { TOLD_AT_ONCE = 64 }; /* then clients are listened to again */

/* ---- leaving -----------------------------------------------------------------------
 */

/* Takes it from where it stands: so long it has used the object. */
static enum waiter_place
step_out(struct waiter *waiter)
{
    struct waitlist *list = &waiter->object->waiters;
    struct objects *objects = &waiter->object->registry->objects;
    enum waiter_place place = waiter->place;

    if (place == WAITER_IN_LINE) {
        TAILQ_REMOVE(&list->line, waiter, link);
        list->count--;
    } else if (place == WAITER_WATCHING)
        TAILQ_REMOVE(&list->watching, waiter, link);
    else if (place == WAITER_SERVED) {
        TAILQ_REMOVE(&list->served, waiter, link);
        if (TAILQ_EMPTY(&list->served))
            TAILQ_REMOVE(&objects->telling, waiter->object, in_telling);
    }
    waiter->place = WAITER_OUTSIDE;
    object_use(waiter->object);
    return place;
}

static void
give_back(struct waiter *waiter, int64_t now_ns)
{
    const struct object_class *class = waiter->object->class;

    if (class->give_back && waiter->outcome == OK && !waiter->object->gone)
        class->give_back(waiter, now_ns);
}

static bool
stands(const struct waiter *waiter)
{
    const struct object_class *class = waiter->object->class;

    return class->stands && waiter->outcome == OK && class->stands(waiter);
}

static void
stop(struct record *record, int64_t now_ns)
{
    struct waiter *waiter = CONTAINER_OF(record, struct waiter, record);
    struct object *object = waiter->object;
    enum waiter_place place = step_out(waiter);

    if (place == WAITER_SERVED && stands(waiter))
        record_end(record, STATE_DONE, REASON_NONE, now_ns);
    else if (place >= WAITER_SERVED)
        give_back(waiter, now_ns);
    else if (place == WAITER_IN_LINE && object->class->left && !object->gone)
        object->class->left(waiter, now_ns);
}

void
waiter_end_hold(struct waiter *waiter, int64_t now_ns)
{
    assert(waiter->place == WAITER_HOLDING);
    step_out(waiter);
    record_end(&waiter->record, STATE_DONE, REASON_NONE, now_ns);
}

void
waiter_undelivered(struct waiter *waiter, int64_t now_ns)
{
    if (waiter->record.state == STATE_DONE)
        give_back(waiter, now_ns);
}

static void
destroy(struct record *record)
{
    struct waiter *waiter = CONTAINER_OF(record, struct waiter, record);

    if (waiter->object->class->free_waiter)
        waiter->object->class->free_waiter(waiter);
    object_release(waiter->object);
    free(waiter);
}

static void
shed(struct record *record)
{
    struct waiter *waiter = CONTAINER_OF(record, struct waiter, record);

    if (waiter->object->class->shed)
        waiter->object->class->shed(waiter);
}

static void
time_out(struct record *record, int64_t now_ns)
{
    record_cancel(record, REASON_TIMEOUT, now_ns);
}

static enum error
failure(const struct record *record)
{
    return CONTAINER_OF(record, const struct waiter, record)->outcome;
}

static const struct record_class waiter_class = {.stop = stop,
                                                 .release = time_out,
                                                 .shed = shed,
                                                 .failure = failure,
                                                 .destroy = destroy};

struct waiter *
waiter_of(struct record *record)
{
    return record->class == &waiter_class ? CONTAINER_OF(record, struct waiter, record)
                                          : NULL;
}

/* ---- being served ------------------------------------------------------------------
 */

static void
tell(struct waiter *waiter, int64_t now_ns)
{
    struct record *record = &waiter->record;
    const struct object_class *class = waiter->object->class;

    step_out(waiter);
    if (class->told && waiter->outcome == OK && !waiter->object->gone)
        class->told(waiter, now_ns);
    if (waiter->holds && waiter->outcome == OK) {
        waiter->place = WAITER_HOLDING;
        record_progress(record, now_ns);
        return;
    }
    if (waiter->outcome == ERROR_CANCELLED)
        record_end(record, STATE_CANCELLED, REASON_CANCEL, now_ns);
    else
        record_end(record, waiter->outcome ? STATE_FAILED : STATE_DONE, REASON_NONE,
                   now_ns);
}

/* The objects take turns. */
static struct waiter *
next_served(struct objects *objects)
{
    struct object *object = TAILQ_FIRST(&objects->telling);

    TAILQ_REMOVE(&objects->telling, object, in_telling);
    TAILQ_INSERT_TAIL(&objects->telling, object, in_telling);
    return TAILQ_FIRST(&object->waiters.served);
}

/* Tells some of the served; the others in a later turn. */
static void
tell_served(struct registry *registry, int64_t now_ns)
{
    struct objects *objects = &registry->objects;

    for (size_t i = 0; !TAILQ_EMPTY(&objects->telling); i++) {
        /* Out of memory for the timer: all at once then. */
        if (i >= TOLD_AT_ONCE
            && timers_start(&registry->timers, &objects->serving, TIMER_RESULT, now_ns)
                   == OK)
            return;
        tell(next_served(objects), now_ns);
    }
}

static void
on_serving(struct timer *timer, int64_t now_ns)
{
    struct registry *registry = CONTAINER_OF(timer, struct registry, objects.serving);

    tell_served(registry, now_ns);
    timers_yield(&registry->timers);
}

/* Its timeout no longer matters, though it be told later. */
void
waiter_serve(struct waiter *waiter, enum error outcome)
{
    struct registry *registry = waiter->object->registry;
    struct objects *objects = &registry->objects;
    struct waitlist *list = &waiter->object->waiters;

    step_out(waiter);
    timers_stop(&registry->timers, &waiter->record.timeout);
    waiter->outcome = outcome;
    waiter->place = WAITER_SERVED;
    if (TAILQ_EMPTY(&list->served))
        TAILQ_INSERT_TAIL(&objects->telling, waiter->object, in_telling);
    TAILQ_INSERT_TAIL(&list->served, waiter, link);
}

static size_t
serve_each(struct waiter_list *waiters, enum error outcome)
{
    struct waiter *waiter;
    size_t count = 0;

    for (; (waiter = TAILQ_FIRST(waiters)) != NULL; count++)
        waiter_serve(waiter, outcome);
    return count;
}

size_t
waitlist_serve_all(struct waitlist *list, enum error outcome)
{
    return serve_each(&list->line, outcome);
}

size_t
waitlist_serve_watching(struct waitlist *list, enum error outcome)
{
    return serve_each(&list->watching, outcome);
}

/* While the timer runs, who was served waits for its turn. */
void
waitlist_tell(struct registry *registry, int64_t now_ns)
{
    registry->objects.serving.fire = on_serving;
    if (!timer_runs(&registry->objects.serving))
        tell_served(registry, now_ns);
}

/* ---- waiting -----------------------------------------------------------------------
 */

void
waitlist_open(struct waitlist *list)
{
    TAILQ_INIT(&list->line);
    TAILQ_INIT(&list->watching);
    TAILQ_INIT(&list->served);
}

static enum error
open_record(struct object *object, struct waiter *waiter,
            const struct waiter_plan *plan)
{
    struct record_plan head = {
        .kind = object->class->waiter_kind,
        .label = plan->label,
        .waits = 1,
        .timeout_ns = plan->timeout_ns,
        .created_ns = plan->start_ns,
    };
    enum error error = registry_reserve(object->registry, 0, 1);
    if (error)
        return error;
    error = record_open(object->registry, &waiter->record, &waiter_class, &head);
    if (error)
        registry_unreserve(object->registry, 0, 1);
    return error;
}

enum error
waiter_open(struct object *object, const struct waiter_plan *plan, struct waiter **out)
{
    struct waiter *waiter = calloc(1, object->class->waiter_size);
    if (waiter == NULL)
        return ERROR_OUT_OF_MEMORY;
    enum error error = open_record(object, waiter, plan);
    if (error) {
        free(waiter);
        return error;
    }
    waiter->object = object;
    object_hold(object);
    *out = waiter;
    return OK;
}

void
waiter_join(struct waiter *waiter)
{
    struct waitlist *list = &waiter->object->waiters;

    assert(waiter->place == WAITER_OUTSIDE);
    TAILQ_INSERT_TAIL(&list->line, waiter, link);
    waiter->place = WAITER_IN_LINE;
    waitlist_enter(list);
}

void
waitlist_enter(struct waitlist *list)
{
    struct waiter *watcher, *next;

    list->count++;
    for (watcher = TAILQ_FIRST(&list->watching); watcher; watcher = next) {
        next = TAILQ_NEXT(watcher, link);
        if (watcher->wanted <= list->count)
            waiter_serve(watcher, OK);
    }
}

void
waitlist_leave(struct waitlist *list)
{
    list->count--;
}

void
waiter_watch(struct waiter *waiter, size_t wanted)
{
    struct waitlist *list = &waiter->object->waiters;

    assert(waiter->place == WAITER_OUTSIDE);
    waiter->wanted = wanted;
    if (wanted <= list->count) {
        waiter_serve(waiter, OK);
        return;
    }
    TAILQ_INSERT_TAIL(&list->watching, waiter, link);
    waiter->place = WAITER_WATCHING;
}

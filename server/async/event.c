#include "async/event.h"

/* ---- gates -------------------------------------------------------------------------
 */

void
event_gate(struct event *event, struct gate *gate, int64_t now_ns)
{
    gate->event = event;
    TAILQ_INSERT_TAIL(&event->gates, gate, link);
    waitlist_enter(&event->object.waiters);
    waitlist_tell(event->object.registry, now_ns);
}

void
event_ungate(struct gate *gate)
{
    struct event *event = gate->event;

    if (event == NULL)
        return;
    gate->event = NULL;
    TAILQ_REMOVE(&event->gates, gate, link);
    waitlist_leave(&event->object.waiters);
    object_use(&event->object);
}

/* As if it had not been used yet. */
static bool
is_blank(const struct event *event)
{
    return event->generation == 0 && !object_in_use(&event->object)
           && TAILQ_EMPTY(&event->object.waiters.watching);
}

void
event_withdraw(struct gate *gate)
{
    struct event *event = gate->event;

    event_ungate(gate);
    if (event && is_blank(event))
        object_forget(&event->object);
}

/* Returns how many. */
static size_t
open_gates(struct event *event, int64_t now_ns)
{
    size_t count = 0;

    for (struct gate *gate; (gate = TAILQ_FIRST(&event->gates)) != NULL; count++) {
        event_ungate(gate);
        gate_open(gate, now_ns);
    }
    return count;
}

/* ---- the object --------------------------------------------------------------------
 */

static void
drop_payload(struct event *event)
{
    blob_release(event->payload);
    event->payload = NULL;
}

static void
open_event(struct object *object)
{
    TAILQ_INIT(&CONTAINER_OF(object, struct event, object)->gates);
}

static bool
is_held(const struct object *object)
{
    return !TAILQ_EMPTY(&CONTAINER_OF(object, const struct event, object)->gates);
}

static void
clear(struct object *object)
{
    struct event *event = CONTAINER_OF(object, struct event, object);
    struct gate *gate;

    drop_payload(event);
    while ((gate = TAILQ_FIRST(&event->gates)) != NULL) {
        event_ungate(gate);
        gate_set_adrift(gate, object->registry);
    }
}

static void
free_waiter(struct waiter *waiter)
{
    blob_release(CONTAINER_OF(waiter, struct event_waiter, waiter)->payload);
}

const struct object_class event_class = {
    .kind = OBJECT_EVENT,
    .waiter_kind = KIND_EVENT,
    .size = sizeof(struct event),
    .waiter_size = sizeof(struct event_waiter),
    .is_held = is_held,
    .open = open_event,
    .clear = clear,
    .free_waiter = free_waiter,
};

struct event *
event_find(struct registry *registry, const char *name)
{
    struct object *object = object_find(registry, &event_class, name);

    return object ? CONTAINER_OF(object, struct event, object) : NULL;
}

enum error
event_need(struct registry *registry, const char *name, struct event **out)
{
    struct object *object;
    enum error error = object_need(registry, &event_class, name, &object);

    if (!error)
        *out = CONTAINER_OF(object, struct event, object);
    return error;
}

static bool
releases(const struct event *event, const struct event_waiter *waiter)
{
    return waiter->for_next ? event->generation > waiter->above : event->set;
}

static void
serve(struct event *event, struct event_waiter *waiter)
{
    waiter->generation = event->generation;
    waiter->set = event->set;
    waiter->payload = event->payload;
    blob_hold(event->payload);
    waiter_serve(&waiter->waiter, OK);
}

size_t
event_set(struct event *event, struct blob *payload, int64_t now_ns)
{
    struct waiter *waiter, *next;
    size_t released = 0;

    blob_release(event->payload);
    event->payload = payload;
    event->set = true;
    event->generation++;
    for (waiter = waitlist_first(&event->object.waiters); waiter; waiter = next) {
        struct event_waiter *mine = CONTAINER_OF(waiter, struct event_waiter, waiter);

        next = TAILQ_NEXT(waiter, link);
        if (releases(event, mine)) {
            serve(event, mine);
            released++;
        }
    }
    released += open_gates(event, now_ns);
    waitlist_tell(event->object.registry, now_ns);
    return released;
}

void
event_clear(struct event *event)
{
    event->set = false;
    drop_payload(event);
}

enum error
event_wait(struct event *event, const struct event_plan *plan, int64_t now_ns,
           struct event_waiter **out)
{
    struct waiter *waiter;
    enum error error = waiter_open(&event->object, &plan->waiter, &waiter);
    if (error)
        return object_unneed(&event->object, error);
    *out = CONTAINER_OF(waiter, struct event_waiter, waiter);
    (*out)->for_next = plan->for_next;
    (*out)->above = plan->above;
    if (releases(event, *out))
        serve(event, *out);
    else
        waiter_join(waiter);
    waitlist_tell(event->object.registry, now_ns);
    return OK;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "real.h"

#include "async/barrier.h"
#include "async/event.h"
#include "async/latch.h"
#include "async/queue.h"
#include "async/semaphore.h"

static const struct object_class *const classes[THINGS] = {
    [EVENT] = &event_class, [SEMAPHORE] = &semaphore_class, [BARRIER] = &barrier_class,
    [LATCH] = &latch_class, [QUEUE] = &queue_class,
};

#define NAME_OF(op) ((const char *[]){"a", "b", "c"}[(op)->name])
_Static_assert(NAMES == 3, "NAME_OF has a name for each");

static int64_t
refuse(enum error error)
{
    return -(int64_t)error;
}

static int64_t
now_of(const struct real *real)
{
    return real->world.clock.now_ns;
}

/* ---- hearing -----------------------------------------------------------------------
 */

static bool
is_told(const struct errand *errand)
{
    return record_ended(&errand->waiter->record)
           || errand->waiter->place == WAITER_HOLDING;
}

/* The client of a lease knows its id from then on. */
static void
note(struct errand *errand, size_t name)
{
    struct real *real = errand->real;
    struct waiter *waiter = errand->waiter;

    errand->heard = ++real->heard;
    if (errand->kind != OP_ACQUIRE || waiter->record.state > STATE_DONE)
        return;
    const struct semaphore_waiter *mine =
        CONTAINER_OF(waiter, struct semaphore_waiter, waiter);
    struct grant *grant = &real->grants[real->granted++ % GRANTS];
    *grant = (struct grant){.token = mine->token, .name = name};
    memcpy(grant->lease, mine->lease_id, sizeof grant->lease);
}

static void
on_change(struct watch *watch, int64_t now_ns)
{
    struct errand *errand = CONTAINER_OF(watch, struct errand, watch);

    note(errand, (size_t)(errand->waiter->object->name[0] - 'a'));
    if (errand->rival)
        record_cancel(&errand->rival->waiter->record, REASON_CANCEL, now_ns);
}

static int64_t
begin(struct real *real, const struct op *op, enum error error, struct waiter *waiter)
{
    struct errand *errand = &real->errands[op->slot];

    if (error)
        return refuse(error);
    *errand = (struct errand){
        .waiter = waiter,
        .kind = op->kind,
        .real = real,
        .watch.changed = on_change,
    };
    watches_watch(&waiter->record.watches, &errand->watch);
    if (is_told(errand))
        note(errand, op->name);
    return 0;
}

static void
let_go(struct errand *errand, bool delivered)
{
    struct real *real = errand->real;

    watch_stop(&errand->watch);
    if (!delivered)
        waiter_undelivered(errand->waiter, now_of(real));
    record_disown(&errand->waiter->record, now_of(real));
    errand->waiter = NULL;
    errand->rival = NULL;
    for (size_t i = 0; i < SLOTS; i++)
        if (real->errands[i].rival == errand)
            real->errands[i].rival = NULL;
}

/* ---- payloads and items ------------------------------------------------------------
 */

/* The bytes say which one it is: its number, then the number's last byte. */
static enum error
make_blob(struct real *real, size_t size, struct blob **out)
{
    uint64_t id = real->items + 1;
    char bytes[256];

    assert_in_range(size, sizeof id, sizeof bytes);
    memset(bytes, (int)(id & 0x7f), size);
    memcpy(bytes, &id, sizeof id);
    enum error error = blob_new(&real->world.registry, bytes, size, NULL, out);
    if (!error)
        real->items = id;
    return error;
}

static int64_t
read_blob(const struct blob *blob)
{
    uint64_t id;

    if (blob == NULL)
        return 0;
    memcpy(&id, blob->bytes, sizeof id);
    for (size_t i = sizeof id; i < blob->size; i++)
        assert_int_equal(blob->bytes[i], id & 0x7f);
    return (int64_t)id;
}

/* ---- operations --------------------------------------------------------------------
 */

static struct waiter_plan
plan_of(const struct real *real, const struct op *op)
{
    return (struct waiter_plan){
        .timeout_ns = op->timeout_ns < 0 ? NO_TIMEOUT : op->timeout_ns,
        .start_ns = now_of(real),
    };
}

static int64_t
do_set(struct real *real, struct event *event, const struct op *op)
{
    struct blob *payload = NULL;

    if (op->bytes > 0) {
        enum error error = make_blob(real, op->bytes, &payload);

        if (error)
            return refuse(error);
    }
    return (int64_t)event_set(event, payload, now_of(real));
}

static int64_t
do_event(struct real *real, const struct op *op)
{
    struct registry *registry = &real->world.registry;
    struct event_waiter *waiter = NULL;
    struct event_plan plan = {
        .waiter = plan_of(real, op),
        .for_next = op->flag,
        .above = (uint64_t)op->number,
    };
    struct event *event;

    if (op->kind == OP_CLEAR) {
        event = event_find(registry, NAME_OF(op));
        if (event)
            event_clear(event);
        return event ? 0 : refuse(ERROR_NOT_FOUND);
    }
    enum error error = event_need(registry, NAME_OF(op), &event);
    if (error)
        return refuse(error);
    if (op->kind == OP_SET)
        return do_set(real, event, op);
    error = event_wait(event, &plan, now_of(real), &waiter);
    return begin(real, op, error, error ? NULL : &waiter->waiter);
}

/* NULL: its client does not know it, or it is lost. */
static struct lease *
lease_of(const struct real *real, const struct semaphore *semaphore,
         const struct op *op)
{
    for (size_t i = 0; i < GRANTS; i++) {
        const struct grant *grant = &real->grants[i];

        if (grant->token == op->token && grant->name == op->name)
            return semaphore_lease(semaphore, grant->lease);
    }
    return NULL;
}

static int64_t
do_lease(struct real *real, const struct op *op)
{
    struct semaphore *semaphore = semaphore_find(&real->world.registry, NAME_OF(op));
    struct lease *lease = semaphore ? lease_of(real, semaphore, op) : NULL;

    if (lease == NULL)
        return refuse(ERROR_LEASE_LOST);
    assert_int_equal(lease->token, op->token);
    if (op->kind == OP_RELEASE)
        lease_release(lease, now_of(real));
    else
        lease_renew(lease, op->ttl_ns, now_of(real));
    return 0;
}

static int64_t
do_semaphore(struct real *real, const struct op *op)
{
    struct semaphore_waiter *waiter = NULL;
    struct semaphore_plan plan = {
        .waiter = plan_of(real, op),
        .limit = (size_t)op->number,
        .ttl_ns = op->ttl_ns,
    };
    struct semaphore *semaphore;

    if (op->kind != OP_ACQUIRE)
        return do_lease(real, op);
    enum error error = semaphore_need(&real->world.registry, NAME_OF(op), &semaphore);
    if (!error)
        error = semaphore_acquire(semaphore, &plan, now_of(real), &waiter);
    return begin(real, op, error, error ? NULL : &waiter->waiter);
}

static int64_t
do_barrier(struct real *real, const struct op *op)
{
    struct registry *registry = &real->world.registry;
    struct barrier_waiter *waiter = NULL;
    struct barrier_plan plan = {
        .waiter = plan_of(real, op),
        .parties = (size_t)op->number,
        .breaks = op->flag,
    };
    struct barrier *barrier;

    if (op->kind == OP_FORGET) {
        barrier = barrier_find(registry, NAME_OF(op));
        return barrier ? (int64_t)barrier_forget(barrier, now_of(real))
                       : refuse(ERROR_NOT_FOUND);
    }
    enum error error = barrier_need(registry, NAME_OF(op), &barrier);
    if (error)
        return refuse(error);
    if (op->kind == OP_ABORT)
        return (int64_t)barrier_abort(barrier, now_of(real));
    error = barrier_wait(barrier, &plan, now_of(real), &waiter);
    return begin(real, op, error, error ? NULL : &waiter->waiter);
}

static int64_t
do_latch(struct real *real, const struct op *op)
{
    struct latch_waiter *waiter = NULL;
    struct latch_plan plan = {.waiter = plan_of(real, op), .at_least = op->number};
    struct latch *latch;
    enum error error = latch_need(&real->world.registry, NAME_OF(op), &latch);

    if (error)
        return refuse(error);
    if (op->kind == OP_COUNT) {
        latch_count(latch, op->number, now_of(real));
        return latch->value;
    }
    error = latch_wait(latch, &plan, now_of(real), &waiter);
    return begin(real, op, error, error ? NULL : &waiter->waiter);
}

static int64_t
do_put(struct real *real, struct queue *queue, const struct op *op)
{
    struct queue_waiter *waiter = NULL;
    struct queue_plan plan = {
        .waiter = plan_of(real, op),
        .has_maxsize = op->number >= 0,
        .maxsize = op->number >= 0 ? (size_t)op->number : 0,
    };
    enum error error = make_blob(real, op->bytes, &plan.item);

    if (error)
        return refuse(error);
    error = queue_put(queue, &plan, now_of(real), &waiter);
    if (error)
        blob_release(plan.item);
    return begin(real, op, error, error ? NULL : &waiter->waiter);
}

static int64_t
do_queue(struct real *real, const struct op *op)
{
    struct queue_waiter *waiter = NULL;
    struct queue_plan plan = {.waiter = plan_of(real, op)};
    struct queue *queue;
    enum error error = queue_need(&real->world.registry, NAME_OF(op), &queue);

    if (error)
        return refuse(error);
    if (op->kind == OP_PUT)
        return do_put(real, queue, op);
    error = queue_get(queue, &plan, now_of(real), &waiter);
    return begin(real, op, error, error ? NULL : &waiter->waiter);
}

static int64_t
do_watch(struct real *real, const struct op *op)
{
    struct registry *registry = &real->world.registry;
    struct waiter_plan plan = plan_of(real, op);
    struct object *object;
    struct waiter *waiter;
    enum error error = object_need(registry, classes[op->thing], NAME_OF(op), &object);

    if (error)
        return refuse(error);
    error = waiter_open(object, &plan, &waiter);
    if (error)
        return refuse(object_unneed(object, error));
    waiter_watch(waiter, (size_t)op->number);
    waitlist_tell(registry, now_of(real));
    return begin(real, op, OK, waiter);
}

static int64_t
do_look(struct real *real, const struct op *op)
{
    if (object_find(&real->world.registry, classes[op->thing], NAME_OF(op)))
        return 0;
    return refuse(op->thing == SEMAPHORE ? ERROR_LEASE_LOST : ERROR_NOT_FOUND);
}

static int64_t
do_with_errand(struct real *real, const struct op *op)
{
    struct errand *errand = &real->errands[op->slot];

    switch (op->kind) {
    case OP_CANCEL:
        record_cancel(&errand->waiter->record, REASON_CANCEL, now_of(real));
        break;
    case OP_RIVAL: errand->rival = &real->errands[op->other]; break;
    case OP_TAKE: let_go(errand, true); break;
    case OP_LEAVE: let_go(errand, false); break;
    default:
        for (size_t i = 0; i < EACH; i++)
            if (errand[i].waiter)
                let_go(&errand[i], false);
    }
    return 0;
}

static int64_t
do_with_all(struct real *real, const struct op *op)
{
    struct registry *registry = &real->world.registry;
    struct manual_clock *clock = &real->world.clock;

    if (op->kind == OP_RESET)
        return (int64_t)registry_reset(registry, clock->now_ns).cancelled;
    if (op->kind == OP_TURN)
        timers_fire(&registry->timers, clock->now_ns, SIZE_MAX);
    else {
        if (op->kind == OP_JUMP)
            clock->now_ns = op->until_ns;
        manual_clock_run(clock, &registry->timers, op->until_ns);
    }
    return 0;
}

int64_t
real_do(struct real *real, const struct op *op)
{
    if (op->kind >= OP_RESET)
        return do_with_all(real, op);
    if (op->kind >= OP_CANCEL)
        return do_with_errand(real, op);
    if (op->kind == OP_WATCH)
        return do_watch(real, op);
    if (op->kind == OP_LOOK)
        return do_look(real, op);
    switch (op->thing) {
    case EVENT: return do_event(real, op);
    case SEMAPHORE: return do_semaphore(real, op);
    case BARRIER: return do_barrier(real, op);
    case LATCH: return do_latch(real, op);
    default: return do_queue(real, op);
    }
}

/* ---- looking -----------------------------------------------------------------------
 */

static void
look_at_got(const struct errand *errand, int64_t got[3])
{
    struct waiter *waiter = errand->waiter;
    const struct event_waiter *event =
        CONTAINER_OF(waiter, struct event_waiter, waiter);
    const struct barrier_waiter *barrier =
        CONTAINER_OF(waiter, struct barrier_waiter, waiter);
    const struct queue_waiter *queue =
        CONTAINER_OF(waiter, struct queue_waiter, waiter);

    switch (errand->kind) {
    case OP_WAIT_EVENT:
        got[0] = (int64_t)event->generation;
        got[1] = read_blob(event->payload);
        break;
    case OP_ACQUIRE:
        got[0] = (int64_t)CONTAINER_OF(waiter, struct semaphore_waiter, waiter)->token;
        break;
    case OP_WAIT_BARRIER:
        got[0] = (int64_t)barrier->rank;
        got[1] = (int64_t)barrier->generation;
        got[2] = (int64_t)barrier->parties;
        break;
    case OP_WAIT_LATCH:
        got[0] = CONTAINER_OF(waiter, struct latch_waiter, waiter)->value;
        break;
    case OP_PUT: got[0] = (int64_t)queue->size; break;
    case OP_GET: got[0] = read_blob(queue->item); break;
    default: break;
    }
}

static void
look_at_errand(const struct errand *errand, struct seen_request *seen)
{
    static const int64_t how[] = {[STATE_PENDING] = PENDING,
                                  [STATE_DONE] = DONE,
                                  [STATE_FAILED] = FAILED,
                                  [STATE_CANCELLED] = CANCELLED};
    static const int64_t why[] = {[REASON_NONE] = BY_NOBODY,
                                  [REASON_CANCEL] = BY_CANCEL,
                                  [REASON_TIMEOUT] = BY_TIMEOUT,
                                  [REASON_DISCONNECT] = BY_LEAVING,
                                  [REASON_RESET] = BY_RESET};
    const struct waiter *waiter = errand->waiter;
    const struct record *record = &waiter->record;
    bool holds = record->state == STATE_PENDING && waiter->place == WAITER_HOLDING;

    seen->open = true;
    seen->how = holds ? HOLDING : how[record->state];
    seen->why = why[record->reason];
    seen->heard = errand->heard;
    seen->error = record->state == STATE_FAILED ? (int64_t)waiter->outcome : 0;
    seen->ended_ns = record_ended(record) ? record->finished_ns : 0;
    if (holds || record->state == STATE_DONE)
        look_at_got(errand, seen->got);
}

static void
look_at_semaphore(const struct semaphore *semaphore, int64_t is[4])
{
    const struct lease *lease;
    uint64_t last = 0;

    is[0] = (int64_t)semaphore->limit;
    is[1] = (int64_t)semaphore->held;
    TAILQ_FOREACH (lease, &semaphore->leases, link) {
        assert_true(lease->token > last);
        last = lease->token;
        is[2] += (int64_t)lease->token;
    }
}

static void
look_at_queue(const struct queue *queue, int64_t is[4])
{
    const struct blob *item;

    is[0] = (int64_t)queue->size;
    is[1] = (int64_t)queue->maxsize;
    TAILQ_FOREACH (item, &queue->items, link)
        is[2] = seen_append(is[2], (uint64_t)read_blob(item));
}

static void
look_at_thing(struct object *object, struct seen_thing *seen)
{
    const struct event *event = CONTAINER_OF(object, struct event, object);
    const struct barrier *barrier = CONTAINER_OF(object, struct barrier, object);
    const struct waiter *waiter;

    seen->exists = true;
    seen->waiting = (int64_t)object->waiters.count;
    TAILQ_FOREACH (waiter, &object->waiters.watching, link)
        seen->watching++;
    switch (object->class->kind) {
    case OBJECT_EVENT:
        seen->is[0] = event->set;
        seen->is[1] = (int64_t)event->generation;
        seen->is[2] = read_blob(event->payload);
        break;
    case OBJECT_SEMAPHORE:
        look_at_semaphore(CONTAINER_OF(object, struct semaphore, object), seen->is);
        break;
    case OBJECT_BARRIER:
        seen->is[0] = (int64_t)barrier->parties;
        seen->is[1] = (int64_t)barrier->generation;
        seen->is[2] = barrier->broken;
        break;
    case OBJECT_LATCH:
        seen->is[0] = CONTAINER_OF(object, struct latch, object)->value;
        break;
    default: look_at_queue(CONTAINER_OF(object, struct queue, object), seen->is);
    }
}

void
real_look(const struct real *real, struct seen *seen)
{
    const struct registry *registry = &real->world.registry;
    const struct peers *peers = registry->peers;
    struct object *object;

    memset(seen, 0, sizeof *seen);
    for (size_t i = 0; i < SLOTS; i++)
        if (real->errands[i].waiter)
            look_at_errand(&real->errands[i], &seen->requests[i]);
    /* Not by object_find, which is a use. */
    TAILQ_FOREACH (object, &registry->objects.by_use, in_use)
        look_at_thing(object,
                      &seen->things[object->class->kind][object->name[0] - 'a']);
    seen->waits = (int64_t)atomic_load(&peers->waits.used);
    seen->objects = (int64_t)atomic_load(&peers->objects.used);
    seen->bytes = (int64_t)atomic_load(&peers->object_bytes.used);
    seen->token = (int64_t)registry->objects.token;
}

/* ---- life --------------------------------------------------------------------------
 */

void
real_open(struct real *real, const struct limits *limits)
{
    struct registry_limits all = WORLD_LIMITS;

    all.max_waits = limits->waits;
    all.max_objects = limits->objects;
    all.max_object_bytes = limits->bytes;
    all.idle_ttl_ns = limits->idle_ttl_ns;
    memset(real, 0, sizeof *real);
    world_open(&real->world, &all);
}

void
real_close(struct real *real)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (real->errands[i].waiter)
            let_go(&real->errands[i], true);
    world_close(&real->world);
}

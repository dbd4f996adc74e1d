#include "model.h"

#include "base/base.h"

#include <assert.h>
#include <string.h>

/* ---- walks -------------------------------------------------------------------------
 */

/* The next in that place after that turn, at the object of that life; 0: at any. */
static struct request *
next_in(struct model *m, enum place place, uint64_t life, uint64_t after)
{
    struct request *next = NULL;

    for (size_t i = 0; i < SLOTS; i++) {
        struct request *r = &m->requests[i];

        if (r->place == place && (life == 0 || r->life == life) && r->turn > after
            && (next == NULL || r->turn < next->turn))
            next = r;
    }
    return next;
}

static struct request *
first_in(struct model *m, enum place place, uint64_t life)
{
    return next_in(m, place, life, 0);
}

static int64_t
how_many_in(const struct model *m, enum place place, uint64_t life)
{
    int64_t count = 0;

    for (size_t i = 0; i < SLOTS; i++)
        count += m->requests[i].place == place && m->requests[i].life == life;
    return count;
}

static int64_t
held(const struct model *m, uint64_t life)
{
    int64_t count = 0;

    for (size_t i = 0; i < MODEL_LEASES; i++)
        count += m->leases[i].token != 0 && m->leases[i].life == life;
    return count;
}

/* NULL: it has ended. */
static struct lease *
lease_of(struct model *m, size_t name, uint64_t token)
{
    for (size_t i = 0; i < MODEL_LEASES; i++) {
        struct lease *lease = &m->leases[i];

        if (lease->token != 0 && lease->token == token && lease->name == name)
            return lease;
    }
    return NULL;
}

/* NULL: it is gone. */
static struct object *
object_of(struct model *m, const struct request *r)
{
    struct object *object = &m->objects[r->asked.thing][r->asked.name];

    return object->exists && object->life == r->life ? object : NULL;
}

static bool
in_use(const struct model *m, const struct object *object)
{
    return how_many_in(m, IN_LINE, object->life) > 0 || held(m, object->life) > 0;
}

/* ---- what is counted ---------------------------------------------------------------
 */

static int64_t
waits(const struct model *m)
{
    int64_t count = 0;

    for (size_t i = 0; i < SLOTS; i++)
        count += m->requests[i].open && m->requests[i].how <= HOLDING;
    return count;
}

static int64_t
objects(const struct model *m)
{
    int64_t count = 0;

    for (size_t i = 0; i < SLOTS; i++)
        count += m->requests[i].reserves;
    for (size_t i = 0; i < MODEL_LEASES; i++)
        count += m->leases[i].token != 0;
    for (size_t i = 0; i < THINGS * NAMES; i++)
        count += m->objects[i / NAMES][i % NAMES].exists;
    return count;
}

struct bytes {
    uint64_t counted[SLOTS + THINGS * (MODEL_ITEMS + 1)];
    size_t count, sum;
};

/* Each item counts once, wherever it is. */
static void
count_item(struct bytes *bytes, uint64_t id, size_t size)
{
    for (size_t i = 0; i < bytes->count; i++)
        if (bytes->counted[i] == id)
            return;
    if (id == 0)
        return;
    bytes->counted[bytes->count++] = id;
    bytes->sum += size;
}

static size_t
bytes(const struct model *m)
{
    struct bytes all;

    all.count = all.sum = 0;
    for (size_t name = 0; name < NAMES; name++) {
        const struct object *event = &m->objects[EVENT][name];
        const struct object *queue = &m->objects[QUEUE][name];

        if (event->exists)
            count_item(&all, event->payload.id, event->payload.size);
        for (size_t i = 0; queue->exists && i < queue->size; i++)
            count_item(&all, queue->items[i].id, queue->items[i].size);
    }
    for (size_t i = 0; i < SLOTS; i++)
        count_item(&all, m->requests[i].item, m->requests[i].item_size);
    return all.sum;
}

/* ---- hearing of an end -------------------------------------------------------------
 */

static void cancel(struct model *m, struct request *r, enum why why);

static void
hear(struct model *m, struct request *r)
{
    if (r == &m->requests[m->deaf % SLOTS] && m->deaf != NOBODY)
        return;
    r->heard = ++m->heard;
    if (r->rival != NOBODY)
        cancel(m, &m->requests[r->rival], BY_CANCEL);
}

static void
end(struct model *m, struct request *r, enum how how, enum why why)
{
    r->how = how;
    r->why = why;
    r->ended_ns = m->now_ns;
    r->place = NOWHERE;
    hear(m, r);
}

/* From now on he has it for so long. */
static void
start_lease(struct model *m, const struct request *r)
{
    struct lease *lease = lease_of(m, r->asked.name, (uint64_t)r->got[0]);

    if (lease == NULL || lease->ttl_ns == 0)
        return;
    lease->ends_ns = m->now_ns + lease->ttl_ns;
    lease->turn = ++m->turns;
}

static void
set_object_turn(struct model *m, uint64_t life, uint64_t turn)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (m->requests[i].place == SERVED && m->requests[i].life == life)
            m->requests[i].object_turn = turn;
}

/* The objects take turns: one that has had its own is the last. */
static struct request *
next_served(struct model *m)
{
    struct request *next = NULL;

    for (size_t i = 0; i < SLOTS; i++) {
        struct request *r = &m->requests[i];

        if (r->place == SERVED && (next == NULL || r->object_turn < next->object_turn))
            next = r;
    }
    assert(next);
    set_object_turn(m, next->life, ++m->turns);
    return first_in(m, SERVED, next->life);
}

/* So long it has used the object. */
static void
use(struct model *m, const struct request *r)
{
    struct object *object = object_of(m, r);

    if (object)
        object->used_ns = m->now_ns;
}

static void
tell_some(struct model *m)
{
    struct request *r;

    for (size_t i = 0; first_in(m, SERVED, 0) != NULL; i++) {
        if (i >= TOLD_AT_ONCE) {
            m->slicing = true;
            m->slice_ns = m->now_ns;
            m->slice_turn = ++m->turns;
            return;
        }
        r = next_served(m);
        use(m, r);
        if (r->outcome == OK && r->asked.kind == OP_ACQUIRE)
            start_lease(m, r);
        if (r->outcome == OK && r->asked.kind == OP_ACQUIRE && r->asked.ttl_ns == 0) {
            r->place = NOWHERE;
            r->how = HOLDING;
            hear(m, r);
        } else
            end(m, r, r->outcome ? FAILED : DONE, BY_NOBODY);
    }
}

static void
tell(struct model *m)
{
    if (!m->slicing)
        tell_some(m);
}

static void
serve(struct model *m, struct request *r, enum error outcome)
{
    const struct request *other = first_in(m, SERVED, r->life);

    r->object_turn = other ? other->object_turn : ++m->turns;
    r->place = SERVED;
    r->turn = ++m->turns;
    r->outcome = outcome;
    use(m, r);
}

/* ---- things ------------------------------------------------------------------------
 */

static void
end_lease(struct lease *lease)
{
    lease->token = 0;
}

static void
grant(struct model *m, struct request *r)
{
    struct lease *lease = m->leases;

    while (lease->token != 0)
        lease++;
    assert(lease < m->leases + MODEL_LEASES);
    *lease = (struct lease){
        .token = ++m->token,
        .name = r->asked.name,
        .life = r->life,
        .ttl_ns = r->asked.ttl_ns,
        .ends_ns = INT64_MAX, /* until he is told */
        .turn = ++m->turns,
    };
    r->got[0] = (int64_t)lease->token;
    r->reserves = false;
    serve(m, r, OK);
}

static void
serve_semaphore(struct model *m, const struct object *semaphore)
{
    struct request *r;

    while (held(m, semaphore->life) < semaphore->limit
           && (r = first_in(m, IN_LINE, semaphore->life)) != NULL)
        grant(m, r);
    tell(m);
}

static void
let_through(struct model *m, struct object *barrier, struct request *last)
{
    struct request *r;
    int64_t rank = 0;

    barrier->generation++;
    do {
        r = first_in(m, IN_LINE, barrier->life);
        if (r == NULL)
            r = last;
        r->got[0] = rank++;
        r->got[1] = barrier->generation;
        r->got[2] = barrier->parties;
        serve(m, r, OK);
    } while (r != last);
}

static int64_t
break_barrier(struct model *m, const struct object *barrier)
{
    struct request *r;
    int64_t waited = 0;

    for (; (r = first_in(m, IN_LINE, barrier->life)) != NULL; waited++)
        serve(m, r, ERROR_BARRIER_BROKEN);
    tell(m);
    return waited;
}

/* Keeps the order in which they were put. */
static void
insert_item(struct object *queue, struct item item)
{
    size_t at = queue->size++;

    assert(queue->size <= MODEL_ITEMS);
    for (; at > 0 && queue->items[at - 1].place > item.place; at--)
        queue->items[at] = queue->items[at - 1];
    queue->items[at] = item;
}

static struct item
remove_item(struct object *queue, size_t at)
{
    struct item item = queue->items[at];

    queue->size--;
    for (; at < queue->size; at++)
        queue->items[at] = queue->items[at + 1];
    return item;
}

static bool
must_wait_for_queue(const struct object *queue, const struct request *r)
{
    if (r->asked.kind == OP_GET)
        return queue->size == 0;
    return queue->maxsize > 0 && (int64_t)queue->size >= queue->maxsize;
}

static void
serve_from_queue(struct model *m, struct object *queue, struct request *r)
{
    if (r->asked.kind == OP_PUT) {
        insert_item(queue, (struct item){r->item, r->item_size, ++m->turns});
        r->got[0] = (int64_t)queue->size;
    } else {
        struct item item = remove_item(queue, 0);

        r->item = item.id;
        r->item_size = item.size;
        r->item_place = item.place;
        r->got[0] = (int64_t)item.id;
    }
    serve(m, r, OK);
}

static void
serve_queue(struct model *m, struct object *queue)
{
    struct request *r;

    while ((r = first_in(m, IN_LINE, queue->life)) != NULL
           && !must_wait_for_queue(queue, r))
        serve_from_queue(m, queue, r);
    tell(m);
}

/* ---- giving up ---------------------------------------------------------------------
 */

/* false: it is there no more. */
static bool
withdraw_item(struct object *queue, const struct request *r)
{
    for (size_t i = 0; i < queue->size; i++) {
        if (queue->items[i].id == r->item) {
            remove_item(queue, i);
            return true;
        }
    }
    return false;
}

/* It was served, and its client has not got it. */
static void
give_back(struct model *m, struct request *r)
{
    struct object *object = object_of(m, r);
    struct lease *lease;

    if (object == NULL || r->outcome != OK)
        return;
    if (r->asked.kind == OP_ACQUIRE
        && (lease = lease_of(m, r->asked.name, (uint64_t)r->got[0])) != NULL) {
        end_lease(lease);
        serve_semaphore(m, object);
    }
    if (r->asked.kind == OP_GET && r->item != 0) {
        insert_item(object, (struct item){r->item, r->item_size, r->item_place});
        r->item = 0;
    }
    if (r->asked.thing == QUEUE)
        serve_queue(m, object);
}

/* What it gives up is passed on before it hears that it is cancelled. */
static void
cancel(struct model *m, struct request *r, enum why why)
{
    struct object *object = object_of(m, r);
    enum place place = r->place;

    if (!r->open || r->how > HOLDING)
        return;
    r->place = NOWHERE;
    use(m, r);
    if (place == SERVED && r->asked.kind == OP_PUT && r->outcome == OK
        && !(object && withdraw_item(object, r))) {
        end(m, r, DONE, BY_NOBODY);
        return;
    }
    if (place == SERVED || (r->how == HOLDING && place == NOWHERE))
        give_back(m, r);
    if (place == IN_LINE && object) {
        r->reserves = false;
        if (r->asked.kind == OP_WAIT_BARRIER && r->asked.flag)
            break_barrier(m, object);
    }
    if (r->how <= HOLDING)
        end(m, r, CANCELLED, why);
}

static void
let_go(struct model *m, size_t slot)
{
    m->requests[slot] = (struct request){.rival = NOBODY};
    for (size_t i = 0; i < SLOTS; i++)
        if (m->requests[i].rival == slot)
            m->requests[i].rival = NOBODY;
}

static void
leave(struct model *m, size_t slot)
{
    struct request *r = &m->requests[slot];

    m->deaf = slot;
    if (r->how == DONE)
        give_back(m, r);
    else
        cancel(m, r, BY_LEAVING);
    m->deaf = NOBODY;
    let_go(m, slot);
}

/* ---- operations on things ----------------------------------------------------------
 */

/* To refuse is an answer, too. */
static int64_t
refuse(enum error error)
{
    return -(int64_t)error;
}

static enum error
need(struct model *m, const struct op *op, struct object **out)
{
    struct object *object = &m->objects[op->thing][op->name];

    if (!object->exists) {
        if (objects(m) >= (int64_t)m->limits.objects)
            return ERROR_TOO_MANY_OBJECTS;
        *object = (struct object){.exists = true, .life = ++m->lives};
    }
    object->used_ns = m->now_ns;
    *out = object;
    return OK;
}

static struct object *
find(struct model *m, const struct op *op)
{
    struct object *object = &m->objects[op->thing][op->name];

    if (!object->exists)
        return NULL;
    object->used_ns = m->now_ns;
    return object;
}

static enum error
need_item(struct model *m, size_t size, struct item *out)
{
    size_t counted = size + 128; /* what each costs beyond its bytes */

    if (bytes(m) + counted > m->limits.bytes)
        return ERROR_TOO_MANY_BYTES;
    *out = (struct item){.id = ++m->items, .size = counted};
    return OK;
}

/* NULL: too many waits. */
static struct request *
open_request(struct model *m, const struct op *op, const struct object *object)
{
    struct request *r = &m->requests[op->slot];

    if (waits(m) >= (int64_t)m->limits.waits)
        return NULL;
    *r = (struct request){
        .open = true,
        .asked = *op,
        .born = ++m->turns,
        .life = object->life,
        .rival = NOBODY,
    };
    m->deaf = op->slot;
    return r;
}

static void
join(struct model *m, struct request *r)
{
    struct request *watcher;
    uint64_t turn = 0;

    r->place = IN_LINE;
    r->turn = ++m->turns;
    while ((watcher = next_in(m, WATCHING, r->life, turn)) != NULL) {
        turn = watcher->turn;
        if (watcher->asked.number <= how_many_in(m, IN_LINE, r->life))
            serve(m, watcher, OK);
    }
}

/* Who has its answer at once hears of it when it can: last. */
static int64_t
started(struct model *m, struct request *r)
{
    tell(m);
    m->deaf = NOBODY;
    if (r->how != PENDING)
        r->heard = ++m->heard;
    return 0;
}

static void
serve_event(struct model *m, const struct object *event, struct request *r)
{
    r->got[0] = event->generation;
    r->got[1] = (int64_t)event->payload.id;
    r->item = event->payload.id;
    r->item_size = event->payload.size;
    serve(m, r, OK);
}

static bool
is_set_for(const struct object *event, const struct request *r)
{
    return r->asked.flag ? event->generation > r->asked.number : event->set;
}

static int64_t
set_event(struct model *m, struct object *event, const struct op *op)
{
    struct item payload = {0};
    struct request *r;
    int64_t released = 0;
    uint64_t turn = 0;

    if (op->bytes > 0 && need_item(m, op->bytes, &payload))
        return refuse(ERROR_TOO_MANY_BYTES);
    event->payload = payload;
    event->set = true;
    event->generation++;
    while ((r = next_in(m, IN_LINE, event->life, turn)) != NULL) {
        turn = r->turn;
        if (is_set_for(event, r)) {
            serve_event(m, event, r);
            released++;
        }
    }
    tell(m);
    return released;
}

static int64_t
wait_event(struct model *m, struct object *event, const struct op *op)
{
    struct request *r = open_request(m, op, event);

    if (r == NULL)
        return refuse(ERROR_TOO_MANY_WAITS);
    if (is_set_for(event, r))
        serve_event(m, event, r);
    else
        join(m, r);
    return started(m, r);
}

static int64_t
acquire(struct model *m, struct object *semaphore, const struct op *op)
{
    bool used = in_use(m, semaphore);

    if (used && op->number != 0 && op->number != semaphore->limit)
        return refuse(ERROR_PARAMETER_CONFLICT);
    if (objects(m) >= (int64_t)m->limits.objects)
        return refuse(ERROR_TOO_MANY_OBJECTS);
    struct request *r = open_request(m, op, semaphore);
    if (r == NULL)
        return refuse(ERROR_TOO_MANY_WAITS);
    if (!used)
        semaphore->limit = op->number ? op->number : 1;
    r->reserves = true;
    if (held(m, semaphore->life) < semaphore->limit)
        grant(m, r);
    else
        join(m, r);
    return started(m, r);
}

/* Whom a connection holds for is done first; then the next in line is served. */
static int64_t
release(struct model *m, const struct object *semaphore, const struct op *op)
{
    struct lease *lease = lease_of(m, op->name, op->token);

    if (lease == NULL)
        return refuse(ERROR_LEASE_LOST);
    end_lease(lease);
    for (size_t i = 0; i < SLOTS; i++) {
        struct request *r = &m->requests[i];

        if (r->how == HOLDING && r->got[0] == (int64_t)op->token)
            end(m, r, DONE, BY_NOBODY);
    }
    serve_semaphore(m, semaphore);
    return 0;
}

static int64_t
renew(struct model *m, const struct op *op)
{
    struct lease *lease = lease_of(m, op->name, op->token);

    if (lease == NULL)
        return refuse(ERROR_LEASE_LOST);
    if (lease->ttl_ns != 0) {
        lease->ttl_ns = op->ttl_ns;
        lease->ends_ns = m->now_ns + op->ttl_ns;
        lease->turn = ++m->turns;
    }
    return 0;
}

static int64_t
wait_barrier(struct model *m, struct object *barrier, const struct op *op)
{
    int64_t waiting = how_many_in(m, IN_LINE, barrier->life);

    if (barrier->broken)
        return refuse(ERROR_BARRIER_BROKEN);
    if (waiting > 0 && op->number != barrier->parties)
        return refuse(ERROR_PARAMETER_CONFLICT);
    struct request *r = open_request(m, op, barrier);
    if (r == NULL)
        return refuse(ERROR_TOO_MANY_WAITS);
    barrier->parties = op->number;
    if (waiting + 1 == op->number)
        let_through(m, barrier, r);
    else
        join(m, r);
    return started(m, r);
}

static int64_t
abort_barrier(struct model *m, struct object *barrier)
{
    barrier->broken = true;
    return break_barrier(m, barrier);
}

static int64_t
forget_barrier(struct model *m, struct object *barrier)
{
    int64_t waited = break_barrier(m, barrier);

    if (how_many_in(m, WATCHING, barrier->life) == 0) {
        barrier->exists = false;
        return waited;
    }
    barrier->parties = 0;
    barrier->generation = 0;
    barrier->broken = false;
    return waited;
}

static int64_t
count_latch(struct model *m, struct object *latch, const struct op *op)
{
    struct request *r;
    uint64_t turn = 0;

    latch->value += op->number;
    while ((r = next_in(m, IN_LINE, latch->life, turn)) != NULL) {
        turn = r->turn;
        if (r->asked.number <= latch->value) {
            r->got[0] = latch->value;
            serve(m, r, OK);
        }
    }
    tell(m);
    return latch->value;
}

static int64_t
wait_latch(struct model *m, struct object *latch, const struct op *op)
{
    struct request *r = open_request(m, op, latch);

    if (r == NULL)
        return refuse(ERROR_TOO_MANY_WAITS);
    if (op->number <= latch->value) {
        r->got[0] = latch->value;
        serve(m, r, OK);
    } else
        join(m, r);
    return started(m, r);
}

/* Gets or puts. What is put at once is told the size that it leaves. */
static int64_t
use_queue(struct model *m, struct object *queue, const struct op *op)
{
    bool used = in_use(m, queue) || queue->size > 0;
    bool puts = op->kind == OP_PUT, names = puts && op->number >= 0;
    struct item item = {0};

    if (puts && need_item(m, op->bytes, &item))
        return refuse(ERROR_TOO_MANY_BYTES);
    if (!used) {
        queue->maxsize = 0;
        queue->sized = false;
    }
    if (names && op->number != queue->maxsize && (queue->sized || queue->size > 0))
        return refuse(ERROR_PARAMETER_CONFLICT);
    struct request *r = open_request(m, op, queue);
    if (r == NULL)
        return refuse(ERROR_TOO_MANY_WAITS);
    if (names) {
        queue->maxsize = op->number;
        queue->sized = true;
    }
    r->item = item.id;
    r->item_size = item.size;
    if (must_wait_for_queue(queue, r))
        join(m, r);
    else
        serve_from_queue(m, queue, r);
    serve_queue(m, queue);
    if (puts && r->how == DONE)
        r->got[0] = (int64_t)queue->size;
    return started(m, r);
}

static int64_t
watch(struct model *m, struct object *object, const struct op *op)
{
    struct request *r = open_request(m, op, object);

    if (r == NULL)
        return refuse(ERROR_TOO_MANY_WAITS);
    if (op->number <= how_many_in(m, IN_LINE, object->life))
        serve(m, r, OK);
    else {
        r->place = WATCHING;
        r->turn = ++m->turns;
    }
    return started(m, r);
}

/* ---- everything at once ------------------------------------------------------------
 */

/* All things are gone before anybody is cancelled, so that nothing is passed on. */
static int64_t
reset(struct model *m)
{
    int64_t cancelled = 0;
    uint64_t born = 0;

    for (size_t i = 0; i < THINGS * NAMES; i++)
        m->objects[i / NAMES][i % NAMES].exists = false;
    memset(m->leases, 0, sizeof m->leases);
    for (;;) {
        struct request *next = NULL;

        for (size_t i = 0; i < SLOTS; i++) {
            struct request *r = &m->requests[i];

            if (r->open && r->born > born && (next == NULL || r->born < next->born))
                next = r;
        }
        if (next == NULL)
            return cancelled;
        born = next->born;
        if (next->how <= HOLDING) {
            cancelled++;
            cancel(m, next, BY_RESET);
        }
    }
}

/* ---- time --------------------------------------------------------------------------
 */

enum due_kind { DUE_NOTHING, DUE_LEASE, DUE_SLICE, DUE_TIMEOUT, DUE_IDLE };

/* Of one instant, results come before limits, and then what was begun before. */
struct due {
    enum due_kind kind;
    int64_t at_ns;
    bool limit;
    uint64_t turn;
    size_t which;
};

static void
keep_sooner(struct due *best, struct due other)
{
    if (best->kind == DUE_NOTHING || other.at_ns < best->at_ns
        || (other.at_ns == best->at_ns
            && (other.limit < best->limit
                || (other.limit == best->limit && other.turn < best->turn))))
        *best = other;
}

static struct due
next_due(const struct model *m)
{
    struct due best = {.kind = DUE_NOTHING, .at_ns = INT64_MAX};

    if (m->slicing)
        keep_sooner(&best,
                    (struct due){DUE_SLICE, m->slice_ns, false, m->slice_turn, 0});
    for (size_t i = 0; i < MODEL_LEASES; i++) {
        const struct lease *lease = &m->leases[i];

        if (lease->token != 0 && lease->ttl_ns != 0)
            keep_sooner(&best,
                        (struct due){DUE_LEASE, lease->ends_ns, false, lease->turn, i});
    }
    for (size_t i = 0; i < SLOTS; i++) {
        const struct request *r = &m->requests[i];

        if (r->open && r->how == PENDING && r->place != SERVED
            && r->asked.timeout_ns >= 0)
            keep_sooner(&best, (struct due){DUE_TIMEOUT,
                                            r->asked.until_ns + r->asked.timeout_ns,
                                            true, r->born, i});
    }
    for (size_t i = 0; i < THINGS * NAMES; i++) {
        const struct object *object = &m->objects[i / NAMES][i % NAMES];

        if (object->exists)
            keep_sooner(&best,
                        (struct due){DUE_IDLE, object->used_ns + m->limits.idle_ttl_ns,
                                     true, object->life, i});
    }
    return best;
}

static void
expire(struct model *m, struct lease *lease)
{
    struct object *semaphore = &m->objects[SEMAPHORE][lease->name];

    end_lease(lease);
    semaphore->used_ns = m->now_ns;
    serve_semaphore(m, semaphore);
}

/* Who waits or holds or watches uses it. */
static void
idle(struct model *m, struct object *object)
{
    if (in_use(m, object) || how_many_in(m, WATCHING, object->life) > 0)
        object->used_ns = m->now_ns;
    else
        object->exists = false;
}

static void
fire(struct model *m, const struct due *due)
{
    switch (due->kind) {
    case DUE_LEASE: expire(m, &m->leases[due->which]); break;
    case DUE_SLICE:
        m->slicing = false;
        tell_some(m);
        break;
    case DUE_TIMEOUT: cancel(m, &m->requests[due->which], BY_TIMEOUT); break;
    case DUE_IDLE: idle(m, &m->objects[due->which / NAMES][due->which % NAMES]); break;
    case DUE_NOTHING: break;
    }
}

/* Until a slice has been told, if any. */
static void
turn(struct model *m)
{
    struct due due;

    do {
        due = next_due(m);
        if (due.at_ns > m->now_ns)
            return;
        fire(m, &due);
    } while (due.kind != DUE_SLICE);
}

static void
advance(struct model *m, int64_t until_ns, bool jumps)
{
    struct due due;

    if (jumps)
        m->now_ns = until_ns;
    while ((due = next_due(m)).at_ns <= until_ns) {
        if (due.at_ns > m->now_ns)
            m->now_ns = due.at_ns;
        fire(m, &due);
    }
    m->now_ns = until_ns;
}

/* ---- the face ----------------------------------------------------------------------
 */

void
model_open(struct model *m, const struct limits *limits, int64_t now_ns)
{
    memset(m, 0, sizeof *m);
    m->limits = *limits;
    m->now_ns = now_ns;
    m->deaf = NOBODY;
    for (size_t i = 0; i < SLOTS; i++)
        m->requests[i].rival = NOBODY;
}

static int64_t
do_with(struct model *m, struct object *object, const struct op *op)
{
    switch (op->kind) {
    case OP_SET: return set_event(m, object, op);
    case OP_WAIT_EVENT: return wait_event(m, object, op);
    case OP_ACQUIRE: return acquire(m, object, op);
    case OP_WAIT_BARRIER: return wait_barrier(m, object, op);
    case OP_ABORT: return abort_barrier(m, object);
    case OP_COUNT: return count_latch(m, object, op);
    case OP_WAIT_LATCH: return wait_latch(m, object, op);
    case OP_WATCH: return watch(m, object, op);
    default: return use_queue(m, object, op);
    }
}

/* With a thing, which it makes where there is none; where it is refused for want of
 * room, there is none after it. */
static int64_t
do_with_thing(struct model *m, const struct op *op)
{
    bool existed = m->objects[op->thing][op->name].exists;
    struct object *object;
    enum error error = need(m, op, &object);

    if (error)
        return refuse(error);
    int64_t result = do_with(m, object, op);
    if (result == refuse(ERROR_TOO_MANY_WAITS)
        || result == refuse(ERROR_TOO_MANY_OBJECTS))
        object->exists = existed;
    return result;
}

/* With a thing, where there is one. */
static int64_t
do_with_found(struct model *m, const struct op *op)
{
    struct object *object = find(m, op);

    if (object == NULL)
        return refuse(op->thing == SEMAPHORE ? ERROR_LEASE_LOST : ERROR_NOT_FOUND);
    switch (op->kind) {
    case OP_CLEAR:
        object->set = false;
        object->payload = (struct item){0};
        return 0;
    case OP_RELEASE: return release(m, object, op);
    case OP_RENEW: return renew(m, op);
    case OP_FORGET: return forget_barrier(m, object);
    default: return 0;
    }
}

int64_t
model_do(struct model *m, const struct op *op)
{
    switch (op->kind) {
    case OP_CLEAR:
    case OP_RELEASE:
    case OP_RENEW:
    case OP_FORGET:
    case OP_LOOK: return do_with_found(m, op);
    case OP_CANCEL: cancel(m, &m->requests[op->slot], BY_CANCEL); return 0;
    case OP_RIVAL: m->requests[op->slot].rival = op->other; return 0;
    case OP_TAKE: let_go(m, op->slot); return 0;
    case OP_LEAVE: leave(m, op->slot); return 0;
    case OP_DESERT:
        for (size_t i = op->slot; i < op->slot + EACH; i++)
            if (m->requests[i].open)
                leave(m, i);
        return 0;
    case OP_RESET: return reset(m);
    case OP_TURN: turn(m); return 0;
    case OP_ADVANCE:
    case OP_JUMP: advance(m, op->until_ns, op->kind == OP_JUMP); return 0;
    default: return do_with_thing(m, op);
    }
}

int64_t
model_next_ns(const struct model *m)
{
    return next_due(m).at_ns;
}

int64_t
model_idle_ns(const struct model *m)
{
    int64_t soonest_ns = INT64_MAX;

    for (size_t i = 0; i < THINGS * NAMES; i++) {
        const struct object *object = &m->objects[i / NAMES][i % NAMES];
        int64_t at_ns = object->used_ns + m->limits.idle_ttl_ns;

        if (object->exists && at_ns < soonest_ns)
            soonest_ns = at_ns;
    }
    return soonest_ns;
}

static void
look_at_thing(const struct model *m, enum thing thing, const struct object *object,
              struct seen_thing *seen)
{
    int64_t list = 0;

    seen->exists = true;
    seen->waiting = how_many_in(m, IN_LINE, object->life);
    seen->watching = how_many_in(m, WATCHING, object->life);
    if (thing == EVENT) {
        seen->is[0] = object->set;
        seen->is[1] = object->generation;
        seen->is[2] = (int64_t)object->payload.id;
    } else if (thing == SEMAPHORE) {
        seen->is[0] = object->limit;
        seen->is[1] = held(m, object->life);
        for (size_t i = 0; i < MODEL_LEASES; i++)
            if (m->leases[i].token != 0 && m->leases[i].life == object->life)
                list += (int64_t)m->leases[i].token;
        seen->is[2] = list;
    } else if (thing == BARRIER) {
        seen->is[0] = object->parties;
        seen->is[1] = object->generation;
        seen->is[2] = object->broken;
    } else if (thing == LATCH)
        seen->is[0] = object->value;
    else {
        seen->is[0] = (int64_t)object->size;
        seen->is[1] = object->maxsize;
        for (size_t i = 0; i < object->size; i++)
            list = seen_append(list, object->items[i].id);
        seen->is[2] = list;
    }
}

void
model_look(const struct model *m, struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    for (size_t i = 0; i < SLOTS; i++) {
        const struct request *r = &m->requests[i];
        struct seen_request *s = &seen->requests[i];

        if (!r->open)
            continue;
        s->open = true;
        s->how = r->how;
        s->why = r->why;
        s->heard = r->heard;
        s->error = r->how == FAILED ? (int64_t)r->outcome : 0;
        s->ended_ns = r->how > HOLDING ? r->ended_ns : 0;
        if (r->how == DONE || r->how == HOLDING)
            memcpy(s->got, r->got, sizeof s->got);
    }
    for (size_t i = 0; i < THINGS * NAMES; i++) {
        const struct object *object = &m->objects[i / NAMES][i % NAMES];

        if (object->exists)
            look_at_thing(m, (enum thing)(i / NAMES), object,
                          &seen->things[i / NAMES][i % NAMES]);
    }
    seen->waits = waits(m);
    seen->objects = objects(m);
    seen->bytes = (int64_t)bytes(m);
    seen->token = (int64_t)m->token;
}

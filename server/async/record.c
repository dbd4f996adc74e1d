#include "async/record.h"

#include "async/group.h"
#include "async/walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const record_kind_words[] = {"task",  "wait",      "wait_n",  "measure",
                                         "event", "semaphore", "barrier", "latch",
                                         "queue", NULL};
const char *const record_state_words[] = {"queued", "pending",   "done",
                                          "failed", "cancelled", NULL};
const char *const cancel_reason_words[] = {"",      "cancel", "timeout", "disconnect",
                                           "drain", "reset",  NULL};

static bool
counts_as_task(const struct record *record)
{
    return record->kind == KIND_TASK;
}

void
record_become(struct record *record, enum record_state state)
{
    if (counts_as_task(record)) {
        record->registry->task_states[record->state]--;
        record->registry->task_states[state]++;
    }
    record->state = state;
}

static char *
draw_id(struct registry *registry, char id[NAME_DRAWN_SIZE])
{
    do
        name_draw(&registry->fastrand, id);
    while (!registry_is_home(registry, id) || registry_find(registry, id) != NULL);
    return id;
}

static void
free_names(struct record *record)
{
    if (record->id != record->drawn)
        free(record->id);
    free(record->label);
}

static void
on_timeout(struct timer *timer, int64_t now_ns)
{
    struct record *record = CONTAINER_OF(timer, struct record, timeout);

    if (!record->class->is_busy || !record->class->is_busy(record)) {
        record->registry->timers.reached++;
        record_cancel(record, REASON_TIMEOUT, now_ns);
        return;
    }
    enum error error =
        timers_start(&record->registry->timers, timer, TIMER_LIMIT, now_ns);

    assert(error == OK); /* its own place is free */
    (void)error;
}

static bool
start_timeout(struct record *record, int64_t timeout_ns)
{
    record->timeout.fire = on_timeout;
    return timeout_ns == NO_TIMEOUT
           || !timers_start(&record->registry->timers, &record->timeout, TIMER_LIMIT,
                            timeout_end_ns(record->created_ns, timeout_ns));
}

static bool
enlist(struct registry *registry, struct record *record)
{
    HASH_ADD_KEYPTR(by_id, registry->by_id, record->id, strlen(record->id), record);
    if (record->by_id.tbl == NULL)
        return false;
    registry->count++;
    registry->task_states[record->state] += counts_as_task(record);
    record->serial = ++registry->serial;
    record->listed_ns = registry_now(registry);
    record->listed = true;
    return true;
}

enum error
record_open(struct registry *registry, struct record *record,
            const struct record_class *class, const struct record_plan *plan)
{
    record->class = class;
    record->registry = registry;
    record->kind = plan->kind;
    record->state = STATE_PENDING;
    record->waits = (uint32_t)plan->waits;
    record->created_ns = plan->created_ns;
    record->created_wall_ns = registry_wall_of(registry, plan->created_ns);
    record->kept = (counts_as_task(record) || plan->label != NULL)
                   && registry->limits.max_tasks > 0;
    LIST_INIT(&record->watches);
    record->id = plan->id ? strdup(plan->id) : draw_id(registry, record->drawn);
    record->label = plan->label ? strdup(plan->label) : NULL;

    bool ready = record->id && (record->label || !plan->label)
                 && start_timeout(record, plan->timeout_ns) && enlist(registry, record);
    if (!ready) {
        timers_stop(&registry->timers, &record->timeout);
        free_names(record);
        return ERROR_OUT_OF_MEMORY;
    }
    record->holders = 2; /* the registry and the caller */
    if (plan->group) {
        record->group = plan->group;
        group_join(plan->group, record);
    }
    return OK;
}

void
record_count(struct record *record, size_t waits)
{
    assert(waits <= record->waits);
    registry_unreserve(record->registry, 0, record->waits - waits);
    record->waits = (uint32_t)waits;
}

void
record_end(struct record *record, enum record_state state, enum cancel_reason reason,
           int64_t now_ns)
{
    assert(!record_ended(record) && state > STATE_PENDING);
    record_hold(record);
    timers_stop(&record->registry->timers, &record->timeout);
    record_become(record, state);
    record->reason = reason;
    record->finished_ns = now_ns;
    registry_unreserve(record->registry, counts_as_task(record), record->waits);
    record_progress(record, now_ns);
    if (record->group)
        group_end(record->group, record, now_ns);
    if (record->kept)
        registry_keep(record->registry, record);
    record_release(record);
}

bool
record_cancel(struct record *record, enum cancel_reason reason, int64_t now_ns)
{
    if (record_ended(record))
        return false;
    record_hold(record);
    record->reason = reason;
    record->class->stop(record, now_ns);
    /* Who gets what it gave up may be told at once, and cancel it, too. */
    if (!record_ended(record))
        record_end(record, STATE_CANCELLED, reason, now_ns);
    bool cancelled = record->state == STATE_CANCELLED;
    record_release(record);
    return cancelled;
}

bool
record_dismiss(struct record *record, enum cancel_reason reason, int64_t now_ns)
{
    if (record_ended(record))
        return false;
    record->kept = false;
    return record_cancel(record, reason, now_ns);
}

void
record_forget(struct record *record)
{
    struct registry *registry = record->registry;

    assert(record_ended(record));
    if (!record->listed)
        return;
    record->listed = false;
    walks_pass(registry, record);
    HASH_DELETE(by_id, registry->by_id, record);
    registry->count--;
    registry->task_states[record->state] -= counts_as_task(record);
    if (record->kept)
        registry_drop(registry, record);
    if (record->group)
        group_leave(record->group, record);
    record_release(record);
}

void
record_hold(struct record *record)
{
    record->holders++;
}

void
record_release(struct record *record)
{
    struct group *group = record->group;

    if (--record->holders > 0)
        return;
    assert(LIST_EMPTY(&record->watches));
    free_names(record);
    record->class->destroy(record);
    if (group)
        group_release(group);
}

void
record_disown(struct record *record, int64_t now_ns)
{
    record_cancel(record, REASON_DISCONNECT, now_ns);
    if (!record->kept)
        record_forget(record);
    else if (record->class->shed)
        record->class->shed(record);
    record_release(record);
}

void
record_progress(struct record *record, int64_t now_ns)
{
    record_hold(record);
    watches_tell(&record->watches, now_ns);
    record_release(record);
}

void
watches_watch(struct watches *watches, struct watch *watch)
{
    LIST_INSERT_HEAD(watches, watch, link);
    watch->watching = true;
}

void
watch_stop(struct watch *watch)
{
    if (!watch->watching)
        return;
    LIST_REMOVE(watch, link);
    watch->watching = false;
}

void
watches_tell(struct watches *watches, int64_t now_ns)
{
    struct watch here = {0}; /* keeps the place in a list that may change meanwhile */
    struct watch *watch;

    LIST_INSERT_HEAD(watches, &here, link);
    while ((watch = LIST_NEXT(&here, link)) != NULL) {
        LIST_REMOVE(&here, link);
        LIST_INSERT_AFTER(watch, &here, link);
        if (watch->changed) /* not the place of another walk */
            watch->changed(watch, now_ns);
    }
    LIST_REMOVE(&here, link);
}

#include "async/registry.h"

#include "async/group.h"
#include "async/launch.h"
#include "async/memory.h"
#include "async/object.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int64_t
kept_until_ns(const struct registry *registry, const struct record *record)
{
    return record->finished_ns + registry->limits.retention_ns;
}

static void
retain(struct registry *registry, int64_t now_ns)
{
    const struct record *oldest = TAILQ_FIRST(&registry->finished);

    if (oldest == NULL || timer_runs(&registry->retention))
        return;
    /* Out of memory: the next end tries again. */
    (void)!timers_start(&registry->timers, &registry->retention, TIMER_UPKEEP,
                        timers_not_past(kept_until_ns(registry, oldest), now_ns));
}

static bool
forget_expired(struct registry *registry, int64_t now_ns)
{
    struct record *oldest = TAILQ_FIRST(&registry->finished);

    if (oldest == NULL || kept_until_ns(registry, oldest) > now_ns)
        return false;
    record_forget(oldest);
    return true;
}

enum { FORGOTTEN_AT_ONCE = 64 }; /* of those that ended together */

static void
on_retention(struct timer *timer, int64_t now_ns)
{
    struct registry *registry = CONTAINER_OF(timer, struct registry, retention);
    int count = 0;

    while (count < FORGOTTEN_AT_ONCE && forget_expired(registry, now_ns))
        count++;
    retain(registry, now_ns);
    if (count == FORGOTTEN_AT_ONCE)
        timers_yield(&registry->timers);
}

enum { EXPIRED_AT_ONCE = 256 }; /* keys: well below a millisecond */

static void
on_idle(struct timer *timer, int64_t now_ns)
{
    struct registry *registry = CONTAINER_OF(timer, struct registry, idle);
    int64_t ttl_ns = registry->limits.idle_ttl_ns;
    int64_t used_ns =
        tries_expire(&registry->peers->tries, now_ns, ttl_ns, EXPIRED_AT_ONCE);

    if (used_ns == INT64_MAX)
        return;
    enum error error = timers_start(&registry->timers, timer, TIMER_UPKEEP,
                                    timers_not_past(used_ns + ttl_ns, now_ns));

    assert(error == OK); /* its own place is free */
    (void)error;
    timers_yield(&registry->timers);
}

/* Sees to it that the keys that are used now go in their time. */
static void
watch_keys(struct registry *registry, int64_t now_ns)
{
    if (!timer_runs(&registry->idle))
        /* Out of memory: the next use starts it. */
        (void)!timers_start(&registry->timers, &registry->idle, TIMER_UPKEEP,
                            now_ns + registry->limits.idle_ttl_ns);
}

enum error
registry_count_tries(struct registry *registry, const char *key, size_t count,
                     int64_t now_ns, uint64_t *before)
{
    if (!memory_fits(registry->peers, MEMORY_KEY))
        return ERROR_TOO_MUCH_MEMORY;
    enum error error = tries_take(&registry->peers->tries, key, count, now_ns, before);

    if (!error)
        watch_keys(registry, now_ns);
    return error;
}

enum error
registry_enter_key(struct registry *registry, const char *key, size_t most,
                   int64_t now_ns, struct tries_key **place)
{
    if (!memory_fits(registry->peers, MEMORY_KEY))
        return ERROR_TOO_MUCH_MEMORY;
    enum error error = tries_enter(&registry->peers->tries, key, most, now_ns, place);

    if (!error)
        watch_keys(registry, now_ns);
    return error;
}

/* Tells the peers how old the oldest is that is kept here. */
static void
publish_oldest(struct registry *registry)
{
    const struct record *oldest = TAILQ_FIRST(&registry->finished);

    atomic_store_explicit(&registry->peers->at[registry->worker].oldest_ns,
                          oldest ? oldest->finished_ns : INT64_MAX,
                          memory_order_relaxed);
}

static bool
keeps_too_many(const struct registry *registry)
{
    size_t most = registry->limits.max_tasks;

    return most < SIZE_MAX
           && (quota_used(&registry->peers->finished) > most
               || memory_keeps_too_much(registry->peers));
}

static void
drop(struct registry *registry, struct record *oldest)
{
    registry->dropped++;
    record_forget(oldest);
}

/* Where the oldest of this worker has gone meanwhile, the next one is asked. */
static void
on_drop_letter(struct letter *letter, void *reader)
{
    struct registry *registry = reader;
    struct record *first = TAILQ_FIRST(&registry->finished);
    size_t worker = peers_oldest(registry->peers);

    if (keeps_too_many(registry) && first == NULL && worker != registry->worker) {
        peers_post(registry->peers, worker, letter);
        return;
    }
    if (keeps_too_many(registry) && first != NULL)
        drop(registry, first);
    free(letter);
}

/* Never `ended` itself, which its callers still use: by a letter it may go later. */
static void
drop_oldest(struct registry *registry, const struct record *ended)
{
    struct record *first = TAILQ_FIRST(&registry->finished);
    size_t worker = peers_oldest(registry->peers);

    if (worker == registry->worker && first != ended) {
        drop(registry, first);
        return;
    }
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter == NULL)
        return; /* the next end drops one */
    letter->deliver = on_drop_letter;
    peers_post(registry->peers, worker, letter);
}

void
registry_keep(struct registry *registry, struct record *record)
{
    TAILQ_INSERT_TAIL(&registry->finished, record, in_finished);
    registry->finished_count++;
    atomic_fetch_add_explicit(&registry->peers->finished.used, 1, memory_order_relaxed);
    publish_oldest(registry);
    if (keeps_too_many(registry))
        drop_oldest(registry, record);
    retain(registry, record->finished_ns);
}

void
registry_drop(struct registry *registry, struct record *record)
{
    TAILQ_REMOVE(&registry->finished, record, in_finished);
    registry->finished_count--;
    quota_give(&registry->peers->finished, 1);
    publish_oldest(registry);
}

/* uthash frees its table with the last record and makes it again for the next, which is
 * at every request where they come one by one. A record whose id is a NUL, which no
 * string has, keeps it; without one, out of memory, all goes as well, and slower. */
static void
keep_table(struct registry *registry)
{
    struct record *anchor = calloc(1, sizeof *anchor);

    if (anchor == NULL)
        return;
    HASH_ADD_KEYPTR(by_id, registry->by_id, "", sizeof "", anchor);
    if (anchor->by_id.tbl)
        registry->anchor = anchor;
    else
        free(anchor);
}

static void
give_up_table(struct registry *registry)
{
    if (registry->anchor)
        HASH_DELETE(by_id, registry->by_id, registry->anchor);
    free(registry->anchor);
    registry->anchor = NULL;
}

void
registry_open(struct registry *registry, const struct registry_limits *limits,
              const struct clock *clock, const uint64_t *seed, struct peers *peers,
              size_t worker)
{
    *registry = (struct registry){
        .limits = *limits, .clock = clock, .peers = peers, .worker = worker};
    peers->at[worker].mailbox.reader = registry;
    keep_table(registry);
    TAILQ_INIT(&registry->finished);
    registry->retention.fire = on_retention;
    objects_open(registry);
    registry->idle.fire = on_idle;
    if (seed)
        fastrand_seed(&registry->fastrand, *seed);
    else
        fastrand_seed_random(&registry->fastrand);
}

void
registry_keep_all(struct registry *registry)
{
    registry->limits.max_tasks = SIZE_MAX;
}

static void
forget_all(struct registry *registry)
{
    struct record *oldest;

    while ((oldest = registry_first(registry)) != NULL)
        record_forget(oldest);
}

void
registry_close(struct registry *registry)
{
    registry_keep_all(registry);
    registry_cancel_all(registry, REASON_DRAIN, registry_now(registry));
    forget_all(registry);
    give_up_table(registry);
    timers_free(&registry->timers);
}

int64_t
registry_wall_of(struct registry *registry, int64_t at_ns)
{
    const struct clock *clock = registry->clock;

    if (at_ns >= registry->wall_until_ns) {
        int64_t now_ns = clock_now(clock);

        registry->wall_offset_ns = clock->wall_ns(clock) - now_ns;
        registry->wall_until_ns = now_ns + NS_PER_SECOND;
    }
    return at_ns + registry->wall_offset_ns;
}

struct record *
registry_find(const struct registry *registry, const char *id)
{
    struct record *record;

    HASH_FIND(by_id, registry->by_id, id, strlen(id), record);
    return record;
}

struct record *
registry_first(const struct registry *registry)
{
    return registry->anchor ? record_after(registry->anchor) : registry->by_id;
}

enum { DROPPED_AT_ONCE = 64 };

/* For who asks again: what has ended goes before new work is refused for long. */
static void
make_room(struct registry *registry)
{
    struct record *oldest;

    for (int i = 0; i < DROPPED_AT_ONCE; i++) {
        oldest = TAILQ_FIRST(&registry->finished);
        if (oldest == NULL)
            return;
        drop(registry, oldest);
    }
}

enum error
registry_reserve(struct registry *registry, size_t tasks, size_t waits)
{
    struct peers *peers = registry->peers;

    if (tasks && !quota_take(&peers->tasks, tasks, registry->limits.max_tasks))
        return ERROR_TOO_MANY_TASKS;
    if (!quota_take(&peers->waits, waits, registry->limits.max_waits)) {
        quota_give(&peers->tasks, tasks);
        return ERROR_TOO_MANY_WAITS;
    }
    registry->tasks += tasks;
    registry->waits += waits;
    if (memory_fits(peers, 0))
        return OK;
    registry_unreserve(registry, tasks, waits);
    make_room(registry);
    return ERROR_TOO_MUCH_MEMORY;
}

void
registry_unreserve(struct registry *registry, size_t tasks, size_t waits)
{
    registry->tasks -= tasks;
    registry->waits -= waits;
    if (tasks)
        quota_give(&registry->peers->tasks, tasks);
    quota_give(&registry->peers->waits, waits);
}

/* The one behind the held `group`, held in its place; NULL: none. Whoever is cancelled
 * may push out the last member of any that nobody holds. */
static struct group *
step_on(struct group *group)
{
    struct group *next = group->by_name.next;

    if (next)
        group_hold(next);
    group_release(group);
    return next;
}

/* Groups first, with what launches have promised. Returns how many had not ended. */
static size_t
cancel_all(struct registry *registry, enum cancel_reason reason, int64_t now_ns,
           bool (*cancel)(struct record *record, enum cancel_reason reason,
                          int64_t now_ns))
{
    struct group *group = registry->groups;
    struct record *record;
    size_t cancelled = 0;

    if (group)
        group_hold(group);
    for (; group; group = step_on(group))
        cancelled += group_cancel(group, reason, now_ns, cancel);
    for (record = registry_first(registry); record; record = record_after(record))
        cancelled += cancel(record, reason, now_ns);
    return cancelled;
}

struct registry_swept
registry_reset(struct registry *registry, int64_t now_ns)
{
    struct registry_swept swept;

    objects_forget_all(registry);
    if (registry->worker == 0) /* what all share goes once */
        tries_clear(&registry->peers->tries);
    swept.cancelled = cancel_all(registry, REASON_RESET, now_ns, record_dismiss);
    swept.removed = registry->count;
    forget_all(registry);
    return swept;
}

void
registry_cancel_all(struct registry *registry, int cancel_reason, int64_t now_ns)
{
    objects_forget_all(registry);
    cancel_all(registry, (enum cancel_reason)cancel_reason, now_ns, record_cancel);
}

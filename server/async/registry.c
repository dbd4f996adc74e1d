#include "async/registry.h"

#include "async/group.h"
#include "async/launch.h"

#include <string.h>

static int64_t
kept_until_ns(const struct registry *registry, const struct record *record)
{
    return record->finished_ns + registry->limits.retention_ns;
}

/* One a time: a thousand that ended together leave in as many. */
static void
on_retention(struct timer *timer, int64_t now_ns)
{
    struct registry *registry = CONTAINER_OF(timer, struct registry, retention);
    struct record *oldest = TAILQ_FIRST(&registry->finished);

    if (oldest != NULL && kept_until_ns(registry, oldest) <= now_ns)
        record_forget(oldest);
    registry_retain(registry);
}

void
registry_retain(struct registry *registry)
{
    const struct record *oldest = TAILQ_FIRST(&registry->finished);

    if (oldest == NULL || timer_runs(&registry->retention))
        return;
    /* Out of memory: the next end tries again. */
    (void)!timers_start(&registry->timers, &registry->retention, TIMER_LIMIT,
                        kept_until_ns(registry, oldest));
}

void
registry_open(struct registry *registry, const struct registry_limits *limits,
              const struct clock *clock, const uint64_t *seed)
{
    *registry = (struct registry){.limits = *limits, .clock = clock};
    TAILQ_INIT(&registry->all);
    TAILQ_INIT(&registry->finished);
    registry->retention.fire = on_retention;
    if (seed)
        fastrand_seed(&registry->fastrand, *seed);
    else
        fastrand_seed_random(&registry->fastrand);
}

void
registry_close(struct registry *registry)
{
    registry_cancel_all(registry, REASON_DRAIN, registry_now(registry));
    while (!TAILQ_EMPTY(&registry->all))
        record_forget(TAILQ_FIRST(&registry->all));
    timers_free(&registry->timers);
}

struct record *
registry_find(const struct registry *registry, const char *id)
{
    struct record *record;

    HASH_FIND(by_id, registry->by_id, id, strlen(id), record);
    return record;
}

enum error
registry_reserve(struct registry *registry, size_t tasks, size_t waits)
{
    if (tasks > registry->limits.max_tasks - registry->tasks)
        return ERROR_TOO_MANY_TASKS;
    if (waits > registry->limits.max_waits - registry->waits)
        return ERROR_TOO_MANY_WAITS;
    registry->tasks += tasks;
    registry->waits += waits;
    return OK;
}

void
registry_unreserve(struct registry *registry, size_t tasks, size_t waits)
{
    registry->tasks -= tasks;
    registry->waits -= waits;
}

/* Makes what launches have promised, so that a walk over all records meets it. */
static void
finish_launches(struct registry *registry, int64_t now_ns)
{
    struct group *group, *next;

    HASH_ITER(by_name, registry->groups, group, next)
    {
        group_hold(group);
        while (!LIST_EMPTY(&group->launches))
            launch_finish(LIST_FIRST(&group->launches), now_ns);
        group_release(group);
    }
}

struct registry_swept
registry_reset(struct registry *registry, int64_t now_ns)
{
    struct registry_swept swept = {0};
    struct record *record;

    finish_launches(registry, now_ns);
    swept.removed = registry->count;
    TAILQ_FOREACH (record, &registry->all, in_all) {
        if (record_dismiss(record, REASON_RESET, now_ns))
            swept.cancelled++;
    }
    while (!TAILQ_EMPTY(&registry->all))
        record_forget(TAILQ_FIRST(&registry->all));
    return swept;
}

void
registry_cancel_all(struct registry *registry, int cancel_reason, int64_t now_ns)
{
    struct record *record;

    finish_launches(registry, now_ns);
    TAILQ_FOREACH (record, &registry->all, in_all) {
        record_cancel(record, (enum cancel_reason)cancel_reason, now_ns);
    }
}

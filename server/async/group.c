#include "async/group.h"

#include "async/launch.h"
#include "async/name.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct group *
find_any(const struct registry *registry, const char *name)
{
    struct group *group;

    HASH_FIND(by_name, registry->groups, name, strlen(name), group);
    return group;
}

struct group *
group_find(const struct registry *registry, const char *name)
{
    struct group *group = find_any(registry, name);

    return group && group->count + group->promised ? group : NULL;
}

static struct group *
make(struct registry *registry, const char *name)
{
    size_t size = strlen(name);
    struct group *group = calloc(1, sizeof *group + size + 1);
    if (group == NULL)
        return NULL;
    memcpy(group->name, name, size);
    group->registry = registry;
    TAILQ_INIT(&group->members);
    TAILQ_INIT(&group->ended);
    HASH_ADD(by_name, registry->groups, name, (unsigned)size, group);
    if (group->by_name.tbl == NULL) {
        free(group);
        return NULL;
    }
    return group;
}

struct group *
group_hold_named(struct registry *registry, const char *name)
{
    char drawn[NAME_DRAWN_SIZE];
    if (name == NULL) {
        do
            name_draw(&registry->fastrand, drawn);
        while (!registry_is_home(registry, drawn) || find_any(registry, drawn) != NULL);
        name = drawn;
    }
    struct group *group = find_any(registry, name);
    if (group == NULL)
        group = make(registry, name);
    if (group != NULL)
        group_hold(group);
    return group;
}

void
group_hold(struct group *group)
{
    group->holders++;
}

void
group_release(struct group *group)
{
    if (--group->holders > 0)
        return;
    assert(LIST_EMPTY(&group->watches));
    HASH_DELETE(by_name, group->registry->groups, group);
    free(group);
}

void
group_join(struct group *group, struct record *record)
{
    group_hold(group);
    TAILQ_INSERT_TAIL(&group->members, record, in_group);
    group->count++;
}

void
group_end(struct group *group, struct record *record, int64_t now_ns)
{
    struct group_cursor *cursor;

    TAILQ_INSERT_TAIL(&group->ended, record, in_ended);
    record->end_serial = ++group->end_serial;
    group->ended_count++;
    if (record->state == STATE_FAILED)
        group->failed_count++;
    LIST_FOREACH (cursor, &group->cursors, link) {
        if (cursor->next == NULL)
            cursor->next = record;
    }
    if (!group->hushed)
        watches_tell(&group->watches, now_ns);
}

/* A cursor will come to it. */
static bool
is_awaited(const struct group *group, const struct record *record)
{
    const struct group_cursor *cursor;

    LIST_FOREACH (cursor, &group->cursors, link) {
        if (cursor->next && cursor->next->end_serial <= record->end_serial)
            return true;
    }
    return false;
}

/* Out of the order of ends. */
static void
drop(struct group *group, struct record *record)
{
    struct group_cursor *cursor;

    LIST_FOREACH (cursor, &group->cursors, link) {
        if (cursor->next == record)
            cursor->next = TAILQ_NEXT(record, in_ended);
    }
    TAILQ_REMOVE(&group->ended, record, in_ended);
}

static void
drop_passed(struct group *group, struct record *record)
{
    if (!record->lingers || is_awaited(group, record))
        return;
    record->lingers = false;
    group->lingering--;
    drop(group, record);
    record_release(record);
}

void
group_leave(struct group *group, struct record *record)
{
    size_t most = group->registry->limits.max_tasks;

    TAILQ_REMOVE(&group->members, record, in_group);
    group->count--;
    group->ended_count--;
    if (record->state == STATE_FAILED)
        group->failed_count--;
    if (group->lingering < most && is_awaited(group, record)) {
        record->lingers = true;
        group->lingering++;
        record_hold(record);
    } else
        drop(group, record);
}

void
group_cursor_open(struct group *group, struct group_cursor *cursor)
{
    group_hold(group);
    cursor->next = TAILQ_FIRST(&group->ended);
    while (cursor->next && cursor->next->lingers)
        cursor->next = TAILQ_NEXT(cursor->next, in_ended);
    LIST_INSERT_HEAD(&group->cursors, cursor, link);
}

void
group_cursor_step(struct group *group, struct group_cursor *cursor)
{
    struct record *passed = cursor->next;

    cursor->next = TAILQ_NEXT(passed, in_ended);
    drop_passed(group, passed);
}

void
group_cursor_close(struct group *group, struct group_cursor *cursor)
{
    struct record *record = cursor->next;

    LIST_REMOVE(cursor, link);
    while (record != NULL && group->lingering > 0) {
        struct record *next = TAILQ_NEXT(record, in_ended);

        drop_passed(group, record);
        record = next;
    }
    group_release(group);
}

size_t
group_cancel(struct group *group, enum cancel_reason reason, int64_t now_ns,
             bool (*cancel)(struct record *record, enum cancel_reason reason,
                            int64_t now_ns))
{
    struct record *record;
    size_t cancelled = 0;

    while (!LIST_EMPTY(&group->launches))
        launch_finish(LIST_FIRST(&group->launches), now_ns);
    group->hushed = true;
    TAILQ_FOREACH (record, &group->members, in_group)
        cancelled += cancel(record, reason, now_ns);
    group->hushed = false;
    watches_tell(&group->watches, now_ns);
    return cancelled;
}

struct registry_swept
group_sweep(struct group *group, int64_t now_ns)
{
    struct registry_swept swept = {0};
    struct record *record;

    group_hold(group);
    swept.cancelled = group_cancel(group, REASON_CANCEL, now_ns, record_dismiss);
    swept.removed = group->count;
    while ((record = TAILQ_FIRST(&group->members)) != NULL)
        record_forget(record);
    group_release(group);
    return swept;
}

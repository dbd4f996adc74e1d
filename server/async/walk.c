#include "async/walk.h"

#include "async/group.h"

static void
stand_before(struct walk *walk, struct record *record)
{
    walk->next = record && record->serial <= walk->last ? record : NULL;
}

static void
pass(struct walk *walk)
{
    const struct record *record = walk->next;

    stand_before(walk,
                 walk->group ? TAILQ_NEXT(record, in_group) : record_after(record));
}

void
walk_begin(struct walk *walk, struct registry *registry, const struct group *group)
{
    walk->begun = true;
    walk->group = group;
    walk->last = registry->serial;
    stand_before(walk, group ? TAILQ_FIRST(&group->members) : registry_first(registry));
    LIST_INSERT_HEAD(&registry->walks, walk, link);
}

struct record *
walk_step(struct walk *walk)
{
    struct record *record = walk->next;

    if (record == NULL)
        return NULL;
    walk->met = record->serial;
    pass(walk);
    return record;
}

bool
walk_is_before(const struct walk *walk, const struct record *record)
{
    return record->serial > walk->met && record->serial <= walk->last
           && (walk->group == NULL || walk->group == record->group);
}

void
walk_end(struct walk *walk)
{
    if (!walk->begun)
        return;
    LIST_REMOVE(walk, link);
    walk->begun = false;
}

void
walks_pass(struct registry *registry, struct record *record)
{
    struct walk *walk;

    LIST_FOREACH (walk, &registry->walks, link) {
        walk->missed |= walk_is_before(walk, record);
        if (walk->next == record)
            pass(walk);
    }
}

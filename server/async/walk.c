#include "async/walk.h"

#include "async/group.h"

static void
stand_before(struct walk *walk, struct record *record)
{
    walk->next = record && record->serial <= walk->last ? record : NULL;
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

    if (record)
        stand_before(walk,
                     walk->group ? TAILQ_NEXT(record, in_group) : record_after(record));
    return record;
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

    LIST_FOREACH (walk, &registry->walks, link)
        if (walk->next == record)
            (void)walk_step(walk);
}

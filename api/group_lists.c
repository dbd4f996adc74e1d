#include "api/group_lists.h"

#include "api/task_json.h"
#include "async/memory.h"
#include "async/walk.h"

#include <stdlib.h>

struct group_lists {
    struct group *group;
    struct group_cursor *cursor; /* through what is done */
    struct walk walk;            /* through the members, for what is pending */
    uint64_t end_serial;         /* what ended up to there is not for the walk */
    size_t weight;               /* bytes that are counted for it */
    bool done_told;
    struct text body;
    struct json_writer json;
};

static void
begin_list(struct group_lists *lists, const char *key)
{
    json_key(&lists->json, key);
    json_begin_array(&lists->json);
}

size_t
group_lists_memory(const struct group *group)
{
    return (group->count + group->lingering) * TASK_JSON_MEMORY;
}

struct group_lists *
group_lists_open(struct group *group, struct group_cursor *cursor)
{
    struct group_lists *lists = calloc(1, sizeof *lists);

    if (lists == NULL)
        return NULL;
    lists->group = group;
    lists->cursor = cursor;
    lists->end_serial = group->end_serial;
    lists->weight = group_lists_memory(group);
    lists->json = json_writer(&lists->body);
    memory_take(group->registry->peers, lists->weight);
    walk_begin(&lists->walk, group->registry, group);
    json_begin_object(&lists->json);
    begin_list(lists, "done");
    return lists;
}

static void
write_row(struct group_lists *lists, struct record *record)
{
    task_write(record, registry_now(record->registry), &lists->json);
}

/* What has ended since the beginning was pending then. */
static bool
was_pending(const struct group_lists *lists, const struct record *record)
{
    return !record_ended(record) || record->end_serial > lists->end_serial;
}

static bool
step_through_done(struct group_lists *lists)
{
    struct group_cursor *cursor = lists->cursor;

    for (int rows = 0; rows < TASK_ROWS_A_SLICE; rows++) {
        if (cursor->next == NULL || cursor->next->end_serial > lists->end_serial)
            return true;
        write_row(lists, cursor->next);
        group_cursor_step(lists->group, cursor);
    }
    return false;
}

static bool
step_through_pending(struct group_lists *lists)
{
    int rows = 0;

    for (int steps = 0; steps < WALK_STEPS_A_SLICE && rows < TASK_ROWS_A_SLICE;
         steps++) {
        struct record *record = walk_step(&lists->walk);

        if (record == NULL)
            return true;
        if (!was_pending(lists, record))
            continue;
        write_row(lists, record);
        rows++;
    }
    return false;
}

/* Before the walk goes on, whoever has ended since is told here, or was by the walk. */
static void
step_through_missed(struct group_lists *lists)
{
    struct group_cursor *cursor = lists->cursor;

    for (int rows = 0; rows < TASK_ROWS_A_SLICE && cursor->next; rows++) {
        lists->end_serial = cursor->next->end_serial;
        if (walk_is_before(&lists->walk, cursor->next))
            write_row(lists, cursor->next);
        group_cursor_step(lists->group, cursor);
    }
    lists->walk.missed = cursor->next != NULL;
}

bool
group_lists_step(struct group_lists *lists)
{
    if (lists->done_told && lists->walk.missed) {
        step_through_missed(lists);
        return false;
    }
    if (lists->done_told)
        return step_through_pending(lists);
    lists->done_told = step_through_done(lists);
    if (lists->done_told) {
        json_end_array(&lists->json);
        begin_list(lists, "pending");
    }
    return false;
}

struct text
group_lists_take(struct group_lists *lists, bool timed_out)
{
    json_end_array(&lists->json);
    json_member_flag(&lists->json, "timed_out", timed_out);
    json_end_object(&lists->json);
    text_string(&lists->body, "\n");
    struct text body = lists->body;

    lists->body = (struct text){0};
    return body;
}

void
group_lists_close(struct group_lists *lists)
{
    if (lists == NULL)
        return;
    struct registry *registry = lists->group->registry;

    walk_end(&lists->walk);
    memory_give(registry->peers, lists->weight);
    text_free(&lists->body);
    free(lists);
}

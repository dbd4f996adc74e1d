#include "api/group_lists.h"

#include "api/task_json.h"
#include "async/memory.h"
#include "async/walk.h"

#include <stdlib.h>

enum { ROWS_A_SLICE = 8, LOOKS_A_SLICE = 256 };

struct group_lists {
    struct group *group;
    struct group_cursor cursor; /* through what is done */
    struct walk walk;           /* through the members, for what is pending */
    uint64_t end_serial;        /* of the last that was done at the beginning */
    size_t weight;              /* bytes that are counted for it */
    struct text done, pending;
    struct json_writer done_json, pending_json;
};

struct group_lists *
group_lists_open(struct group *group)
{
    struct group_lists *lists = calloc(1, sizeof *lists);

    if (lists == NULL)
        return NULL;
    lists->group = group;
    lists->end_serial = group->end_serial;
    lists->weight = group->count * TASK_JSON_MEMORY;
    lists->done_json = json_writer(&lists->done);
    lists->pending_json = json_writer(&lists->pending);
    memory_take(group->registry->peers, lists->weight);
    group_cursor_open(group, &lists->cursor);
    walk_begin(&lists->walk, group->registry, group);
    return lists;
}

static void
write_row(struct record *record, struct json_writer *json)
{
    task_write(record, registry_now(record->registry), json);
}

/* What has ended since the beginning was pending then. */
static bool
was_pending(const struct group_lists *lists, const struct record *record)
{
    return !record_ended(record) || record->end_serial > lists->end_serial;
}

bool
group_lists_step(struct group_lists *lists)
{
    struct group_cursor *cursor = &lists->cursor;
    struct record *record;
    int rows = 0;

    for (int looks = 0; looks < LOOKS_A_SLICE && rows < ROWS_A_SLICE; looks++) {
        record = walk_step(&lists->walk);
        if (record == NULL)
            break;
        if (was_pending(lists, record)) {
            write_row(record, &lists->pending_json);
            rows++;
        }
    }
    while (rows < ROWS_A_SLICE && cursor->next
           && cursor->next->end_serial <= lists->end_serial) {
        write_row(cursor->next, &lists->done_json);
        group_cursor_step(lists->group, cursor);
        rows++;
    }
    return lists->walk.next == NULL
           && (cursor->next == NULL || cursor->next->end_serial > lists->end_serial);
}

static void
write_list(const char *key, const struct text *rows, struct json_writer *json)
{
    json_key(json, key);
    json_begin_array(json);
    text_append(json->out, rows->bytes, rows->size);
    json_end_array(json);
    json->out->failed = json->out->failed || rows->failed;
}

void
group_lists_write(struct group_lists *lists, struct json_writer *json)
{
    write_list("done", &lists->done, json);
    write_list("pending", &lists->pending, json);
}

void
group_lists_close(struct group_lists *lists)
{
    if (lists == NULL)
        return;
    struct registry *registry = lists->group->registry;

    walk_end(&lists->walk);
    group_cursor_close(lists->group, &lists->cursor);
    memory_give(registry->peers, lists->weight);
    text_free(&lists->done);
    text_free(&lists->pending);
    free(lists);
}

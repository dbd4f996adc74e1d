#include "api/tasks_page.h"

#include "api/task_json.h"
#include "async/memory.h"
#include "async/walk.h"
#include "http/survey.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A place in the list of all workers: by time, then by creation in one worker. */
struct place {
    int64_t listed_ns;
    uint64_t serial;
    size_t worker;
};

struct question {
    struct tasks_in in;
    struct place after; /* zeroed: from the beginning */
    int64_t asked_ns;   /* what is listed later is not of this page */
};

struct row {
    struct place place;
    size_t at, size; /* of its JSON, in the texts */
};

struct portion {
    struct walk walk;
    size_t total;  /* that match */
    size_t behind; /* of these, behind the cursor */
    size_t count;  /* of these, in `rows`: the first ones, up to the limit */
    struct row *rows;
    struct text texts;
};

static int
compare(const struct place *a, const struct place *b)
{
    if (a->listed_ns != b->listed_ns)
        return a->listed_ns < b->listed_ns ? -1 : 1;
    if (a->serial != b->serial)
        return a->serial < b->serial ? -1 : 1;
    return a->worker < b->worker ? -1 : a->worker > b->worker;
}

/* ---- the cursor --------------------------------------------------------------------
 */

static void
print_cursor(const struct place *place, char out[NAME_MAX_BYTES + 1])
{
    snprintf(out, NAME_MAX_BYTES + 1, "%" PRId64 ".%" PRIu64 ".%zu", place->listed_ns,
             place->serial, place->worker);
}

static enum error
read_cursor(const struct value_name *cursor, struct place *out, struct problem *problem)
{
    char again[NAME_MAX_BYTES + 1];
    /* What is out of range prints otherwise. NOLINTNEXTLINE(cert-err34-c) */
    int fields = sscanf(cursor->bytes, "%" SCNd64 ".%" SCNu64 ".%zu", &out->listed_ns,
                        &out->serial, &out->worker);

    if (fields == 3) {
        print_cursor(out, again);
        if (strcmp(again, cursor->bytes) == 0)
            return OK;
    }
    problem_set(problem, ERROR_INVALID_PARAMETER, "cursor=%s is not the next of a page",
                cursor->bytes);
    problem_param(problem, "cursor", strlen("cursor"));
    problem_value(problem, cursor->bytes, strlen(cursor->bytes));
    return ERROR_INVALID_PARAMETER;
}

/* ---- a worker's rows ---------------------------------------------------------------
 */

static bool
matches(const struct record *record, const struct tasks_in *in)
{
    if (in->state.given && !(in->state.set & 1u << record->state))
        return false;
    if (in->kind.given && in->kind.index != (int)record->kind)
        return false;
    if (in->group.given
        && (!record->group || strcmp(record->group->name, in->group.bytes) != 0))
        return false;
    return !in->label.given
           || (record->label && strcmp(record->label, in->label.bytes) == 0);
}

static void
add_row(struct portion *portion, struct record *record, const struct place *place)
{
    struct json_writer json = json_writer(&portion->texts);
    struct row *row = &portion->rows[portion->count++];

    row->place = *place;
    row->at = portion->texts.size;
    task_write(record, registry_now(record->registry), &json);
    row->size = portion->texts.size - row->at;
}

static void
begin(struct portion *portion, struct registry *registry, size_t limit)
{
    walk_begin(&portion->walk, registry, NULL);
    portion->rows = calloc(limit, sizeof *portion->rows);
    portion->texts.failed = portion->rows == NULL;
}

static void
look_at(struct portion *portion, struct record *record, const struct question *question)
{
    struct place place = {record->listed_ns, record->serial, record->registry->worker};

    if (!matches(record, &question->in))
        return;
    portion->total++;
    if (compare(&place, &question->after) <= 0 || place.listed_ns > question->asked_ns)
        return;
    portion->behind++;
    if (portion->rows && portion->count < (size_t)question->in.limit.value)
        add_row(portion, record, &place);
}

static bool
take(struct server *server, const void *raw, void *out)
{
    const struct question *question = raw;
    struct portion *portion = out;
    struct record *record = NULL;

    if (!portion->walk.begun)
        begin(portion, server_registry(server), (size_t)question->in.limit.value);
    size_t rows = portion->count + TASK_ROWS_A_SLICE;
    for (size_t steps = 0; steps < WALK_STEPS_A_SLICE && portion->count < rows;
         steps++) {
        record = walk_step(&portion->walk);
        if (record == NULL)
            break;
        look_at(portion, record, question);
    }
    if (record)
        return false;
    walk_end(&portion->walk);
    return true;
}

static void
free_portion(void *raw)
{
    struct portion *portion = raw;

    walk_end(&portion->walk);
    free(portion->rows);
    text_free(&portion->texts);
}

/* ---- the page ----------------------------------------------------------------------
 */

/* The portion whose next row comes first; NULL: there is none. */
static struct portion *
first_of(void **portions, const size_t *taken, size_t count, size_t *index)
{
    struct portion *first = NULL;

    for (size_t i = 0; i < count; i++) {
        struct portion *portion = portions[i];

        if (taken[i] == portion->count)
            continue;
        if (first
            && compare(&portion->rows[taken[i]].place,
                       &first->rows[taken[*index]].place)
                   > 0)
            continue;
        first = portion;
        *index = i;
    }
    return first;
}

/* Merges them; returns how many were written, and the place of the last. */
static size_t
write_rows(void **portions, size_t count, size_t limit, struct json_writer *json,
           struct place *last)
{
    size_t taken[PEERS_MOST] = {0};
    size_t written = 0, index = 0;
    struct portion *portion;

    json_key(json, "tasks");
    text_string(json->out, "[");
    while (written < limit
           && (portion = first_of(portions, taken, count, &index)) != NULL) {
        const struct row *row = &portion->rows[taken[index]++];

        text_string(json->out, written++ ? "," : "");
        text_append(json->out, portion->texts.bytes + row->at, row->size);
        *last = row->place;
    }
    text_string(json->out, "]");
    json->comma = true;
    return written;
}

static struct portion
sum_of(void **portions, size_t count)
{
    struct portion sum = {0};

    for (size_t i = 0; i < count; i++) {
        const struct portion *portion = portions[i];

        sum.total += portion->total;
        sum.behind += portion->behind;
        sum.texts.failed = sum.texts.failed || portion->texts.failed;
    }
    return sum;
}

static void
reply_page(struct exchange *exchange, const void *raw, void **portions, size_t count)
{
    const struct question *question = raw;
    struct portion sum = sum_of(portions, count);
    struct reply reply = {.status = 200};
    struct text body = {.failed = sum.texts.failed};
    struct json_writer json = json_writer(&body);
    struct place last = {0};
    char cursor[NAME_MAX_BYTES + 1];

    json_begin_object(&json);
    size_t written =
        write_rows(portions, count, (size_t)question->in.limit.value, &json, &last);
    print_cursor(&last, cursor);
    json_member_integer(&json, "total", (int64_t)sum.total);
    json_member_string(&json, "next", sum.behind > written ? cursor : NULL);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
}

/* As many rows as there may be, in their portions and in the page. */
static size_t
weigh(struct exchange *exchange, const void *raw)
{
    const struct question *question = raw;
    const struct peers *peers = exchange_registry(exchange)->peers;
    size_t limit = (size_t)question->in.limit.value;
    size_t held = quota_used(&peers->tasks) + quota_used(&peers->finished)
                  + quota_used(&peers->connections);

    return (held < limit ? held : limit) * 2 * TASK_JSON_MEMORY;
}

static const struct survey_class page = {
    .size = sizeof(struct portion),
    .weigh = weigh,
    .take = take,
    .free = free_portion,
    .reply = reply_page,
};

enum error
tasks_page_begin(struct exchange *exchange, const struct tasks_in *in,
                 struct problem *problem)
{
    struct question question = {.in = *in,
                                .asked_ns = registry_now(exchange_registry(exchange))};
    enum error error =
        in->cursor.given ? read_cursor(&in->cursor, &question.after, problem) : OK;

    return error ? error : survey_begin(exchange, &page, &question, sizeof question);
}

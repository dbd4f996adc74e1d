#include "api/wait_n_json.h"

#include "api/task_problem.h"

void
delay_spec_write_seed(const struct delay_spec *spec, struct json_writer *json)
{
    if (spec->seeded)
        json_member_integer(json, "seed", (int64_t)spec->seed);
}

void
wait_row_write(const struct wait_row *row, struct json_writer *json)
{
    struct problem problem;

    json_begin_object(json);
    json_member_integer(json, "rank", (int64_t)row->rank);
    json_member_integer(json, "index", (int64_t)row->index);
    json_member_double(json, "delay", row->delay);
    if (row->elapsed_ns >= 0)
        json_member_seconds(json, "elapsed", row->elapsed_ns);
    if (row->status) {
        json_member_string(json, "state", record_state_words[STATE_FAILED]);
        json_key(json, "error");
        task_failure(row->status, row->retry_after, &problem);
        problem_write(&problem, json);
    }
    json_end_object(json);
}

void
wait_n_write_head(const struct wait_n *wait_n, struct json_writer *json)
{
    json_member_integer(json, "n", (int64_t)wait_n->n);
    delay_spec_write_seed(&wait_n->spec, json);
}

void
wait_n_write_counts(const struct wait_n *wait_n, struct json_writer *json)
{
    const struct record *record = &wait_n->record;

    json_member_integer(json, "done", (int64_t)wait_n_done(wait_n));
    json_member_integer(json, "failed", (int64_t)wait_n->failed);
    json_member_integer(json, "cancelled", (int64_t)wait_n_cancelled(wait_n));
    if (!wait_n->dry)
        json_member_seconds(json, "elapsed", record->finished_ns - record->created_ns);
}

void
wait_n_write_tail(const struct wait_n *wait_n, struct json_writer *json)
{
    const struct record *record = &wait_n->record;
    struct problem problem = {0};

    wait_n_write_counts(wait_n, json);
    if (record->state == STATE_DONE)
        return;
    task_problem(record, true, &problem);
    json_key(json, "error");
    problem_write(&problem, json);
}

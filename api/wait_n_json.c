#include "api/wait_n_json.h"

#include "api/task_problem.h"

void
delay_spec_write_seed(const struct delay_spec *spec, struct json_writer *json)
{
    if (spec->seeded)
        json_member_integer(json, "seed", (int64_t)spec->seed);
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

    json_member_integer(json, "done", (int64_t)wait_n->done);
    json_member_integer(json, "failed", 0);
    json_member_integer(json, "cancelled", (int64_t)wait_n_cancelled(wait_n));
    json_member_seconds(json, "elapsed", record->finished_ns - record->created_ns);
}

void
wait_n_write_tail(const struct wait_n *wait_n, struct json_writer *json)
{
    const struct record *record = &wait_n->record;
    struct problem problem = {0};

    wait_n_write_counts(wait_n, json);
    if (record->state != STATE_CANCELLED)
        return;
    task_problem(record, true, &problem);
    json_key(json, "error");
    problem_write(&problem, json);
}

#include "api/task_json.h"

#include "api/measure_json.h"
#include "api/object_json.h"
#include "api/task_problem.h"
#include "api/wait_n_json.h"
#include "async/group.h"
#include "async/measure.h"
#include "async/wait.h"
#include "async/wait_n.h"
#include "base/rfc3339.h"

static void
member_time(struct json_writer *json, const char *key, const struct record *record,
            int64_t at_ns)
{
    char text[RFC3339_SIZE];

    rfc3339_print(record->created_wall_ns + (at_ns - record->created_ns), text);
    json_member_string(json, key, text);
}

static void
member_time_or_null(struct json_writer *json, const char *key,
                    const struct record *record, bool known, int64_t at_ns)
{
    if (known)
        member_time(json, key, record, at_ns);
    else
        json_member_null(json, key);
}

/* Whether it waits at an object, and for how long at most. */
static bool
gives_up(struct record *record)
{
    return waiter_of(record) && !record_ended(record) && timer_runs(&record->timeout);
}

static void
write_remaining(struct record *record, int64_t now_ns, struct json_writer *json)
{
    const struct wait *wait = wait_of(record);
    int64_t left_ns = gives_up(record) ? record->timeout.deadline_ns - now_ns : 0;

    if (wait && !wait_is_gated(wait))
        json_member_double(json, "remaining", wait_remaining(wait, now_ns));
    else if (record_ended(record) || gives_up(record))
        json_member_seconds(json, "remaining", left_ns > 0 ? left_ns : 0);
    else
        json_member_null(json, "remaining");
}

/* Of what waits at an object the deadline is when it gives up. */
static void
write_times(struct record *record, int64_t now_ns, struct json_writer *json)
{
    const struct wait *wait = wait_of(record);
    bool timed = wait && !wait_is_gated(wait);

    if (timed)
        json_member_double(json, "delay", wait->delay);
    else
        json_member_null(json, "delay");
    write_remaining(record, now_ns, json);
    member_time(json, "created_at", record, record->created_ns);
    if (gives_up(record))
        member_time(json, "deadline", record, record->timeout.deadline_ns);
    else
        member_time_or_null(json, "deadline", record,
                            timed && record->state != STATE_QUEUED,
                            timed ? wait->deadline_ns : 0);
    member_time_or_null(json, "finished_at", record, record_ended(record),
                        record->finished_ns);
}

static void
write_outcome(struct record *record, struct json_writer *json)
{
    json_key(json, "result");
    if (record->state == STATE_DONE)
        task_write_result(record, json);
    else
        json_write_null(json);
    json_key(json, "error");
    if (record->state == STATE_FAILED) {
        struct problem problem;

        task_problem(record, false, &problem);
        problem_write(&problem, json);
    } else
        json_write_null(json);
    json_member_string(json, "cancel_reason",
                       record->reason ? cancel_reason_words[record->reason] : NULL);
}

static void
write_progress(struct record *record, struct json_writer *json)
{
    const struct wait_n *wait_n = wait_n_of(record);
    const struct measure *measure = measure_of(record);
    const struct waiter *waiter = waiter_of(record);
    const struct wait *wait = wait_of(record);

    if (wait && wait->options && wait->options->event[0])
        json_member_string(json, "event", wait->options->event);
    if (wait && wait->options && wait->options->abort)
        json_member_string(json, "abort", wait->options->abort);
    if (waiter)
        json_member_string(json, "object", waiter->object->name);
    if (waiter && record->kind == KIND_SEMAPHORE)
        json_member_flag(json, "holding", waiter->place == WAITER_HOLDING);
    if (wait_n) {
        json_member_integer(json, "n", (int64_t)wait_n->n);
        json_member_integer(json, "done", (int64_t)wait_n_done(wait_n));
    }
    if (measure) {
        json_member_integer(json, "n", (int64_t)measure->n);
        json_member_integer(json, "done", (int64_t)measure_done(measure));
    }
}

/* What a journal tells of a request: how long, and how much of the answer was sent. */
static void
write_journal(struct record *record, struct json_writer *json)
{
    if (record->kind == KIND_TASK || !record_ended(record))
        return;
    json_member_seconds(json, "waited", record->finished_ns - record->created_ns);
    json_member_integer(json, "bytes_sent", record->bytes_sent);
}

void
task_write(struct record *record, int64_t now_ns, struct json_writer *json)
{
    json_begin_object(json);
    json_member_string(json, "id", record->id);
    json_member_string(json, "kind", record_kind_words[record->kind]);
    json_member_string(json, "state", record_state_words[record->state]);
    json_member_string(json, "label", record->label);
    json_member_string(json, "group", record->group ? record->group->name : NULL);
    write_progress(record, json);
    write_times(record, now_ns, json);
    write_outcome(record, json);
    write_journal(record, json);
    json_end_object(json);
}

void
task_write_result(struct record *record, struct json_writer *json)
{
    const struct wait *wait = wait_of(record);
    struct wait_n *wait_n = wait_n_of(record);
    const struct waiter *waiter = waiter_of(record);

    json_begin_object(json);
    if (wait) {
        json_member_double(json, "delay", wait->delay);
        json_member_seconds(json, "elapsed", record->finished_ns - record->created_ns);
    } else if (wait_n) {
        wait_n_write_head(wait_n, json);
        wait_n_write_tail(wait_n, json);
    } else if (waiter)
        waiter_write(waiter, json);
    else
        measure_write(measure_of(record), json);
    json_end_object(json);
}

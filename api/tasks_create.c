/* POST /tasks: a task, or a group of n: task_wait_random and task_wait_n. */
#include "api/app.h"
#include "api/ends.h"
#include "api/fault.h"
#include "api/group_reply.h"
#include "api/task_reply.h"
#include "async/launch.h"

struct create_in {
    struct draw_in draw;
    struct fault_in fault;
    struct value_integer n;
    struct value_integer limit;
    struct ends_in ends;
    struct value_name group;
};

static const char *const event_excludes[] = {"n", NULL};

/* clang-format off */
static const struct field fields[] = {
    DRAW_FIELDS(struct create_in),
    EVENT_FIELD(struct create_in, event_excludes),
    FAULT_FIELDS(struct create_in),
    FIELD(struct create_in, n, FIELD_INTEGER, .min = 1, .max_limit = LIMIT_MAX_N,
          .example = "5", .text = "So many tasks at once, as a group."),
    FIELD(struct create_in, limit, FIELD_INTEGER, .min = 1, .max_limit = LIMIT_MAX_N,
          .needs = ends_needs_n, .example = "2",
          .text = "At most so many pending at once, the rest are queued."),
    ENDS_FIELDS(struct create_in),
    FIELD(struct create_in, group, FIELD_NAME, .example = "g",
          .text = "Name of the group to join or make; with n the server names it where "
                  "you do not."),
    LOAD_FIELD(struct create_in),
    DRAW_PROFILE_FIELD(struct create_in),
    DRAW_MODEL_FIELDS(struct create_in),
};
/* clang-format on */

static enum error
create_group(struct exchange *exchange, const struct create_in *in,
             struct delay_spec *spec, const struct fault_spec *faults)
{
    delay_spec_seed(spec, faults->drawn, &exchange_registry(exchange)->fastrand);
    struct launch_plan plan = {
        .group_name = in->group.given ? in->group.bytes : NULL,
        .label = draw_label(&in->draw),
        .spec = *spec,
        .faults = *faults,
        .ending = ends_ending(&in->ends),
        .load_factor = in->draw.load_factor.seconds,
        .timeout_ns = draw_timeout_ns(&in->draw.timeout),
        .n = (size_t)in->n.value,
        .limit = in->limit.given ? (size_t)in->limit.value : 0,
        .start_ns = exchange_received_ns(exchange),
    };

    return group_reply_create(exchange, &plan);
}

static enum error
create_one(struct exchange *exchange, const struct create_in *in,
           const struct delay_spec *spec, const struct fault_spec *faults)
{
    struct registry *registry = exchange_registry(exchange);
    struct wait_plan plan = {
        .kind = KIND_TASK,
        .label = draw_label(&in->draw),
        .event = draw_event(&in->draw),
        .spec = *spec,
        .faults = *faults,
        .load_factor = in->draw.load_factor.seconds,
        .timeout_ns = draw_timeout_ns(&in->draw.timeout),
        .start_ns = exchange_received_ns(exchange),
    };
    struct wait *wait;

    if (in->group.given) {
        plan.group = group_hold_named(registry, in->group.bytes);
        if (plan.group == NULL)
            return ERROR_OUT_OF_MEMORY;
    }
    enum error error = wait_start(registry, &plan, &wait);
    if (plan.group)
        group_release(plan.group);
    if (error)
        return error;
    task_reply_created(exchange, &wait->record);
    record_release(&wait->record);
    return OK;
}

static enum error
handle(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct create_in *in = raw;
    struct delay_spec spec;
    struct fault_spec faults;
    UNINITIALIZED struct draw_room room;
    enum error error = fault_draw_specs(exchange, &in->draw, &in->fault, &room, &spec,
                                        &faults, problem);

    if (error)
        return error;
    if (in->n.given)
        return create_group(exchange, in, &spec, &faults);
    return create_one(exchange, in, &spec, &faults);
}

static const char *
home(const char *id, const void *raw)
{
    const struct create_in *in = raw;

    (void)id;
    return in->group.given ? in->group.bytes : NULL;
}

static const struct answer answers[] = {
    {201, FORMAT_JSON, "Without n: the Task. With n: the group, streamed.",
     "{\"group\":\"g\",\"seed\":7,\"tasks\":[\n…\n]}"},
    {0},
};

static const enum error errors[] = {ERROR_TOO_MANY_TASKS, ERROR_TOO_MANY_WAITS,
                                    ERROR_TOO_MANY_KEYS, OK};

const struct route route_tasks_create = {
    .methods = METHOD_POST,
    .path = "/tasks",
    .text = "Starts a task, or n of them; they outlive the request.",
    .more =
        "It is `task_wait_random(max_delay)`, with n `task_wait_n(n, max_delay)`: "
        "scheduled at once. Location names the task or the group. When return_when is "
        "met the rest of these n (of nothing else in the group) is cancelled: with "
        "tasks as `tasks`, `return_when=first` is `done, pending = await "
        "asyncio.wait(tasks, return_when=FIRST_COMPLETED)` and `t.cancel()` for each "
        "`t` in `pending`, `first_error` the same with FIRST_EXCEPTION; "
        "`losers=keep` is without the `cancel()`, for whoever asks `GET "
        "/tasks?group=g&return_when=first`. `on_error=cancel` is `async with "
        "asyncio.TaskGroup()`, `collect` is `asyncio.gather(*tasks, "
        "return_exceptions=True)`. A member that somebody cancels counts as ended for "
        "first and K, and is no error; one that its timeout ends counts for none. K "
        "above n is all.",
    .in = SHAPE(struct create_in, fields),
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "--json '{\"max_delay\":10}' localhost:8080/tasks",
    .home = home,
    .handle = handle,
};

#include "async/wait.h"

#include "async/launch.h"
#include "base/alloc.h"
#include "base/number.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct timers *
timers_of(const struct wait *wait, struct registry *registry)
{
    return wait->launch ? &wait->launch->timers : &registry->timers;
}

static void
disarm(struct wait *wait)
{
    timers_stop(timers_of(wait, wait->record.registry), &wait->timer);
}

/* Cannot fail: every wait has its place in the timers from its opening on; a queued or
 * gated one stands at the end of time. */
static void
arm(struct wait *wait)
{
    bool open_ended = wait->record.state == STATE_QUEUED || wait_is_gated(wait);
    enum error error =
        timers_start(timers_of(wait, wait->record.registry), &wait->timer, TIMER_RESULT,
                     open_ended ? INT64_MAX : wait->deadline_ns);

    assert(error == OK);
    (void)error;
    if (wait->launch)
        launch_retime(wait->launch);
}

/* Tells the launch that it ends, with room for the next one from that time on. */
static void
leave_launch(struct wait *wait, enum record_state end, int64_t at_ns)
{
    struct launch *launch = wait->launch;
    bool made_room = wait->record.state != STATE_QUEUED && !wait->record.outside;

    wait->launch = NULL;
    if (launch)
        launch_left(launch, &wait->record, end, made_room, at_ns);
}

/* Too late where its launch is over: the walk that cancels the rest has only not come
 * to it. */
static bool
is_cancelled(const struct wait *wait)
{
    return wait->launch && wait->launch->cancels;
}

/* It is in flight no more: before it is answered, so that whoever asks again finds his
 * place free. */
static void
leave_key(struct wait *wait, int64_t now_ns)
{
    struct wait_options *options = wait->options;

    if (options == NULL || options->place == NULL)
        return;
    tries_leave(&wait->record.registry->peers->tries, options->place, now_ns);
    options->place = NULL;
}

static bool
is_failure(const struct wait *wait)
{
    return wait->record.status >= FAILED_STATUS
           || (wait->options && wait->options->abort);
}

static void
on_deadline(struct timer *timer, int64_t now_ns)
{
    struct wait *wait = CONTAINER_OF(timer, struct wait, timer);
    struct record *record = &wait->record;
    enum record_state end = is_failure(wait) ? STATE_FAILED : STATE_DONE;

    if (is_cancelled(wait)) {
        launch_cancel(wait->launch, record, now_ns);
        return;
    }
    timers_count_wait(&record->registry->timers, now_ns - wait->deadline_ns);
    leave_key(wait, now_ns);
    leave_launch(wait, end, wait->deadline_ns);
    record_end(record, end, REASON_NONE, now_ns);
}

/* ---- the event it waits for --------------------------------------------------------
 */

static void
drop_gate(struct wait *wait)
{
    if (!wait_is_gated(wait))
        return;
    gate_free(wait->options->gate);
    wait->options->gate = NULL;
}

static void
put_off(struct wait *wait, int64_t deadline_ns)
{
    wait->deadline_ns = deadline_ns;
    wait->delay = ns_to_seconds(wait->deadline_ns - wait->start_ns);
}

/* It ends in the turn of its timer, though it be at once: many may hear of an event. */
static void
on_opened(void *owner, int64_t now_ns)
{
    struct wait *wait = owner;
    struct record *record = &wait->record;

    wait->options->error = wait->options->gate->error;
    drop_gate(wait);
    if (wait->options->error) {
        disarm(wait);
        record->status = (uint16_t)error_info(wait->options->error)->status;
        leave_key(wait, now_ns);
        record_end(record, STATE_FAILED, REASON_NONE, now_ns);
        return;
    }
    if (wait->deadline_ns < now_ns)
        put_off(wait, now_ns);
    arm(wait);
}

/* Where it is open at once, there is none. One that is not may be on its way to another
 * worker: what that finds is told later. */
static enum error
set_gate(struct registry *registry, struct wait *wait, const char *event)
{
    struct gate *gate = gate_new(registry, event, on_opened, wait);
    if (gate == NULL)
        return ERROR_OUT_OF_MEMORY;
    if (!gate->open) {
        wait->options->gate = gate;
        return OK;
    }
    enum error error = gate->error;
    gate_free(gate);
    return error;
}

static void
stop(struct record *record, int64_t now_ns)
{
    struct wait *wait = CONTAINER_OF(record, struct wait, record);

    disarm(wait);
    drop_gate(wait);
    leave_key(wait, now_ns);
    leave_launch(wait, STATE_CANCELLED, now_ns);
}

static void
free_wait(struct wait *wait)
{
    drop_gate(wait);
    if (wait->spec.modelled)
        model_free(wait->spec.model);
    free(wait->options);
    free(wait);
}

static void
destroy(struct record *record)
{
    free_wait(CONTAINER_OF(record, struct wait, record));
}

static double
delay_of(const struct record *record)
{
    return CONTAINER_OF(record, const struct wait, record)->delay;
}

static enum error
failure(const struct record *record)
{
    const struct wait *wait = CONTAINER_OF(record, const struct wait, record);

    return wait->options ? wait->options->error : OK;
}

static const struct record_class wait_class = {
    .stop = stop, .delay = delay_of, .failure = failure, .destroy = destroy};

/* Keeps what was asked, where there is something that may be asked for again, and goes
 * to wait for the event. */
static enum error
keep_options(struct registry *registry, struct wait *wait, const struct wait_plan *plan,
             const struct wait_part *part)
{
    const char *event = part->over ? NULL : plan->event;
    bool compared = plan->kind == KIND_TASK && !plan->group;
    bool more = plan->timeout_ns != NO_TIMEOUT || plan->load_factor > 0
                || fault_spec_given(&plan->faults);

    if (compared && plan->spec.modelled) {
        wait->spec.model = model_copy(plan->spec.model);
        if (wait->spec.model == NULL)
            return ERROR_OUT_OF_MEMORY;
    }
    if (!(compared && more) && !event && !part->place && !part->over && !part->abort)
        return OK;
    wait->options = calloc(1, sizeof *wait->options);
    if (wait->options == NULL)
        return ERROR_OUT_OF_MEMORY;
    wait->options->timeout_ns = plan->timeout_ns;
    wait->options->load_factor = plan->load_factor;
    wait->options->faults = plan->faults;
    wait->options->abort = part->abort;
    wait->options->place = part->place;
    wait->options->over = part->over;
    if (event == NULL)
        return OK;
    memcpy(wait->options->event, event, strlen(event) + 1);
    return set_gate(registry, wait, event);
}

bool
wait_is_as_asked(const struct wait *wait, const struct wait_plan *plan)
{
    static const struct wait_options none = {.timeout_ns = NO_TIMEOUT};
    const struct wait_options *options = wait->options ? wait->options : &none;

    return delay_spec_equal(&wait->spec, &plan->spec)
           && options->timeout_ns == plan->timeout_ns
           && options->load_factor == plan->load_factor
           && fault_spec_equal(&options->faults, &plan->faults)
           && strcmp(options->event, plan->event ? plan->event : "") == 0;
}

static enum error
open_wait(struct registry *registry, const struct wait_plan *plan,
          const struct wait_part *part, struct wait **out)
{
    struct wait *wait = alloc_zeroed(sizeof *wait);
    if (wait == NULL)
        return ERROR_OUT_OF_MEMORY;
    wait->timer.fire = on_deadline;
    wait->record.status = part->status;
    wait->record.retry_after = part->retry_after;
    wait->spec = delay_spec_told(&plan->spec);
    wait->delay = part->delay;
    wait->start_ns = plan->start_ns;
    wait->deadline_ns = plan->start_ns + delay_to_ns(part->delay);
    wait->launch = part->launch;

    struct record_plan head = {
        .kind = plan->kind,
        .id = plan->id,
        .label = plan->label,
        .group = plan->group,
        .waits = 1,
        .timeout_ns = plan->timeout_ns,
        .created_ns = plan->start_ns,
    };
    enum error error = keep_options(registry, wait, plan, part);
    if (!error)
        error = timers_start(timers_of(wait, registry), &wait->timer, TIMER_RESULT,
                             wait_is_gated(wait) ? INT64_MAX : wait->deadline_ns);
    if (!error)
        error = record_open(registry, &wait->record, &wait_class, &head);
    if (error) {
        timers_stop(timers_of(wait, registry), &wait->timer);
        free_wait(wait);
        return error;
    }
    *out = wait;
    return OK;
}

/* What is drawn of it, and its place among those in flight. */
static enum error
draw(struct registry *registry, const struct wait_plan *plan, double load,
     struct wait_part *part)
{
    const struct fault_spec *faults = &plan->faults;

    if (faults->most > 0) {
        enum error error = registry_enter_key(registry, faults->key, faults->most,
                                              plan->start_ns, &part->place);
        if (error)
            return error;
        part->over = part->place == NULL;
    }
    if (part->over) {
        part->status = faults->over;
        return OK;
    }
    part->delay = delay_draw(&plan->spec, &registry->fastrand) + load;
    enum error error =
        fault_draw(registry, faults, &plan->spec, plan->start_ns, &part->status);
    if (error && part->place)
        tries_leave(&registry->peers->tries, part->place, plan->start_ns);
    if (faults->fail_status == 0 || part->status >= FAILED_STATUS)
        part->abort = plan->abort;
    return error;
}

static void
undo_draw(struct registry *registry, const struct wait_plan *plan,
          const struct wait_part *part)
{
    if (!part->over)
        fault_undo(registry, &plan->faults, 1);
    if (part->place)
        tries_leave(&registry->peers->tries, part->place, plan->start_ns);
}

enum error
wait_start(struct registry *registry, const struct wait_plan *plan, struct wait **out)
{
    double load = registry_load(registry, plan->load_factor);
    enum error error = registry_reserve(registry, plan->kind == KIND_TASK, 1);
    if (error)
        return error;
    struct wait_part part = {.retry_after = plan->faults.retry_after};
    error = draw(registry, plan, load, &part);
    if (!error) {
        error = open_wait(registry, plan, &part, out);
        if (error)
            undo_draw(registry, plan, &part);
    }
    if (error)
        registry_unreserve(registry, plan->kind == KIND_TASK, 1);
    return error;
}

enum error
wait_join(struct registry *registry, const struct wait_plan *plan,
          const struct wait_part *part, struct wait **out)
{
    enum error error = open_wait(registry, plan, part, out);
    if (error)
        return error;
    struct wait *wait = *out;

    if (part->queued) {
        record_become(&wait->record, STATE_QUEUED);
        arm(wait);
    }
    return OK;
}

void
wait_settle(struct wait *wait, int64_t now_ns)
{
    if (wait->record.state != STATE_PENDING || wait->deadline_ns > now_ns
        || wait_is_gated(wait))
        return;
    disarm(wait);
    on_deadline(&wait->timer, now_ns);
}

struct wait *
wait_of(struct record *record)
{
    return record->class == &wait_class ? CONTAINER_OF(record, struct wait, record)
                                        : NULL;
}

void
wait_dequeue(struct wait *wait, int64_t start_ns)
{
    record_become(&wait->record, STATE_PENDING);
    wait->start_ns = start_ns;
    wait->deadline_ns = start_ns + delay_to_ns(wait->delay);
    arm(wait);
}

void
wait_move(struct wait *wait, int64_t deadline_ns, int64_t now_ns)
{
    if (wait->record.state == STATE_QUEUED) {
        record_become(&wait->record, STATE_PENDING);
        wait->start_ns = now_ns;
        wait->record.outside = true;
    }
    drop_gate(wait);
    put_off(wait, deadline_ns > now_ns ? deadline_ns : now_ns);
    arm(wait);
    record_progress(&wait->record, now_ns); /* what comes on the way comes sooner */
}

void
wait_extend(struct wait *wait, int64_t by_ns, int64_t now_ns)
{
    int64_t end_ns = wait->start_ns + delay_to_ns(wait->delay);

    if (wait_is_gated(wait) && end_ns < now_ns)
        end_ns = now_ns;
    put_off(wait, end_ns + by_ns);
    if (wait->record.state != STATE_QUEUED)
        arm(wait);
}

double
wait_remaining(const struct wait *wait, int64_t now_ns)
{
    if (record_ended(&wait->record))
        return 0;
    if (wait->record.state == STATE_QUEUED)
        return wait->delay;
    return wait->deadline_ns > now_ns ? ns_to_seconds(wait->deadline_ns - now_ns) : 0;
}

#include "async/wait.h"

#include "async/launch.h"
#include "base/number.h"

#include <assert.h>
#include <stdlib.h>

/* Cannot fail: every wait has its place in the timers from its opening on; a queued one
 * stands at the end of time. */
static void
arm(struct wait *wait)
{
    bool queued = wait->record.state == STATE_QUEUED;
    enum error error =
        timers_start(&wait->record.registry->timers, &wait->timer, TIMER_RESULT,
                     queued ? INT64_MAX : wait->deadline_ns);

    assert(error == OK);
    (void)error;
}

/* Tells the launch that there is room for the next one from that time on. */
static void
leave_launch(struct wait *wait, bool ran, int64_t at_ns)
{
    struct launch *launch = wait->launch;

    wait->launch = NULL;
    if (launch)
        launch_left(launch, ran, at_ns);
}

static void
on_deadline(struct timer *timer, int64_t now_ns)
{
    struct wait *wait = CONTAINER_OF(timer, struct wait, timer);

    record_hold(&wait->record);
    histogram_add(&wait->record.registry->timers.lateness, now_ns - wait->deadline_ns);
    record_end(&wait->record, STATE_DONE, REASON_NONE, now_ns);
    leave_launch(wait, true, wait->deadline_ns);
    record_release(&wait->record);
}

static void
stop(struct record *record, int64_t now_ns)
{
    struct wait *wait = CONTAINER_OF(record, struct wait, record);

    timers_stop(&record->registry->timers, &wait->timer);
    leave_launch(wait, record->state != STATE_QUEUED, now_ns);
}

static void
destroy(struct record *record)
{
    free(CONTAINER_OF(record, struct wait, record));
}

static double
delay_of(const struct record *record)
{
    return CONTAINER_OF(record, const struct wait, record)->delay;
}

static const struct record_class wait_class = {
    .stop = stop, .delay = delay_of, .destroy = destroy};

static enum error
open_wait(struct registry *registry, const struct wait_plan *plan, double delay,
          struct wait **out)
{
    struct wait *wait = calloc(1, sizeof *wait);
    if (wait == NULL)
        return ERROR_OUT_OF_MEMORY;
    wait->timer.fire = on_deadline;
    wait->spec = plan->spec;
    wait->timeout_ns = plan->timeout_ns;
    wait->delay = delay;
    wait->start_ns = plan->start_ns;
    wait->deadline_ns = plan->start_ns + delay_to_ns(delay);

    struct record_plan head = {
        .kind = plan->kind,
        .id = plan->id,
        .label = plan->label,
        .group = plan->group,
        .waits = 1,
        .timeout_ns = plan->timeout_ns,
        .created_ns = plan->start_ns,
    };
    enum error error =
        timers_start(&registry->timers, &wait->timer, TIMER_RESULT, wait->deadline_ns);
    if (!error)
        error = record_open(registry, &wait->record, &wait_class, &head);
    if (error) {
        timers_stop(&registry->timers, &wait->timer);
        free(wait);
        return error;
    }
    *out = wait;
    return OK;
}

enum error
wait_start(struct registry *registry, const struct wait_plan *plan, struct wait **out)
{
    enum error error = registry_reserve(registry, plan->kind == KIND_TASK, 1);
    if (error)
        return error;
    double delay = delay_draw(&plan->spec, &registry->fastrand);
    error = open_wait(registry, plan, delay, out);
    if (error)
        registry_unreserve(registry, plan->kind == KIND_TASK, 1);
    return error;
}

enum error
wait_join(struct launch *launch, const struct wait_plan *plan,
          struct registry *registry, double delay, bool queued, struct wait **out)
{
    enum error error = open_wait(registry, plan, delay, out);
    if (error)
        return error;
    struct wait *wait = *out;

    wait->launch = launch;
    if (queued) {
        wait->record.state = STATE_QUEUED;
        arm(wait);
    }
    return OK;
}

void
wait_settle(struct wait *wait, int64_t now_ns)
{
    if (wait->record.state != STATE_PENDING || wait->deadline_ns > now_ns)
        return;
    timers_stop(&wait->record.registry->timers, &wait->timer);
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
    wait->record.state = STATE_PENDING;
    wait->start_ns = start_ns;
    wait->deadline_ns = start_ns + delay_to_ns(wait->delay);
    arm(wait);
}

void
wait_move(struct wait *wait, int64_t deadline_ns, int64_t now_ns)
{
    if (wait->record.state == STATE_QUEUED) {
        wait->record.state = STATE_PENDING;
        wait->start_ns = now_ns;
        leave_launch(wait, false, now_ns);
    }
    wait->deadline_ns = deadline_ns > now_ns ? deadline_ns : now_ns;
    wait->delay = ns_to_seconds(wait->deadline_ns - wait->start_ns);
    arm(wait);
}

void
wait_extend(struct wait *wait, double seconds)
{
    wait->delay += seconds;
    if (wait->record.state == STATE_QUEUED)
        return;
    wait->deadline_ns = wait->start_ns + delay_to_ns(wait->delay);
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

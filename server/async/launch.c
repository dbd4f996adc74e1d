#include "async/launch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLICE = 256, /* tasks made, or cancelled, in one turn: well below 1 ms */
    ENDED_AT_ONCE = 64,
};

bool
launch_over(const struct launch *launch)
{
    return launch->broken || launch->made == launch->plan.n;
}

static void
release_waits(struct launch *launch)
{
    if (launch->waits == NULL)
        return;
    for (size_t i = 0; i < launch->made; i++)
        record_release(&launch->waits[i]->record);
    free(launch->waits);
    launch->waits = NULL;
}

/* Whether it will start or cancel any of its waits. */
static bool
needs_waits(const struct launch *launch)
{
    const struct ending *ending = &launch->plan.ending;

    return launch->plan.limit || launch->plan.timeout_ns != NO_TIMEOUT || ending->most
           || ending->first_error || ending->cancel_on_error;
}

/* What is drawn is needed no more. */
static void
forget_draws(struct launch *launch)
{
    faults_free(launch->faults);
    delays_release(launch->delays);
    launch->faults = NULL;
    launch->delays = NULL;
}

void
launch_release(struct launch *launch)
{
    if (--launch->holders == 1 && launch->unended > 0 && !needs_waits(launch))
        release_waits(launch); /* what has ended is forgotten in its time */
    if (launch->holders > 0)
        return;
    timers_stop(&launch->registry->timers, &launch->step);
    timers_free(&launch->timers);
    release_waits(launch);
    forget_draws(launch);
    group_release(launch->group);
    free(launch->label);
    free(launch);
}

/* Gives up what could not be made; what was made runs on. */
static void
break_off(struct launch *launch)
{
    size_t rest = launch->plan.n - launch->made;

    launch->broken = true;
    launch->unended -= rest;
    launch->group->promised -= rest;
    registry_unreserve(launch->registry, rest, rest);
    if (launch->unended == 0)
        launch_release(launch);
}

static struct wait *
next_queued(struct launch *launch)
{
    while (launch->next < launch->made) {
        struct wait *wait = launch->waits[launch->next++];

        if (wait->record.state == STATE_QUEUED)
            return wait;
    }
    return NULL;
}

/* Starts the next queued one where there is room for it. */
static void
fill(struct launch *launch)
{
    bool room = launch->running < launch->plan.limit && !launch->cancels;
    struct wait *wait = room ? next_queued(launch) : NULL;

    if (wait == NULL)
        return;
    launch->running++;
    wait_dequeue(wait, launch->room_ns);
}

static void
make_one(struct launch *launch)
{
    struct wait_plan plan = {
        .kind = KIND_TASK,
        .label = launch->label,
        .group = launch->group,
        .spec = launch->plan.spec,
        .timeout_ns = NO_TIMEOUT, /* but that of the launch */
        .start_ns = launch->plan.start_ns,
    };
    size_t index = launch->made, limit = launch->plan.limit;
    uint16_t fails = faults_reach(launch->faults, index);
    struct wait_part part = {
        .launch = launch,
        .delay = delays_reach(launch->delays, index),
        .status = fails ? fails : launch->plan.faults.status,
        .retry_after = launch->plan.faults.retry_after,
        .queued = limit && index >= limit,
    };

    if (wait_join(launch->registry, &plan, &part, &launch->waits[index])) {
        break_off(launch);
        return;
    }
    launch->made++;
    launch->group->promised--;
    if (part.queued)
        fill(launch);
    else
        launch->running++;
}

/* Makes up to `count`; at the end it leaves the list of the group. */
static void
make(struct launch *launch, size_t count, int64_t now_ns)
{
    for (size_t i = 0; i < count && !launch_over(launch); i++)
        make_one(launch);
    if (launch_over(launch))
        LIST_REMOVE(launch, link);
    watches_tell(&launch->watches, now_ns);
    if (launch->broken)
        watches_tell(&launch->group->watches, now_ns);
}

/* What is to be cancelled has all been. */
static bool
is_swept(const struct launch *launch)
{
    return !launch->cancels || launch->swept == launch->made;
}

void
launch_cancel(const struct launch *launch, struct record *record, int64_t now_ns)
{
    if (record_cancel(record, launch->reason, now_ns)
        && launch->reason == REASON_TIMEOUT)
        record->registry->timers.reached++;
}

static void
sweep(struct launch *launch, int64_t now_ns)
{
    for (size_t i = 0; i < SLICE && !is_swept(launch); i++)
        launch_cancel(launch, &launch->waits[launch->swept++]->record, now_ns);
}

static void
end_making(struct launch *launch)
{
    if (!launch_over(launch))
        return;
    forget_draws(launch);
    launch_release(launch);
}

/* Makes or cancels more, or ends what is due. */
static void
do_slice(struct launch *launch, int64_t now_ns)
{
    struct timers *timers = &launch->registry->timers;

    if (!launch_over(launch)) {
        timers_yield(timers);
        make(launch, delays_slice(launch->delays, SLICE), now_ns);
        end_making(launch);
    } else if (!is_swept(launch)) {
        timers_yield(timers);
        sweep(launch, now_ns);
    } else if (timers_fire(&launch->timers, now_ns, ENDED_AT_ONCE) == ENDED_AT_ONCE)
        timers_yield(timers);
}

/* A slice takes its turn among what is due, so that it holds nobody up. Cannot fail:
 * from the beginning to the end the step has its place in the timers. */
void
launch_retime(struct launch *launch)
{
    struct timers *timers = &launch->registry->timers;
    bool busy = !launch_over(launch) || !is_swept(launch);
    int64_t next_ns = busy ? launch->step_ns : timers_next(&launch->timers);
    int64_t at_ns = timers_not_past(next_ns, launch->step_ns);

    if (launch->unended == 0)
        timers_stop(timers, &launch->step);
    else if (!timer_runs(&launch->step) || launch->step.deadline_ns != at_ns) {
        enum error error = timers_start(timers, &launch->step, TIMER_RESULT, at_ns);

        assert(error == OK);
        (void)error;
    }
}

static void
on_step(struct timer *timer, int64_t now_ns)
{
    struct launch *launch = CONTAINER_OF(timer, struct launch, step);

    launch->step_ns = now_ns;
    launch_retime(launch); /* takes its place before others may */
    launch->holders++;
    do_slice(launch, now_ns);
    launch_retime(launch);
    launch_release(launch);
}

/* Not an ending: of what has not ended, whatever that was to be. */
static void
on_timeout(struct timer *timer, int64_t now_ns)
{
    struct launch *launch = CONTAINER_OF(timer, struct launch, timeout);

    (void)now_ns;
    if (launch->cancels)
        return;
    launch->cancels = true;
    launch->reason = REASON_TIMEOUT;
}

void
launch_finish(struct launch *launch, int64_t now_ns)
{
    if (launch_over(launch))
        return;
    make(launch, launch->plan.n, now_ns);
    launch_retime(launch);
    end_making(launch);
}

static bool
start_timers(struct launch *launch)
{
    const struct launch_plan *plan = &launch->plan;

    return (plan->timeout_ns == NO_TIMEOUT
            || !timers_start(&launch->timers, &launch->timeout, TIMER_LIMIT,
                             timeout_end_ns(plan->start_ns, plan->timeout_ns)))
           && !timers_start(&launch->registry->timers, &launch->step, TIMER_RESULT,
                            plan->start_ns);
}

static enum error
allocate(struct registry *registry, const struct launch_plan *plan, struct launch **out)
{
    struct launch *launch = calloc(1, sizeof *launch);
    if (launch == NULL)
        return ERROR_OUT_OF_MEMORY;
    launch->waits = calloc(plan->n, sizeof(struct wait *));
    launch->registry = registry;
    launch->plan = *plan;
    launch->plan.spec = delay_spec_told(&plan->spec);
    launch->step_ns = plan->start_ns;
    launch->step.fire = on_step;
    launch->timeout.fire = on_timeout;
    launch->reason = REASON_CANCEL;
    launch->label = plan->label ? strdup(plan->label) : NULL;
    launch->delays = delays_draw(&plan->spec, plan->n);
    launch->group = group_hold_named(registry, plan->group_name);
    launch->unended = plan->n;
    if (!launch->waits || (plan->label && !launch->label) || !launch->delays
        || !launch->group || !start_timers(launch)) {
        timers_free(&launch->timers);
        if (launch->group)
            group_release(launch->group);
        delays_release(launch->delays);
        free(launch->waits);
        free(launch->label);
        free(launch);
        return ERROR_OUT_OF_MEMORY;
    }
    launch->plan.label = launch->label;
    launch->plan.group_name = launch->group->name;
    *out = launch;
    return OK;
}

enum error
launch_start(struct registry *registry, const struct launch_plan *plan,
             struct launch **out)
{
    double load = registry_load(registry, plan->load_factor);
    enum error error = registry_reserve(registry, plan->n, plan->n);
    if (error)
        return error;
    struct launch *launch;
    struct faults *faults = NULL;
    error = faults_draw(registry, &plan->faults, &plan->spec, plan->n, plan->start_ns,
                        &faults);
    if (!error) {
        error = allocate(registry, plan, &launch);
        if (error)
            fault_undo(registry, &plan->faults, plan->n);
    }
    if (error) {
        faults_free(faults);
        registry_unreserve(registry, plan->n, plan->n);
        return error;
    }
    delays_load(launch->delays, load);
    launch->faults = faults;
    launch->holders = 3; /* caller, making, and what has not ended */
    launch->group->promised += plan->n;
    LIST_INSERT_HEAD(&launch->group->launches, launch, link);
    make(launch, delays_slice(launch->delays, SLICE), plan->start_ns);
    launch_retime(launch);
    end_making(launch);
    if (launch->made == 0) {
        launch_release(launch);
        fault_undo(registry, &plan->faults, plan->n);
        return ERROR_OUT_OF_MEMORY;
    }
    *out = launch;
    return OK;
}

/* A timeout is no end that counts: it is that of all. */
static void
count_end(struct launch *launch, const struct record *record, enum record_state end)
{
    const struct ending *ending = &launch->plan.ending;
    bool failed = end == STATE_FAILED;
    bool stops = failed && ending->cancel_on_error;

    if (launch->cancels || record->reason == REASON_TIMEOUT)
        return;
    launch->ended++;
    if (launch->ended == ending->most || (failed && ending->first_error) || stops)
        launch->met = true;
    launch->cancels = (launch->met && !ending->keep) || stops;
}

void
launch_left(struct launch *launch, const struct record *record, enum record_state end,
            bool made_room, int64_t at_ns)
{
    launch->unended--;
    count_end(launch, record, end);
    if (made_room) {
        launch->running--;
        launch->room_ns = at_ns;
        fill(launch);
    }
    launch_retime(launch);
    if (launch->unended == 0)
        launch_release(launch);
}

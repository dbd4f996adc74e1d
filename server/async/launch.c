#include "async/launch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE = 256 }; /* tasks made, or cancelled, in one turn: well below 1 ms */

bool
launch_over(const struct launch *launch)
{
    return launch->broken || launch->made == launch->plan.n;
}

static void
release_waits(struct launch *launch)
{
    for (size_t i = 0; i < launch->made; i++)
        record_release(&launch->waits[i]->record);
}

void
launch_release(struct launch *launch)
{
    if (--launch->holders > 0)
        return;
    timers_stop(&launch->registry->timers, &launch->step);
    release_waits(launch);
    faults_free(launch->faults);
    delays_release(launch->delays);
    group_release(launch->group);
    free(launch->label);
    free(launch);
}

static bool
may_end_early(const struct ending *ending)
{
    return ending->most || ending->first_error || ending->cancel_on_error;
}

/* Whether it is told of every end. */
static bool
hears(const struct launch *launch)
{
    return launch->plan.limit || may_end_early(&launch->plan.ending);
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
    if (hears(launch) && launch->unended == 0)
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
        .timeout_ns = launch->plan.timeout_ns,
        .start_ns = launch->plan.start_ns,
    };
    size_t index = launch->made, limit = launch->plan.limit;
    uint16_t fails = faults_reach(launch->faults, index);
    struct wait_part part = {
        .launch = hears(launch) ? launch : NULL,
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

static void
sweep(struct launch *launch, int64_t now_ns)
{
    for (size_t i = 0; i < SLICE && !is_swept(launch); i++)
        record_cancel(&launch->waits[launch->swept++]->record, REASON_CANCEL, now_ns);
}

/* After a slice: the step goes on while there is something to make or to cancel. */
static void
end_slice(struct launch *launch, bool made)
{
    if (!launch_over(launch))
        return;
    if (is_swept(launch))
        timers_stop(&launch->registry->timers, &launch->step);
    if (made)
        launch_release(launch);
}

/* Due at once. Cannot fail: it runs, or the timer of the wait that has just ended has
 * left its place. */
static void
start_step(struct launch *launch)
{
    enum error error = timers_start(&launch->registry->timers, &launch->step,
                                    TIMER_LIMIT, launch->plan.start_ns);

    assert(error == OK);
    (void)error;
}

static void
on_step(struct timer *timer, int64_t now_ns)
{
    struct launch *launch = CONTAINER_OF(timer, struct launch, step);
    bool makes = !launch_over(launch);

    start_step(launch);
    timers_yield(&launch->registry->timers);
    launch->holders++;
    if (makes)
        make(launch, delays_slice(launch->delays, SLICE), now_ns);
    else
        sweep(launch, now_ns);
    end_slice(launch, makes);
    launch_release(launch);
}

void
launch_finish(struct launch *launch, int64_t now_ns)
{
    if (launch_over(launch))
        return;
    make(launch, launch->plan.n, now_ns);
    end_slice(launch, true);
}

static enum error
allocate(struct registry *registry, const struct launch_plan *plan, struct launch **out)
{
    struct launch *launch = calloc(1, sizeof *launch + plan->n * sizeof(struct wait *));
    if (launch == NULL)
        return ERROR_OUT_OF_MEMORY;
    launch->registry = registry;
    launch->plan = *plan;
    launch->plan.spec = delay_spec_told(&plan->spec);
    launch->step.fire = on_step;
    launch->label = plan->label ? strdup(plan->label) : NULL;
    launch->delays = delays_draw(&plan->spec, plan->n);
    launch->group = group_hold_named(registry, plan->group_name);
    launch->unended = plan->n;
    if ((plan->label && !launch->label) || !launch->delays || !launch->group
        || timers_start(&registry->timers, &launch->step, TIMER_LIMIT,
                        plan->start_ns)) {
        if (launch->group)
            group_release(launch->group);
        delays_release(launch->delays);
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
    launch->holders = 2 + hears(launch); /* caller, making, and what has not ended */
    launch->group->promised += plan->n;
    LIST_INSERT_HEAD(&launch->group->launches, launch, link);
    make(launch, delays_slice(launch->delays, SLICE), plan->start_ns);
    end_slice(launch, true);
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
    if (launch->cancels)
        start_step(launch);
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
    if (launch->unended == 0)
        launch_release(launch);
}

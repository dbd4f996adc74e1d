#include "async/launch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE = 256 }; /* tasks made in one turn: well below a millisecond */

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
    release_waits(launch);
    delays_release(launch->delays);
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
    if (launch->plan.limit && launch->unended == 0)
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
    bool room = launch->running < launch->plan.limit;
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
    bool queued = limit && index >= limit;

    if (wait_join(limit ? launch : NULL, &plan, launch->registry,
                  delays_reach(launch->delays, index), queued, &launch->waits[index])) {
        break_off(launch);
        return;
    }
    launch->made++;
    launch->group->promised--;
    if (queued)
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
    if (launch_over(launch)) {
        timers_stop(&launch->registry->timers, &launch->step);
        LIST_REMOVE(launch, link);
    }
    watches_tell(&launch->watches, now_ns);
    if (launch->broken)
        watches_tell(&launch->group->watches, now_ns);
}

static void
end_making(struct launch *launch)
{
    if (launch_over(launch))
        launch_release(launch);
}

static void
on_step(struct timer *timer, int64_t now_ns)
{
    struct launch *launch = CONTAINER_OF(timer, struct launch, step);
    enum error error = timers_start(&launch->registry->timers, timer, TIMER_LIMIT,
                                    launch->plan.start_ns);

    assert(error == OK); /* its own place is free */
    (void)error;
    timers_yield(&launch->registry->timers);
    make(launch, SLICE, now_ns);
    end_making(launch);
}

void
launch_finish(struct launch *launch, int64_t now_ns)
{
    if (launch_over(launch))
        return;
    make(launch, launch->plan.n, now_ns);
    end_making(launch);
}

static enum error
allocate(struct registry *registry, const struct launch_plan *plan, struct launch **out)
{
    struct launch *launch =
        calloc(1, sizeof *launch + plan->n * sizeof launch->waits[0]);
    if (launch == NULL)
        return ERROR_OUT_OF_MEMORY;
    launch->registry = registry;
    launch->plan = *plan;
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
    enum error error = registry_reserve(registry, plan->n, plan->n);
    if (error)
        return error;
    struct launch *launch;
    error = allocate(registry, plan, &launch);
    if (error) {
        registry_unreserve(registry, plan->n, plan->n);
        return error;
    }
    launch->holders = 2 + (plan->limit > 0); /* caller, making, and the queue */
    launch->group->promised += plan->n;
    LIST_INSERT_HEAD(&launch->group->launches, launch, link);
    make(launch, SLICE, plan->start_ns);
    end_making(launch);
    if (launch->made == 0) {
        launch_release(launch);
        return ERROR_OUT_OF_MEMORY;
    }
    *out = launch;
    return OK;
}

void
launch_left(struct launch *launch, bool ran, int64_t at_ns)
{
    launch->unended--;
    if (ran) {
        launch->running--;
        launch->room_ns = at_ns;
        fill(launch);
    }
    if (launch->unended == 0)
        launch_release(launch);
}

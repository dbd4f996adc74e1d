#include "api/draw.h"

#include "api/app.h"
#include "api/profiles.h"
#include "async/record.h"
#include "base/number.h"

#include <string.h>

const char *const draw_delay_excludes[] = {"max_delay", "min_delay", NULL};

static bool
waits_for_event_only(const struct draw_in *in)
{
    return in->event.given && !in->min_delay.given && !in->max_delay.given
           && !in->seed.given && !in->dist.given && !in->delay.given;
}

enum error
draw_blame(struct problem *problem, const char *param, const char *other)
{
    problem_param(problem, param, strlen(param));
    if (other)
        problem_conflict(problem, other);
    return ERROR_INVALID_PARAMETER;
}

static enum error
nothing_to_seed(const struct draw_in *in, struct problem *problem)
{
    const char *name = in->profile.given ? "profile" : "delay";

    problem_set(problem, ERROR_INVALID_PARAMETER,
                "%s and seed exclude each other: nothing is drawn", name);
    return draw_blame(problem, name, "seed");
}

enum error
draw_spec(struct exchange *exchange, const struct draw_in *in, bool draws_faults,
          struct draw_room *room, struct delay_spec *spec, struct problem *problem)
{
    const struct draw_in *drawn = in;
    enum error error = OK;

    if (in->profile.given)
        error = profiles_find(exchange, in->profile.bytes, &drawn, problem);
    if (!error)
        error = draw_model(drawn, exchange_limits(exchange), room, spec, problem);
    if (error)
        return error;
    if (drawn == in && waits_for_event_only(in))
        *spec = (struct delay_spec){.fixed = true};
    else if (spec->fixed && in->seed.given && !draws_faults && !in->jitter.given)
        return nothing_to_seed(in, problem);
    spec->seeded = in->seed.given;
    spec->seed = (uint64_t)in->seed.value;
    return OK;
}

int64_t
draw_timeout_ns(const struct value_duration *timeout)
{
    return timeout->given ? seconds_to_ns(timeout->seconds) : NO_TIMEOUT;
}

const char *
draw_event(const struct draw_in *in)
{
    return in->event.given ? in->event.bytes : NULL;
}

const char *
draw_label(const struct draw_in *in)
{
    return in->label.given ? in->label.bytes : NULL;
}

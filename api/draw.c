#include "api/draw.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

const char *const draw_delay_excludes[] = {"max_delay", "min_delay", NULL};

static enum error
min_above_max(const struct draw_in *in, struct problem *problem)
{
    char min[NUMBER_TEXT_MAX], max[NUMBER_TEXT_MAX];

    number_print(in->min_delay.seconds, min);
    number_print(in->max_delay.seconds, max);
    problem_set(problem, ERROR_INVALID_PARAMETER, "min_delay=%s is above max_delay=%s",
                min, max);
    problem_param(problem, "min_delay", strlen("min_delay"));
    problem_value(problem, min, strlen(min));
    problem_conflict(problem, "max_delay");
    return ERROR_INVALID_PARAMETER;
}

static enum error
nothing_to_seed(struct problem *problem)
{
    problem_set(problem, ERROR_INVALID_PARAMETER,
                "delay and seed exclude each other: nothing is drawn");
    problem_param(problem, "delay", strlen("delay"));
    problem_conflict(problem, "seed");
    return ERROR_INVALID_PARAMETER;
}

static bool
waits_for_event_only(const struct draw_in *in)
{
    return in->event.given && !in->min_delay.given && !in->max_delay.given
           && !in->seed.given;
}

enum error
draw_spec(const struct draw_in *in, bool draws_faults, struct delay_spec *spec,
          struct problem *problem)
{
    if (in->delay.given) {
        if (in->seed.given && !draws_faults && !in->jitter.given)
            return nothing_to_seed(problem);
        *spec = (struct delay_spec){
            .fixed = true,
            .seeded = in->seed.given,
            .seed = (uint64_t)in->seed.value,
            .min = in->delay.seconds,
            .max = in->delay.seconds,
        };
        return OK;
    }
    if (waits_for_event_only(in)) {
        *spec = (struct delay_spec){.fixed = true};
        return OK;
    }
    if (in->min_delay.seconds > in->max_delay.seconds)
        return min_above_max(in, problem);
    *spec = (struct delay_spec){
        .seeded = in->seed.given,
        .seed = (uint64_t)in->seed.value,
        .min = in->min_delay.seconds,
        .max = in->max_delay.seconds,
    };
    return OK;
}

int64_t
draw_timeout_ns(const struct value_duration *timeout)
{
    if (!timeout->given)
        return 0;
    int64_t ns = seconds_to_ns(timeout->seconds);

    return ns > 0 ? ns : 1;
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

#include "api/fault.h"

#include <string.h>

const char *const fault_status_excludes[] = {"fail_rate", "fail_first", NULL};
const char *const fault_status_needs[] = {"fail_rate", "fail_first", NULL};
const char *const fault_first_needs[] = {"key", NULL};
const char *const fault_key_needs[] = {"fail_first", "inflight_limit", NULL};
const char *const fault_retry_needs[] = {"status", "fail_rate", "fail_first",
                                         "inflight_limit", NULL};
const char *const fault_over_needs[] = {"inflight_limit", NULL};

/* Where each answer has it, and none is a failure. */
static enum error
nothing_to_retry(const struct fault_in *fault, struct problem *problem)
{
    problem_set(problem, ERROR_INVALID_PARAMETER,
                "retry_after and status=%d exclude each other: that is no failure",
                (int)fault->status.value);
    problem_param(problem, "retry_after", strlen("retry_after"));
    problem_conflict(problem, "status");
    return ERROR_INVALID_PARAMETER;
}

/* As struct fault_spec has it; the default is as if it was not given. */
static uint16_t
status_of(const struct fault_in *fault)
{
    return fault->status.value == 200 ? 0 : (uint16_t)fault->status.value;
}

enum error
fault_draw_specs(struct exchange *exchange, const struct draw_in *draw,
                 const struct fault_in *fault, struct draw_room *room,
                 struct delay_spec *delays, struct fault_spec *faults,
                 struct problem *problem)
{
    *faults = (struct fault_spec){
        .drawn = fault->fail_rate.given,
        .rate = fault->fail_rate.value,
        .status = status_of(fault),
        .retry_after = (uint16_t)fault->retry_after.value,
    };
    if (fault->retry_after.given && fault->status.given && !fault->inflight_limit.given
        && faults->status < FAILED_STATUS)
        return nothing_to_retry(fault, problem);
    if (fault->fail_rate.given || fault->fail_first.given)
        faults->fail_status = (uint16_t)fault->fail_status.value;
    if (fault->fail_first.given)
        faults->first = (uint32_t)fault->fail_first.value;
    if (fault->inflight_limit.given) {
        faults->most = (uint32_t)fault->inflight_limit.value;
        faults->over = (uint16_t)fault->over.value;
    }
    if (fault->key.given)
        memcpy(faults->key, fault->key.bytes, sizeof faults->key);
    return draw_spec(exchange, draw, faults->drawn, room, delays, problem);
}

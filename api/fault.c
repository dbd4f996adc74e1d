#include "api/fault.h"

#include <string.h>

_Static_assert(FAULT_KEY_SIZE == NAME_MAX_BYTES + 1, "a key is a name");

const char *const fault_status_excludes[] = {"fail_rate", "fail_first", NULL};
const char *const fault_status_needs[] = {"fail_rate", "fail_first", NULL};
const char *const fault_first_needs[] = {"key", NULL};
const char *const fault_key_needs[] = {"fail_first", NULL};

enum error
fault_draw_specs(struct exchange *exchange, const struct draw_in *draw,
                 const struct fault_in *fault, struct draw_room *room,
                 struct delay_spec *delays, struct fault_spec *faults,
                 struct problem *problem)
{
    *faults = (struct fault_spec){
        .drawn = fault->fail_rate.given,
        .rate = fault->fail_rate.value,
        .status = fault->status.given ? (uint16_t)fault->status.value : 0,
    };
    if (fault->fail_rate.given || fault->fail_first.given)
        faults->fail_status = (uint16_t)fault->fail_status.value;
    if (fault->fail_first.given) {
        faults->first = (uint32_t)fault->fail_first.value;
        memcpy(faults->key, fault->key.bytes, sizeof faults->key);
    }
    return draw_spec(exchange, draw, faults->drawn, room, delays, problem);
}

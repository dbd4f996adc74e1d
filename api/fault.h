/*
 * fault.h: the parameters that say which waits fail, the same on every endpoint that
 * starts waits for a client.
 */
#pragma once

#include "api/draw.h"
#include "async/faults.h"

struct fault_in {
    struct value_integer status;
    struct value_number fail_rate;
    struct value_integer fail_status;
    struct value_integer fail_first;
    struct value_name key;
    struct value_integer retry_after;
    struct value_integer inflight_limit, over; /* where OVERLOAD_FIELDS are */
};

extern const char *const fault_status_excludes[];
extern const char *const fault_status_needs[];
extern const char *const fault_first_needs[];
extern const char *const fault_key_needs[];
extern const char *const fault_retry_needs[];
extern const char *const fault_over_needs[];

/* The rows for a struct `type` whose member `fault` is a struct fault_in. */
/* clang-format off */
#define FAULT_FIELDS(type)                                                               \
    FIELD_AS("status", type, fault.status, FIELD_INTEGER, .min = 200, .max = 599,        \
             .fallback = 200, .fallback_text = "200",                                    \
             .excludes = fault_status_excludes, .example = "404",                        \
             .text = "The HTTP status with which it ends: from 400 on it has failed. "   \
                     "204, 205 and 304 have no body."),                                  \
    FIELD_AS("fail_rate", type, fault.fail_rate, FIELD_NUMBER, .max = 1,                 \
             .fallback_text = "0", .example = "0.1",                                     \
             .text = "Probability that a wait fails. With a seed, which it also allows " \
                     "beside delay, the i-th fails where the i-th "                      \
                     "random.Random(seed + 2**63).random() is below it."),               \
    FIELD_AS("fail_first", type, fault.fail_first, FIELD_INTEGER, .max = 1000000,        \
             .needs = fault_first_needs, .example = "2",                                 \
             .text = "So many waits of that key fail, then no other (but by fail_rate); "\
                     "counted when they are started, in order of index."),               \
    FIELD_AS("key", type, fault.key, FIELD_NAME, .needs = fault_key_needs,               \
             .example = "checkout",                                                      \
             .text = "What is counted by, on all endpoints alike: GET /keys lists it. "  \
                     "It starts anew with DELETE /keys/KEY, POST /reset, or when it "    \
                     "was not used for --idle-ttl."),                            \
    FIELD_AS("fail_status", type, fault.fail_status, FIELD_INTEGER, .min = 400,          \
             .max = 599, .fallback = 503, .fallback_text = "503",                        \
             .needs = fault_status_needs, .example = "500",                              \
             .text = "The status of those that fail_rate or fail_first lets fail."),     \
    FIELD_AS("retry_after", type, fault.retry_after, FIELD_INTEGER, .min = 1,            \
             .max = 3600, .needs = fault_retry_needs, .unit = "seconds",                 \
             .example = "2",                                                             \
             .text = "What a failure tells in Retry-After, and in its problem as "       \
                     "`retry_after`.")

/* The rows of an endpoint that can be overloaded. */
#define OVERLOAD_FIELDS(type)                                                            \
    FIELD_AS("inflight_limit", type, fault.inflight_limit, FIELD_INTEGER, .min = 1,      \
             .max = 1000000, .needs = fault_first_needs, .example = "50",                \
             .text = "So many requests of that key may wait at once; who comes when so " \
                     "many do is answered `over` at once. Whoever ends or leaves makes " \
                     "room."),                                                           \
    FIELD_AS("over", type, fault.over, FIELD_INTEGER, .min = 400, .max = 599,            \
             .fallback = 503, .fallback_text = "503", .needs = fault_over_needs,         \
             .example = "429", .text = "The status of those above inflight_limit.")
/* clang-format on */

/* What is to be drawn, the delays (as draw_spec) and the faults. */
MUST_USE enum error
fault_draw_specs(struct exchange *exchange, const struct draw_in *draw,
                 const struct fault_in *fault, struct draw_room *room,
                 struct delay_spec *delays, struct fault_spec *faults,
                 struct problem *problem);

/*
 * latch.h: a counter that only grows, and who waits until it is large enough; as
 * java.util.concurrent.CountDownLatch, counting up.
 */
#pragma once

#include "async/object.h"

struct latch {
    struct object object;
    int64_t value;
    int64_t nearest; /* what it must reach to release anybody */
};

struct latch_waiter {
    struct waiter waiter;
    int64_t at_least;
    int64_t value; /* that served it */
};

struct latch_plan {
    struct waiter_plan waiter;
    int64_t at_least;
};

extern const struct object_class latch_class;

MUST_USE enum error
latch_need(struct registry *registry, const char *name, struct latch **out);

/* Adds `by`, at least 1, and releases those who waited for that much. */
void latch_count(struct latch *latch, int64_t by, int64_t now_ns);

/* Waits until the value is at least so much. The caller holds *out. Errors: as
 * waiter_open. */
MUST_USE enum error latch_wait(struct latch *latch, const struct latch_plan *plan,
                               int64_t now_ns, struct latch_waiter **out);

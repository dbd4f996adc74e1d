/*
 * wait_n.h: a request that waits n times at once and hears of each end in order. It
 * ends as done, though waits of it have failed; as failed, where a failure cancels the
 * rest.
 */
#pragma once

#include "async/batch.h"
#include "async/ending.h"
#include "async/record.h"

struct wait_n {
    struct record record; /* KIND_WAIT_N; its watches hear of every progress */
    struct delay_spec spec;
    size_t n;
    size_t ended;          /* well or not */
    size_t failed;         /* of them */
    bool cancel_on_error;  /* of struct ending */
    bool dry;              /* nothing was waited for */
    struct faults *faults; /* owned; NULL: none fails */
    struct batch *batch;   /* NULL where n is 0, and when nobody reads any more */
};

struct wait_n_plan {
    const char *label;
    struct delay_spec spec; /* fixed or seeded; seeded where faults are drawn */
    struct fault_spec faults;
    double load_factor;   /* of registry_load */
    struct ending ending; /* without `keep` */
    size_t n;
    size_t limit;       /* 0: none */
    int64_t timeout_ns; /* or NO_TIMEOUT */
    int64_t start_ns;
    bool ranks; /* batch_rank will be asked for */
    bool times; /* batch_elapsed_ns will be asked for */
    bool dry;   /* nothing is waited for: they end in order, at once */
};

/* Starts it; with n = 0 it has ended at once. The caller holds *out. Errors:
 * too-many-waits, too-many-keys, out-of-memory. */
MUST_USE enum error wait_n_start(struct registry *registry,
                                 const struct wait_n_plan *plan, struct wait_n **out);

/* NULL where the record is of another kind. */
struct wait_n *wait_n_of(struct record *record);

/* Waits that have run out and did not fail. */
static inline size_t
wait_n_done(const struct wait_n *wait_n)
{
    return wait_n->ended - wait_n->failed;
}

/* Waits that ended with it, without having run out. */
static inline size_t
wait_n_cancelled(const struct wait_n *wait_n)
{
    return record_ended(&wait_n->record) ? wait_n->n - wait_n->ended : 0;
}

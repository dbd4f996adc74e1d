/* wait_n.h: a request that waits n times at once and hears of each end in order. */
#pragma once

#include "async/batch.h"
#include "async/record.h"

struct wait_n {
    struct record record; /* KIND_WAIT_N; its watches hear of every progress */
    struct delay_spec spec;
    size_t n;
    size_t most; /* when so many have ended, it is done */
    size_t done;
    struct batch *batch; /* NULL where n is 0, and when nobody reads any more */
};

struct wait_n_plan {
    const char *label;
    struct delay_spec spec; /* fixed or seeded */
    size_t n;
    size_t limit;       /* 0: none */
    int64_t timeout_ns; /* 0: none */
    int64_t start_ns;
    size_t most; /* the rest is cancelled when so many have ended; 0: all n end */
    bool ranks;  /* batch_rank will be asked for */
    bool times;  /* batch_elapsed_ns will be asked for */
};

/* Starts it; with n = 0 it has ended at once. The caller holds *out. Errors:
 * too-many-waits, out-of-memory. */
MUST_USE enum error wait_n_start(struct registry *registry,
                                 const struct wait_n_plan *plan, struct wait_n **out);

/* NULL where the record is of another kind. */
struct wait_n *wait_n_of(struct record *record);

/* Waits that ended with it, without having run out. */
static inline size_t
wait_n_cancelled(const struct wait_n *wait_n)
{
    return record_ended(&wait_n->record) ? wait_n->n - wait_n->done : 0;
}

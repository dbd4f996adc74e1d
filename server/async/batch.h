/*
 * batch.h: n waits that start together and end in the order of completion. It keeps a
 * private heap of its waits and stands in the timers with its next deadline only, so
 * that cancelling is O(1) and a wait costs a few dozen bytes.
 *
 * Its key is (the delay, as a double, then the index); whole ns, rounded up, only
 * decide when a wait may end. With a limit below n the first `limit` waits by index
 * start at once; each queued one starts at the deadline of the wait that made room, to
 * the ns. The key then is (the deadline in ns, then the index).
 */
#pragma once

#include "async/delays.h"
#include "async/faults.h"
#include "async/timers.h"

struct batch;

struct batch_plan {
    struct delays *delays; /* n > 0 of them; the batch holds them too */
    size_t limit;          /* at most so many at once; 0: all */
    bool times;            /* keep when each wait ended, for batch_elapsed_ns */
    bool ranks;            /* keep the rank of each index, for batch_rank */
    bool dry;              /* all end at once, in the order of their deadlines */
    struct faults *faults; /* borrowed, outlives it; NULL: no wait fails */
    size_t most;           /* so many end, and no more; 0: all */
    bool first_error;      /* the first that fails is the last that ends */
    int64_t start_ns;      /* of all of them; not after now */
    int64_t limit_ns;      /* no wait ends whose deadline is later; INT64_MAX: none */
    void *owner;
    /* Called after waits have ended, at most once a turn of the timers. After the call
     * with the last that ends comes none. It may free the batch. */
    void (*progressed)(void *owner, int64_t now_ns);
};

/* Starts it; `progressed` is never called from within. NULL: out of memory. */
struct batch *batch_start(struct timers *timers, const struct batch_plan *plan);

/* Stops it at once and frees it; NULL: nothing. */
void batch_free(struct batch *batch);

/* Stops it and keeps what has ended. */
void batch_stop(struct batch *batch);

/* Every wait that has not ended ends at `now_ns`, in the order it would have had; its
 * delay is the time since the start. Behind the limit it is too late for that. */
void batch_release(struct batch *batch, int64_t now_ns);

/* Whether it still builds its heap, or ends what is due, slice by slice: waits may be
 * due then that have not ended. */
bool batch_busy(const struct batch *batch);

size_t batch_size(const struct batch *batch);
size_t batch_done(const struct batch *batch);   /* have ended, well or not */
size_t batch_failed(const struct batch *batch); /* have failed */
bool batch_over(const struct batch *batch);     /* no other will end */

/* The rank of the i-th that did not fail, and of the i-th that did. */
size_t batch_success(const struct batch *batch, size_t i);
size_t batch_failure(const struct batch *batch, size_t i);

/* Of the wait that ended as number `rank` (from 0, below batch_done): */
size_t batch_index(const struct batch *batch, size_t rank);
/* The rank of the wait of that index, SIZE_MAX while it has none. */
size_t batch_rank(const struct batch *batch, size_t index);

/* With which HTTP status it failed, 0: it did not. */
uint16_t batch_status(const struct batch *batch, size_t rank);

double batch_delay(const struct batch *batch, size_t rank);       /* seconds */
int64_t batch_elapsed_ns(const struct batch *batch, size_t rank); /* since the start */

/* When the last that has ended had to: seconds after the start. */
double batch_last_end(const struct batch *batch);

#include "async/batch.h"

#include "base/number.h"

#include <assert.h>
#include <stdlib.h>

enum {
    ARITY = 4,
    SLICE = 256, /* waits built or ended in one turn: a tenth of a millisecond */
};

/* When a wait has to end, after the start: the ns, with a limit; else its delay, a
 * double, whose bits are in the order of such numbers where none is negative. */
union end {
    int64_t key;
    double delay;
};

/* A wait that runs, in the heap. Its end stands here too: to find the soonest of some
 * siblings one cache line is read (LaMarca and Ladner, The Influence of Caches on the
 * Performance of Heaps, 1996). */
struct place {
    union end end;
    uint32_t index;
};
_Static_assert(ARITY * sizeof(struct place) == CACHE_LINE, "siblings fill a line");

struct batch {
    struct timers *timers;
    struct timer timer;
    struct delays *delays; /* held */
    struct faults *faults; /* borrowed */
    int64_t start_ns;
    void *owner;
    void (*progressed)(void *owner, int64_t now_ns);

    int64_t *elapsed; /* by rank; NULL where nobody asks */
    uint32_t *order;  /* rank → index */
    uint32_t *ranks;  /* index → rank + 1, 0: none yet; NULL where nobody asks */
    uint32_t *sorted; /* ranks: of those that did not fail from the front on, of those
                         that did from the back; NULL where none can fail */
    struct place *places; /* the memory of the heap */
    struct place *heap;   /* begins where its first children begin a line */
    size_t running;       /* in it */
    size_t started;       /* waits 0 … started-1 have been started */
    size_t done;
    size_t failed;        /* of them */
    size_t most;          /* so many end */
    bool first_error;     /* or so many as when the first fails */
    size_t width;         /* so many may run at once */
    bool limited;         /* not all of them */
    int64_t end_ns;       /* with a limit: of the last that has ended */
    size_t slice;         /* so many are built or ended in one turn */
    size_t released_rank; /* waits from this rank on ended by batch_release */
    int64_t released_ns;  /* INT64_MAX: not */
    int64_t limit_ns;     /* waits that end later do not end */
    int64_t step_ns;      /* while it is busy: when its last slice was done */
    bool behind;          /* its last slice was not all that was due */
};

static bool
sooner(const struct place *a, const struct place *b)
{
    return a->end.key < b->end.key || (a->end.key == b->end.key && a->index < b->index);
}

static void
push(struct batch *batch, struct place new)
{
    size_t at = batch->running++;

    while (at > 0) {
        size_t parent = (at - 1) / ARITY;

        if (!sooner(&new, &batch->heap[parent]))
            break;
        batch->heap[at] = batch->heap[parent];
        at = parent;
    }
    batch->heap[at] = new;
}

static size_t
soonest_child(const struct batch *batch, size_t at)
{
    size_t best = at * ARITY + 1;
    size_t end = best + ARITY < batch->running ? best + ARITY : batch->running;

    for (size_t child = best + 1; child < end; child++)
        if (sooner(&batch->heap[child], &batch->heap[best]))
            best = child;
    return best;
}

static struct place
pop(struct batch *batch)
{
    struct place top = batch->heap[0];
    struct place last = batch->heap[--batch->running];
    size_t at = 0;

    while (at * ARITY + 1 < batch->running) {
        size_t child = soonest_child(batch, at);

        if (!sooner(&batch->heap[child], &last))
            break;
        batch->heap[at] = batch->heap[child];
        at = child;
    }
    batch->heap[at] = last;
    return top;
}

/* Of queued ones the ns are added up, as if each had a timer, for a sum of doubles has
 * errors of its own: with 0.1 three times it is above 0.3. */
static union end
end_after(const struct batch *batch, int64_t at_ns, double delay)
{
    if (!batch->limited)
        return (union end){.delay = delay};
    int64_t end_ns = at_ns + delay_to_ns(delay);

    return (union end){.key = end_ns < CLOCK_LIFE_NS ? end_ns : CLOCK_LIFE_NS};
}

/* Behind one that ended then, after the start, or at the start. */
static void
start_next(struct batch *batch, int64_t at_ns)
{
    uint32_t index = (uint32_t)batch->started++;
    double delay = delays_reach(batch->delays, index);

    (void)faults_reach(batch->faults, index); /* drawn now, slice by slice */
    push(batch, (struct place){end_after(batch, at_ns, delay), index});
}

static int64_t
place_end_ns(const struct batch *batch, const struct place *place)
{
    return batch->limited ? place->end.key : delay_to_ns(place->end.delay);
}

static bool
is_built(const struct batch *batch)
{
    return batch->started >= batch->width;
}

static void
build_slice(struct batch *batch)
{
    for (size_t i = 0; i < batch->slice && !is_built(batch); i++)
        start_next(batch, 0);
}

bool
batch_busy(const struct batch *batch)
{
    return !is_built(batch) || batch->behind;
}

/* That of the next wait; INT64_MAX where the limit comes before it. */
static int64_t
next_deadline(const struct batch *batch)
{
    if (batch->released_ns != INT64_MAX)
        return batch->released_ns;
    int64_t deadline_ns = batch->start_ns + place_end_ns(batch, &batch->heap[0]);

    return deadline_ns <= batch->limit_ns ? deadline_ns : INT64_MAX;
}

/* A slice takes its turn among what is due, so that it holds nobody up. Cannot fail:
 * batch_start has made room, and the timer that fires leaves its own. */
static void
rearm(struct batch *batch)
{
    int64_t at_ns = batch_busy(batch) ? batch->step_ns : next_deadline(batch);
    enum error error = timers_start(batch->timers, &batch->timer, TIMER_RESULT, at_ns);

    assert(error == OK);
    (void)error;
}

/* Into which of the two it goes that has just ended, as the last. */
static void
sort_out(struct batch *batch, uint32_t index)
{
    uint32_t rank = (uint32_t)batch->done;

    if (batch->sorted == NULL)
        return;
    if (!faults_reach(batch->faults, index)) {
        batch->sorted[rank - batch->failed] = rank;
        return;
    }
    batch->failed++;
    batch->sorted[batch->delays->n - batch->failed] = rank;
    if (batch->first_error)
        batch->most = batch->done + 1;
}

static void
end_first(struct batch *batch, int64_t now_ns)
{
    struct place first = pop(batch);
    int64_t end_ns = place_end_ns(batch, &first);

    if (batch->released_ns == INT64_MAX)
        timers_count_wait(batch->timers, now_ns - batch->start_ns - end_ns);
    batch->order[batch->done] = first.index;
    if (batch->ranks)
        batch->ranks[first.index] = (uint32_t)batch->done + 1;
    if (batch->elapsed)
        batch->elapsed[batch->done] = now_ns - batch->start_ns;
    sort_out(batch, first.index);
    batch->done++;
    batch->end_ns = end_ns;
    if (batch->started < batch->delays->n)
        start_next(batch, end_ns);
}

static bool
is_due(const struct batch *batch, int64_t now_ns)
{
    return batch->running > 0 && !batch_over(batch) && next_deadline(batch) <= now_ns;
}

static void
on_timer(struct timer *timer, int64_t now_ns)
{
    struct batch *batch = CONTAINER_OF(timer, struct batch, timer);
    size_t before = batch->done;

    batch->step_ns = now_ns;
    if (!is_built(batch)) {
        build_slice(batch);
        rearm(batch);
        timers_yield(batch->timers);
        return;
    }
    while (batch->done - before < batch->slice && is_due(batch, now_ns))
        end_first(batch, now_ns);
    batch->behind = is_due(batch, now_ns);
    if (batch->running && !batch_over(batch))
        rearm(batch);
    if (batch->behind)
        timers_yield(batch->timers);
    if (batch->done != before)
        batch->progressed(batch->owner, now_ns);
}

/* Not by aligned_alloc, which leaves pieces behind that it does not find again (glibc
 * before 2.38, bug 14581). */
static bool
allocate_heap(struct batch *batch)
{
    batch->places = malloc((batch->width + ARITY - 1) * sizeof *batch->places);
    if (batch->places == NULL)
        return false;
    size_t into_line = (uintptr_t)(batch->places + 1) % CACHE_LINE;

    batch->heap =
        batch->places + (CACHE_LINE - into_line) % CACHE_LINE / sizeof *batch->places;
    return true;
}

static bool
allocate(struct batch *batch, const struct batch_plan *plan)
{
    size_t n = plan->delays->n;

    batch->order = malloc(n * sizeof *batch->order);
    if (plan->times)
        batch->elapsed = malloc(n * sizeof *batch->elapsed);
    if (plan->ranks)
        batch->ranks = calloc(n, sizeof *batch->ranks);
    if (plan->faults)
        batch->sorted = malloc(n * sizeof *batch->sorted);
    return allocate_heap(batch) && batch->order && (!plan->times || batch->elapsed)
           && (!plan->ranks || batch->ranks) && (!plan->faults || batch->sorted);
}

struct batch *
batch_start(struct timers *timers, const struct batch_plan *plan)
{
    size_t n = plan->delays->n;
    assert(n > 0 && n <= UINT32_MAX);
    struct batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->timers = timers;
    batch->timer.fire = on_timer;
    batch->delays = delays_hold(plan->delays);
    batch->faults = plan->faults;
    batch->first_error = plan->first_error;
    batch->start_ns = plan->start_ns;
    batch->owner = plan->owner;
    batch->progressed = plan->progressed;
    batch->limited = plan->limit && plan->limit < n;
    batch->width = batch->limited ? plan->limit : n;
    batch->most = plan->most && plan->most < n ? plan->most : n;
    batch->slice = delays_slice(plan->delays, SLICE);
    batch->released_rank = SIZE_MAX;
    batch->released_ns = plan->dry ? plan->start_ns : INT64_MAX;
    batch->limit_ns = plan->limit_ns;
    batch->step_ns = plan->start_ns;
    if (!allocate(batch, plan)
        || timers_start(timers, &batch->timer, TIMER_RESULT, plan->start_ns)) {
        batch_free(batch);
        return NULL;
    }
    build_slice(batch);
    rearm(batch);
    return batch;
}

void
batch_stop(struct batch *batch)
{
    timers_stop(batch->timers, &batch->timer);
}

void
batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    batch_stop(batch);
    delays_release(batch->delays);
    free(batch->elapsed);
    free(batch->ranks);
    free(batch->sorted);
    free(batch->order);
    free(batch->places);
    free(batch);
}

void
batch_release(struct batch *batch, int64_t now_ns)
{
    bool over = !timer_runs(&batch->timer); /* all have ended, or it was stopped */

    if (over || batch->released_ns != INT64_MAX || now_ns > batch->limit_ns)
        return;
    batch->released_rank = batch->done;
    batch->released_ns = batch->step_ns = now_ns;
    batch->behind = true;
    rearm(batch);
}

size_t
batch_size(const struct batch *batch)
{
    return batch->delays->n;
}

size_t
batch_done(const struct batch *batch)
{
    return batch->done;
}

size_t
batch_failed(const struct batch *batch)
{
    return batch->failed;
}

bool
batch_over(const struct batch *batch)
{
    return batch->done == batch->most;
}

size_t
batch_success(const struct batch *batch, size_t i)
{
    return batch->sorted ? batch->sorted[i] : i;
}

size_t
batch_failure(const struct batch *batch, size_t i)
{
    return batch->sorted[batch->delays->n - 1 - i];
}

uint16_t
batch_status(const struct batch *batch, size_t rank)
{
    return faults_reach(batch->faults, batch->order[rank]);
}

size_t
batch_index(const struct batch *batch, size_t rank)
{
    return batch->order[rank];
}

size_t
batch_rank(const struct batch *batch, size_t index)
{
    return (size_t)batch->ranks[index] - 1;
}

static bool
was_released(const struct batch *batch, size_t rank)
{
    return rank >= batch->released_rank;
}

static double
released_delay(const struct batch *batch)
{
    return ns_to_seconds(batch->released_ns - batch->start_ns);
}

/* They lie about in any order: those that are asked for soon are fetched. */
static void
fetch_ahead(const struct batch *batch, size_t rank)
{
    enum { AHEAD = 8 };

    if (rank + AHEAD < batch->done)
        __builtin_prefetch(&batch->delays->at[batch->order[rank + AHEAD]]);
}

double
batch_delay(const struct batch *batch, size_t rank)
{
    fetch_ahead(batch, rank);
    return was_released(batch, rank) ? released_delay(batch)
                                     : batch->delays->at[batch->order[rank]];
}

double
batch_last_end(const struct batch *batch)
{
    size_t last = batch->done - 1;

    return batch->limited && !was_released(batch, last) ? ns_to_seconds(batch->end_ns)
                                                        : batch_delay(batch, last);
}

int64_t
batch_elapsed_ns(const struct batch *batch, size_t rank)
{
    return batch->elapsed[rank];
}

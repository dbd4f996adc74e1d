#include "async/wait_n.h"

#include <stdlib.h>

static void
on_progress(void *owner, int64_t now_ns)
{
    struct wait_n *wait_n = owner;
    const struct batch *batch = wait_n->batch;

    wait_n->ended = batch_done(batch);
    wait_n->failed = batch_failed(batch);
    if (!batch_over(batch)) {
        record_count(&wait_n->record, wait_n->n - wait_n->ended);
        record_progress(&wait_n->record, now_ns);
        return;
    }
    if (wait_n->failed == 0 || !wait_n->cancel_on_error) {
        record_end(&wait_n->record, STATE_DONE, REASON_NONE, now_ns);
        return;
    }
    wait_n->record.status = batch_status(batch, batch_failure(batch, 0));
    record_end(&wait_n->record, STATE_FAILED, REASON_NONE, now_ns);
}

static void
stop(struct record *record, int64_t now_ns)
{
    struct wait_n *wait_n = CONTAINER_OF(record, struct wait_n, record);

    (void)now_ns;
    if (wait_n->batch)
        batch_stop(wait_n->batch);
}

static bool
is_busy(const struct record *record)
{
    const struct wait_n *wait_n = CONTAINER_OF(record, const struct wait_n, record);

    return wait_n->batch && batch_busy(wait_n->batch);
}

static void
release(struct record *record, int64_t now_ns)
{
    batch_release(CONTAINER_OF(record, struct wait_n, record)->batch, now_ns);
}

static double
delay_of(const struct record *record)
{
    const struct wait_n *wait_n = CONTAINER_OF(record, const struct wait_n, record);

    return wait_n->batch && !wait_n->dry ? batch_last_end(wait_n->batch) : -1;
}

static void
shed(struct record *record)
{
    struct wait_n *wait_n = CONTAINER_OF(record, struct wait_n, record);

    batch_free(wait_n->batch);
    faults_free(wait_n->faults);
    wait_n->batch = NULL;
    wait_n->faults = NULL;
}

static void
destroy(struct record *record)
{
    shed(record);
    free(CONTAINER_OF(record, struct wait_n, record));
}

static const struct record_class wait_n_class = {.stop = stop,
                                                 .is_busy = is_busy,
                                                 .release = release,
                                                 .delay = delay_of,
                                                 .shed = shed,
                                                 .destroy = destroy};

static struct batch *
start_batch(struct registry *registry, const struct wait_n_plan *plan,
            struct wait_n *wait_n, double load)
{
    struct delays *delays = delays_draw(&plan->spec, plan->n);
    if (delays == NULL)
        return NULL;
    delays_load(delays, load);
    struct batch_plan batch_plan = {
        .delays = delays,
        .limit = plan->limit,
        .times = plan->times,
        .ranks = plan->ranks,
        .dry = plan->dry,
        .faults = wait_n->faults,
        .most = plan->ending.most,
        .first_error = plan->ending.first_error || plan->ending.cancel_on_error,
        .start_ns = plan->start_ns,
        .limit_ns = timeout_end_ns(plan->start_ns, plan->timeout_ns),
        .owner = wait_n,
        .progressed = on_progress,
    };
    struct batch *batch = batch_start(&registry->timers, &batch_plan);

    delays_release(delays);
    return batch;
}

static enum error
open_wait_n(struct registry *registry, const struct wait_n_plan *plan,
            struct faults *faults, double load, struct wait_n **out)
{
    struct wait_n *wait_n = calloc(1, sizeof *wait_n);
    if (wait_n == NULL)
        return ERROR_OUT_OF_MEMORY;
    wait_n->spec = delay_spec_told(&plan->spec);
    wait_n->dry = plan->dry;
    wait_n->n = plan->n;
    wait_n->cancel_on_error = plan->ending.cancel_on_error;
    wait_n->faults = faults;
    wait_n->record.retry_after = plan->faults.retry_after;
    wait_n->batch = plan->n ? start_batch(registry, plan, wait_n, load) : NULL;

    struct record_plan head = {
        .kind = KIND_WAIT_N,
        .label = plan->label,
        .waits = plan->n,
        .timeout_ns = plan->n ? plan->timeout_ns : NO_TIMEOUT,
        .created_ns = plan->start_ns,
    };
    if ((plan->n && !wait_n->batch)
        || record_open(registry, &wait_n->record, &wait_n_class, &head)) {
        batch_free(wait_n->batch);
        free(wait_n);
        return ERROR_OUT_OF_MEMORY;
    }
    *out = wait_n;
    return OK;
}

enum error
wait_n_start(struct registry *registry, const struct wait_n_plan *plan,
             struct wait_n **out)
{
    double load = registry_load(registry, plan->load_factor);
    enum error error = registry_reserve(registry, 0, plan->n);
    if (error)
        return error;
    struct faults *faults = NULL;
    error = faults_draw(registry, &plan->faults, &plan->spec, plan->n, plan->start_ns,
                        &faults);
    if (!error) {
        error = open_wait_n(registry, plan, faults, load, out);
        if (error)
            fault_undo(registry, &plan->faults, plan->n);
    }
    if (error) {
        faults_free(faults);
        registry_unreserve(registry, 0, plan->n);
        return error;
    }
    if (plan->n == 0)
        record_end(&(*out)->record, STATE_DONE, REASON_NONE, registry_now(registry));
    return OK;
}

struct wait_n *
wait_n_of(struct record *record)
{
    return record->class == &wait_n_class ? CONTAINER_OF(record, struct wait_n, record)
                                          : NULL;
}

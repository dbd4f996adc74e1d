#include "async/measure.h"

#include <stdlib.h>

/* When its last wait had to end. */
static int64_t
planned_ns(const struct measure_part *part)
{
    return delay_to_ns(batch_last_end(part->batch));
}

static void
end_part(struct measure_part *part, int64_t now_ns)
{
    struct measure *measure = part->measure;

    part->total_ns =
        measure->dry ? planned_ns(part) : now_ns - measure->record.created_ns;
    batch_free(part->batch);
    part->batch = NULL;
    measure->running--;
}

static void
on_progress(void *owner, int64_t now_ns)
{
    struct measure_part *part = owner;
    struct measure *measure = part->measure;
    struct record *record = &measure->record;
    size_t before = part->done;

    part->done = batch_done(part->batch);
    record_count(record, record->waits - (part->done - before));
    if (part->done == measure->n)
        end_part(part, now_ns);
    if (measure->running == 0)
        record_end(record, STATE_DONE, REASON_NONE, now_ns);
}

static void
stop(struct record *record, int64_t now_ns)
{
    struct measure *measure = CONTAINER_OF(record, struct measure, record);

    (void)now_ns;
    for (size_t i = 0; i < measure->count; i++) {
        batch_free(measure->parts[i].batch);
        measure->parts[i].batch = NULL;
    }
}

static bool
is_busy(const struct record *record)
{
    const struct measure *measure = CONTAINER_OF(record, const struct measure, record);

    for (size_t i = 0; i < measure->count; i++)
        if (measure->parts[i].batch && batch_busy(measure->parts[i].batch))
            return true;
    return false;
}

static void
destroy(struct record *record)
{
    free(CONTAINER_OF(record, struct measure, record));
}

static void
release(struct record *record, int64_t now_ns)
{
    struct measure *measure = CONTAINER_OF(record, struct measure, record);

    for (size_t i = 0; i < measure->count; i++)
        if (measure->parts[i].batch)
            batch_release(measure->parts[i].batch, now_ns);
}

static const struct record_class measure_class = {
    .stop = stop, .is_busy = is_busy, .release = release, .destroy = destroy};

static bool
start_parts(struct registry *registry, const struct measure_plan *plan,
            struct measure *measure)
{
    struct delays *delays = delays_draw(&plan->spec, plan->n);
    if (delays == NULL)
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        struct measure_part *part = &measure->parts[i];
        struct batch_plan batch_plan = {
            .delays = delays,
            .limit = plan->limits[i],
            .dry = plan->dry,
            .start_ns = plan->start_ns,
            .limit_ns = timeout_end_ns(plan->start_ns, plan->timeout_ns),
            .owner = part,
            .progressed = on_progress,
        };

        part->measure = measure;
        part->limit = plan->limits[i];
        part->batch = batch_start(&registry->timers, &batch_plan);
        if (part->batch == NULL)
            break;
        measure->running++;
    }
    delays_release(delays);
    return measure->running == plan->count;
}

static enum error
open_measure(struct registry *registry, const struct measure_plan *plan,
             struct measure **out)
{
    struct measure *measure =
        calloc(1, sizeof *measure + plan->count * sizeof measure->parts[0]);
    if (measure == NULL)
        return ERROR_OUT_OF_MEMORY;
    measure->spec = delay_spec_told(&plan->spec);
    measure->dry = plan->dry;
    measure->n = plan->n;
    measure->modes = plan->modes;
    measure->count = plan->count;

    struct record_plan head = {
        .kind = KIND_MEASURE,
        .label = plan->label,
        .waits = plan->n * plan->count,
        .timeout_ns = plan->timeout_ns,
        .created_ns = plan->start_ns,
    };
    if (!start_parts(registry, plan, measure)
        || record_open(registry, &measure->record, &measure_class, &head)) {
        stop(&measure->record, plan->start_ns);
        free(measure);
        return ERROR_OUT_OF_MEMORY;
    }
    *out = measure;
    return OK;
}

enum error
measure_start(struct registry *registry, const struct measure_plan *plan,
              struct measure **out)
{
    size_t waits = plan->n * plan->count;
    enum error error = registry_reserve(registry, 0, waits);
    if (error)
        return error;
    error = open_measure(registry, plan, out);
    if (error)
        registry_unreserve(registry, 0, waits);
    return error;
}

struct measure *
measure_of(struct record *record)
{
    return record->class == &measure_class
               ? CONTAINER_OF(record, struct measure, record)
               : NULL;
}

size_t
measure_done(const struct measure *measure)
{
    size_t done = measure->n;

    for (size_t i = 0; i < measure->count; i++)
        done = measure->parts[i].done < done ? measure->parts[i].done : done;
    return done;
}

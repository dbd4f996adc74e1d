/* GET|POST /measure: what waiting at once gains: measure_time(n, max_delay). */
#include "api/measure_json.h"
#include "api/app.h"
#include "api/draw.h"
#include "api/task_problem.h"

struct measure_in {
    struct draw_in draw;
    struct value_integer n;
    struct value_word mode;
    struct value_integers limit;
};

enum mode { MODE_CONCURRENT, MODE_SEQUENTIAL, MODE_BOTH };
static const char *const dry_run_excludes[] = {"timeout", "label", NULL};
static const char *const mode_words[] = {"concurrent", "sequential", "both", NULL};

/* clang-format off */
static const struct field fields[] = {
    FIELD(struct measure_in, n, FIELD_INTEGER, .required = true, .min = 1,
          .max_limit = LIMIT_MAX_N, .example = "5", .text = "How many waits."),
    DRAW_FIELDS(struct measure_in),
    FIELD(struct measure_in, mode, FIELD_WORD, .words = mode_words,
          .fallback_text = "concurrent", .example = "both",
          .text = "All at once, one after another, or both side by side."),
    FIELD(struct measure_in, limit, FIELD_INTEGERS, .min = 1, .max_limit = LIMIT_MAX_N,
          .example = "1,2,5",
          .text = "Measures each of these limits too: at most so many at once."),
    DRY_RUN_FIELD(struct measure_in, dry_run_excludes),
    DRAW_PROFILE_FIELD(struct measure_in),
    DRAW_MODEL_FIELDS(struct measure_in),
};
/* clang-format on */

static void
on_changed(struct exchange *exchange, int64_t now_ns)
{
    struct record *record = exchange_owned(exchange);
    struct problem problem = {0};
    struct reply reply = {.status = 200, .waited = true};
    struct text body = {0};
    struct json_writer json = json_writer(&body);

    (void)now_ns;
    if (!record_ended(record))
        return;
    if (record->state != STATE_DONE) {
        task_problem(record, true, &problem);
        exchange_refuse(exchange, &problem);
        return;
    }
    json_begin_object(&json);
    measure_write(measure_of(record), &json);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
}

/* The parts in the order of the answer: the modes (a limit of 0 is concurrent), then
 * the list. */
static void
choose_parts(const struct measure_in *in, size_t *limits, struct measure_plan *plan)
{
    if (in->mode.index != MODE_SEQUENTIAL)
        limits[plan->count++] = 0;
    if (in->mode.index != MODE_CONCURRENT)
        limits[plan->count++] = 1;
    plan->modes = plan->count;
    for (size_t i = 0; i < in->limit.size; i++)
        limits[plan->count++] = (size_t)in->limit.at[i];
    plan->limits = limits;
}

static enum error
handle(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct measure_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    size_t limits[INTEGERS_MAX + 2];
    struct measure_plan plan = {
        .label = draw_label(&in->draw),
        .n = (size_t)in->n.value,
        .dry = in->draw.dry_run.on,
        .timeout_ns = draw_timeout_ns(&in->draw.timeout),
        .start_ns = exchange_received_ns(exchange),
    };
    struct measure *measure;
    UNINITIALIZED struct draw_room room;
    enum error error =
        draw_spec(exchange, &in->draw, false, &room, &plan.spec, problem);
    if (error)
        return error;
    delay_spec_seed(&plan.spec, false, &registry->fastrand);
    choose_parts(in, limits, &plan);
    error = measure_start(registry, &plan, &measure);
    if (error)
        return error;
    exchange_own(exchange, &measure->record);
    exchange_watch(exchange, &measure->record.watches, on_changed);
    return OK;
}

static const struct answer answers[] = {
    {200, FORMAT_JSON, "The parts that were asked for, each really waited.",
     "{\"n\":5,\"seed\":7,\"concurrent\":{\"total\":7.02,\"average\":1.404},"
     "\"sequential\":{\"total\":19.8,\"average\":3.96},\"speedup\":2.82}"},
    {0},
};

static const enum error errors[] = {ERROR_CANCELLED, ERROR_TOO_MANY_WAITS,
                                    ERROR_TIMEOUT, OK};

const struct route route_measure = {
    .methods = METHOD_GET | METHOD_POST,
    .path = "/measure",
    .text = "Waits the same n delays at once and one after another, and compares.",
    .more =
        "It is `measure_time(n, max_delay)`: average = total / n. All parts run side "
        "by side with the same delays; speedup = sequential.total / "
        "concurrent.total, null where the latter is 0. With `dry_run` the totals are "
        "what the delays add up to, where nothing is late.",
    .in = SHAPE(struct measure_in, fields),
    .formats = 1 << FORMAT_JSON,
    .answers = answers,
    .errors = errors,
    .example = "'localhost:8080/measure?n=5&max_delay=1&mode=both'",
    .handle = handle,
};

/*
 * test_model.c: random operations of 8 clients on coordination objects, done by the
 * model and by server/async; after each, all that can be seen must be the same.
 *
 *   test_model                         a small share, for every day
 *   test_model --seeds 1000 --steps 10000 [--first 1]
 *   test_model --seed N [--steps N]    that one, and prints each step
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"
#include "real.h"

static struct {
    uint64_t first, seeds, steps;
    bool trace;
} asked = {.first = 1, .seeds = 60, .steps = 5000};

/* ---- chance ------------------------------------------------------------------------
 */

/* SplitMix64 (G. Steele, D. Lea, C. Flood, 2014). */
static uint64_t
draw(uint64_t *chance)
{
    uint64_t z = *chance += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static size_t
below(uint64_t *chance, size_t end)
{
    return (size_t)(draw(chance) % end);
}

static bool
one_in(uint64_t *chance, size_t n)
{
    return below(chance, n) == 0;
}

static int64_t
one_of(uint64_t *chance, const int64_t *values, size_t count)
{
    return values[below(chance, count)];
}

#define ONE_OF(chance, ...)                                                            \
    one_of(chance, (const int64_t[]){__VA_ARGS__},                                     \
           sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* ---- the two, side by side ---------------------------------------------------------
 */

struct trial {
    uint64_t seed, step, chance;
    struct limits limits;
    size_t weights[OP_KINDS]; /* what is done often, of this seed */
    size_t each, names;
    size_t patience; /* so many in one have a timeout */
    struct model model;
    struct real real;
    struct seen model_seen, real_seen;
};

static const struct {
    const char *word;
    size_t weight;
    enum thing thing;
} ops[OP_KINDS] = {
    [OP_SET] = {"set", 4, EVENT},
    [OP_CLEAR] = {"clear", 4, EVENT},
    [OP_WAIT_EVENT] = {"wait for event", 8, EVENT},
    [OP_ACQUIRE] = {"acquire", 8, SEMAPHORE},
    [OP_RELEASE] = {"release", 4, SEMAPHORE},
    [OP_RENEW] = {"renew", 2, SEMAPHORE},
    [OP_WAIT_BARRIER] = {"wait at barrier", 8, BARRIER},
    [OP_ABORT] = {"abort", 1, BARRIER},
    [OP_FORGET] = {"forget", 2, BARRIER},
    [OP_COUNT] = {"count", 4, LATCH},
    [OP_WAIT_LATCH] = {"wait for latch", 8, LATCH},
    [OP_PUT] = {"put", 8, QUEUE},
    [OP_GET] = {"get", 8, QUEUE},
    [OP_WATCH] = {"watch", 4, THINGS},
    [OP_LOOK] = {"look", 2, THINGS},
    [OP_CANCEL] = {"cancel", 6, THINGS},
    [OP_RIVAL] = {"rival", 3, THINGS},
    [OP_TAKE] = {"take", 8, THINGS},
    [OP_LEAVE] = {"leave", 8, THINGS},
    [OP_DESERT] = {"desert", 1, THINGS},
    [OP_RESET] = {"reset", 1, THINGS},
    [OP_TURN] = {"turn", 4, THINGS},
    [OP_ADVANCE] = {"advance", 8, THINGS},
    [OP_JUMP] = {"jump", 3, THINGS},
};

/* Nearly everybody waits for one event, so that more are served together than are told
 * at once, and others come while they are not told. */
static void
draw_crowd(struct trial *trial)
{
    trial->weights[OP_WAIT_EVENT] = 400;
    trial->weights[OP_PUT] = trial->weights[OP_CANCEL] = 20;
    trial->weights[OP_SET] = 2;
    trial->weights[OP_CLEAR] = 20;
    trial->weights[OP_TURN] = 4;
    trial->weights[OP_ADVANCE] = trial->weights[OP_JUMP] = 1;
    trial->weights[OP_DESERT] = trial->weights[OP_RESET] = 0;
    trial->limits.waits = 1000;
    trial->each = EACH;
    trial->names = 1;
    trial->patience = 50;
}

/* Each seed has its habits, so that lines become long in one and clients fickle in
 * another (A. Groce et al., "Swarm testing", 2012). */
static void
begin_trial(struct trial *trial, uint64_t seed)
{
    uint64_t *chance = &trial->chance;

    memset(trial, 0, sizeof *trial);
    trial->seed = trial->chance = seed;
    trial->limits = (struct limits){
        .waits = (size_t)ONE_OF(chance, 1000, 1000, 60, 15),
        .objects = (size_t)ONE_OF(chance, 1000, 1000, 20, 6),
        .bytes = (size_t)ONE_OF(chance, 20000, 20000, 1500),
        /* Never when something else is due: all that is a multiple of 1 us. */
        .idle_ttl_ns = ONE_OF(chance, 20, 100, 1000) * NS_PER_MS + 1,
    };
    for (size_t i = 0; i < OP_KINDS; i++)
        trial->weights[i] = ops[i].weight * (size_t)ONE_OF(chance, 0, 1, 1, 2, 8);
    trial->weights[OP_TAKE] += 1;
    trial->weights[OP_TURN] += 1;
    trial->weights[OP_ADVANCE] += 1;
    trial->weights[OP_RESET] /= (size_t)ONE_OF(chance, 1, 2, 1000);
    trial->each = (size_t)ONE_OF(chance, 1, 3, EACH, EACH);
    trial->names = 1 + below(chance, NAMES);
    trial->patience = (size_t)ONE_OF(chance, 1, 2, 2, 10, 1000);
    if (one_in(chance, 3))
        draw_crowd(trial);
    model_open(&trial->model, &trial->limits, MANUAL_CLOCK_START_NS);
    real_open(&trial->real, &trial->limits);
}

/* ---- what next ---------------------------------------------------------------------
 */

static bool
is_free(const struct request *r)
{
    return !r->open;
}

static bool
is_open(const struct request *r)
{
    return r->open;
}

static bool
has_ended(const struct request *r)
{
    return r->how > HOLDING;
}

static bool
is_served(const struct request *r)
{
    return r->place == SERVED;
}

/* One of a random client; NOBODY: there is none. */
static size_t
find_slot(struct trial *trial, bool (*fits)(const struct request *r))
{
    size_t from = below(&trial->chance, SLOTS);

    for (size_t i = 0; i < SLOTS; i++) {
        size_t slot = (from + i * EACH + i / CLIENTS) % SLOTS;

        if (slot % EACH < trial->each && fits(&trial->model.requests[slot]))
            return slot;
    }
    return NOBODY;
}

static enum op_kind
draw_kind(struct trial *trial)
{
    size_t sum = 0, at;

    for (size_t i = 0; i < OP_KINDS; i++)
        sum += trial->weights[i];
    at = below(&trial->chance, sum);
    for (size_t i = 0; i < OP_KINDS; i++) {
        if (at < trial->weights[i])
            return (enum op_kind)i;
        at -= trial->weights[i];
    }
    return OP_TURN;
}

static bool
makes_request(enum op_kind kind)
{
    return kind == OP_WAIT_EVENT || kind == OP_ACQUIRE || kind == OP_WAIT_BARRIER
           || kind == OP_WAIT_LATCH || kind == OP_PUT || kind == OP_GET
           || kind == OP_WATCH;
}

/* To a deadline, or a bit of time that may meet one. A jump never passes the end of an
 * object: whether others were due before it would be another question. */
static int64_t
draw_time(struct trial *trial, bool jumps)
{
    int64_t now_ns = trial->model.now_ns, next_ns = model_next_ns(&trial->model);
    int64_t until_ns = now_ns
                       + ONE_OF(&trial->chance, 0, 1, 1, 2, 3, 7, 20, 60) * NS_PER_MS
                             * ONE_OF(&trial->chance, 1, 1, 1, 10);

    if (next_ns != INT64_MAX && one_in(&trial->chance, 2)) {
        int64_t whole = next_ns - MANUAL_CLOCK_START_NS + NS_PER_US - 1;

        until_ns = MANUAL_CLOCK_START_NS + whole / NS_PER_US * NS_PER_US;
        if (until_ns - NS_PER_US > now_ns && one_in(&trial->chance, 3))
            until_ns -= NS_PER_US;
    }
    if (jumps && until_ns >= model_idle_ns(&trial->model))
        return now_ns;
    return until_ns < now_ns ? now_ns : until_ns;
}

static int64_t
draw_number(struct trial *trial, const struct op *op)
{
    uint64_t *chance = &trial->chance;
    const struct object *object = &trial->model.objects[op->thing][op->name % NAMES];

    switch (op->kind) {
    case OP_WAIT_EVENT:
        return object->generation + ONE_OF(chance, 0, 0, 1, -(object->generation > 0));
    case OP_ACQUIRE: return ONE_OF(chance, 0, 0, 0, 1, 2, 2, 5);
    case OP_WAIT_BARRIER:
        return one_in(chance, 10) || object->parties == 0
                   ? ONE_OF(chance, 1, 2, 3, 5, 8, SLOTS - 5)
                   : object->parties;
    case OP_COUNT: return ONE_OF(chance, 1, 1, 2, 3);
    case OP_WAIT_LATCH: return object->value + ONE_OF(chance, -1, 0, 1, 2, 3, 5, 5);
    case OP_PUT: return ONE_OF(chance, -1, -1, -1, 0, 1, 2, 5);
    case OP_WATCH: return ONE_OF(chance, 0, 1, 2, 3, 5, 20);
    default: return 0;
    }
}

/* What was granted lately, or a bit longer ago. */
static void
draw_lease(struct trial *trial, struct op *op)
{
    size_t known = trial->real.granted < GRANTS ? trial->real.granted : GRANTS;
    size_t back = one_in(&trial->chance, 8) ? GRANTS : 6;

    if (known == 0)
        return;
    back = 1 + below(&trial->chance, back < known ? back : known);
    const struct grant *grant =
        &trial->real.grants[(trial->real.granted - back) % GRANTS];
    op->token = grant->token;
    op->name = grant->name;
}

static size_t
draw_slot(struct trial *trial, enum op_kind kind)
{
    size_t slot = NOBODY;

    if (makes_request(kind))
        return find_slot(trial, is_free);
    if (kind == OP_TAKE)
        return find_slot(trial, has_ended);
    if ((kind == OP_CANCEL || kind == OP_LEAVE) && one_in(&trial->chance, 2))
        slot = find_slot(trial, is_served); /* a rare moment */
    return slot == NOBODY ? find_slot(trial, is_open) : slot;
}

/* All are busy: somebody takes the answer, or gives up, or is released. */
static struct op
make_room(struct trial *trial)
{
    struct op op = {.kind = OP_TAKE, .until_ns = trial->model.now_ns};

    op.slot = draw_slot(trial, OP_TAKE);
    if (op.slot == NOBODY) {
        op.kind = one_in(&trial->chance, 2) ? OP_LEAVE : OP_SET;
        op.slot = draw_slot(trial, OP_LEAVE);
    }
    return op;
}

static struct op
draw_op(struct trial *trial)
{
    uint64_t *chance = &trial->chance;
    struct op op = {.kind = draw_kind(trial), .until_ns = trial->model.now_ns};

    op.slot = draw_slot(trial, op.kind);
    if (op.slot == NOBODY && makes_request(op.kind))
        op = make_room(trial);
    if (op.slot == NOBODY && op.kind >= OP_CANCEL && op.kind <= OP_DESERT)
        op.kind = OP_LOOK;
    op.thing = ops[op.kind].thing < THINGS ? ops[op.kind].thing
                                           : (enum thing)below(chance, THINGS);
    op.name = below(chance, trial->names);
    op.other = op.kind == OP_RIVAL ? find_slot(trial, is_open) : NOBODY;
    op.timeout_ns = one_in(chance, trial->patience)
                        ? ONE_OF(chance, 0, 1, 2, 3, 5, 10, 50) * NS_PER_MS
                        : -1;
    op.ttl_ns = ONE_OF(chance, op.kind == OP_RENEW, 1, 2, 5, 30) * NS_PER_MS;
    op.number = draw_number(trial, &op);
    op.flag = one_in(chance, 2);
    op.bytes = (size_t)ONE_OF(chance, op.kind == OP_PUT ? 8 : 0, 8, 20, 100);
    if (op.kind == OP_RELEASE || op.kind == OP_RENEW)
        draw_lease(trial, &op);
    if (op.kind == OP_DESERT)
        op.slot = op.slot / EACH * EACH;
    if (op.kind == OP_ADVANCE || op.kind == OP_JUMP)
        op.until_ns = draw_time(trial, op.kind == OP_JUMP);
    return op;
}

/* ---- printing ----------------------------------------------------------------------
 */

static const char *const thing_words[] = {"event", "semaphore", "barrier", "latch",
                                          "queue"};
static const char *const how_words[] = {"pending", "holding", "done", "failed",
                                        "cancelled"};
static const char *const why_words[] = {"", " by cancel", " by timeout", " by leaving",
                                        " by reset"};

static double
ms(int64_t at_ns)
{
    return (double)(at_ns - MANUAL_CLOCK_START_NS) / NS_PER_MS;
}

static void
print_op(const struct trial *trial, const struct op *op, int64_t result)
{
    printf("%6" PRIu64 "  %.6f ms  %s", trial->step, ms(trial->model.now_ns),
           ops[op->kind].word);
    if (op->kind < OP_CANCEL)
        printf(" %s %c", thing_words[op->thing], (char)('a' + op->name));
    if (makes_request(op->kind) || (op->kind >= OP_CANCEL && op->kind <= OP_DESERT))
        printf(" slot=%zu", op->slot);
    if (op->kind == OP_RIVAL)
        printf(" other=%zu", op->other);
    if (makes_request(op->kind) || op->kind == OP_COUNT)
        printf(" number=%" PRId64 " flag=%d timeout=%g ms", op->number, op->flag,
               (double)op->timeout_ns / NS_PER_MS);
    if (op->kind == OP_ACQUIRE || op->kind == OP_RENEW)
        printf(" ttl=%g ms", (double)op->ttl_ns / NS_PER_MS);
    if (op->kind == OP_RELEASE || op->kind == OP_RENEW)
        printf(" token=%" PRIu64, op->token);
    if (op->kind == OP_SET || op->kind == OP_PUT)
        printf(" bytes=%zu", op->bytes);
    if (result < 0)
        printf(" -> %s\n", error_info((enum error) - result)->slug);
    else
        printf(" -> %" PRId64 "\n", result);
}

static void
print_request(const char *whose, const struct request *r, const struct seen_request *s)
{
    printf("  %s: ", whose);
    if (!s->open) {
        printf("not open\n");
        return;
    }
    printf("%s%s error=%" PRId64 " ended=%.6f ms heard=%" PRId64, how_words[s->how],
           why_words[s->why], s->error, s->ended_ns ? ms(s->ended_ns) : 0, s->heard);
    printf(" got %" PRId64 ", %" PRId64 ", %" PRId64 " (%s of %s %c)\n", s->got[0],
           s->got[1], s->got[2], seen_got[r->asked.thing], thing_words[r->asked.thing],
           (char)('a' + r->asked.name));
}

static void
print_thing(const char *whose, enum thing thing, const struct seen_thing *s)
{
    if (!s->exists)
        printf("  %s: none\n", whose);
    else
        printf("  %s: waiting=%" PRId64 " watching=%" PRId64 " %" PRId64 ", %" PRId64
               ", %" PRId64 " (%s)\n",
               whose, s->waiting, s->watching, s->is[0], s->is[1], s->is[2],
               seen_is[thing]);
}

static void
print_totals(const char *whose, const struct seen *s)
{
    printf("  %s: waits=%" PRId64 " objects=%" PRId64 " bytes=%" PRId64
           " token=%" PRId64 "\n",
           whose, s->waits, s->objects, s->bytes, s->token);
}

static void
print_differences(const struct trial *trial)
{
    const struct seen *model = &trial->model_seen, *real = &trial->real_seen;

    for (size_t i = 0; i < SLOTS; i++) {
        const struct request *r = &trial->model.requests[i];

        if (memcmp(&model->requests[i], &real->requests[i], sizeof *model->requests)
            == 0)
            continue;
        printf("slot %zu\n", i);
        print_request("model", r, &model->requests[i]);
        print_request("real ", r, &real->requests[i]);
    }
    for (size_t i = 0; i < THINGS * NAMES; i++) {
        const struct seen_thing *m = &model->things[i / NAMES][i % NAMES];
        const struct seen_thing *r = &real->things[i / NAMES][i % NAMES];

        if (!m->exists && !r->exists)
            continue;
        printf("%s %c\n", thing_words[i / NAMES], (char)('a' + i % NAMES));
        print_thing("model", (enum thing)(i / NAMES), m);
        print_thing("real ", (enum thing)(i / NAMES), r);
    }
    printf("all\n");
    print_totals("model", model);
    print_totals("real ", real);
}

/* ---- the trials --------------------------------------------------------------------
 */

static bool
step(struct trial *trial)
{
    struct op op = draw_op(trial);
    int64_t expected, result;

    expected = model_do(&trial->model, &op);
    if (asked.trace) {
        print_op(trial, &op, expected);
        fflush(stdout); /* the real one may end the program */
    }
    result = real_do(&trial->real, &op);
    model_look(&trial->model, &trial->model_seen);
    real_look(&trial->real, &trial->real_seen);
    if (result == expected
        && memcmp(&trial->model_seen, &trial->real_seen, sizeof trial->model_seen) == 0)
        return true;
    printf("a difference: --seed %" PRIu64 ", at step %" PRIu64 ":\n", trial->seed,
           trial->step);
    print_op(trial, &op, expected);
    printf("the model says %" PRId64 ", the real one %" PRId64 "\n", expected, result);
    print_differences(trial);
    return false;
}

/* For a program that an assertion or the sanitizer ends. */
static const struct trial *current;

static void
say_where(void)
{
    if (current)
        fprintf(stderr, "\nthe end: --seed %" PRIu64 ", at step %" PRIu64 "\n",
                current->seed, current->step);
}

/* What is left is no leak to tell of. */
_Noreturn static void
leave_everything(void)
{
    fflush(stdout);
    _exit(EXIT_FAILURE);
}

static void
on_abort(int number)
{
    (void)number;
    say_where();
    leave_everything();
}

/* The sanitizer calls it. */
void __asan_on_error(void);

void
__asan_on_error(void)
{
    say_where();
}

static void
try_step(struct trial *trial)
{
    if (!step(trial))
        leave_everything();
}

static void
the_real_ones_do_what_the_model_does(void **state)
{
    struct trial *trial = malloc(sizeof *trial);

    (void)state;
    assert_non_null(trial);
    current = trial;
    signal(SIGABRT, on_abort);
    for (uint64_t i = 0; i < asked.seeds; i++) {
        begin_trial(trial, asked.first + i);
        for (trial->step = 0; trial->step < asked.steps; trial->step++)
            try_step(trial);
        real_close(&trial->real);
    }
    current = NULL;
    free(trial);
}

/* False: the arguments are not understood. */
static bool
read_arguments(int count, char **words)
{
    for (int i = 1; i < count; i += 2) {
        char *end = NULL;
        uint64_t number = i + 1 < count ? strtoull(words[i + 1], &end, 10) : 0;

        if (end == NULL || end == words[i + 1] || *end != '\0')
            return false;
        if (strcmp(words[i], "--seed") == 0) {
            asked.first = number;
            asked.seeds = 1;
            asked.trace = true;
        } else if (strcmp(words[i], "--first") == 0)
            asked.first = number;
        else if (strcmp(words[i], "--seeds") == 0)
            asked.seeds = number;
        else if (strcmp(words[i], "--steps") == 0)
            asked.steps = number;
        else
            return false;
    }
    return true;
}

int
main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_real_ones_do_what_the_model_does),
    };

    if (!read_arguments(count, words)) {
        fprintf(stderr, "usage: test_model [--seed N | --first N --seeds N] "
                        "[--steps N]\n");
        return 2;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0)
        return 0;
    say_where();
    leave_everything();
}

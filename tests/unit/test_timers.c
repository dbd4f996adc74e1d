#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "async/timers.h"
#include "base/fastrand.h"

enum { MANY = 4000 };

/* A timer that writes its number down. */
struct writer {
    struct timer timer;
    struct story *story;
    int number;
    /* in the property test's model: */
    uint64_t order;
    enum timer_rank rank;
};

struct story {
    struct timers timers;
    int fired[MANY];
    size_t count;
};

static void
write_down(struct timer *timer, int64_t now_ns)
{
    struct writer *writer = CONTAINER_OF(timer, struct writer, timer);

    assert_true(timer->deadline_ns <= now_ns);
    assert_false(timer_runs(timer));
    assert_true(writer->story->count < MANY);
    writer->story->fired[writer->story->count++] = writer->number;
}

static void
start(struct story *story, struct writer *writer, int number, enum timer_rank rank,
      int64_t deadline_ns)
{
    writer->story = story;
    writer->number = number;
    writer->timer.fire = write_down;
    assert_int_equal(timers_start(&story->timers, &writer->timer, rank, deadline_ns),
                     OK);
    assert_true(timer_runs(&writer->timer));
}

static void
assert_fired(struct story *story, const int *numbers, size_t count)
{
    assert_int_equal(story->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(story->fired[i], numbers[i]);
}
#define ASSERT_FIRED(story, ...)                                                       \
    assert_fired(story, (const int[]){__VA_ARGS__}, COUNT(((const int[]){__VA_ARGS__})))

static void
timers_fire_in_order_of_their_deadlines(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer writers[3] = {0};

    start(&story, &writers[0], 0, TIMER_RESULT, 30);
    start(&story, &writers[1], 1, TIMER_RESULT, 10);
    start(&story, &writers[2], 2, TIMER_RESULT, 20);
    assert_int_equal(timers_next(&story.timers), 10);
    assert_int_equal(timers_fire(&story.timers, 9, 10), 0);
    assert_int_equal(timers_fire(&story.timers, 20, 10), 2);
    assert_int_equal(timers_next(&story.timers), 30);
    assert_int_equal(timers_fire(&story.timers, 99, 10), 1);
    ASSERT_FIRED(&story, 1, 2, 0);
    assert_int_equal(timers_next(&story.timers), INT64_MAX);
    timers_free(&story.timers);
}

static void
equal_deadlines_keep_the_order_of_starting(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer *writers = calloc(MANY, sizeof *writers);

    for (int i = 0; i < MANY; i++)
        start(&story, &writers[i], i, TIMER_RESULT, 10);
    assert_int_equal(timers_fire(&story.timers, 10, SIZE_MAX), MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(story.fired[i], i);
    free(writers);
    timers_free(&story.timers);
}

static void
a_result_comes_before_a_limit_of_the_same_instant(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer writers[4] = {0};

    start(&story, &writers[0], 0, TIMER_LIMIT, 10);
    start(&story, &writers[1], 1, TIMER_RESULT, 10);
    start(&story, &writers[2], 2, TIMER_LIMIT, 9);
    start(&story, &writers[3], 3, TIMER_RESULT, 10);
    timers_fire(&story.timers, 10, 10);
    ASSERT_FIRED(&story, 2, 1, 3, 0);
    timers_free(&story.timers);
}

static void
what_nobody_waits_for_or_what_never_comes_does_not_drive(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer writers[3] = {0};

    assert_false(timers_drive(&story.timers));
    start(&story, &writers[0], 0, TIMER_UPKEEP, 10);
    start(&story, &writers[1], 1, TIMER_RESULT, INT64_MAX);
    assert_false(timers_drive(&story.timers));
    start(&story, &writers[2], 2, TIMER_LIMIT, 10);
    assert_true(timers_drive(&story.timers));
    timers_fire(&story.timers, 10, SIZE_MAX);
    ASSERT_FIRED(&story, 2, 0);
    assert_false(timers_drive(&story.timers));
    start(&story, &writers[1], 1, TIMER_RESULT, 20);
    assert_true(timers_drive(&story.timers));
    timers_stop(&story.timers, &writers[1].timer);
    assert_false(timers_drive(&story.timers));
    timers_free(&story.timers);
}

static void
a_timer_that_is_moved_stands_behind_its_equals(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer writers[3] = {0};

    for (int i = 0; i < 3; i++)
        start(&story, &writers[i], i, TIMER_RESULT, 10);
    start(&story, &writers[0], 0, TIMER_RESULT, 20);
    start(&story, &writers[0], 0, TIMER_RESULT, 10);
    assert_int_equal(story.timers.count, 3);
    timers_fire(&story.timers, 10, 10);
    ASSERT_FIRED(&story, 1, 2, 0);
    timers_free(&story.timers);
}

static void
a_timer_that_was_stopped_does_not_fire(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer writers[2] = {0};

    timers_stop(&story.timers, &writers[0].timer); /* never ran */
    start(&story, &writers[0], 0, TIMER_RESULT, 10);
    start(&story, &writers[1], 1, TIMER_RESULT, 20);
    timers_stop(&story.timers, &writers[0].timer);
    timers_stop(&story.timers, &writers[0].timer);
    assert_false(timer_runs(&writers[0].timer));
    assert_int_equal(timers_fire(&story.timers, 99, 10), 1);
    ASSERT_FIRED(&story, 1);
    timers_free(&story.timers);
}

static void
no_more_than_the_budget_fire_at_once(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer writers[5] = {0};

    for (int i = 0; i < 5; i++)
        start(&story, &writers[i], i, TIMER_RESULT, i);
    assert_int_equal(timers_fire(&story.timers, 99, 0), 0);
    assert_int_equal(timers_fire(&story.timers, 99, 2), 2);
    ASSERT_FIRED(&story, 0, 1);
    assert_int_equal(timers_fire(&story.timers, 99, 9), 3);
    ASSERT_FIRED(&story, 0, 1, 2, 3, 4);
    timers_free(&story.timers);
}

static void
start_again(struct timer *timer, int64_t now_ns)
{
    struct writer *writer = CONTAINER_OF(timer, struct writer, timer);

    assert_int_equal(timers_start(&writer->story->timers, timer, TIMER_RESULT, now_ns),
                     OK);
    writer->story->count++;
}

static void
a_timer_that_starts_itself_again_is_held_by_the_budget(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer writer = {0};

    start(&story, &writer, 0, TIMER_RESULT, 10);
    writer.timer.fire = start_again;
    assert_int_equal(timers_fire(&story.timers, 10, 7), 7);
    assert_int_equal(story.count, 7);
    assert_true(timer_runs(&writer.timer));
    timers_free(&story.timers);
}

static void
yield(struct timer *timer, int64_t now_ns)
{
    write_down(timer, now_ns);
    timers_yield(&CONTAINER_OF(timer, struct writer, timer)->story->timers);
}

static void
nothing_more_fires_after_one_that_yields(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer writers[3] = {0};

    for (int i = 0; i < 3; i++)
        start(&story, &writers[i], i, TIMER_RESULT, i);
    writers[1].timer.fire = yield;
    assert_int_equal(timers_fire(&story.timers, 99, 10), 2);
    ASSERT_FIRED(&story, 0, 1);
    assert_int_equal(timers_fire(&story.timers, 99, 10), 1);
    timers_free(&story.timers);
}

static struct writer *victim;

static void
stop_and_free_the_next(struct timer *timer, int64_t now_ns)
{
    struct writer *writer = CONTAINER_OF(timer, struct writer, timer);

    write_down(timer, now_ns);
    timers_stop(&writer->story->timers, &victim->timer);
    free(victim);
    free(writer);
}

static void
a_timer_may_free_itself_and_the_next(void **state)
{
    (void)state;
    struct story story = {0};
    struct writer *first = calloc(1, sizeof *first);
    struct writer last = {0};

    victim = calloc(1, sizeof *victim);
    start(&story, first, 0, TIMER_RESULT, 10);
    first->timer.fire = stop_and_free_the_next;
    start(&story, victim, 1, TIMER_RESULT, 10);
    start(&story, &last, 2, TIMER_RESULT, 10);
    assert_int_equal(timers_fire(&story.timers, 10, 10), 2);
    ASSERT_FIRED(&story, 0, 2);
    timers_free(&story.timers);
}

/* ---- against a model: the running timers in a sorted list ----------- */

struct model {
    struct writer *sorted[MANY];
    size_t count;
    uint64_t started;
};

/* What stands at the end of time is like upkeep. */
static int
model_rank(const struct writer *writer)
{
    bool never = writer->timer.deadline_ns == INT64_MAX;

    return (int)writer->rank | (never ? TIMER_UPKEEP : 0);
}

static bool
is_before(const struct writer *a, const struct writer *b)
{
    if (a->timer.deadline_ns != b->timer.deadline_ns)
        return a->timer.deadline_ns < b->timer.deadline_ns;
    if (model_rank(a) != model_rank(b))
        return model_rank(a) < model_rank(b);
    return a->order < b->order;
}

static void
model_stop(struct model *model, const struct writer *writer)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model->sorted[i] != writer)
            continue;
        model->count--;
        memmove(&model->sorted[i], &model->sorted[i + 1],
                (model->count - i) * sizeof(struct writer *));
        return;
    }
}

static void
model_start(struct model *model, struct writer *writer)
{
    size_t place = model->count++;

    writer->order = model->started++;
    while (place > 0 && is_before(writer, model->sorted[place - 1])) {
        model->sorted[place] = model->sorted[place - 1];
        place--;
    }
    model->sorted[place] = writer;
}

static void
step_start(struct story *story, struct model *model, struct writer *writer,
           struct fastrand *fastrand, int64_t now_ns)
{
    /* Few different deadlines, so that many are equal; some have passed. */
    int64_t deadline_ns = now_ns - 2 + (int64_t)(fastrand_bits(fastrand) % 50);

    model_stop(model, writer);
    if (fastrand_bits(fastrand) % 20 == 0)
        deadline_ns = INT64_MAX;
    writer->rank = (enum timer_rank)(fastrand_bits(fastrand) % 3);
    start(story, writer, writer->number, writer->rank, deadline_ns);
    model_start(model, writer);
}

static bool
model_drives(const struct model *model)
{
    for (size_t i = 0; i < model->count; i++)
        if (model->sorted[i]->rank != TIMER_UPKEEP
            && model->sorted[i]->timer.deadline_ns != INT64_MAX)
            return true;
    return false;
}

static void
step_fire(struct story *story, struct model *model, int64_t now_ns, size_t budget)
{
    size_t due = 0;

    while (due < model->count && due < budget
           && model->sorted[due]->timer.deadline_ns <= now_ns)
        due++;
    story->count = 0;
    assert_int_equal(timers_fire(&story->timers, now_ns, budget), due);
    assert_int_equal(story->count, due);
    for (size_t i = 0; i < due; i++)
        assert_int_equal(story->fired[i], model->sorted[i]->number);
    model->count -= due;
    memmove(model->sorted, model->sorted + due, model->count * sizeof(struct writer *));
}

static void
play(uint64_t seed, size_t timers, size_t steps)
{
    struct story *story = calloc(1, sizeof *story);
    struct model *model = calloc(1, sizeof *model);
    struct writer *writers = calloc(timers, sizeof *writers);
    struct fastrand fastrand;
    int64_t now_ns = 1000;

    fastrand_seed(&fastrand, seed);
    for (size_t i = 0; i < timers; i++)
        writers[i].number = (int)i;
    for (size_t step = 0; step < steps; step++) {
        struct writer *writer = &writers[fastrand_bits(&fastrand) % timers];
        uint64_t what = fastrand_bits(&fastrand) % 100;

        if (what < 75)
            step_start(story, model, writer, &fastrand, now_ns);
        else if (what < 95) {
            timers_stop(&story->timers, &writer->timer);
            model_stop(model, writer);
        } else {
            now_ns += (int64_t)(fastrand_bits(&fastrand) % 8);
            step_fire(story, model, now_ns, fastrand_bits(&fastrand) % (timers / 2));
        }
        assert_int_equal(story->timers.count, model->count);
        if (step % 16 == 0)
            assert_true(timers_drive(&story->timers) == model_drives(model));
        assert_true(
            timers_next(&story->timers)
            == (model->count ? model->sorted[0]->timer.deadline_ns : INT64_MAX));
    }
    step_fire(story, model, INT64_MAX, SIZE_MAX);
    assert_int_equal(timers_fire(&story->timers, INT64_MAX, 1), 0);
    timers_free(&story->timers);
    free(writers);
    free(model);
    free(story);
}

static void
any_play_of_timers_is_that_of_a_sorted_list(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++)
        play(seed, 10 + seed * 5, 4000);
    play(1000, MANY, 20000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_of_their_deadlines),
        cmocka_unit_test(equal_deadlines_keep_the_order_of_starting),
        cmocka_unit_test(a_result_comes_before_a_limit_of_the_same_instant),
        cmocka_unit_test(what_nobody_waits_for_or_what_never_comes_does_not_drive),
        cmocka_unit_test(a_timer_that_is_moved_stands_behind_its_equals),
        cmocka_unit_test(a_timer_that_was_stopped_does_not_fire),
        cmocka_unit_test(no_more_than_the_budget_fire_at_once),
        cmocka_unit_test(a_timer_that_starts_itself_again_is_held_by_the_budget),
        cmocka_unit_test(nothing_more_fires_after_one_that_yields),
        cmocka_unit_test(a_timer_may_free_itself_and_the_next),
        cmocka_unit_test(any_play_of_timers_is_that_of_a_sorted_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

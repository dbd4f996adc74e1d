#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "async/batch.h"
#include "base/number.h"
#include "manual_clock.h"

struct story {
    struct manual_clock clock;
    struct timers timers;
    struct delays *delays;
    struct batch *batch;
    size_t calls;   /* of progressed */
    size_t most;    /* that ended in one of them */
    size_t done;    /* by the last one */
    size_t free_at; /* frees the batch when so many have ended; 0: at the close */
};

static void
on_progress(void *owner, int64_t now_ns)
{
    struct story *story = owner;
    size_t done = batch_done(story->batch);

    assert_true(done > story->done);
    assert_true(now_ns == story->clock.now_ns);
    if (done - story->done > story->most)
        story->most = done - story->done;
    story->done = done;
    story->calls++;
    if (story->free_at && done >= story->free_at) {
        batch_free(story->batch);
        story->batch = NULL;
    }
}

static void
begin_with(struct story *story, struct delays *delays, size_t limit)
{
    *story = (struct story){.clock = manual_clock(), .delays = delays};
    struct batch_plan plan = {
        .delays = delays,
        .limit = limit,
        .times = true,
        .start_ns = story->clock.now_ns,
        .limit_ns = INT64_MAX,
        .owner = story,
        .progressed = on_progress,
    };

    story->batch = batch_start(&story->timers, &plan);
    assert_non_null(story->batch);
    assert_int_equal(story->calls, 0);
    assert_int_equal(batch_size(story->batch), delays->n);
}

static void
begin_drawn(struct story *story, const struct delay_spec *spec, size_t n, size_t limit)
{
    begin_with(story, delays_draw(spec, n), limit);
}

static void
begin(struct story *story, const double *seconds, size_t n, size_t limit)
{
    struct delay_spec spec = {.fixed = true};
    struct delays *delays = delays_draw(&spec, n);

    delays_reach(delays, n - 1);
    for (size_t i = 0; i < n; i++)
        delays->at[i] = seconds[i];
    begin_with(story, delays, limit);
}
#define BEGIN(story, limit, ...)                                                       \
    begin(story, (const double[]){__VA_ARGS__},                                        \
          COUNT(((const double[]){__VA_ARGS__})), limit)

static void
run(struct story *story, double until_seconds)
{
    manual_clock_run(&story->clock, &story->timers,
                     MANUAL_CLOCK_START_NS + delay_to_ns(until_seconds));
}

static void
end(struct story *story)
{
    batch_free(story->batch);
    assert_int_equal(story->timers.count, 0);
    assert_int_equal(story->delays->holders, 1);
    delays_release(story->delays);
    timers_free(&story->timers);
}

static void
assert_order(const struct story *story, const size_t *order, size_t count)
{
    assert_int_equal(batch_done(story->batch), count);
    for (size_t rank = 0; rank < count; rank++)
        assert_int_equal(batch_index(story->batch, rank), order[rank]);
}
#define ASSERT_ORDER(story, ...)                                                       \
    assert_order(story, (const size_t[]){__VA_ARGS__},                                 \
                 COUNT(((const size_t[]){__VA_ARGS__})))

static void
waits_end_in_order_of_their_delays(void **state)
{
    (void)state;
    struct story story;

    BEGIN(&story, 0, 0.3, 0.1, 0.2);
    run(&story, 0.15);
    ASSERT_ORDER(&story, 1);
    run(&story, 1);
    ASSERT_ORDER(&story, 1, 2, 0);
    assert_int_equal(story.calls, 3);
    assert_true(batch_delay(story.batch, 0) == 0.1);
    assert_true(batch_elapsed_ns(story.batch, 2) == 300 * NS_PER_MS);
    end(&story);
}

static void
equal_delays_end_by_index(void **state)
{
    (void)state;
    struct story story;

    BEGIN(&story, 0, 0.1, 0, 0.1, 0, 0.1);
    run(&story, 1);
    ASSERT_ORDER(&story, 1, 3, 0, 2, 4);
    assert_int_equal(story.calls, 2);
    end(&story);
}

static void
a_late_turn_ends_all_that_is_due_in_one_call(void **state)
{
    (void)state;
    struct story story;

    BEGIN(&story, 0, 0.3, 0.1, 0.2, 7);
    story.clock.now_ns += NS_PER_SECOND;
    timers_fire(&story.timers, story.clock.now_ns, 1);
    ASSERT_ORDER(&story, 1, 2, 0);
    assert_int_equal(story.calls, 1);
    for (size_t rank = 0; rank < 3; rank++)
        assert_true(batch_elapsed_ns(story.batch, rank) == NS_PER_SECOND);
    end(&story);
}

static void
a_queued_wait_starts_when_another_ends(void **state)
{
    (void)state;
    struct story story;

    /* 0 and 1 start; 1 ends at 1, then 2 runs till 3; 0 ends at 2, then 3 till 2.5 */
    BEGIN(&story, 2, 2, 1, 2, 0.5);
    run(&story, 10);
    ASSERT_ORDER(&story, 1, 0, 3, 2);
    assert_true(batch_elapsed_ns(story.batch, 2) == NS_PER_SECOND * 5 / 2);
    assert_true(batch_elapsed_ns(story.batch, 3) == NS_PER_SECOND * 3);
    assert_true(batch_delay(story.batch, 2) == 0.5);
    end(&story);
}

static void
a_late_turn_changes_no_order(void **state)
{
    (void)state;
    struct story story;

    BEGIN(&story, 2, 2, 1, 2, 0.5);
    story.clock.now_ns += NS_PER_SECOND * 11 / 4; /* 2 runs since 1, not since now */
    manual_clock_fire(&story.clock, &story.timers);
    ASSERT_ORDER(&story, 1, 0, 3);
    run(&story, 3);
    ASSERT_ORDER(&story, 1, 0, 3, 2);
    end(&story);
}

static void
a_limit_of_one_is_one_after_another(void **state)
{
    (void)state;
    struct story story;

    BEGIN(&story, 1, 0.3, 0.1, 0.2);
    run(&story, 10);
    ASSERT_ORDER(&story, 0, 1, 2);
    assert_true(0.3 + 0.1 + 0.2 > 0.6);
    assert_true(batch_elapsed_ns(story.batch, 2) == seconds_to_ns(0.6));
    end(&story);
}

/* 0.1 + 0.2 is more than 0.15 + 0.15 as doubles, and ends in the same ns. */
static void
with_a_limit_equal_ns_end_by_index(void **state)
{
    (void)state;
    struct story story;

    BEGIN(&story, 2, 0.1, 0.15, 0.2, 0.15);
    run(&story, 10);
    ASSERT_ORDER(&story, 0, 1, 2, 3);
    assert_true(batch_elapsed_ns(story.batch, 2) == batch_elapsed_ns(story.batch, 3));
    end(&story);
}

static void
with_a_limit_a_wait_that_is_due_is_behind_none_that_is_not(void **state)
{
    (void)state;
    struct story story;

    /* 3 of 0.1 ns are below 0.5 ns, and take 3 ns. */
    BEGIN(&story, 2, 5e-10, 1e-10, 1e-10, 1e-10, 1e-10);
    run(&story, 1e-9);
    ASSERT_ORDER(&story, 0, 1);
    run(&story, 2e-9);
    ASSERT_ORDER(&story, 0, 1, 2, 3);
    run(&story, 1);
    ASSERT_ORDER(&story, 0, 1, 2, 3, 4);
    assert_true(batch_last_end(story.batch) == 3e-9);
    end(&story);
}

static void
a_limit_above_n_is_none(void **state)
{
    (void)state;
    struct story story;

    for (size_t limit = 5; limit < 7; limit++) {
        BEGIN(&story, limit, 0.3, 0.1, 0.2, 1e-10, 2e-11);
        run(&story, 10);
        ASSERT_ORDER(&story, 4, 3, 1, 2, 0);
        end(&story);
    }
}

static void
sums_of_years_are_waited_too(void **state)
{
    (void)state;
    struct story story;

    BEGIN(&story, 1, 8e6, 8e6, 8e6);
    run(&story, 23999999);
    assert_int_equal(story.done, 2);
    run(&story, 24000000);
    assert_int_equal(story.done, 3);
    end(&story);
}

static void
released_waits_end_now_in_the_order_they_would_have_had(void **state)
{
    (void)state;
    struct story story;

    BEGIN(&story, 2, 2, 1, 2, 0.5);
    run(&story, 1.25);
    batch_release(story.batch, story.clock.now_ns);
    batch_release(story.batch, story.clock.now_ns);
    assert_int_equal(story.calls, 1); /* not from within */
    manual_clock_fire(&story.clock, &story.timers);
    ASSERT_ORDER(&story, 1, 0, 3, 2);
    assert_true(batch_delay(story.batch, 0) == 1);
    for (size_t rank = 1; rank < 4; rank++) {
        assert_true(batch_delay(story.batch, rank) == 1.25);
        assert_true(batch_elapsed_ns(story.batch, rank) == NS_PER_SECOND * 5 / 4);
    }
    batch_release(story.batch, story.clock.now_ns); /* all has ended: nothing */
    end(&story);
}

static void
a_large_batch_is_built_and_ended_in_slices(void **state)
{
    (void)state;
    enum { N = 20000, SLICE = 256 };
    struct delay_spec spec = {.seeded = true, .seed = 1, .max = 0.001};
    struct story story;

    begin_drawn(&story, &spec, N, 0);
    story.clock.now_ns += NS_PER_SECOND;
    for (size_t built = SLICE; built < N; built += SLICE) {
        assert_int_equal(timers_fire(&story.timers, story.clock.now_ns, 99), 1);
        assert_int_equal(story.calls, 0);
    }
    for (size_t calls = 1; story.done < N; calls++) {
        assert_int_equal(timers_fire(&story.timers, story.clock.now_ns, 99), 1);
        assert_int_equal(story.calls, calls);
    }
    assert_int_equal(story.most, SLICE);
    end(&story);
}

static void
a_batch_may_be_released_before_it_is_built(void **state)
{
    (void)state;
    struct delay_spec spec = {.seeded = true, .seed = 1, .max = 300};
    struct story story;

    begin_drawn(&story, &spec, 10000, 0);
    batch_release(story.batch, story.clock.now_ns);
    manual_clock_fire(&story.clock, &story.timers);
    assert_int_equal(story.done, 10000);
    for (size_t rank = 1; rank < 10000; rank++)
        assert_true(story.delays->at[batch_index(story.batch, rank - 1)]
                    <= story.delays->at[batch_index(story.batch, rank)]);
    assert_true(batch_delay(story.batch, 9999) == 0);
    end(&story);
}

static void
a_stopped_batch_keeps_what_has_ended(void **state)
{
    (void)state;
    struct story story;

    BEGIN(&story, 0, 0.3, 0.1, 0.2);
    run(&story, 0.1);
    batch_stop(story.batch);
    batch_release(story.batch, story.clock.now_ns);
    run(&story, 10);
    ASSERT_ORDER(&story, 1);
    assert_true(batch_delay(story.batch, 0) == 0.1);
    end(&story);
}

static void
progressed_may_free_the_batch(void **state)
{
    (void)state;
    struct delay_spec spec = {.seeded = true, .seed = 1, .max = 1};

    for (size_t free_at = 1; free_at <= 5; free_at += 2)
        for (size_t limit = 0; limit < 3; limit++) {
            struct story story;

            begin_drawn(&story, &spec, 5, limit);
            story.free_at = free_at;
            run(&story, 10);
            assert_null(story.batch);
            assert_int_equal(story.calls, free_at);
            end(&story);
        }
}

static void
a_batch_needs_no_times(void **state)
{
    (void)state;
    struct delay_spec spec = {.fixed = true, .min = 1};
    struct story story = {.clock = manual_clock(), .delays = delays_draw(&spec, 3)};
    struct batch_plan plan = {
        .delays = story.delays,
        .start_ns = story.clock.now_ns - NS_PER_SECOND, /* read long ago */
        .limit_ns = INT64_MAX,
        .owner = &story,
        .progressed = on_progress,
    };

    story.batch = batch_start(&story.timers, &plan);
    manual_clock_fire(&story.clock, &story.timers);
    ASSERT_ORDER(&story, 0, 1, 2);
    end(&story);
    batch_free(NULL);
}

static void
a_dry_batch_ends_at_once_in_the_order_of_a_real_one(void **state)
{
    (void)state;
    struct delay_spec spec = {.seeded = true, .seed = 7, .min = 1, .max = 100};
    struct story real,
        dry = {.clock = manual_clock(), .delays = delays_draw(&spec, 5000)};
    struct batch_plan plan = {
        .delays = dry.delays,
        .limit = 7,
        .dry = true,
        .start_ns = dry.clock.now_ns,
        .limit_ns = INT64_MAX,
        .owner = &dry,
        .progressed = on_progress,
    };

    begin_drawn(&real, &spec, 5000, 7);
    run(&real, 5000 * 100);
    dry.batch = batch_start(&dry.timers, &plan);
    run(&dry, 0);
    assert_int_equal(batch_done(dry.batch), 5000);
    assert_true(dry.calls > 4); /* in slices */
    for (size_t rank = 0; rank < 5000; rank++) {
        assert_int_equal(batch_index(dry.batch, rank), batch_index(real.batch, rank));
        assert_true(batch_delay(dry.batch, rank) == batch_delay(real.batch, rank));
    }
    assert_true(batch_last_end(dry.batch) == batch_last_end(real.batch));
    for (size_t i = 0; i < COUNT(dry.timers.lateness.counts); i++)
        assert_int_equal(dry.timers.lateness.counts[i], 0);
    end(&real);
    end(&dry);
}

/* ---- against a model ------------------------------------------------ */

struct expected {
    int64_t end_ns; /* after the start */
    double delay;   /* decides where those tie; with a limit 0: the index does */
    size_t index;
};

static struct expected
expected_behind(int64_t at_ns, struct delays *delays, size_t index, bool limited)
{
    double delay = delays_reach(delays, index);

    return (struct expected){
        .end_ns = at_ns + seconds_to_ns(delay),
        .delay = limited ? 0 : delay,
        .index = index,
    };
}

static int
compare(const void *a, const void *b)
{
    const struct expected *left = a, *right = b;

    if (left->end_ns != right->end_ns)
        return left->end_ns < right->end_ns ? -1 : 1;
    if (left->delay != right->delay)
        return left->delay < right->delay ? -1 : 1;
    return left->index < right->index ? -1 : 1;
}

/* What asyncio does with a semaphore: whoever ends lets the next one start. */
static struct expected *
simulate(struct delays *delays, size_t limit)
{
    bool limited = limit && limit < delays->n;
    size_t n = delays->n, width = limited ? limit : n, started = width;
    struct expected *all = calloc(n, sizeof *all);

    for (size_t i = 0; i < width; i++)
        all[i] = expected_behind(0, delays, i, limited);
    for (size_t rank = 0; rank < n; rank++) {
        size_t best = rank;

        /* all[rank … started-1] run */
        for (size_t i = rank + 1; i < started; i++)
            if (compare(&all[i], &all[best]) < 0)
                best = i;
        struct expected ended = all[best];
        all[best] = all[rank];
        all[rank] = ended;
        if (started < n) {
            all[started] = expected_behind(ended.end_ns, delays, started, limited);
            started++;
        }
    }
    return all;
}

static void
assert_as_expected(const struct story *story, const struct expected *all, bool punctual)
{
    size_t n = story->delays->n;

    assert_int_equal(batch_done(story->batch), n);
    for (size_t rank = 0; rank < n; rank++) {
        double delay = batch_delay(story->batch, rank);
        int64_t elapsed_ns = batch_elapsed_ns(story->batch, rank);

        assert_int_equal(batch_index(story->batch, rank), all[rank].index);
        assert_true(delay == story->delays->at[all[rank].index]);
        assert_true(elapsed_ns >= seconds_to_ns(delay));
        assert_true(elapsed_ns >= all[rank].end_ns);
        assert_true(!punctual || elapsed_ns == all[rank].end_ns);
    }
}

/* Turns at times of their own, with little budgets: as a busy server has them. */
static void
run_unevenly(struct story *story, uint64_t seed)
{
    struct fastrand fastrand;

    fastrand_seed(&fastrand, seed);
    while (story->done < story->delays->n) {
        story->clock.now_ns += (int64_t)(fastrand_bits(&fastrand) % NS_PER_MS);
        timers_fire(&story->timers, story->clock.now_ns, fastrand_bits(&fastrand) % 3);
    }
}

/* Whole ns make ties that the delays as drawn do not have: the order is theirs. */
static void
ten_thousand_waits_in_50_ms_end_in_order(void **state)
{
    (void)state;
    enum { N = 10000 };

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct delay_spec spec = {.seeded = true, .seed = seed, .max = 0.05};
        struct expected *all = calloc(N, sizeof *all);
        struct story story;

        begin_drawn(&story, &spec, N, 0);
        for (size_t i = 0; i < N; i++)
            all[i] = expected_behind(0, story.delays, i, false);
        qsort(all, N, sizeof *all, compare);
        if (seed % 2)
            run_unevenly(&story, seed);
        else
            run(&story, 0.05);
        assert_as_expected(&story, all, seed % 2 == 0);
        free(all);
        end(&story);
    }
}

static void
a_limit_gives_the_order_and_the_times_of_a_semaphore(void **state)
{
    (void)state;
    static const size_t limits[] = {1, 2, 3, 7, 50, 399, 400, 401};

    /* Some have many ends in a ns, or in each ns. */
    static const double most[] = {0.02, 2e-7, 2e-9};

    for (uint64_t seed = 0; seed < 16; seed++)
        for (size_t i = 0; i < COUNT(limits); i++) {
            struct delay_spec spec = {
                .seeded = true, .seed = seed, .max = most[seed % COUNT(most)]};
            struct story story;

            if (seed % 4 == 0) /* many equal ones */
                spec = (struct delay_spec){.fixed = true, .min = 0.01};
            begin_drawn(&story, &spec, 400, limits[i]);
            struct expected *all = simulate(story.delays, limits[i]);

            if (seed % 2)
                run_unevenly(&story, seed);
            else
                run(&story, 10);
            assert_as_expected(&story, all, seed % 2 == 0);
            free(all);
            end(&story);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_end_in_order_of_their_delays),
        cmocka_unit_test(equal_delays_end_by_index),
        cmocka_unit_test(a_late_turn_ends_all_that_is_due_in_one_call),
        cmocka_unit_test(a_queued_wait_starts_when_another_ends),
        cmocka_unit_test(a_late_turn_changes_no_order),
        cmocka_unit_test(a_limit_of_one_is_one_after_another),
        cmocka_unit_test(with_a_limit_equal_ns_end_by_index),
        cmocka_unit_test(with_a_limit_a_wait_that_is_due_is_behind_none_that_is_not),
        cmocka_unit_test(a_limit_above_n_is_none),
        cmocka_unit_test(sums_of_years_are_waited_too),
        cmocka_unit_test(released_waits_end_now_in_the_order_they_would_have_had),
        cmocka_unit_test(a_large_batch_is_built_and_ended_in_slices),
        cmocka_unit_test(a_batch_may_be_released_before_it_is_built),
        cmocka_unit_test(a_stopped_batch_keeps_what_has_ended),
        cmocka_unit_test(progressed_may_free_the_batch),
        cmocka_unit_test(a_batch_needs_no_times),
        cmocka_unit_test(a_dry_batch_ends_at_once_in_the_order_of_a_real_one),
        cmocka_unit_test(ten_thousand_waits_in_50_ms_end_in_order),
        cmocka_unit_test(a_limit_gives_the_order_and_the_times_of_a_semaphore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

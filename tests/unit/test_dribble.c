#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "async/dribble.h"
#include "base/mersenne.h"
#include "base/number.h"

#define TEST(name) cmocka_unit_test(name)

static struct fastrand fastrand;

static struct dribble *
make(size_t chunks, double jitter, const struct delay_spec *delays)
{
    struct dribble_plan plan = {chunks, jitter};
    struct dribble *dribble = dribble_new(&plan, delays, &fastrand);

    assert_non_null(dribble);
    return dribble;
}

/* The next one of a delay of that length, which then has come. */
static int64_t
take(struct dribble *dribble, double delay)
{
    int64_t after_ns = -1;

    assert_true(dribble_next(dribble, delay, &after_ns));
    dribble_take(dribble);
    return after_ns;
}

static void
chunks_come_in_equal_distances(void **state)
{
    (void)state;
    struct delay_spec fixed = {.fixed = true, .min = 1, .max = 1};
    struct dribble *dribble = make(4, 0, &fixed);
    int64_t after_ns;

    assert_int_equal(dribble_bytes(dribble, 10), 0);
    assert_true(take(dribble, 1) == NS_PER_SECOND / 4);
    assert_int_equal(dribble_bytes(dribble, 10), 2);
    assert_true(take(dribble, 1) == NS_PER_SECOND / 2);
    assert_int_equal(dribble_bytes(dribble, 10), 5);
    assert_true(take(dribble, 2)
                == NS_PER_SECOND * 3 / 2); /* it was made longer meanwhile */
    assert_int_equal(dribble_bytes(dribble, 10), 7);
    assert_int_equal(dribble_bytes(dribble, UINT64_C(1) << 30), 3 << 28);
    assert_false(dribble_next(dribble, 2, &after_ns)); /* the last is that of the end */
    dribble_free(dribble);
}

/* Of any length, in whole ns: not before its share, and less than a ns behind it. */
static void
each_chunk_comes_at_its_share(void **state)
{
    (void)state;
    static const double delays[] = {0.1, 0.7, 1e-9, 2592000, 300.000000007};
    struct delay_spec fixed = {.fixed = true};

    for (size_t i = 0; i < COUNT(delays); i++)
        for (size_t chunks = 1; chunks <= 10000; chunks = chunks * 3 + 1) {
            struct dribble *dribble = make(chunks, 0, &fixed);
            __int128 all_ns = delay_to_ns(delays[i]);

            for (size_t k = 1; k < chunks; k++) {
                __int128 behind =
                    (__int128)take(dribble, delays[i]) * chunks - all_ns * k;

                assert_true(behind >= 0 && behind < (__int128)chunks);
            }
            dribble_free(dribble);
        }
}

static void
one_chunk_comes_with_the_end(void **state)
{
    (void)state;
    struct delay_spec fixed = {.fixed = true};
    struct dribble *dribble = make(1, 1, &fixed);
    int64_t after_ns;

    assert_false(dribble_next(dribble, 1, &after_ns));
    assert_int_equal(dribble_bytes(dribble, 10), 0);
    dribble_free(dribble);
}

static void
with_a_seed_the_shifts_are_pythons(void **state)
{
    (void)state;
    struct delay_spec delays = {.seeded = true, .seed = 42, .max = 1};
    struct dribble *dribble = make(100, 0.5, &delays);
    struct mersenne mersenne;

    mersenne_seed(&mersenne, delays.seed + (UINT64_C(1) << 63));
    (void)mersenne_double(&mersenne); /* that of the failure */
    for (int i = 1; i < 100; i++) {
        double u = mersenne_double(&mersenne);

        assert_true(take(dribble, 3) == delay_to_ns(3.0 * (i + 0.5 * (u - 0.5)) / 100));
    }
    dribble_free(dribble);
}

static void
they_keep_their_order_whatever_the_jitter(void **state)
{
    (void)state;
    struct delay_spec fixed = {.fixed = true};
    struct dribble *dribble = make(10000, 1, &fixed);
    double last = 0, moved = 0;

    fastrand_seed(&fastrand, 1);
    for (int i = 1; i < 10000; i++) {
        double seconds = ns_to_seconds(take(dribble, 10000));

        assert_true(seconds >= last && seconds <= 10000);
        assert_true(seconds >= i - 0.5 && seconds <= i + 0.5);
        moved += seconds > i ? seconds - i : i - seconds;
        last = seconds;
    }
    assert_true(moved > 2400 && moved < 2600); /* a quarter of a distance each */
    dribble_free(dribble);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chunks_come_in_equal_distances),
        TEST(each_chunk_comes_at_its_share),
        TEST(one_chunk_comes_with_the_end),
        TEST(with_a_seed_the_shifts_are_pythons),
        TEST(they_keep_their_order_whatever_the_jitter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "async/delays.h"
#include "base/clock.h"
#include "base/mersenne.h"
#include "base/number.h"

static void
fixed_delays_are_all_the_same(void **state)
{
    (void)state;
    struct delay_spec spec = {.fixed = true, .min = 0.25, .max = 0.25};
    struct delays *delays = delays_draw(&spec, 3);

    assert_int_equal(delays->n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(delays->at[i] == 0.25);
    delays_release(delays);
}

static void
seeded_delays_are_those_of_python(void **state)
{
    (void)state;
    /* r = random.Random(seed); [r.uniform(min, max).hex() for _ in range(4)] */
    static const struct {
        struct delay_spec spec;
        double values[4];
    } known[] = {
        {{.seeded = true, .seed = 7, .min = 0.5, .max = 10},
         {0x1.c9c7d82813563p+1, 0x1.eedd7d2806be5p+0, 0x1.abc4a61bab75fp+2,
          0x1.302a40a9aad98p+0}},
        {{.seeded = true, .seed = INT64_MAX, .min = 0, .max = 0.05},
         {0x1.03653ea9a16ebp-6, 0x1.02905606cb217p-5, 0x1.4922c51922d06p-5,
          0x1.737a41a4c9537p-6}},
    };
    struct fastrand untouched = {0};

    for (size_t i = 0; i < COUNT(known); i++) {
        struct delays *delays = delays_draw(&known[i].spec, 4);

        for (size_t k = 0; k < 4; k++)
            assert_true(delays->at[k] == known[i].values[k]);
        delays_release(delays);
        assert_true(delay_draw(&known[i].spec, &untouched) == known[i].values[0]);
    }
}

static void
a_delay_without_a_seed_lies_within_its_limits(void **state)
{
    (void)state;
    struct delay_spec spec = {.min = 0.5, .max = 0.75};
    struct fastrand fastrand;
    double least = 1, most = 0;

    fastrand_seed(&fastrand, 1);
    for (int i = 0; i < 10000; i++) {
        double delay = delay_draw(&spec, &fastrand);

        assert_true(delay >= 0.5 && delay <= 0.75);
        least = fmin(least, delay);
        most = fmax(most, delay);
    }
    assert_true(least < 0.501 && most > 0.749);
}

static void
a_seed_is_drawn_only_where_one_is_needed(void **state)
{
    (void)state;
    struct delay_spec fixed = {.fixed = true, .min = 1, .max = 1};
    struct delay_spec seeded = {.seeded = true, .seed = 7, .max = 1};
    struct fastrand fastrand, before;

    fastrand_seed(&fastrand, 1);
    before = fastrand;
    delay_spec_seed(&fixed, false, &fastrand);
    delay_spec_seed(&seeded, true, &fastrand);
    assert_false(fixed.seeded);
    assert_int_equal(seeded.seed, 7);
    assert_memory_equal(&fastrand, &before, sizeof before);
    for (int i = 0; i < 1000; i++) {
        struct delay_spec spec = {.max = 1};

        delay_spec_seed(&spec, false, &fastrand);
        assert_true(spec.seeded);
        assert_true(spec.seed < UINT64_C(1) << 53);
    }
    delay_spec_seed(&fixed, true, &fastrand); /* for faults */
    assert_true(fixed.seeded);
}

static void
specs_are_equal_when_they_draw_the_same(void **state)
{
    (void)state;
    struct delay_spec one = {.seeded = true, .seed = 7, .min = 1, .max = 2};
    struct delay_spec other = one;
    struct delay_spec open = {.min = 1, .max = 2}, fixed = {.fixed = true, .min = 1};

    assert_true(delay_spec_equal(&one, &other));
    other.seed = 8;
    assert_false(delay_spec_equal(&one, &other));
    assert_false(delay_spec_equal(&one, &open));
    assert_false(delay_spec_equal(&open, &fixed));
    other = open;
    other.seed = 9; /* means nothing */
    assert_true(delay_spec_equal(&open, &other));
    other.max = 3;
    assert_false(delay_spec_equal(&open, &other));
}

static void
delays_live_until_their_last_holder_lets_go(void **state)
{
    (void)state;
    struct delay_spec spec = {.fixed = true, .min = 1};
    struct delays *delays = delays_draw(&spec, 1);

    assert_ptr_equal(delays_hold(delays), delays);
    delays_release(delays);
    assert_true(delays->at[0] == 1);
    delays_release(delays);
    delays_release(NULL);
}

static void
ns_are_rounded_up_exactly_whatever_the_size(void **state)
{
    (void)state;
    struct mersenne mersenne;

    mersenne_seed(&mersenne, 1);
    for (int i = 0; i < 100000; i++) {
        double seconds = pow(10, mersenne_uniform(&mersenne, -10, 6.9));

        assert_true(delay_to_ns(seconds) == seconds_to_ns(seconds));
    }
    assert_true(delay_to_ns(0) == 0);
    assert_true(delay_to_ns(9e6) == INT64_C(9000000) * NS_PER_SECOND);
    assert_true(delay_to_ns(1e8 + 0.5)
                == INT64_C(100000000) * NS_PER_SECOND + 500000000);
    /* 2^30 + 2^-20: 953.67… ns beyond the second */
    assert_true(delay_to_ns(0x1.0000000000004p+30)
                == (INT64_C(1) << 30) * NS_PER_SECOND + 954);
}

static void
longer_than_the_life_of_a_clock_is_that_long(void **state)
{
    (void)state;
    int64_t longest_ns = delay_to_ns(1e300);

    assert_true(longest_ns == CLOCK_LIFE_NS);
    assert_true(delay_to_ns((double)INFINITY) == longest_ns);
    assert_true(longest_ns < INT64_MAX - CLOCK_END_NS);
}

static void
many_are_drawn_as_they_are_reached_for(void **state)
{
    (void)state;
    struct delay_spec spec = {.seeded = true, .seed = 7, .max = 10};
    struct delays *lazy = delays_draw(&spec, 100000);
    struct mersenne mersenne;

    assert_int_equal(lazy->drawn, 0);
    delays_reach(lazy, 50000);
    assert_int_equal(lazy->drawn, 50001);
    mersenne_seed(&mersenne, 7);
    for (size_t i = 0; i < lazy->n; i++)
        assert_true(delays_reach(lazy, i) == mersenne_uniform(&mersenne, 0, 10));
    delays_release(lazy);
}

static struct model
half_normal(double least)
{
    return (struct model){.dist = DIST_NORMAL,
                          .centre = 1,
                          .spread = 1,
                          .min = least,
                          .max = 300,
                          .inside = 0.5};
}

static void
models_draw_lazily_too_and_from_a_copy_of_their_own(void **state)
{
    (void)state;
    struct model model = half_normal(1), lent = model;
    struct delay_spec spec = {
        .seeded = true, .seed = 7, .modelled = true, .model = &lent};
    struct delays *lazy = delays_draw(&spec, 20000), *eager = delays_draw(&spec, 2048);
    struct mersenne mersenne;
    struct model_random random = {.mersenne = &mersenne};
    struct fastrand untouched = {0};

    assert_int_equal(lazy->drawn, 0);
    assert_int_equal(eager->drawn, 2048);
    assert_int_equal(delays_slice(lazy, 1000), 500);
    assert_int_equal(delays_slice(lazy, 1), 1);
    assert_int_equal(delays_slice(eager, 1000), 1000);
    mersenne_seed(&mersenne, 7);
    assert_true(delay_draw(&spec, &untouched) == model_draw(&model, &random));
    lent = (struct model){0}; /* gone */
    mersenne_seed(&mersenne, 7);
    for (size_t i = 0; i < lazy->n; i++) {
        double seconds = model_draw(&model, &random);

        assert_true(delays_reach(lazy, i) == seconds);
        assert_true(i >= eager->n || delays_reach(eager, i) == seconds);
    }
    delays_release(lazy);
    delays_release(eager);
}

static void
load_is_added_to_what_is_drawn(void **state)
{
    (void)state;
    struct delay_spec spec = {.seeded = true, .seed = 7, .max = 10};
    struct delays *plain = delays_draw(&spec, 5000), *loaded = delays_draw(&spec, 5000);
    struct delays *eager = delays_draw(&spec, 10);

    delays_load(loaded, 0.25);
    delays_load(eager, 0.25);
    for (size_t i = 0; i < plain->n; i++) {
        assert_true(delays_reach(loaded, i) == delays_reach(plain, i) + 0.25);
        assert_true(i >= eager->n || eager->at[i] == plain->at[i] + 0.25);
    }
    delays_release(plain);
    delays_release(loaded);
    delays_release(eager);
}

static void
specs_of_models_are_equal_when_their_models_are(void **state)
{
    (void)state;
    struct model model = half_normal(1), same = model, other = half_normal(0.5);
    struct delay_spec one = {.modelled = true, .model = &model};
    struct delay_spec equal = {.modelled = true, .model = &same};
    struct delay_spec different = {.modelled = true, .model = &other};
    struct delay_spec uniform = {.min = 1, .max = 300};
    struct delay_spec told = delay_spec_told(&one);

    assert_true(delay_spec_equal(&one, &equal));
    assert_false(delay_spec_equal(&one, &different));
    assert_false(delay_spec_equal(&one, &uniform));
    assert_null(told.model);
    assert_true(told.modelled);
    told = delay_spec_told(&uniform);
    assert_true(delay_spec_equal(&told, &uniform));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_draw_lazily_too_and_from_a_copy_of_their_own),
        cmocka_unit_test(load_is_added_to_what_is_drawn),
        cmocka_unit_test(specs_of_models_are_equal_when_their_models_are),
        cmocka_unit_test(many_are_drawn_as_they_are_reached_for),
        cmocka_unit_test(fixed_delays_are_all_the_same),
        cmocka_unit_test(seeded_delays_are_those_of_python),
        cmocka_unit_test(a_delay_without_a_seed_lies_within_its_limits),
        cmocka_unit_test(a_seed_is_drawn_only_where_one_is_needed),
        cmocka_unit_test(specs_are_equal_when_they_draw_the_same),
        cmocka_unit_test(delays_live_until_their_last_holder_lets_go),
        cmocka_unit_test(ns_are_rounded_up_exactly_whatever_the_size),
        cmocka_unit_test(longer_than_the_life_of_a_clock_is_that_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

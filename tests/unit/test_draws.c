/* test_draws.c: of async/model.c; test_model.c is a program of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#include "async/model.h"
#include "base/base.h"

static const struct model_point choices[] = {{0.1, 0.9}, {2, 1}, {0.25, 1}, {7.5, 3.5}};
static const struct model_point curve[] = {
    {0.01, 0}, {0.05, 0.5}, {0.3, 0.95}, {1, 0.99}, {3, 1}};

/*
 * Made by CPython, after random.seed(7), and one after random.seed(2**63 - 1):
 *     random.normalvariate(20, 3), random.lognormvariate(math.log(0.08), 0.4),
 *     random.expovariate(1 / 0.2), random.choices([0.1, 2, 0.25, 7.5], [0.9, 0.1,
 * 0, 2.5])
 */
static const struct {
    struct model model;
    double off; /* of its value at most */
    double seven[4], last;
} known[] = {
    {{.dist = DIST_NORMAL, .centre = 20, .spread = 3},
     1e-12,
     {0x1.2eea99743ed2dp+4, 0x1.4d663bb3cb0c3p+4, 0x1.44a87c755f3b6p+4,
      0x1.ec371f5ce1c64p+3},
     0x1.170dd62a93884p+4},
    {{.dist = DIST_LOGNORMAL, .centre = 0.08, .spread = 0.4},
     1e-12,
     {0x1.1c32e8d401fd7p-4, 0x1.6e63e11f95f64p-4, 0x1.54a66397a8889p-4,
      0x1.620ab8adf0ac2p-5},
     0x1.d1e617d84737ep-5},
    {{.dist = DIST_EXPONENTIAL, .centre = 0.2, .spread = 0.2},
     1e-12,
     {0x1.4090abbaf811ap-4, 0x1.0be89ca0d67bfp-5, 0x1.af1a2a1e13a2ap-3,
      0x1.ecca404863f46p-7},
     0x1.37e7182ed6e5dp-4},
    {{.dist = DIST_CHOICE, .points = choices, .count = 4},
     0,
     {0x1.e000000000000p+2, 0x1.999999999999ap-4, 0x1.e000000000000p+2,
      0x1.999999999999ap-4},
     0x1.e000000000000p+2},
    {{.dist = DIST_PERCENTILES, .points = curve, .count = 5},
     0,
     {0x1.2625a4769beffp-5, 0x1.698f9f9cd90ecp-6, 0x1.1221406d44748p-3,
      0x1.02c89fe2b7b33p-6},
     0x1.216fb74006441p-5},
};

static struct model
open_window(const struct model *model)
{
    struct model open = *model;

    open.max = 300;
    return open;
}

static void
assert_near(double got, double expected, double off)
{
    assert_true(fabs(got - expected) <= off * fabs(expected));
}

static void
draws_are_those_of_python(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        struct model model = open_window(&known[i].model);
        struct mersenne mersenne;
        struct model_random random = {.mersenne = &mersenne};

        mersenne_seed(&mersenne, 7);
        for (size_t k = 0; k < COUNT(known[i].seven); k++)
            assert_near(model_draw(&model, &random), known[i].seven[k], known[i].off);
        mersenne_seed(&mersenne, INT64_MAX);
        assert_near(model_draw(&model, &random), known[i].last, known[i].off);
    }
}

/* Of each kind a window, and how probable that is, by other means. */
static const struct {
    struct model model;
    double inside;
} windows[] = {
    {{.dist = DIST_NORMAL, .centre = 1, .spread = 1, .max = 2}, 0.6826894921370859},
    {{.dist = DIST_NORMAL, .centre = 0, .spread = 1, .min = 6, .max = 300},
     9.865876450377012e-10},
    {{.dist = DIST_NORMAL, .centre = 9, .spread = 1, .min = 0, .max = 3},
     9.865876449248423e-10},
    {{.dist = DIST_LOGNORMAL, .centre = 2, .spread = 0.5, .max = 2}, 0.5},
    {{.dist = DIST_LOGNORMAL, .centre = 2, .spread = 0.5, .max = 1e300}, 1},
    {{.dist = DIST_EXPONENTIAL, .centre = 10, .spread = 10, .max = 0.2},
     0.019801326693244747},
    {{.dist = DIST_EXPONENTIAL, .centre = 1, .spread = 1, .min = 50, .max = 300},
     1.928749847963918e-22},
    {{.dist = DIST_CHOICE, .points = choices, .count = 4, .min = 0.2, .max = 3},
     0.1 / 3.5},
    {{.dist = DIST_PERCENTILES, .points = curve, .count = 5, .max = 0.3}, 0.95},
    {{.dist = DIST_PERCENTILES, .points = curve, .count = 5, .max = 2}, 0.995},
    {{.dist = DIST_PERCENTILES, .points = curve, .count = 5, .max = 300}, 1},
};

static void
windows_are_as_probable_as_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(windows); i++)
        assert_near(model_inside(&windows[i].model), windows[i].inside, 1e-12);
}

static void
every_draw_is_in_the_window(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(windows); i++) {
        const struct model *model = &windows[i].model;
        struct fastrand fastrand;
        struct model_random random = {.fastrand = &fastrand};

        if (windows[i].inside < MODEL_LEAST_INSIDE)
            continue;
        fastrand_seed(&fastrand, 1);
        for (int k = 0; k < 20000; k++) {
            double seconds = model_draw(model, &random);

            assert_true(seconds >= model->min && seconds <= model->max);
            assert_false(signbit(seconds));
        }
    }
}

static void
a_window_that_is_never_hit_ends_at_its_nearer_end(void **state)
{
    (void)state;
    struct model above = {
        .dist = DIST_EXPONENTIAL, .centre = 1, .min = 200, .max = 300};
    struct model below = {.dist = DIST_NORMAL, .centre = 200, .spread = 1, .max = 3};
    struct fastrand fastrand;
    struct model_random random = {.fastrand = &fastrand};

    fastrand_seed(&fastrand, 1);
    assert_true(model_draw(&above, &random) == 200);
    assert_true(model_draw(&below, &random) == 3);
}

static void
copies_are_equal_and_their_own(void **state)
{
    (void)state;
    assert_null(model_copy(NULL));
    assert_true(model_equal(NULL, NULL));
    for (size_t i = 0; i < COUNT(windows); i++) {
        struct model *copy = model_copy(&windows[i].model);

        assert_true(model_equal(copy, &windows[i].model));
        assert_false(model_equal(copy, NULL));
        assert_true(copy->count == 0 || copy->points != windows[i].model.points);
        for (size_t k = 0; k < i; k++)
            assert_false(model_equal(copy, &windows[k].model));
        model_free(copy);
    }
    struct model_point other[COUNT(curve)];
    struct model moved = {
        .dist = DIST_PERCENTILES, .points = other, .count = 5, .max = 2};

    for (size_t i = 0; i < COUNT(curve); i++)
        other[i] = curve[i];
    other[2].seconds = 0.31;
    assert_false(model_equal(&moved, &windows[9].model));
    model_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_those_of_python),
        cmocka_unit_test(windows_are_as_probable_as_they_are),
        cmocka_unit_test(every_draw_is_in_the_window),
        cmocka_unit_test(a_window_that_is_never_hit_ends_at_its_nearer_end),
        cmocka_unit_test(copies_are_equal_and_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

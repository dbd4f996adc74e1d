#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "async/delays.h"
#include "async/faults.h"
#include "each_world.h"

static const struct delay_spec seeded = {.seeded = true, .seed = 7, .max = 1};

static struct faults *
draw(const struct fault_spec *spec, const struct delay_spec *delays, size_t n)
{
    struct faults *faults;

    assert_int_equal(
        faults_draw(&world.registry, spec, delays, n, world.clock.now_ns, &faults), OK);
    return faults;
}

static uint16_t
draw_one(const struct fault_spec *spec, const struct delay_spec *delays)
{
    uint16_t status = 1;

    assert_int_equal(
        fault_draw(&world.registry, spec, delays, world.clock.now_ns, &status), OK);
    return status;
}

static void
nothing_asked_is_nothing_drawn(void **state)
{
    (void)state;
    struct fault_spec none = {0}, fine = {.status = 204};

    assert_false(fault_spec_given(&none));
    assert_null(draw(&none, &seeded, 5));
    assert_null(draw(&fine, &seeded, 5));
    assert_int_equal(faults_reach(NULL, 3), 0);
    assert_int_equal(draw_one(&none, &seeded), 0);
    assert_int_equal(draw_one(&fine, &seeded), 204);
    faults_free(NULL);
}

static void
a_status_is_that_of_all(void **state)
{
    (void)state;
    struct fault_spec spec = {.status = 404};
    struct faults *faults = draw(&spec, &seeded, 5);

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(faults_reach(faults, i), 404);
    assert_int_equal(draw_one(&spec, &seeded), 404);
    faults_free(faults);
}

/* r = random.Random(seed + 2**63); [r.random() < 0.5 for _ in range(12)] */
static const struct {
    uint64_t seed;
    bool fails[12];
} known[] = {
    {7,
     {true, false, true, false, false, false, false, false, false, false, true, false}},
    {INT64_MAX,
     {true, true, true, false, false, true, false, false, false, false, true, false}},
};

static void
a_rate_draws_what_python_draws(void **state)
{
    (void)state;
    struct fault_spec spec = {.drawn = true, .rate = 0.5, .fail_status = 500};

    for (size_t k = 0; k < COUNT(known); k++) {
        struct delay_spec delays = {.seeded = true, .seed = known[k].seed, .max = 1};
        struct faults *faults = draw(&spec, &delays, 12);

        assert_int_equal(faults_reach(faults, 5), known[k].fails[5] ? 500 : 0);
        for (size_t i = 0; i < 12; i++)
            assert_int_equal(faults_reach(faults, i), known[k].fails[i] ? 500 : 0);
        assert_int_equal(draw_one(&spec, &delays), known[k].fails[0] ? 500 : 0);
        faults_free(faults);
    }
}

static void
without_a_seed_the_fast_generator_draws(void **state)
{
    (void)state;
    struct fault_spec spec = {.drawn = true, .rate = 0.25, .fail_status = 500};
    struct delay_spec delays = {.max = 1};
    size_t failed = 0;

    for (int i = 0; i < 10000; i++)
        failed += draw_one(&spec, &delays) == 500;
    assert_in_range(failed, 2300, 2700);
}

static void
the_first_tries_of_a_key_fail_for_sure_then_by_rate(void **state)
{
    (void)state;
    struct fault_spec spec = {.first = 4, .key = "k", .fail_status = 503};
    struct faults *faults = draw(&spec, &seeded, 3);

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(faults_reach(faults, i), 503);
    faults_free(faults);
    spec.drawn = true;
    spec.rate = 1e-300;
    faults = draw(&spec, &seeded, 3);
    assert_int_equal(faults_reach(faults, 0), 503);
    assert_int_equal(faults_reach(faults, 1), 0);
    faults_free(faults);
    assert_int_equal(draw_one(&spec, &seeded), 0);
    spec.rate = 1;
    assert_int_equal(draw_one(&spec, &seeded), 503);
    spec.rate = 0;
    spec.first = 9;
    assert_int_equal(draw_one(&spec, &seeded), 503);
    fault_undo(&world.registry, &spec, 1);
    assert_int_equal(draw_one(&spec, &seeded), 503);
    assert_int_equal(draw_one(&spec, &seeded), 0);
}

static void
specs_are_equal_when_they_ask_the_same(void **state)
{
    (void)state;
    struct fault_spec one = {.drawn = true, .rate = 0.5, .first = 1, .key = "k"};
    struct fault_spec other = one;

    assert_true(fault_spec_equal(&one, &other));
    other.key[0] = 'l';
    assert_false(fault_spec_equal(&one, &other));
    other = one;
    other.first = 2;
    assert_false(fault_spec_equal(&one, &other));
    other = one;
    other.fail_status = 500;
    assert_false(fault_spec_equal(&one, &other));
    other = one;
    other.rate = 0.25;
    assert_false(fault_spec_equal(&one, &other));
    one = (struct fault_spec){0};
    other = (struct fault_spec){.drawn = true, .fail_status = 503}; /* a rate of 0 */
    assert_true(fault_spec_equal(&one, &other));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_asked_is_nothing_drawn),
        TEST(a_status_is_that_of_all),
        TEST(a_rate_draws_what_python_draws),
        TEST(without_a_seed_the_fast_generator_draws),
        TEST(the_first_tries_of_a_key_fail_for_sure_then_by_rate),
        TEST(specs_are_equal_when_they_ask_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

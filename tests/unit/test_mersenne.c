#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mersenne.h"

struct known {
    uint64_t seed;
    double first[3], thousandth, uniform;
};

/*
 * Made by CPython:
 *     r = random.Random(seed); v = [r.random() for _ in range(1000)]
 *     v[0].hex(), v[1].hex(), v[2].hex(), v[999].hex()
 *     random.Random(seed).uniform(0.1, 10.3).hex()
 */
static const struct known known[] = {
    {0,
     {0x1.b0580f98a7dbep-1, 0x1.84129978f9c1ap-1, 0x1.aeaa51052e978p-2},
     0x1.ebf1437477ccep-2,
     0x1.16d1bd24849c3p+3},
    {1,
     {0x1.132d8f91b7584p-3, 0x1.b1e2d5b3584f8p-1, 0x1.870d778409f13p-1},
     0x1.699b1d0fc4300p-1,
     0x1.7873b0a696909p+0},
    {7,
     {0x1.4b9ad0f953a6ep-2, 0x1.34f0696513270p-3, 0x1.4d474883171ffp-1},
     0x1.82ee6bd38d2b6p-2,
     0x1.b398973de441ap+1},
    {42,
     {0x1.4762f307200c5p-1, 0x1.99c6b5eeb2060p-6, 0x1.19a1491f589dcp-2},
     0x1.b5fd9157363f8p-1,
     0x1.a7d15c42af42fp+2},
    {UINT64_C(0xffffffff),
     {0x1.454d9227a7013p-1, 0x1.a0274a3720bf8p-3, 0x1.36f8c1616ef77p-1},
     0x1.492df3ceb45eep-2,
     0x1.a5294d8c28219p+2},
    {UINT64_C(1) << 32,
     {0x1.ced31cb3df170p-4, 0x1.abdb5477a4f26p-2, 0x1.1139c02ebd380p-6},
     0x1.5487e3d9d2810p-5,
     0x1.40a6957f77d1fp+0},
    {(UINT64_C(1) << 53) - 1,
     {0x1.820cb51f0a138p-4, 0x1.c87274c0a9504p-3, 0x1.87e349ea64348p-3},
     0x1.c8d8c3a3497c3p-1,
     0x1.0fb4e6aa30061p+0},
    {(UINT64_C(1) << 63) - 1,
     {0x1.443e8e5409ca6p-2, 0x1.43346b887de9dp-1, 0x1.9b6b765f6b847p-1},
     0x1.6efe3b26334a4p-3,
     0x1.aa3628ab26155p+1},
};

static void
doubles_are_those_of_python(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        struct mersenne mersenne;
        double value = 0;

        mersenne_seed(&mersenne, known[i].seed);
        for (size_t k = 0; k < 1000; k++) {
            value = mersenne_double(&mersenne);
            if (k < COUNT(known[i].first))
                assert_true(value == known[i].first[k]);
        }
        assert_true(value == known[i].thousandth);
    }
}

static void
uniform_is_that_of_python(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(known); i++) {
        struct mersenne mersenne;

        mersenne_seed(&mersenne, known[i].seed);
        assert_true(mersenne_uniform(&mersenne, 0.1, 10.3) == known[i].uniform);
    }
}

static void
uniform_rounds_twice_as_python_does_whatever_the_processor(void **state)
{
    struct mersenne draws, uniforms;
    int differing = 0;

    (void)state;
    mersenne_seed(&draws, 7);
    mersenne_seed(&uniforms, 7);
    for (int i = 0; i < 10000; i++) {
        double x = mersenne_double(&draws);
        volatile double product = (10.3 - 0.1) * x;
        double uniform = mersenne_uniform(&uniforms, 0.1, 10.3);

        assert_true(uniform == 0.1 + product);
        differing += uniform != fma(10.3 - 0.1, x, 0.1);
    }
    assert_true(differing > 0);
}

static void
doubles_are_below_one(void **state)
{
    struct mersenne mersenne;

    (void)state;
    mersenne_seed(&mersenne, 12345);
    for (int i = 0; i < 100000; i++) {
        double value = mersenne_double(&mersenne);

        assert_true(value >= 0 && value < 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_those_of_python),
        cmocka_unit_test(uniform_is_that_of_python),
        cmocka_unit_test(uniform_rounds_twice_as_python_does_whatever_the_processor),
        cmocka_unit_test(doubles_are_below_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

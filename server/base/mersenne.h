/*
 * mersenne.h: the generator of Python's `random` module, bit for bit: MT19937
 * (Matsumoto and Nishimura, ACM TOMACS 8(1), 1998), seeded by init_by_array as
 * CPython's Modules/_randommodule.c does for a non-negative int.
 */
#pragma once

#include "base/base.h"

struct mersenne {
    uint32_t state[624];
    unsigned next;
};

/* random.seed(seed) */
void mersenne_seed(struct mersenne *mersenne, uint64_t seed);

/* random.random(): 53 bits, 0 <= x < 1 */
double mersenne_double(struct mersenne *mersenne);

/* random.uniform(a, b): a + (b - a) * random() */
double mersenne_uniform(struct mersenne *mersenne, double a, double b);

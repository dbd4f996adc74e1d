/*
 * fastrand.h: a small fast generator for what need not be replayed: xoshiro256++ by
 * Blackman and Vigna (https://prng.di.unimi.it/), seeded through their splitmix64.
 */
#pragma once

#include "base/base.h"

struct fastrand {
    uint64_t state[4];
};

void fastrand_seed(struct fastrand *fastrand, uint64_t seed);

/* Seeds from the kernel (getrandom). */
void fastrand_seed_random(struct fastrand *fastrand);

uint64_t fastrand_bits(struct fastrand *fastrand);

/* a + (b - a) * x, 53 random bits x, 0 <= x < 1 */
double fastrand_uniform(struct fastrand *fastrand, double a, double b);

#include "base/fastrand.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t
splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t
rotate(uint64_t bits, int by)
{
    return (bits << by) | (bits >> (64 - by));
}

void
fastrand_seed(struct fastrand *fastrand, uint64_t seed)
{
    for (size_t i = 0; i < COUNT(fastrand->state); i++)
        fastrand->state[i] = splitmix64(&seed);
}

void
fastrand_seed_random(struct fastrand *fastrand)
{
    uint64_t seed;
    ssize_t size;

    do
        size = getrandom(&seed, sizeof seed, 0);
    while (size < 0 && errno == EINTR);
    if (size != sizeof seed)
        abort(); /* every kernel since 3.17 has it */
    fastrand_seed(fastrand, seed);
}

uint64_t
fastrand_bits(struct fastrand *fastrand)
{
    uint64_t *s = fastrand->state;
    uint64_t bits = rotate(s[0] + s[3], 23) + s[0];
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return bits;
}

double
fastrand_uniform(struct fastrand *fastrand, double a, double b)
{
    double x = (double)(fastrand_bits(fastrand) >> 11) * 0x1p-53;

    return a + (b - a) * x;
}

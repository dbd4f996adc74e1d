#include "base/mersenne.h"

enum { N = 624, M = 397 };

/* The three are init_genrand, init_by_array and genrand_uint32 of mt19937ar.c. */
static void
seed_by_number(struct mersenne *mersenne, uint32_t seed)
{
    uint32_t *state = mersenne->state;

    state[0] = seed;
    for (uint32_t i = 1; i < N; i++)
        state[i] = 1812433253U * (state[i - 1] ^ (state[i - 1] >> 30)) + i;
    mersenne->next = N;
}

static void
seed_by_array(struct mersenne *mersenne, const uint32_t *key, uint32_t size)
{
    uint32_t *state = mersenne->state;
    uint32_t i = 1;

    seed_by_number(mersenne, 19650218U);
    for (uint32_t k = 0; k < N; k++) {
        uint32_t last = state[i - 1];

        state[i] =
            (state[i] ^ ((last ^ (last >> 30)) * 1664525U)) + key[k % size] + k % size;
        if (++i == N) {
            state[0] = state[N - 1];
            i = 1;
        }
    }
    for (uint32_t k = 1; k < N; k++) {
        uint32_t last = state[i - 1];

        state[i] = (state[i] ^ ((last ^ (last >> 30)) * 1566083941U)) - i;
        if (++i == N) {
            state[0] = state[N - 1];
            i = 1;
        }
    }
    state[0] = 0x80000000U;
}

static void
generate(struct mersenne *mersenne)
{
    uint32_t *state = mersenne->state;

    for (unsigned i = 0; i < N; i++) {
        uint32_t y = (state[i] & 0x80000000U) | (state[(i + 1) % N] & 0x7fffffffU);

        state[i] = state[(i + M) % N] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfU : 0);
    }
    mersenne->next = 0;
}

static uint32_t
next_bits(struct mersenne *mersenne)
{
    uint32_t y;

    if (mersenne->next == N)
        generate(mersenne);
    y = mersenne->state[mersenne->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680U;
    y ^= (y << 15) & 0xefc60000U;
    return y ^ (y >> 18);
}

void
mersenne_seed(struct mersenne *mersenne, uint64_t seed)
{
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

    seed_by_array(mersenne, key, key[1] == 0 ? 1 : 2);
}

double
mersenne_double(struct mersenne *mersenne)
{
    uint32_t high = next_bits(mersenne) >> 5;
    uint32_t low = next_bits(mersenne) >> 6;

    return (high * 67108864.0 + low) * (1.0 / 9007199254740992.0);
}

double
mersenne_uniform(struct mersenne *mersenne, double a, double b)
{
    /* Python rounds the product; a fused multiply-add, which compilers put here where
     * the processor has one, would not. */
    volatile double product = (b - a) * mersenne_double(mersenne);

    return a + product;
}

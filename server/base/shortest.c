#include "base/shortest.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/shortest_table.h"

enum {
    FRACTION_BITS = 52,
    EXPONENT_MASK = 0x7ff,
    EXPONENT_BIAS = 1075, /* of significand * 2^exponent, with a whole significand */
};

/* A double, and what reads as it: from significand - 1/2, or - 1/4 where the neighbour
 * below is nearer, to significand + 1/2; with both ends if the significand is even. */
struct binary {
    uint64_t significand;
    int exponent;
    bool narrow;
};

/* The value, and the least and the most even number that reads as it. */
struct range {
    uint64_t exact, low, high;
};

/* Rounded down; right for -1080 … 1029 (of 2) and -330 … 330 (of 10). */
static int
log10_of_power_of_2(int power)
{
    return (power * 78913) >> 18;
}

static int
log2_of_power_of_10(int power)
{
    return (power * 217707) >> 16;
}

static struct binary
binary(double value)
{
    uint64_t bits, fraction;
    int exponent;

    memcpy(&bits, &value, sizeof bits);
    fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    exponent = (int)(bits >> FRACTION_BITS) & EXPONENT_MASK;
    assert(exponent != EXPONENT_MASK);
    if (exponent == 0)
        return (struct binary){fraction, 1 - EXPONENT_BIAS, false};
    return (struct binary){
        .significand = fraction | UINT64_C(1) << FRACTION_BITS,
        .exponent = exponent - EXPONENT_BIAS,
        .narrow = fraction == 0 && exponent > 1,
    };
}

/*
 * factor * power / 2^128, rounded to odd: down, and then made odd if anything was cut
 * off, so that it compares with even numbers as the exact product does. The power is
 * less than 1 too large, the product less than `factor` < 2^60: a fraction below that
 * is none. A true one lies in 2^-66 … 1 - 2^-64, by the continued fractions of what the
 * exponents of a double make of all factors.
 */
static uint64_t
multiply(uint64_t factor, const uint64_t power[2])
{
    unsigned __int128 low = (unsigned __int128)factor * power[1];
    unsigned __int128 high = (unsigned __int128)factor * power[0] + (low >> 64);
    bool cut = (uint64_t)high != 0 || (uint64_t)low >= factor;

    return (uint64_t)(high >> 64) | (cut ? 1U : 0U);
}

/* In quarters of 10^k. */
static struct range
range_of(struct binary v, int k)
{
    const uint64_t *power = shortest_powers[-k - SHORTEST_LEAST_POWER];
    int shift = v.exponent + log2_of_power_of_10(-k) + 1;
    uint64_t quarters = 4 * v.significand, open = v.significand & 1;
    uint64_t below = v.narrow ? 1 : 2;

    return (struct range){
        .exact = multiply(quarters << shift, power),
        .low = multiply((quarters - below) << shift, power) + open,
        .high = multiply((quarters + 2) << shift, power) - open,
    };
}

/* exact / step; a half goes to the even side, as printf rounds. */
static uint64_t
nearest(uint64_t exact, uint64_t step)
{
    uint64_t quotient = exact / step;

    return quotient + (exact % step + (quotient & 1) > step / 2);
}

static bool
holds(const struct range *range, uint64_t quarters)
{
    return range->low <= quarters && quarters <= range->high;
}

/* The multiple of the step nearest to the value, where it reads back. In a lopsided
 * range the nearest may lie below it while the next one above reads back. */
static bool
fits(const struct range *range, bool narrow, uint64_t step, uint64_t *digits)
{
    *digits = nearest(range->exact, step);
    if (!holds(range, step * *digits) && narrow && holds(range, step * (*digits + 1)))
        ++*digits;
    return holds(range, step * *digits);
}

/* The longest step that has a multiple which reads back. Steps of 10^k always have one;
 * those of ten times as much are wider than twice the nearer side of the range. */
struct decimal
shortest_decimal(double value)
{
    struct binary v = binary(value);
    int k = log10_of_power_of_2(v.exponent - v.narrow);
    struct range range;
    uint64_t digits;

    if (v.significand == 0)
        return (struct decimal){0, 0};
    range = range_of(v, k);
    /* Only a lopsided range has room for two multiples of the next step. */
    if (v.narrow && fits(&range, true, 400, &digits))
        return (struct decimal){digits, k + 2};
    if (fits(&range, v.narrow, 40, &digits))
        return (struct decimal){digits, k + 1};
    return (struct decimal){nearest(range.exact, 4), k};
}

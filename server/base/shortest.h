/*
 * shortest.h: the decimal digits that tell a double from its neighbours, by Schubfach:
 * Raffaello Giulietti, "The Schubfach way to render doubles" (2020). Only integers are
 * computed with, and nothing is tried out.
 */
#pragma once

#include "base/base.h"

/* digits * 10^exponent */
struct decimal {
    uint64_t digits;
    int exponent;
};

/*
 * The magnitude of a finite value in the fewest digits that read back as the same
 * double (zeros may end it), and of those the nearest to it: the digits of Python's
 * repr().
 */
struct decimal shortest_decimal(double value);

#!/usr/bin/env python3
"""Prints shortest_table.h: python3 shortest_table.py > shortest_table.h

Entry p - LEAST is 10^p as 128 bits, scaled by a power of two and rounded up."""

LEAST, MOST = -292, 324  # what the exponents of a double, -1074 ... 971, ask for


def scaled(power):
    above, below = 10 ** max(power, 0), 10 ** max(-power, 0)
    shift = 127 - (above.bit_length() - below.bit_length())
    while True:
        quotient = -((-above << max(shift, 0)) // (below << max(-shift, 0)))
        if quotient >> 127 == 1:
            return quotient
        shift += 1 if quotient >> 127 == 0 else -1


print("/* shortest_table.h: made by shortest_table.py; see there. */")
print("#pragma once\n")
print("#include <stdint.h>\n")
print(f"enum {{ SHORTEST_LEAST_POWER = {LEAST} }};\n")
print("/* clang-format off */")
print(f"static const uint64_t shortest_powers[{MOST - LEAST + 1}][2] = {{")
for power in range(LEAST, MOST + 1):
    entry = scaled(power)
    print(f"    {{0x{entry >> 64:016x}, 0x{entry & (1 << 64) - 1:016x}}}, /* {power} */")
print("};")
print("/* clang-format on */")

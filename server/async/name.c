#include "async/name.h"

void
name_draw(struct fastrand *fastrand, char name[NAME_DRAWN_SIZE])
{
    static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint64_t bits[] = {fastrand_bits(fastrand), fastrand_bits(fastrand)};

    for (unsigned i = 0; i < NAME_DRAWN_SIZE - 1; i++)
        name[i] = digits[bits[i / 8] >> (i % 8 * 5) & 31];
    name[NAME_DRAWN_SIZE - 1] = '\0';
}

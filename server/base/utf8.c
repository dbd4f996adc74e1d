#include "base/utf8.h"

static size_t
length_by_lead(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    if (lead >= 0xf0 && lead <= 0xf4)
        return 4;
    return 0;
}

/* The second byte alone tells overlong forms, surrogates and what is above U+10FFFF. */
static bool
second_fits(unsigned char lead, unsigned char second)
{
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

    return second >= low && second <= high;
}

size_t
utf8_sequence(const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t length = length_by_lead(at[0]);

    if (length > size)
        return 0;
    if (length > 1 && !second_fits(at[0], at[1]))
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool
utf8_valid(const char *bytes, size_t size)
{
    size_t length;

    for (size_t i = 0; i < size; i += length) {
        length = utf8_sequence(bytes + i, size - i);
        if (length == 0)
            return false;
    }
    return true;
}

size_t
utf8_cut(const char *bytes, size_t size, size_t limit)
{
    if (size <= limit)
        return size;
    for (size_t back = 1; back <= 3 && back <= limit; back++) {
        size_t lead = limit - back;

        if (utf8_sequence(bytes + lead, size - lead) > back)
            return lead;
    }
    return limit;
}

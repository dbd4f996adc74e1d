#include "base/number.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A double that is written exactly has at most 767 digits that count. */
enum { PARSED_MAX = 1023 };

struct unit {
    const char *name;
    double times, per; /* 250 ms is 250 / 1000: a quotient is rounded once */
};

static const struct unit durations[] = {
    {"", 1, 1},  {"us", 1, 1e6}, {"ms", 1, 1e3},
    {"s", 1, 1}, {"m", 60, 1},   {"h", 3600, 1},
};

static const struct unit sizes[] = {
    {"", 1, 1},          {"B", 1, 1},         {"KiB", 1 << 10, 1},
    {"MiB", 1 << 20, 1}, {"GiB", 1 << 30, 1},
};

static size_t
digits(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && text[i] >= '0' && text[i] <= '9')
        i++;
    return i;
}

/* The length of the exponent at the start of the text, 0 where there is none. */
static size_t
exponent(const char *text, size_t size)
{
    size_t sign, power;

    if (size < 2 || text[0] != 'e')
        return 0;
    sign = text[1] == '+' || text[1] == '-';
    power = digits(text + 1 + sign, size - 1 - sign);
    return power == 0 ? 0 : 1 + sign + power;
}

/* The length of the number at the start of the text, 0 where there is none. */
static size_t
number_length(const char *text, size_t size)
{
    size_t length = digits(text, size);
    size_t fraction;

    if (length == 0)
        return 0;
    if (length < size && text[length] == '.') {
        fraction = digits(text + length + 1, size - length - 1);
        if (fraction == 0)
            return 0;
        length += 1 + fraction;
    }
    return length + exponent(text + length, size - length);
}

static const struct unit *
find_unit(const struct unit *units, size_t count, const char *name, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == size && memcmp(units[i].name, name, size) == 0)
            return &units[i];
    return NULL;
}

bool
number_parse(const char *text, size_t size, double *out)
{
    char copy[PARSED_MAX + 1];
    double value;

    if (size == 0 || size > PARSED_MAX || number_length(text, size) != size)
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    value = strtod(copy, NULL);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool
number_parse_integer(const char *text, size_t size, int64_t *out)
{
    int64_t value = 0;

    if (size == 0 || digits(text, size) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (__builtin_mul_overflow(value, 10, &value)
            || __builtin_add_overflow(value, text[i] - '0', &value))
            return false;
    *out = value;
    return true;
}

bool
number_parse_duration(const char *text, size_t size, double *seconds)
{
    size_t length = number_length(text, size);
    const struct unit *unit;
    double value;

    unit = find_unit(durations, COUNT(durations), text + length, size - length);
    if (unit == NULL || !number_parse(text, length, &value))
        return false;
    value = value * unit->times / unit->per;
    if (!isfinite(value))
        return false;
    *seconds = value;
    return true;
}

bool
number_parse_size(const char *text, size_t size, int64_t *bytes)
{
    size_t length = digits(text, size);
    const struct unit *unit;
    int64_t value;

    unit = find_unit(sizes, COUNT(sizes), text + length, size - length);
    if (unit == NULL || !number_parse_integer(text, length, &value))
        return false;
    if (__builtin_mul_overflow(value, (int64_t)unit->times, &value))
        return false;
    *bytes = value;
    return true;
}

int64_t
seconds_to_ns(double seconds)
{
    double product = seconds * 1e9;
    double lost = fma(seconds, 1e9, -product);
    double ns = ceil(product);

    assert(seconds >= 0 && seconds < 9e6);
    return (int64_t)ns + (ns == product && lost > 0);
}

double
ns_to_seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

size_t
number_print(double value, char out[NUMBER_TEXT_MAX])
{
    /* Only subnormal numbers are told apart by fewer than 15 digits. */
    int precision = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    int size;

    assert(isfinite(value));
    do
        size = snprintf(out, NUMBER_TEXT_MAX, "%.*g", precision, value);
    while (strtod(out, NULL) != value && precision++ < DBL_DECIMAL_DIG);
    return (size_t)size;
}

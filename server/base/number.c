#include "base/number.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* A double that is written exactly has at most 767 digits that count. */
    PARSED_MAX = 1023,
    /* With so many digits a larger exponent is infinity, or 0, with any unit. */
    EXPONENT_MAX = 9999,
    EXPONENT_SIZE = sizeof "e-2147483648",
    CARRY_MAX = 4,   /* of any unit: a number becomes so many digits longer */
    DIGITS_MAX = 20, /* of UINT64_MAX */
};

struct unit {
    const char *name;
    int times;
    int exponent; /* of ten: 4.1ms is 4.1e-3, for 4.1 / 1000 is another double */
};

static const struct unit durations[] = {
    {"", 1, 0}, {"us", 1, -6}, {"ms", 1, -3}, {"s", 1, 0}, {"m", 60, 0}, {"h", 3600, 0},
};

static const struct unit sizes[] = {
    {"", 1, 0},          {"B", 1, 0},         {"KiB", 1 << 10, 0},
    {"MiB", 1 << 20, 0}, {"GiB", 1 << 30, 0},
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

/* The text has room for another EXPONENT_SIZE. */
static void
add_exponent(char *text, int exponent)
{
    char *end = strchrnul(text, 'e');
    long own = *end ? strtol(end + 1, NULL, 10) : 0;

    if (own > EXPONENT_MAX)
        own = EXPONENT_MAX;
    if (own < -EXPONENT_MAX)
        own = -EXPONENT_MAX;
    snprintf(end, EXPONENT_SIZE, "e%d", (int)own + exponent);
}

/* Digit by digit, so that only strtod() rounds. Returns where it begins, for it has
 * room for another CARRY_MAX before it. */
static char *
multiply(char *text, int times)
{
    int carry = 0;

    for (char *at = strchrnul(text, 'e'); at-- > text;) {
        if (*at == '.')
            continue;
        carry += (*at - '0') * times;
        *at = (char)('0' + carry % 10);
        carry /= 10;
    }
    for (; carry > 0; carry /= 10)
        *--text = (char)('0' + carry % 10);
    return text;
}

static bool
parse(const char *text, size_t size, const struct unit *unit, double *out)
{
    char room[CARRY_MAX + PARSED_MAX + EXPONENT_SIZE];
    char *copy = room + CARRY_MAX;
    double value;

    if (size == 0 || size > PARSED_MAX || number_length(text, size) != size)
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (unit->exponent)
        add_exponent(copy, unit->exponent);
    if (unit->times > 1)
        copy = multiply(copy, unit->times);
    value = strtod(copy, NULL);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool
number_parse(const char *text, size_t size, double *out)
{
    static const struct unit one = {"", 1, 0};

    return parse(text, size, &one, out);
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

    unit = find_unit(durations, COUNT(durations), text + length, size - length);
    return unit && parse(text, length, unit, seconds);
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
    if (__builtin_mul_overflow(value, unit->times, &value))
        return false;
    *bytes = value;
    return true;
}

int64_t
seconds_to_ns(double seconds)
{
    assert(seconds >= 0 && seconds < SECONDS_TO_NS_LIMIT);
    int64_t ns = (int64_t)ceil(seconds * 1e9);

    if (ns > 0 && ns_to_seconds(ns - 1) >= seconds)
        return ns - 1;
    return ns + (ns_to_seconds(ns) < seconds);
}

double
ns_to_seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

static char *
put(char *out, const char *bytes, int size)
{
    memcpy(out, bytes, (size_t)size);
    return out + size;
}

static char *
put_zeros(char *out, int count)
{
    memset(out, '0', (size_t)count);
    return out + count;
}

/* Up to `end`; returns the first digit. */
static char *
put_digits(char *end, uint64_t value)
{
    for (; value >= 100; value /= 100) {
        *--end = (char)('0' + value % 10);
        *--end = (char)('0' + value / 10 % 10);
    }
    for (; value >= 10; value /= 10)
        *--end = (char)('0' + value % 10);
    *--end = (char)('0' + value);
    return end;
}

/* The first of the digits counts 10^power, which is shown with at least two digits. */
static char *
put_with_exponent(char *out, const char *digits, int count, int power)
{
    char room[DIGITS_MAX];
    unsigned size = (unsigned)(power < 0 ? -power : power);
    char *first = put_digits(room + DIGITS_MAX, size);

    *out++ = digits[0];
    if (count > 1) {
        *out++ = '.';
        out = put(out, digits + 1, count - 1);
    }
    *out++ = 'e';
    *out++ = power < 0 ? '-' : '+';
    if (size < 10)
        *out++ = '0';
    return put(out, first, (int)(room + DIGITS_MAX - first));
}

static char *
put_in_full(char *out, const char *digits, int count, int power)
{
    if (power < 0) {
        out = put_zeros(put(out, "0.", 2), -power - 1);
        return put(out, digits, count);
    }
    if (count <= power + 1)
        return put_zeros(put(out, digits, count), power + 1 - count);
    out = put(out, digits, power + 1);
    *out++ = '.';
    return put(out, digits + power + 1, count - power - 1);
}

size_t
number_print(double value, char out[NUMBER_TEXT_MAX])
{
    assert(isfinite(value));
    return number_print_decimal(signbit(value), shortest_decimal(value), out);
}

size_t
number_print_integer(int64_t value, char out[NUMBER_TEXT_MAX])
{
    char room[DIGITS_MAX];
    char *first = put_digits(room + DIGITS_MAX,
                             value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    char *at = out;

    if (value < 0)
        *at++ = '-';
    at = put(at, first, (int)(room + DIGITS_MAX - first));
    *at = '\0';
    return (size_t)(at - out);
}

size_t
number_print_decimal(bool negative, struct decimal decimal, char out[NUMBER_TEXT_MAX])
{
    char room[DIGITS_MAX];
    char *first, *at = out;
    int count, power;

    /* 0.41 comes as 4100000000000000: most of its zeros go at once. */
    if (decimal.digits % 100000000 == 0) {
        decimal.digits /= 100000000;
        decimal.exponent += 8;
    }
    first = put_digits(room + DIGITS_MAX, decimal.digits);
    count = (int)(room + DIGITS_MAX - first);
    power = decimal.digits == 0 ? 0 : decimal.exponent + count - 1;
    while (count > 1 && first[count - 1] == '0')
        count--;
    if (negative)
        *at++ = '-';
    if (power < -4 || power >= (count < DBL_DIG ? DBL_DIG : count))
        at = put_with_exponent(at, first, count, power);
    else
        at = put_in_full(at, first, count, power);
    *at = '\0';
    return (size_t)(at - out);
}

/* fuzz_number.c: numbers, integers, durations, sizes: what is taken is what the grammar
 * and the C library say, and what is printed reads back. */
#include "fuzz.h"

#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER "[0-9]+(\\.[0-9]+)?(e[+-]?[0-9]+)?"
enum { SIZE_MOST = 1023 }; /* of a number */

static void
check_printed(double value)
{
    char text[NUMBER_TEXT_MAX];
    double again;
    size_t size = number_print(value, text);

    assert(size < sizeof text && text[size] == '\0');
    assert(number_parse(text, size, &again) && again == value);
}

static void
check_number(const char *text, size_t size)
{
    double value = -1, expected = strtod(text, NULL);
    bool valid =
        size <= SIZE_MOST && fuzz_matches(NUMBER, text, size) && isfinite(expected);

    assert(number_parse(text, size, &value) == valid);
    assert(value == (valid ? expected : -1));
    if (valid)
        check_printed(value);
}

static void
check_integer(const char *text, size_t size)
{
    int64_t value = -1;

    errno = 0;
    long long expected = strtoll(text, NULL, 10);
    bool valid = fuzz_matches("[0-9]+", text, size) && errno == 0;
    assert(number_parse_integer(text, size, &value) == valid);
    assert(value == (valid ? expected : -1));
}

/* The least ns that are not below; and what is printed of them becomes them again. */
static void
check_ns(double seconds)
{
    int64_t ns = seconds_to_ns(seconds);

    assert(ns >= 0);
    assert(ns_to_seconds(ns) >= seconds);
    assert(ns == 0 || ns_to_seconds(ns - 1) < seconds);
    assert(ns_to_seconds(ns) >= SECONDS_TO_NS_LIMIT
           || seconds_to_ns(ns_to_seconds(ns)) == ns);
}

/* The double nearest to a duration as it is written, by integers; of what has too many
 * digits for them it is not known: NaN. */
static double
nearest_seconds(const char *text)
{
    static const struct {
        const char *name;
        unsigned times;
        long exponent;
    } units[] = {{"us", 1, -6}, {"ms", 1, -3}, {"m", 60, 0}, {"h", 3600, 0}};
    enum { DIGITS_MOST = 30, EXPONENT_MOST = 1000000 };
    const unsigned long long e18 = 1000000000000000000;
    unsigned __int128 count = 0;
    size_t size = strspn(text, "0123456789."), digits = 0;
    const char *point = memchr(text, '.', size);
    char *unit = (char *)text + size, model[64];
    long exponent = *unit == 'e' ? strtol(unit + 1, &unit, 10) : 0;

    for (size_t i = 0; i < size; i++)
        if (text[i] != '.' && (digits > 0 || text[i] != '0')) {
            count = count * 10 + (unsigned)(text[i] - '0');
            digits++;
        }
    if (digits > DIGITS_MOST || exponent < -EXPONENT_MOST || exponent > EXPONENT_MOST)
        return NAN;
    if (point)
        exponent -= (long)(text + size - point - 1);
    for (size_t i = 0; i < COUNT(units); i++)
        if (strcmp(unit, units[i].name) == 0) {
            count *= units[i].times;
            exponent += units[i].exponent;
        }
    snprintf(model, sizeof model, "%llu%018llu%018llue%ld",
             (unsigned long long)(count / e18 / e18),
             (unsigned long long)(count / e18 % e18), (unsigned long long)(count % e18),
             exponent);
    return strtod(model, NULL);
}

static void
check_duration(const char *text, size_t size)
{
    double seconds = -1;

    if (!number_parse_duration(text, size, &seconds)) {
        assert(seconds == -1);
        assert(!fuzz_matches("[0-9]{1,9}(\\.[0-9]{1,9})?(us|ms|s|m|h)?", text, size));
        return;
    }
    assert(fuzz_matches(NUMBER "(us|ms|s|m|h)?", text, size));
    assert(isfinite(seconds) && seconds >= 0);
    double expected = nearest_seconds(text);
    assert(isnan(expected) || seconds == expected);
    if (seconds < SECONDS_TO_NS_LIMIT)
        check_ns(seconds);
}

static void
check_size(const char *text, size_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB"};
    int64_t bytes = -1;
    char *end;

    errno = 0;
    __int128 expected = strtoll(text, &end, 10);
    for (size_t i = 0; i < COUNT(units); i++)
        if (strcmp(end, units[i]) == 0)
            expected *= 1 << 10 * (i + 1);
    bool valid = fuzz_matches("[0-9]+(B|KiB|MiB|GiB)?", text, size) && errno == 0
                 && expected <= INT64_MAX;
    assert(number_parse_size(text, size, &bytes) == valid);
    assert(bytes == (valid ? (int64_t)expected : -1));
}

/* The bytes as a double, too: all of them print. */
static void
check_bits(const char *bytes, size_t size)
{
    double value;

    if (size != sizeof value)
        return;
    memcpy(&value, bytes, sizeof value);
    if (isfinite(value))
        check_printed(fabs(value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);

    check_number(text, size);
    check_integer(text, size);
    check_duration(text, size);
    check_size(text, size);
    check_bits(text, size);
    free(text);
    return 0;
}

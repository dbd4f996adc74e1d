#include "http/negotiate.h"

#include "base/number.h"

#include <string.h>

struct slice {
    const char *bytes;
    size_t size;
};

static struct slice
trim(struct slice s)
{
    while (s.size > 0 && (s.bytes[0] == ' ' || s.bytes[0] == '\t')) {
        s.bytes++;
        s.size--;
    }
    while (s.size > 0 && (s.bytes[s.size - 1] == ' ' || s.bytes[s.size - 1] == '\t'))
        s.size--;
    return s;
}

/* How many bytes stand before the separator; one in a quoted string is none (RFC 9110
 * §5.6.4). */
static size_t
size_before(struct slice s, char separator)
{
    bool quoted = false;

    for (size_t i = 0; i < s.size; i++) {
        if (s.bytes[i] == '"')
            quoted = !quoted;
        else if (quoted && s.bytes[i] == '\\')
            i++;
        else if (!quoted && s.bytes[i] == separator)
            return i;
    }
    return s.size;
}

/* Cuts what stands before the separator off the rest. */
static struct slice
cut(struct slice *rest, char separator)
{
    size_t size = size_before(*rest, separator);
    struct slice part = {rest->bytes, size};
    size_t taken = size < rest->size ? size + 1 : size;

    rest->bytes += taken;
    rest->size -= taken;
    return trim(part);
}

static bool
is(struct slice s, const char *word)
{
    return s.size == strlen(word) && strncasecmp(s.bytes, word, s.size) == 0;
}

/* How well the range names the type: 3 exactly, 2 as type/ *, 1 as * / *, 0 not. */
static int
specificity(struct slice range, const char *type)
{
    size_t main_size = strcspn(type, "/") + 1;

    if (is(range, type))
        return 3;
    if (range.size == main_size + 1 && strncasecmp(range.bytes, type, main_size) == 0
        && range.bytes[main_size] == '*')
        return 2;
    return is(range, "*/*") ? 1 : 0;
}

/* RFC 9110 §12.4.2, but with any number of digits, and without the one before the
 * point, too: older Java sends q=.2. Anything else is 0. */
static double
read_qvalue(struct slice s)
{
    double q = 0, unit = 1;
    size_t at = 0;

    if (s.size > 0 && (s.bytes[0] == '0' || s.bytes[0] == '1'))
        q = s.bytes[at++] - '0';
    if (at < s.size && s.bytes[at++] != '.')
        return 0;
    for (; at < s.size; at++) {
        if (s.bytes[at] < '0' || s.bytes[at] > '9')
            return 0;
        unit /= 10;
        q += unit * (s.bytes[at] - '0');
    }
    return q <= 1 ? q : 0;
}

static double
quality(struct slice parameters)
{
    double q = 1;

    while (parameters.size > 0) {
        struct slice value = cut(&parameters, ';');
        struct slice name = cut(&value, '=');

        if (is(name, "q"))
            q = read_qvalue(trim(value));
    }
    return q;
}

/* The q of the most specific range of the header that names the type; 0: none does. */
static double
quality_of(const char *accept, const char *type, int *specific)
{
    struct slice rest = {accept, strlen(accept)};
    double best = 0;

    *specific = 0;
    while (rest.size > 0) {
        struct slice parameters = cut(&rest, ',');
        struct slice range = cut(&parameters, ';');
        int how = specificity(range, type);

        if (how > *specific) {
            *specific = how;
            best = quality(parameters);
        }
    }
    return best;
}

bool
negotiate_format(const char *accept, unsigned offered, enum format *out)
{
    double best = 0;
    int best_specific = 0;

    if (accept == NULL || strcmp(accept, "*/*") == 0) {
        *out = (enum format)__builtin_ctz(offered);
        return true;
    }
    for (enum format format = 0; format < FORMAT_COUNT; format++) {
        int specific;

        if (!(offered & 1u << format))
            continue;
        double q = quality_of(accept, format_info(format)->media_type, &specific);
        if (q > best || (q > 0 && q >= best && specific > best_specific)) {
            best = q;
            best_specific = specific;
            *out = format;
        }
    }
    return best > 0;
}

/* What a quoted string quotes; others as they are. No number needs a quoted pair. */
static struct slice
unquoted(struct slice s)
{
    if (s.size < 2 || s.bytes[0] != '"' || s.bytes[s.size - 1] != '"')
        return s;
    return (struct slice){s.bytes + 1, s.size - 2};
}

static enum error
read_wait(struct slice value, double max_seconds, struct prefer *out,
          struct problem *problem)
{
    int64_t seconds;

    if (!number_parse_integer(value.bytes, value.size, &seconds)
        || (double)seconds > max_seconds) {
        problem_set(problem, ERROR_INVALID_PARAMETER,
                    "Prefer: wait must be whole seconds up to %g", max_seconds);
        problem_param(problem, "Prefer", 6);
        problem_value(problem, value.bytes, value.size);
        problem_limits(problem, 0, max_seconds);
        return ERROR_INVALID_PARAMETER;
    }
    out->wait_given = true;
    out->wait_seconds = (double)seconds;
    return OK;
}

enum error
negotiate_prefer(const char *header, double max_seconds, struct prefer *out,
                 struct problem *problem)
{
    struct slice rest = {header ? header : "", header ? strlen(header) : 0};
    enum error error = OK;

    *out = (struct prefer){0};
    while (rest.size > 0 && !error) {
        struct slice preference = cut(&rest, ',');
        struct slice value = cut(&preference, ';');
        struct slice name = cut(&value, '=');

        if (is(name, "respond-async"))
            out->respond_async = true;
        if (is(name, "wait") && !out->wait_given)
            error = read_wait(unquoted(trim(value)), max_seconds, out, problem);
    }
    return error;
}

/* fuzz_negotiate.c: the headers Accept (the first line) and Prefer (the second). */
#include "fuzz.h"

#include "http/negotiate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 1 << FORMAT_COUNT };

/* What is chosen is offered; and who is best of many is best of fewer. */
static void
check_accept(const char *accept)
{
    bool found[SETS] = {false};
    enum format best[SETS];

    for (unsigned offered = 1; offered < SETS; offered++) {
        best[offered] = FORMAT_COUNT;
        found[offered] = negotiate_format(accept, offered, &best[offered]);
        assert(found[offered] == (best[offered] != FORMAT_COUNT));
        assert(!found[offered] || (offered & 1u << best[offered]));
    }
    for (unsigned offered = 1; offered < SETS; offered++) {
        for (unsigned some = offered & (offered - 1); some; some = (some - 1) & offered)
            if (found[offered] && (some & 1u << best[offered]))
                assert(found[some] && best[some] == best[offered]);
            else
                assert(found[offered] || !found[some]);
    }
}

static void
check_prefer(const char *header, double max_seconds)
{
    struct problem problem = {0};
    struct prefer prefer;
    enum error error = negotiate_prefer(header, max_seconds, &prefer, &problem);

    if (error) {
        fuzz_check_problem(&problem, error);
        assert(strcmp(problem.param, "Prefer") == 0 && problem.has_value);
        return;
    }
    assert(prefer.wait_seconds >= 0 && prefer.wait_seconds <= max_seconds);
    assert(prefer.wait_seconds == floor(prefer.wait_seconds));
    assert(prefer.wait_given || prefer.wait_seconds == 0);
    assert(!prefer.respond_async || strcasestr(header, "respond-async"));
    assert(!prefer.wait_given || strcasestr(header, "wait"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size), *rest = copy;
    size_t part;

    check_accept(fuzz_cut(&rest, &size, '\n', &part));
    check_prefer(rest, fuzz_limits[LIMIT_MAX_DELAY]);
    free(copy);
    return 0;
}

#include "async/faults.h"

#include "async/delays.h"
#include "base/mersenne.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct faults {
    uint16_t status;
    size_t first; /* those below that index fail for sure */
    double rate;
    struct mersenne mersenne;
    size_t drawn;
    unsigned char bits[]; /* by index, of the first `drawn`; none where rate is 0 */
};

/* 0 where neither the rate nor the first tries let any fail. */
static uint16_t
used_fail_status(const struct fault_spec *spec)
{
    return spec->rate > 0 || spec->first > 0 ? spec->fail_status : 0;
}

/* `drawn` is no part of it: with a rate of 0 none fails. */
bool
fault_spec_equal(const struct fault_spec *a, const struct fault_spec *b)
{
    return a->rate == b->rate && a->status == b->status
           && used_fail_status(a) == used_fail_status(b) && a->over == b->over
           && a->retry_after == b->retry_after && a->first == b->first
           && a->most == b->most && strcmp(a->key, b->key) == 0;
}

/* How many of the next n tries fail for sure: *first. */
static enum error
take_tries(struct registry *registry, const struct fault_spec *spec, size_t n,
           int64_t now_ns, size_t *first)
{
    uint64_t before;

    *first = 0;
    if (spec->key[0] == '\0')
        return OK;
    enum error error = registry_count_tries(registry, spec->key, n, now_ns, &before);
    if (!error && before < spec->first)
        *first = spec->first - (size_t)before;
    return error;
}

void
fault_undo(struct registry *registry, const struct fault_spec *spec, size_t n)
{
    if (spec->key[0] != '\0')
        tries_give(&registry->peers->tries, spec->key, n);
}

void
faults_seed(struct mersenne *mersenne, const struct delay_spec *delays)
{
    mersenne_seed(mersenne, delays->seed + (UINT64_C(1) << 63));
}

static double
draw_one(const struct delay_spec *delays, struct fastrand *fastrand)
{
    UNINITIALIZED struct mersenne mersenne;

    if (!delays->seeded)
        return fastrand_uniform(fastrand, 0, 1);
    faults_seed(&mersenne, delays);
    return mersenne_double(&mersenne);
}

enum error
fault_draw(struct registry *registry, const struct fault_spec *spec,
           const struct delay_spec *delays, int64_t now_ns, uint16_t *status)
{
    size_t first;
    enum error error = take_tries(registry, spec, 1, now_ns, &first);
    if (error)
        return error;
    bool fails = first > 0
                 || (spec->drawn && draw_one(delays, &registry->fastrand) < spec->rate);

    *status = fails ? spec->fail_status : spec->status;
    return OK;
}

static bool
can_fail(const struct fault_spec *spec, size_t first)
{
    return spec->status >= FAILED_STATUS || spec->rate > 0 || first > 0;
}

enum error
faults_draw(struct registry *registry, const struct fault_spec *spec,
            const struct delay_spec *delays, size_t n, int64_t now_ns,
            struct faults **out)
{
    size_t bits = spec->rate > 0 ? n / 8 + 1 : 0, first;

    *out = NULL;
    enum error error = take_tries(registry, spec, n, now_ns, &first);
    if (error || !can_fail(spec, first))
        return error;
    struct faults *faults = calloc(1, sizeof *faults + bits);
    if (faults == NULL) {
        fault_undo(registry, spec, n);
        return ERROR_OUT_OF_MEMORY;
    }
    bool all = spec->status >= FAILED_STATUS;
    faults->status = all ? spec->status : spec->fail_status;
    faults->first = all ? SIZE_MAX : first;
    faults->rate = spec->rate;
    if (bits > 0) {
        assert(delays->seeded);
        faults_seed(&faults->mersenne, delays);
    }
    *out = faults;
    return OK;
}

void
faults_free(struct faults *faults)
{
    free(faults);
}

static bool
is_drawn(struct faults *faults, size_t index)
{
    for (; faults->drawn <= index; faults->drawn++)
        if (mersenne_double(&faults->mersenne) < faults->rate)
            faults->bits[faults->drawn / 8] |= (unsigned char)(1u << faults->drawn % 8);
    return faults->bits[index / 8] >> index % 8 & 1;
}

uint16_t
faults_reach(struct faults *faults, size_t index)
{
    if (faults == NULL)
        return 0;
    bool fails = index < faults->first || (faults->rate > 0 && is_drawn(faults, index));

    return fails ? faults->status : 0;
}

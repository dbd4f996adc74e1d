#include "async/dribble.h"

#include "async/faults.h"
#include "base/mersenne.h"

#include <assert.h>
#include <stdlib.h>

struct dribble {
    struct dribble_plan plan;
    size_t come;
    double shift; /* of the next one, in distances between two */
    struct fastrand *fastrand;
    struct mersenne mersenne[]; /* one where they are drawn with a seed, else none */
};

static bool
is_seeded(const struct dribble *dribble)
{
    return dribble->fastrand == NULL;
}

static void
draw_shift(struct dribble *dribble)
{
    if (dribble->plan.jitter == 0)
        return;
    double u = is_seeded(dribble) ? mersenne_double(dribble->mersenne)
                                  : fastrand_uniform(dribble->fastrand, 0, 1);

    dribble->shift = dribble->plan.jitter * (u - 0.5);
}

struct dribble *
dribble_new(const struct dribble_plan *plan, const struct delay_spec *delays,
            struct fastrand *fastrand)
{
    bool seeded = plan->jitter > 0 && delays->seeded;
    struct dribble *dribble =
        calloc(1, sizeof *dribble + (seeded ? sizeof dribble->mersenne[0] : 0));

    assert(plan->chunks > 0 && plan->jitter >= 0 && plan->jitter <= 1);
    if (dribble == NULL)
        return NULL;
    dribble->plan = *plan;
    dribble->fastrand = seeded ? NULL : fastrand;
    if (seeded) {
        faults_seed(dribble->mersenne, delays);
        (void)mersenne_double(dribble->mersenne); /* has been the failure's */
    }
    draw_shift(dribble);
    return dribble;
}

void
dribble_free(struct dribble *dribble)
{
    free(dribble);
}

uint64_t
dribble_bytes(const struct dribble *dribble, uint64_t size)
{
    return size * dribble->come / dribble->plan.chunks;
}

/* part / whole of the ns, rounded up. */
static int64_t
share_ns(int64_t ns, int64_t part, int64_t whole)
{
    return ns / whole * part + (ns % whole * part + whole - 1) / whole;
}

/* Where there is no jitter, in whole ns: as doubles 0.1 * 3 / 4 is above 0.075. */
bool
dribble_next(const struct dribble *dribble, double delay, int64_t *after_ns)
{
    size_t next = dribble->come + 1, chunks = dribble->plan.chunks;

    if (next >= chunks)
        return false;
    *after_ns =
        dribble->plan.jitter > 0
            ? delay_to_ns(delay * ((double)next + dribble->shift) / (double)chunks)
            : share_ns(delay_to_ns(delay), (int64_t)next, (int64_t)chunks);
    return true;
}

void
dribble_take(struct dribble *dribble)
{
    dribble->come++;
    draw_shift(dribble);
}

/*
 * faults.h: which waits fail, and with which HTTP status. With a seed the i-th fails
 * where the i-th value of random.Random(seed + 2**63).random() is below the rate, so
 * that the delays stay what they are without it.
 */
#pragma once

#include "async/registry.h"

struct delay_spec;
struct mersenne;

enum { FAILED_STATUS = 400 /* and above */ };

/* Zeroed: none fails. */
struct fault_spec {
    bool drawn;           /* by `rate` */
    uint16_t status;      /* of what does not fail otherwise; 0: 200 */
    uint16_t fail_status; /* of what `rate` or `first` lets fail; 0: neither is there */
    uint16_t over;        /* of what comes when `most` of `key` are in flight */
    uint16_t retry_after; /* seconds, told with each failure; 0: not */
    uint32_t first;       /* so many tries of `key` fail */
    uint32_t most;        /* 0: any number */
    double rate;
    char key[NAME_MAX_BYTES + 1]; /* "": none */
};

/* Whether they let the same fail in the same way, as they were asked for or by default.
 */
bool fault_spec_equal(const struct fault_spec *a, const struct fault_spec *b);

/* Whether there is anything in it. */
static inline bool
fault_spec_given(const struct fault_spec *spec)
{
    return spec->drawn || spec->status || spec->key[0] != '\0';
}

/* The generator of what is drawn beside the delays, which have a seed. */
void faults_seed(struct mersenne *mersenne, const struct delay_spec *delays);

/* Counts a try and draws: *status is that of one wait. Errors as of tries_take. */
MUST_USE enum error
fault_draw(struct registry *registry, const struct fault_spec *spec,
           const struct delay_spec *delays, int64_t now_ns, uint16_t *status);

/* Takes the try back: the wait could not be started. */
void fault_undo(struct registry *registry, const struct fault_spec *spec, size_t n);

/* Those of n waits; drawn as they are reached for. */
struct faults;

/* Counts n tries. The delays are fixed or seeded. *out is NULL where none can fail.
 * Errors as of tries_take. */
MUST_USE enum error
faults_draw(struct registry *registry, const struct fault_spec *spec,
            const struct delay_spec *delays, size_t n, int64_t now_ns,
            struct faults **out);

void faults_free(struct faults *faults); /* NULL: nothing */

/* The HTTP status with which the wait of that index fails, 0: it does not. NULL: none
 * does. */
uint16_t faults_reach(struct faults *faults, size_t index);

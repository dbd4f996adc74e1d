/* wait_n_json.h: the members that every form of a /wait_n answer has. */
#pragma once

#include "async/wait_n.h"
#include "base/json_writer.h"

void delay_spec_write_seed(const struct delay_spec *spec, struct json_writer *json);

/* The row of one wait that has ended: delay and elapsed; `status` of a failed one. */
struct wait_row {
    size_t rank, index;
    double delay;
    int64_t elapsed_ns; /* -1: nothing was waited for */
    int status;         /* 0: it has not failed */
    unsigned retry_after;
};
void wait_row_write(const struct wait_row *row, struct json_writer *json);

/* "n" and "seed". */
void wait_n_write_head(const struct wait_n *wait_n, struct json_writer *json);

/* The counts, and "elapsed" but of a dry run. */
void wait_n_write_counts(const struct wait_n *wait_n, struct json_writer *json);

/* The counts, "elapsed", and "error" where it was ended from outside, or by a failure.
 */
void wait_n_write_tail(const struct wait_n *wait_n, struct json_writer *json);

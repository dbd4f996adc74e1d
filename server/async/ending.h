/*
 * ending.h: when n waits that were started together are over before all have ended. A
 * failure is an end; so is a cancel, but of a timeout.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct ending {
    size_t most;      /* when so many have ended; 0: all */
    bool first_error; /* or when the first has failed */
    bool keep;        /* then the rest goes on; else it is cancelled (groups only) */
    bool cancel_on_error; /* the first failure cancels the rest, whatever else holds */
};

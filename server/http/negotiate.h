/* negotiate.h: what the headers Accept (RFC 9110 §12.5.1) and Prefer (RFC 7240) ask. */
#pragma once

#include "base/problem.h"
#include "http/route.h"

/* The best of the offered formats (bits 1 << format) for the header, NULL: any; at
 * equal q the more specific range, then the order of enum format. False: none is
 * acceptable. */
MUST_USE bool negotiate_format(const char *accept, unsigned offered, enum format *out);

struct prefer {
    bool respond_async;
    bool wait_given;
    double wait_seconds; /* whole */
};

/* Of equal preferences the first counts, and unknown ones are ignored, as RFC 7240 §2
 * wants; a wait that is not a whole number of seconds within max_seconds is an
 * invalid-parameter "Prefer". */
MUST_USE enum error negotiate_prefer(const char *header, double max_seconds,
                                     struct prefer *out, struct problem *problem);

/* rfc3339.h: wall time as RFC 3339 writes it: 2026-01-02T03:04:05.678Z. */
#pragma once

#include "base/base.h"

#include <stdbool.h>

enum { RFC3339_SIZE = sizeof "2026-01-02T03:04:05.678Z" };

/* The last second of which ns are told: the last whole year that int64_t has room for.
 */
#define RFC3339_LATEST "2261-12-31T23:59:59Z"

/* In UTC, cut to milliseconds. ns since 1970, years 1970 … 9999. */
void rfc3339_print(int64_t wall_ns, char out[RFC3339_SIZE]);

/* Any offset, any number of digits of the second, T and Z in either case; a leap second
 * (:60) is the next second. What is below a ns is rounded up, for nothing may be early.
 * A time before 1970 is 0, one beyond RFC3339_LATEST is INT64_MAX. *wall_ns is left
 * alone where the text is not such a time, or names a day that does not exist. */
MUST_USE bool rfc3339_parse(const char *text, size_t size, int64_t *wall_ns);

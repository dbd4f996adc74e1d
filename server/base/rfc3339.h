/* rfc3339.h: wall time as RFC 3339 writes it: 2026-01-02T03:04:05.678Z. */
#pragma once

#include "base/base.h"

#include <stdbool.h>

enum { RFC3339_SIZE = sizeof "2026-01-02T03:04:05.678Z" };

/* In UTC, cut to milliseconds. ns since 1970, years 1970 … 9999. */
void rfc3339_print(int64_t wall_ns, char out[RFC3339_SIZE]);

/* Any offset, 0 to 9 digits of the second, T and Z in either case; a leap second (:60)
 * is the next second. *wall_ns is left alone where the text is not such a time, names a
 * day that does not exist, or lies outside 1970 … 2261. */
MUST_USE bool rfc3339_parse(const char *text, size_t size, int64_t *wall_ns);

/*
 * fuzz.h: what the fuzz targets share. A target is one file with one function, which
 * libFuzzer calls with any bytes and which aborts where a promise is broken. Without
 * libFuzzer, replay.c calls it with the files of its corpus.
 */
#pragma once

#include "base/field.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The limits that the program has where no flag changes them. */
extern const double fuzz_limits[LIMIT_COUNT];

/* A copy of its own size, so that a read beyond the end is seen; for free. */
char *fuzz_copy(const uint8_t *data, size_t size);

/* Cuts what stands before the first separator off the bytes, and terminates it; the
 * rest where there is none. */
char *fuzz_cut(char **bytes, size_t *size, char separator, size_t *cut_size);

/* Whether the whole of the bytes matches the extended regular expression, which has no
 * class that takes a NUL. */
bool fuzz_matches(const char *pattern, const char *bytes, size_t size);

/* Whether it is a JSON value, as any reader of it would say. */
bool fuzz_is_json(const char *bytes, size_t size);

/* What a refusal owes: a client's error, a detail, and JSON of valid UTF-8. */
void fuzz_check_problem(const struct problem *problem, enum error error);

/* What was set by a parser of any kind: each given value is within its limits, and what
 * is written of it as JSON reads back as the same. */
void fuzz_check_values(const struct shape *shape, const void *in);

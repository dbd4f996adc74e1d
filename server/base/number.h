/*
 * number.h: numbers and quantities, from text and to text. The grammar of api.md §1:
 * digits[.digits][e±digits], no sign, no blank, no hexadecimal. Every parser takes the
 * whole of its `size` bytes, wants no terminator, and leaves *out alone when it fails.
 * A number with a fraction may have up to 1023 bytes.
 */
#pragma once

#include "base/base.h"
#include "base/shortest.h"

#include <stdbool.h>

/* Room for any number that number_print writes, with NUL. */
enum { NUMBER_TEXT_MAX = 32 };

/* A finite decimal number; what overflows a double is refused. */
MUST_USE bool number_parse(const char *text, size_t size, double *out);

/* Only digits; 0 … INT64_MAX. */
MUST_USE bool number_parse_integer(const char *text, size_t size, int64_t *out);

/* Seconds: a number, or a number with us, ms, s, m or h behind it: the double nearest
 * to what is written. */
MUST_USE bool number_parse_duration(const char *text, size_t size, double *seconds);

/* Bytes: an integer, or one with B, KiB, MiB or GiB behind it; at most INT64_MAX. */
MUST_USE bool number_parse_size(const char *text, size_t size, int64_t *bytes);

/* Seconds rounded up to whole ns: the least ns whose ns_to_seconds() is not below them.
 * So 0.55 is 550,000,000, though the double is more by 4e-17, and what ns_to_seconds()
 * gave becomes the same ns again. 0 <= seconds < SECONDS_TO_NS_LIMIT. */
int64_t seconds_to_ns(double seconds);

/* Below it each ns is another double. */
#define SECONDS_TO_NS_LIMIT 0x1p23

/* ns as seconds, the nearest double. */
double ns_to_seconds(int64_t ns);

/* The shortest decimal text that reads back as the same double, in JSON's grammar
 * (2, 0.41, 1e-07, 1e+22); returns its length without the NUL. `value` is finite. */
size_t number_print(double value, char out[NUMBER_TEXT_MAX]);

/* All of its digits; returns its length without the NUL. */
size_t number_print_integer(int64_t value, char out[NUMBER_TEXT_MAX]);

/* A decimal in the form that number_print would give it, without the zeros at its end;
 * its exponent has at most three digits. */
size_t
number_print_decimal(bool negative, struct decimal decimal, char out[NUMBER_TEXT_MAX]);

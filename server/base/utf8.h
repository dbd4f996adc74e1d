/* utf8.h: UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates. */
#pragma once

#include "base/base.h"

#include <stdbool.h>

/* The length (1 … 4) of the valid sequence at the start of size > 0 bytes, 0 where
 * there is none. */
size_t utf8_sequence(const char *bytes, size_t size);

bool utf8_valid(const char *bytes, size_t size);

/* The longest prefix of at most `limit` bytes that does not cut a sequence. */
size_t utf8_cut(const char *bytes, size_t size, size_t limit);

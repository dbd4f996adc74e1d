/*
 * tokens.h: the bearer tokens (RFC 6750) that open the server, as a file has them: one
 * a line, blank lines and those that begin with # aside. They are not logged and not
 * shown.
 */
#pragma once

#include "base/text.h"

enum {
    TOKEN_SIZE_MIN = 16, /* bytes; 128 bits where each byte has 8, of hex digits 32 */
    TOKEN_SIZE_MAX = 256,
    TOKENS_MAX = 100,
};

struct tokens;

/* NULL: *why says in one line what is wrong with which line. Reads a regular file, and
 * blocks as long as the disk does. */
MUST_USE struct tokens *tokens_read(const char *path, struct text *why);

/* NULL: out of memory. */
MUST_USE struct tokens *tokens_copy(const struct tokens *tokens);

/* Wipes them, too. */
void tokens_free(struct tokens *tokens);

size_t tokens_count(const struct tokens *tokens);

/* Whether everybody on this machine may read the file that they are from. */
bool tokens_exposed(const struct tokens *tokens);

/* Whether it is one of them. It takes the same time whichever it is, and however much
 * of it is right. */
bool tokens_accept(const struct tokens *tokens, const char *token, size_t size);

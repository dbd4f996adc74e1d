/*
 * text.h: bytes that grow at the end. A failed allocation is kept in the text
 * (`failed`) and makes every later append a no-op, so that a caller checks once, at the
 * end.
 */
#pragma once

#include "base/base.h"

#include <stdarg.h>
#include <stdbool.h>

struct text {
    char *bytes; /* owned; not terminated */
    size_t size;
    size_t capacity;
    bool failed; /* out of memory, or out of room where it is fixed */
    bool fixed;  /* bytes belong to the caller and do not grow */
};

/* An empty text: `struct text text = {0};`. One over a caller's buffer: */
struct text text_over(char *buffer, size_t capacity);

/* Frees the bytes (not those of text_over) and makes it empty. */
void text_free(struct text *text);

/* Empties it and keeps the memory. */
void text_clear(struct text *text);

void text_append(struct text *text, const char *bytes, size_t size);
void text_string(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_vformat(struct text *text, const char *format, va_list arguments)
    PRINTF_LIKE(2, 0);

/* Appends a NUL that does not count in size and returns bytes; "" where it failed. */
const char *text_terminated(struct text *text);

#define TEXT_AUTO CLEANUP(text_free) struct text

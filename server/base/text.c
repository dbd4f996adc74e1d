#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 256 };

/* Makes room for `more` bytes behind those that are there. */
static bool
reserve(struct text *text, size_t more)
{
    size_t capacity = text->capacity < CAPACITY_MIN ? CAPACITY_MIN : text->capacity;
    char *bytes;

    if (text->failed)
        return false;
    if (more <= text->capacity - text->size)
        return true;
    text->failed = true;
    if (text->fixed || more > SIZE_MAX / 2 - text->size)
        return false;
    while (capacity < text->size + more)
        capacity *= 2;
    bytes = realloc(text->bytes, capacity);
    if (bytes == NULL)
        return false;
    text->bytes = bytes;
    text->capacity = capacity;
    text->failed = false;
    return true;
}

struct text
text_over(char *buffer, size_t capacity)
{
    return (struct text){.bytes = buffer, .capacity = capacity, .fixed = true};
}

void
text_free(struct text *text)
{
    if (!text->fixed)
        free(text->bytes);
    *text = (struct text){0};
}

void
text_clear(struct text *text)
{
    text->size = 0;
    text->failed = false;
}

void
text_append(struct text *text, const char *bytes, size_t size)
{
    if (size == 0 || !reserve(text, size))
        return;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

void
text_string(struct text *text, const char *string)
{
    text_append(text, string, strlen(string));
}

void
text_format(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    text_vformat(text, format, arguments);
    va_end(arguments);
}

void
text_vformat(struct text *text, const char *format, va_list arguments)
{
    char room[256]; /* most fit; and a fixed text can so be filled to its last byte */
    va_list again;
    int size;

    va_copy(again, arguments);
    size = vsnprintf(room, sizeof room, format, arguments);
    if (size < 0) {
        text->failed = true;
    } else if ((size_t)size < sizeof room) {
        text_append(text, room, (size_t)size);
    } else if (reserve(text, (size_t)size + 1)) {
        vsnprintf(text->bytes + text->size, (size_t)size + 1, format, again);
        text->size += (size_t)size;
    }
    va_end(again);
}

const char *
text_terminated(struct text *text)
{
    if (!reserve(text, 1))
        return "";
    text->bytes[text->size] = '\0';
    return text->bytes;
}

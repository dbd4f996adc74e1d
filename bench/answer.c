#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
starts(const char *line, const char *name, size_t size)
{
    return strncasecmp(line, name, size) == 0;
}

static enum answer_state
read_head(struct answer *answer, const char *text, size_t size)
{
    const char *end = memmem(text, size, "\r\n\r\n", 4);

    if (end == NULL)
        return ANSWER_PARTIAL;
    if (strncmp(text, "HTTP/1.", 7) != 0)
        return ANSWER_BROKEN;
    answer->status = atoi(text + 9);
    answer->length = 0;
    answer->chunked = false;
    for (const char *line = strchr(text, '\n'); line && line < end;
         line = strchr(line, '\n')) {
        line++;
        if (starts(line, "content-length:", 15))
            answer->length = strtoul(line + 15, NULL, 10);
        else if (starts(line, "transfer-encoding: chunked", 26))
            answer->chunked = true;
    }
    answer->body_at = (size_t)(end + 4 - text);
    return ANSWER_WHOLE;
}

enum answer_state
answer_read(struct answer *answer, const char *text, size_t size)
{
    if (answer->body_at == 0) {
        enum answer_state head = read_head(answer, text, size);
        if (head != ANSWER_WHOLE)
            return head;
    }
    if (answer->chunked)
        return size >= answer->body_at + 5
                       && memcmp(text + size - 5, "0\r\n\r\n", 5) == 0
                   ? ANSWER_WHOLE
                   : ANSWER_PARTIAL;
    if (size > answer->body_at + answer->length)
        return ANSWER_BROKEN;
    return size == answer->body_at + answer->length ? ANSWER_WHOLE : ANSWER_PARTIAL;
}

double
answer_delay(const struct answer *answer, const char *text)
{
    const char *name = strstr(text + answer->body_at, "\"delay\":");

    return name ? strtod(name + 8, NULL) : -1;
}

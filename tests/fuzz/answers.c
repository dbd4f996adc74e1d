#include "answers.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

struct answer {
    int status;
    bool chunked, has_length, json;
    size_t length;
};

/* What is left to read. */
struct input {
    const char *at, *end;
};

static size_t
left(const struct input *input)
{
    return (size_t)(input->end - input->at);
}

/* A line without its CRLF; false: it has not come whole. No other line end is one. */
static bool
take_line(struct input *input, struct input *line)
{
    const char *cr = memchr(input->at, '\r', left(input));

    line->at = input->at;
    line->end = cr ? cr : input->end;
    assert(memchr(line->at, '\n', left(line)) == NULL);
    assert(memchr(line->at, '\0', left(line)) == NULL);
    if (cr == NULL || cr + 1 == input->end)
        return false;
    assert(cr[1] == '\n');
    input->at = cr + 2;
    return true;
}

static bool
is_header(const struct input *line, const char *name, const char **value)
{
    size_t size = strlen(name);

    if (left(line) < size || strncasecmp(line->at, name, size) != 0)
        return false;
    *value = line->at + size;
    return true;
}

static void
read_header(const struct input *line, struct answer *answer)
{
    const char *value;

    assert(fuzz_matches("[!#-'*+.0-9A-Z^_`a-z|~-]+:[^\r\n]*", line->at, left(line)));
    if (is_header(line, "Content-Length: ", &value)) {
        assert(!answer->has_length);
        answer->has_length = true;
        answer->length = strtoul(value, NULL, 10);
    }
    if (is_header(line, "Transfer-Encoding: ", &value)) {
        assert(!answer->chunked && strncmp(value, "chunked\r", 8) == 0);
        answer->chunked = true;
    }
    if (is_header(line, "Content-Type: application/problem+json", &value))
        answer->json = true;
    if (is_header(line, "Content-Type: application/json", &value))
        answer->json = true;
}

/* False: the head has not come whole. */
static bool
read_head(struct input *input, struct answer *answer)
{
    struct input line;

    *answer = (struct answer){0};
    if (!take_line(input, &line))
        return false;
    assert(fuzz_matches("HTTP/1\\.[01] [1-5][0-9][0-9] [ -~]+", line.at, left(&line)));
    answer->status = atoi(line.at + strlen("HTTP/1.1 "));
    for (;;) {
        if (!take_line(input, &line))
            return false;
        if (left(&line) == 0)
            break;
        read_header(&line, answer);
    }
    assert(!(answer->chunked && answer->has_length));
    return true;
}

static void
check_json(const struct answer *answer, const char *bytes, size_t size)
{
    assert(!answer->json || fuzz_is_json(bytes, size));
}

/* False: not all of it has come. */
static bool
take_chunks(struct input *input, const struct answer *answer)
{
    TEXT_AUTO body = {0};
    struct input line;

    while (take_line(input, &line)) {
        assert(fuzz_matches("[0-9A-Fa-f]{1,8}", line.at, left(&line)));
        size_t size = strtoul(line.at, NULL, 16);

        if (size > left(input))
            return false;
        text_append(&body, input->at, size);
        input->at += size;
        if (!take_line(input, &line))
            return false;
        assert(left(&line) == 0);
        if (size > 0)
            continue;
        check_json(answer, text_terminated(&body), body.size);
        return true;
    }
    return false;
}

static bool
is_answer(const struct input *input)
{
    return left(input) == 0 || strncmp(input->at, "HTTP/1.", strlen("HTTP/1.")) == 0;
}

/* False: nothing can come behind it. */
static bool
take_body(struct input *input, const struct answer *answer, bool heads)
{
    if (answer->status < 200 || answer->status == 204 || answer->status == 304)
        return true;
    if (heads && is_answer(input))
        return true;
    if (answer->chunked)
        return take_chunks(input, answer);
    if (!answer->has_length || answer->length > left(input))
        return false;
    check_json(answer, input->at, answer->length);
    input->at += answer->length;
    return true;
}

size_t
answers_check(struct text *sent, bool heads)
{
    struct input input = {text_terminated(sent), sent->bytes + sent->size};
    struct answer answer;
    size_t count = 0;

    if (sent->size == 0)
        return 0;
    while (left(&input) > 0 && read_head(&input, &answer)) {
        count += answer.status >= 200;
        if (!take_body(&input, &answer, heads))
            break;
    }
    return count;
}

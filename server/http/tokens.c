#include "http/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX = 64 * 1024,
    SLOT_WORDS = TOKEN_SIZE_MAX / sizeof(uint64_t),
};

/* A token and zeros up to the end, which no token has: so its length is compared with
 * it. */
union slot {
    char bytes[TOKEN_SIZE_MAX];
    uint64_t words[SLOT_WORDS];
};

struct tokens {
    size_t count;
    bool exposed;
    union slot at[TOKENS_MAX];
};

/* ---- the file ----------------------------------------------------------------------
 */

/* The file as it is named in what is wrong with it. */
struct source {
    const char *path;
    size_t line; /* from 1 on */
    struct text *why;
};

static bool
refuse(const struct source *source, const char *reason)
{
    text_format(source->why, "--token-file %s, line %zu: %s", source->path,
                source->line, reason);
    return false;
}

/* b64token of RFC 6750 §2.1. */
static bool
is_b64token(const char *bytes, size_t size)
{
    static const char more[] = "-._~+/";
    size_t i = 0;

    while (size > 0 && bytes[size - 1] == '=')
        size--;
    for (; i < size; i++) {
        char c = bytes[i], letter = (char)(c | 32);

        if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9')
            && (c == '\0' || strchr(more, c) == NULL))
            return false;
    }
    return i > 0;
}

static bool
add_token(struct tokens *tokens, const char *bytes, size_t size,
          const struct source *source)
{
    if (!is_b64token(bytes, size))
        return refuse(source, "a token is of letters, digits and -._~+/ with = at its "
                              "end only, and alone on its line");
    if (size < TOKEN_SIZE_MIN)
        return refuse(source, "a token of less than 16 bytes can be guessed; `openssl "
                              "rand -hex 32` makes one");
    if (size > TOKEN_SIZE_MAX)
        return refuse(source, "a token of more than 256 bytes");
    if (tokens->count == TOKENS_MAX)
        return refuse(source, "more than 100 tokens");
    memcpy(tokens->at[tokens->count++].bytes, bytes, size);
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool
add_line(struct tokens *tokens, const char *line, size_t size,
         const struct source *source)
{
    while (size > 0 && is_blank(line[size - 1]))
        size--;
    while (size > 0 && is_blank(*line)) {
        line++;
        size--;
    }
    return size == 0 || *line == '#' || add_token(tokens, line, size, source);
}

static bool
add_lines(struct tokens *tokens, const char *bytes, size_t size, const char *path,
          struct text *why)
{
    struct source source = {.path = path, .why = why};

    for (const char *line = bytes, *end = bytes + size; line < end;) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = feed ? feed : end;

        source.line++;
        if (!add_line(tokens, line, (size_t)(line_end - line), &source))
            return false;
        line = line_end + 1;
    }
    if (tokens->count > 0)
        return true;
    text_format(why, "--token-file %s holds no token", path);
    return false;
}

/* The size that was read, -1: errno. A pipe is refused: to open it may take for ever.
 */
static ssize_t
read_file(const char *path, char bytes[FILE_MAX + 1], bool *exposed)
{
    struct stat status;
    ssize_t size = 0, got = 1;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return -1;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    *exposed = status.st_mode & S_IROTH;
    while (got > 0 && size <= FILE_MAX) {
        got = read(fd, bytes + size, (size_t)(FILE_MAX + 1 - size));
        size += got > 0 ? got : 0;
    }
    close(fd);
    return got < 0 ? -1 : size;
}

static bool
fill(struct tokens *tokens, const char *path, struct text *why)
{
    char bytes[FILE_MAX + 1];
    ssize_t size = read_file(path, bytes, &tokens->exposed);
    bool good = false;

    if (size < 0)
        text_format(why, "cannot read --token-file %s: %s", path,
                    errno == EINVAL ? "not a regular file" : strerror(errno));
    else if (size > FILE_MAX)
        text_format(why, "--token-file %s is longer than 64 KiB", path);
    else
        good = add_lines(tokens, bytes, (size_t)size, path, why);
    explicit_bzero(bytes, sizeof bytes);
    return good;
}

struct tokens *
tokens_read(const char *path, struct text *why)
{
    struct tokens *tokens = calloc(1, sizeof *tokens);

    if (tokens == NULL) {
        text_format(why, "cannot read --token-file %s: no memory", path);
        return NULL;
    }
    if (fill(tokens, path, why))
        return tokens;
    tokens_free(tokens);
    return NULL;
}

/* ---- the set -----------------------------------------------------------------------
 */

struct tokens *
tokens_copy(const struct tokens *tokens)
{
    struct tokens *copy = malloc(sizeof *copy);

    if (copy)
        *copy = *tokens;
    return copy;
}

void
tokens_free(struct tokens *tokens)
{
    if (tokens == NULL)
        return;
    explicit_bzero(tokens, sizeof *tokens);
    free(tokens);
}

size_t
tokens_count(const struct tokens *tokens)
{
    return tokens->count;
}

bool
tokens_exposed(const struct tokens *tokens)
{
    return tokens->exposed;
}

/* So that the compiler cannot tell when all is known, and stop there. */
static uint64_t
hidden(uint64_t value)
{
    __asm__ volatile("" : "+r"(value));
    return value;
}

/* 1 where they are equal, else 0. */
static uint64_t
equal(const union slot *one, const union slot *other)
{
    uint64_t different = 0;

    for (size_t i = 0; i < SLOT_WORDS; i++)
        different = hidden(different | (one->words[i] ^ other->words[i]));
    return 1 - ((different | -different) >> 63);
}

bool
tokens_accept(const struct tokens *tokens, const char *token, size_t size)
{
    union slot offered = {0};
    uint64_t found = 0;

    if (size == 0 || size > TOKEN_SIZE_MAX)
        return false;
    memcpy(offered.bytes, token, size);
    for (size_t i = 0; i < tokens->count; i++)
        found = hidden(found | equal(&offered, &tokens->at[i]));
    return found;
}

/*
 * chunks.c: reads the framing of a chunked body, and nothing but it: RFC 9112 §7.1 to
 * the letter. The data itself is skipped.
 */
#include "http/chunks.h"

#include "http/http_private.h"
#include "http/token.h"

enum {
    DIGITS_MOST = 16,      /* of a size: 64 bits */
    EXTENSIONS_MOST = 256, /* bytes, of one body */
    LINE_END = 2,          /* CRLF */
};
/* libmicrohttpd reads that line whole, and where it has no room for it, 0.9.75 spins
 * and reads nothing any more. */
_Static_assert(DIGITS_MOST + 1 + EXTENSIONS_MOST + LINE_END <= ANSWER_MEMORY,
               "the line of a size fits where the head of the answer will");

static int
digit_of(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 'a' - 'A';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Of an extension, or the value of a trailer. */
static bool
is_text(unsigned char byte)
{
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static const char wrong_size[] =
    "the size of a chunk is not 1 to 16 hexadecimal digits";
static const char wrong_line[] =
    "the line of a chunk's size does not end in CRLF, or holds a control character";
static const char wrong_data[] = "the data of a chunk is not followed by CRLF";
static const char wrong_trailer[] =
    "a trailer is not a name, a colon, a value without control characters, and CRLF";

const char chunks_no_room[] = "the trailers leave no room for the head of the answer "
                              "in the connection's memory";

static const char *
expect(struct chunks *chunks, bool met, enum chunks_state next, const char *wrong)
{
    chunks->state = next;
    return met ? NULL : wrong;
}

static const char *
take_size(struct chunks *chunks, unsigned char byte)
{
    int digit = digit_of(byte);

    if (digit >= 0) {
        chunks->left = chunks->left << 4 | (unsigned)digit;
        return ++chunks->digits <= DIGITS_MOST ? NULL : wrong_size;
    }
    /* RFC 9112 §7.1.1 allows blanks before a ';', but libmicrohttpd 0.9.75 takes them
     * for wrong digits of the size. */
    if (chunks->digits == 0 || (byte != '\r' && byte != ';'))
        return byte == '\n' && chunks->digits ? wrong_line : wrong_size;
    chunks->digits = 0;
    chunks->state = byte == ';' ? CHUNKS_EXTENSION : CHUNKS_SIZE_LF;
    return NULL;
}

static const char *
take_extension(struct chunks *chunks, unsigned char byte)
{
    if (byte == '\r')
        return expect(chunks, true, CHUNKS_SIZE_LF, NULL);
    if (++chunks->extensions > EXTENSIONS_MOST)
        return "the extensions of the chunks are longer than 256 bytes";
    return is_text(byte) ? NULL : wrong_line;
}

static const char *
take_room(struct chunks *chunks, size_t size)
{
    if (size > chunks->room)
        return chunks_no_room;
    chunks->room -= size;
    return NULL;
}

static const char *
take_trailer(struct chunks *chunks, unsigned char byte)
{
    switch (chunks->state) {
    case CHUNKS_TRAILER:
        return expect(chunks, is_token_byte(byte), CHUNKS_TRAILER_NAME, wrong_trailer);
    case CHUNKS_TRAILER_NAME:
        if (byte == ':')
            return expect(chunks, true, CHUNKS_TRAILER_VALUE, NULL);
        return is_token_byte(byte) ? NULL : wrong_trailer;
    default:
        if (byte == '\r')
            return expect(chunks, true, CHUNKS_TRAILER_LF, NULL);
        return is_text(byte) ? NULL : wrong_trailer;
    }
}

static const char *
take_trailers(struct chunks *chunks, unsigned char byte)
{
    bool begins = chunks->state == CHUNKS_TRAILER;

    if (begins && byte == '\r')
        return expect(chunks, true, CHUNKS_END_LF, NULL);
    const char *wrong = take_room(chunks, begins ? FIELD_MEMORY + LINE_END : 1);
    return wrong ? wrong : take_trailer(chunks, byte);
}

static const char *
take(struct chunks *chunks, unsigned char byte)
{
    bool lf = byte == '\n';

    switch (chunks->state) {
    case CHUNKS_SIZE: return take_size(chunks, byte);
    case CHUNKS_EXTENSION: return take_extension(chunks, byte);
    case CHUNKS_SIZE_LF:
        return expect(chunks, lf, chunks->left ? CHUNKS_DATA : CHUNKS_TRAILER,
                      wrong_line);
    case CHUNKS_DATA_CR:
        return expect(chunks, byte == '\r', CHUNKS_DATA_LF, wrong_data);
    case CHUNKS_DATA_LF: return expect(chunks, lf, CHUNKS_SIZE, wrong_data);
    case CHUNKS_TRAILER_LF: return expect(chunks, lf, CHUNKS_TRAILER, wrong_trailer);
    case CHUNKS_END_LF: return expect(chunks, lf, CHUNKS_OVER, wrong_trailer);
    default: return take_trailers(chunks, byte);
    }
}

const char *
chunks_read(struct chunks *chunks, const char **at, const char *end)
{
    const char *bytes = *at;
    const char *wrong = NULL;

    while (bytes < end && wrong == NULL && chunks->state != CHUNKS_OVER) {
        if (chunks->state != CHUNKS_DATA) {
            wrong = take(chunks, (unsigned char)*bytes++);
            continue;
        }
        uint64_t here = (uint64_t)(end - bytes);
        uint64_t data = chunks->left < here ? chunks->left : here;

        bytes += data;
        chunks->left -= data;
        if (chunks->left == 0)
            chunks->state = CHUNKS_DATA_CR;
    }
    *at = bytes;
    return wrong;
}

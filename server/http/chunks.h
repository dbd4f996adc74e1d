/* chunks.h: the framing of a chunked body, byte by byte. Zeroed but for its room, it
 * stands at the begin. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum chunks_state {
    CHUNKS_SIZE,
    CHUNKS_EXTENSION,
    CHUNKS_SIZE_LF,
    CHUNKS_DATA,
    CHUNKS_DATA_CR,
    CHUNKS_DATA_LF,
    CHUNKS_TRAILER, /* the first byte of its line, or the CR of the end */
    CHUNKS_TRAILER_NAME,
    CHUNKS_TRAILER_VALUE,
    CHUNKS_TRAILER_LF,
    CHUNKS_END_LF,
    CHUNKS_OVER,
};

struct chunks {
    enum chunks_state state;
    unsigned digits;     /* of this size */
    unsigned extensions; /* bytes, so far */
    uint64_t left;       /* bytes of this chunk's data */
    size_t room;         /* bytes that trailers may still take in memory */
};

/* What chunks_read() tells where they take more. */
extern const char chunks_no_room[];

/* Reads from *at up to `end`, or to the end of the body, where the state is
 * CHUNKS_OVER: what is behind it, at *at, is of the next request. What is wrong is
 * told, in a constant; else NULL. */
const char *chunks_read(struct chunks *chunks, const char **at, const char *end);

/*
 * stream.h: one big /wait_n: its bytes are kept as they come, with the time at which
 * they came, and are looked at when it is over, so that looking disturbs nothing.
 */
#pragma once

#include "histogram.h"

#include <stdbool.h>
#include <stdint.h>

struct stream;

struct stream_report {
    struct histogram lateness; /* of each row */
    uint64_t rows, bytes;
    bool whole;   /* the last chunk came */
    bool ordered; /* no row names a smaller delay than the one before it */
    double seconds;
};

/* path is kept, not copied; bytes is the most that is read. */
struct stream *stream_new(const char *path, uint64_t bytes);
void stream_free(struct stream *stream);

/* Connects and asks; the descriptor belongs to the stream. */
int stream_start(struct stream *stream, int port);

/* Reads what is there, and notes when. True: it is over. */
bool stream_read(struct stream *stream);

void stream_report(const struct stream *stream, struct stream_report *report);

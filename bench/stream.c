#include "stream.h"

#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE = 256, CONNECT_MS = 5000 };
static const size_t SLICE = 256 * 1024;
static const char tail[] = "\r\n0\r\n\r\n";

/* The bytes before end came at at_ns or earlier, but after the mark before it. */
struct mark {
    uint64_t end;
    int64_t at_ns;
};

struct stream {
    const char *path;
    int fd;
    char *bytes;
    uint64_t size, room;
    struct mark *marks;
    size_t mark_count, mark_room;
    int64_t sent_ns, ended_ns;
    bool whole;
};

struct stream *
stream_new(const char *path, uint64_t bytes)
{
    struct stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL)
        die("calloc");
    *stream = (struct stream){.path = path, .fd = -1, .room = bytes};
    /* Filled in now: a page fault later would look like a late row. */
    stream->bytes = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (stream->bytes == MAP_FAILED)
        die("mmap");
    return stream;
}

void
stream_free(struct stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->fd >= 0)
        close(stream->fd);
    munmap(stream->bytes, stream->room);
    free(stream->marks);
    free(stream);
}

int
stream_start(struct stream *stream, int port)
{
    char request[LINE * 2];
    int size =
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", stream->path, port);
    struct pollfd ready = {.events = POLLOUT};

    stream->fd = ready.fd = net_dial(port, 0);
    if (poll(&ready, 1, CONNECT_MS) != 1)
        die("connect");
    stream->sent_ns = now_ns();
    if (send(stream->fd, request, (size_t)size, MSG_NOSIGNAL) != size)
        die("send");
    return stream->fd;
}

static void
mark(struct stream *stream, int64_t at_ns)
{
    if (stream->mark_count == stream->mark_room) {
        stream->mark_room = stream->mark_room ? stream->mark_room * 2 : 1024;
        stream->marks =
            realloc(stream->marks, stream->mark_room * sizeof *stream->marks);
        if (stream->marks == NULL)
            die("realloc");
    }
    stream->marks[stream->mark_count++] =
        (struct mark){.end = stream->size, .at_ns = at_ns};
}

bool
stream_read(struct stream *stream)
{
    size_t want =
        stream->room - stream->size < SLICE ? stream->room - stream->size : SLICE;
    ssize_t size = recv(stream->fd, stream->bytes + stream->size, want, 0);
    size_t end = sizeof tail - 1;

    if (size < 0 && errno == EAGAIN)
        return false;
    /* After the recv: what came since the wake-up would seem early otherwise. */
    stream->ended_ns = now_ns();
    if (size <= 0)
        return true;
    stream->size += (uint64_t)size;
    mark(stream, stream->ended_ns);
    if (stream->size >= end)
        stream->whole = memcmp(stream->bytes + stream->size - end, tail, end) == 0;
    return stream->whole;
}

/* ---- afterwards ---- */

struct reader {
    const struct stream *stream;
    struct stream_report *report;
    uint64_t at;
    size_t mark;
    char line[LINE];
    size_t length;
    double last;
};

/* A row is a line that begins with a number, or with a comma and a number. */
static void
read_line(struct reader *reader)
{
    const char *text = reader->line + (reader->line[0] == ',');

    reader->line[reader->length] = '\0';
    reader->length = 0;
    if (*text < '0' || *text > '9')
        return;
    double delay = strtod(text, NULL);
    const struct stream *stream = reader->stream;

    while (stream->marks[reader->mark].end <= reader->at)
        reader->mark++;
    histogram_add(&reader->report->lateness, stream->marks[reader->mark].at_ns
                                                 - stream->sent_ns
                                                 - llround(delay * 1e9));
    reader->report->rows++;
    if (delay < reader->last)
        reader->report->ordered = false;
    reader->last = delay;
}

static void
read_chunk(struct reader *reader, uint64_t end)
{
    for (; reader->at < end; reader->at++) {
        char byte = reader->stream->bytes[reader->at];
        if (byte == '\n')
            read_line(reader);
        else if (reader->length < LINE - 1)
            reader->line[reader->length++] = byte;
    }
}

void
stream_report(const struct stream *stream, struct stream_report *report)
{
    struct reader reader = {.stream = stream, .report = report, .last = -1};
    const char *body = memmem(stream->bytes, stream->size, "\r\n\r\n", 4);

    report->bytes = stream->size;
    report->whole = stream->whole;
    report->ordered = true;
    report->seconds = (double)(stream->ended_ns - stream->sent_ns) / 1e9;
    if (body == NULL)
        return;
    reader.at = (uint64_t)(body + 4 - stream->bytes);
    while (reader.at < stream->size) {
        char *head_end;
        uint64_t length = strtoul(stream->bytes + reader.at, &head_end, 16);
        uint64_t from = (uint64_t)(head_end + 2 - stream->bytes);
        if (length == 0 || from + length > stream->size)
            break;
        reader.at = from;
        read_chunk(&reader, from + length);
        reader.at += 2;
    }
}

/*
 * intake.c: sees what a client sends before libmicrohttpd does. 0.9.75 decodes a
 * chunked body by itself, so that no handler learns how it was framed, and it is lax:
 * it takes a bare LF behind a size and behind the data, anything at all in an
 * extension, and a line that begins with NUL for the end of the trailers.
 *
 * Of a chunked body, what came with the head is read when the head is there, what comes
 * later in the recv() below. What is wrong does not get further.
 */
#include "http/chunks.h"
#include "http/http_private.h"

#include <errno.h>
#include <stdlib.h>

struct intake {
    struct chunks chunks;
    struct exchange *exchange;
    LIST_ENTRY(intake) in_cell;
};

/* recv() can be told of nothing else. A worker's own, and NULL outside of intake_run.
 */
static _Thread_local struct cell *running;

static struct intake *
intake_of(struct cell *cell, int fd)
{
    struct intake *intake;

    LIST_FOREACH (intake, &cell->intakes, in_cell)
        if (intake->exchange->connection->fd == fd)
            break;
    return intake;
}

static void
intake_free(struct intake *intake)
{
    LIST_REMOVE(intake, in_cell);
    free(intake);
}

/* Reads on; nothing is left to do at the end of the body. */
static const char *
intake_read(struct intake *intake, const char *bytes, const char *end)
{
    const char *wrong = chunks_read(&intake->chunks, bytes, end);

    if (intake->chunks.state == CHUNKS_OVER)
        intake_free(intake);
    return wrong;
}

enum error
intake_begin(struct exchange *exchange, const char *body, struct problem *problem)
{
    struct cell *cell = exchange->connection->cell;

    if (cell->received_fd != exchange->connection->fd) {
        exchange->unread = true;
        return OK;
    }
    struct intake *intake = calloc(1, sizeof *intake);
    if (intake == NULL)
        return problem_set(problem, ERROR_OUT_OF_MEMORY, "no memory for the body");
    intake->exchange = exchange;
    LIST_INSERT_HEAD(&cell->intakes, intake, in_cell);
    const char *wrong = intake_read(intake, body, cell->received_end);
    return wrong ? problem_set(problem, ERROR_BAD_REQUEST, "refused: %s", wrong) : OK;
}

void
intake_end(const struct connection *connection)
{
    struct cell *cell = connection->cell;
    struct intake *intake = intake_of(cell, connection->fd);

    if (intake)
        intake_free(intake);
    if (cell->received_fd == connection->fd)
        cell->received_fd = -1;
}

void
intake_run(struct cell *cell)
{
    running = cell;
    MHD_run(cell->daemon);
    running = NULL;
}

/* libmicrohttpd then closes the connection, and ends the exchange. */
static ssize_t
refuse(struct connection *connection, const char *wrong)
{
    struct problem problem;

    problem_set(&problem, ERROR_BAD_REQUEST, "refused: %s", wrong);
    connection_refuse(connection, &problem);
    errno = ECONNRESET;
    return -1;
}

/* The linker hands it to libmicrohttpd, too. We ourselves only peek. */
ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
    ssize_t got = recvfrom(fd, bytes, size, flags, NULL, NULL);
    struct cell *cell = running;

    if (cell == NULL || got <= 0 || flags & MSG_PEEK)
        return got;
    cell->received_fd = fd;
    cell->received_end = (const char *)bytes + got;
    struct intake *intake = intake_of(cell, fd);
    if (intake == NULL)
        return got;
    struct connection *connection = intake->exchange->connection;
    const char *wrong = intake_read(intake, bytes, cell->received_end);
    return wrong ? refuse(connection, wrong) : got;
}

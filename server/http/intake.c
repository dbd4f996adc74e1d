/*
 * intake.c: looks at what a client sends before libmicrohttpd does (calls.c).
 *
 * 0.9.75 decodes a chunked body by itself, so that no handler learns how it was framed,
 * and it is lax: it takes a bare LF behind a size and behind the data, anything at all
 * in an extension, and a line that begins with NUL for the end of the trailers. And it
 * writes NULs where the lines of a head end, so that to the guard NUL LF looks as CRLF
 * does, and LF ':' CR LF as CRLF CRLF.
 *
 * So chunks are read here, and it is noted where the first odd byte lies: a NUL, or a
 * LF without a CR. Most clients send neither: theirs have no intake.
 */
#include "http/chunks.h"
#include "http/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of a connection, from the first odd byte or the head of a chunked request on. */
struct intake {
    LIST_ENTRY(intake) in_cell;
    struct connection *connection; /* of a chunked request; NULL: it is another */
    int fd;
    bool chunked;         /* its body is still being read */
    struct chunks chunks; /* the framing of that */
    bool cr;              /* what was received last ends in one */
    const char *odd;      /* the first since the last request; NULL: none */
    enum {
        NOTHING_ODD,
        ODD_HEAD,  /* that of the next request, which has come with this one */
        ODD_LATER, /* behind it, or nobody knows where */
    } ahead;
};

static struct intake *
intake_of(struct cell *cell, int fd)
{
    struct intake *intake;

    LIST_FOREACH (intake, &cell->intakes, in_cell)
        if (intake->fd == fd)
            break;
    return intake;
}

static struct intake *
intake_new(struct cell *cell, int fd)
{
    struct intake *intake = calloc(1, sizeof *intake);

    if (intake == NULL)
        return NULL;
    intake->fd = fd;
    LIST_INSERT_HEAD(&cell->intakes, intake, in_cell);
    return intake;
}

static void
intake_free(struct intake *intake)
{
    LIST_REMOVE(intake, in_cell);
    free(intake);
}

/* The first odd byte; NULL: there is none. */
static const char *
find_odd(const char *bytes, const char *end, bool behind_cr)
{
    const char *nul = memchr(bytes, '\0', (size_t)(end - bytes));
    const char *at = bytes;

    if (nul)
        end = nul;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (at == bytes ? !behind_cr : at[-1] != '\r')
            return at;
        at++;
    }
    return nul;
}

/* The request ends at `rest`; what has come behind it is still as it was sent. */
static void
look_ahead(struct intake *intake, const char *rest, const char *end)
{
    const char *odd = find_odd(rest, end, false);
    const char *head_end = memmem(rest, (size_t)(end - rest), "\r\n\r\n", 4);

    intake->odd = NULL;
    intake->ahead = odd == NULL                  ? NOTHING_ODD
                    : head_end && head_end < odd ? ODD_LATER
                                                 : ODD_HEAD;
}

static const char *
read_chunks(struct intake *intake, const char *bytes, const char *end)
{
    const char *wrong = chunks_read(&intake->chunks, &bytes, end);

    intake->chunked = intake->chunks.state != CHUNKS_OVER;
    if (!intake->chunked)
        look_ahead(intake, bytes, end);
    return wrong;
}

static enum error
tell_wrong(const char *wrong, struct problem *problem)
{
    bool large = wrong == chunks_no_room;

    return problem_set(problem, large ? ERROR_HEADERS_TOO_LARGE : ERROR_BAD_REQUEST,
                       "refused: %s", wrong);
}

static enum error
begin_chunks(struct exchange *exchange, struct intake *intake, const char *body,
             size_t trailer_room, struct problem *problem)
{
    struct connection *connection = exchange->connection;

    if (connection->cell->received_fd != connection->fd) {
        exchange->closes = true;
        return OK;
    }
    if (intake == NULL)
        intake = intake_new(connection->cell, connection->fd);
    if (intake == NULL)
        return problem_set(problem, ERROR_OUT_OF_MEMORY, "no memory for the body");
    intake->connection = connection;
    intake->chunks = (struct chunks){.room = trailer_room};
    intake->odd = NULL;
    const char *wrong = read_chunks(intake, body, connection->cell->received_end);
    return wrong ? tell_wrong(wrong, problem) : OK;
}

enum error
intake_head(struct exchange *exchange, const struct head_end *end, size_t trailer_room,
            struct problem *problem)
{
    const struct connection *connection = exchange->connection;
    struct cell *cell = connection->cell;
    struct intake *intake = intake_of(cell, connection->fd);

    if (MHD_CHECKS_LINES)
        return OK;
    if (intake) {
        if (intake->ahead == ODD_HEAD || (intake->odd && intake->odd < end->body))
            return problem_set(problem, ERROR_BAD_REQUEST,
                               "refused: a NUL or a bare LF in the head");
        exchange->closes |= intake->ahead == ODD_LATER;
        intake->ahead = NOTHING_ODD;
        if (!end->has_body && cell->received_fd == connection->fd)
            look_ahead(intake, end->body, cell->received_end);
    }
    if (!end->chunked)
        return OK;
    return begin_chunks(exchange, intake, end->body, trailer_room, problem);
}

void
intake_body(const struct connection *connection, const char *end)
{
    struct cell *cell = connection->cell;
    struct intake *intake = intake_of(cell, connection->fd);

    if (intake && !intake->connection && cell->received_fd == connection->fd)
        look_ahead(intake, end, cell->received_end);
}

void
intake_end(const struct connection *connection)
{
    struct cell *cell = connection->cell;
    struct intake *intake = intake_of(cell, connection->fd);

    if (cell->received_fd == connection->fd)
        cell->received_fd = -1;
    if (intake == NULL)
        return;
    if (intake->odd)
        intake->ahead = ODD_LATER;
    intake->odd = NULL;
    intake->connection = NULL;
    intake->chunked = false;
    if (intake->ahead == NOTHING_ODD && !intake->cr)
        intake_free(intake);
}

void
intake_close(struct cell *cell, int fd)
{
    struct intake *intake = intake_of(cell, fd);

    if (intake)
        intake_free(intake);
}

/* libmicrohttpd then closes the connection, and ends the exchange. */
static ssize_t
refuse(struct connection *connection, const char *wrong)
{
    struct problem problem;

    tell_wrong(wrong, &problem);
    connection_refuse(connection, &problem);
    errno = ECONNRESET;
    return -1;
}

ssize_t
intake_look(struct cell *cell, int fd, const char *bytes, ssize_t got)
{
    const char *end = bytes + got;
    bool cr = end[-1] == '\r';
    struct intake *intake = intake_of(cell, fd);

    cell->received_fd = fd;
    cell->received_end = end;
    if (intake && intake->chunked) {
        intake->cr = cr;
        const char *wrong = read_chunks(intake, bytes, end);
        return wrong ? refuse(intake->connection, wrong) : got;
    }
    const char *odd = find_odd(bytes, end, intake && intake->cr);
    if (intake == NULL && (odd || cr)) {
        intake = intake_new(cell, fd);
        errno = ECONNRESET; /* out of memory */
        if (intake == NULL)
            return -1;
    }
    if (intake == NULL)
        return got;
    intake->cr = cr;
    if (intake->odd == NULL)
        intake->odd = odd;
    return got;
}

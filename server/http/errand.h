/*
 * errand.h: a request about something whose home is another worker. The client's
 * exchange sends an errand: its parsed parameters. At the home a visit, an exchange
 * without a client, runs the handler, which cannot tell the difference. One parcel goes
 * to and fro between them, and only who has it writes: the request, the answer; and of
 * a stream, a piece for each time that the client has taken the last one.
 */
#pragma once

#include "http/http_private.h"

/* Sends the exchange's request to that worker; it waits for the answer. `in` is copied.
 * Out of memory: nothing was sent. */
MUST_USE enum error
errand_begin(struct exchange *exchange, size_t home, const void *in);

/* ---- at the home: what the answers of an exchange with a visit are ---- */

enum parcel_kind { PARCEL_REPLY, PARCEL_STREAM, PARCEL_HEAD_OF_STREAM, PARCEL_PIECE };

/* The answer, whose body it takes. */
void visit_answer(struct exchange *exchange, enum parcel_kind kind,
                  const struct reply *reply, struct text *body);

/* The media type of the body that came along; NULL: none. */
const char *visit_body_type(const struct exchange *exchange);

/* There may be something new for the stream. */
void visit_wake(struct exchange *exchange);

/* Sends what the streams have that were woken. */
void visits_run(struct server *server);

/*
 * access.h: the access log: a JSON line for each request when its answer has left, or
 * its client. Lines are gathered during a turn and written at its end; where nobody
 * reads them they are dropped and counted, for a log must not hold up an answer.
 */
#pragma once

#include "http/http_private.h"

/* The exchange is about to end its work. */
void access_add(struct exchange *exchange);

/* The end of a turn. */
void access_flush(struct server *server);

/*
 * rows.h: how the rows of a stream stand in each format: an array of one JSON document
 * (the comma leads), a line each (ndjson, text), an event each (sse).
 */
#pragma once

#include "http/route.h"

/* In front of row number `rank`: a comma in json, the event's head in sse. `event`
 * names it, `with_id` adds the rank as its id. */
void row_begin(enum format format, const char *event, bool with_id, size_t rank,
               struct text *out);
void row_end(enum format format, struct text *out);

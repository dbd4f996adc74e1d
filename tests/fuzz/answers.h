/* answers.h: whether what a server has sent is HTTP/1.1 as far as it goes. */
#pragma once

#include "base/text.h"

/* Aborts where it is not: status lines, headers, framing, and of a whole body that says
 * it is JSON, that. `heads` : the client has sent a HEAD somewhere, so an answer that
 * tells its length may have no body. Returns how many final answers have begun. */
size_t answers_check(struct text *sent, bool heads);

/* swept_reply.h: {"cancelled":…,"removed":…}, for what cancels and forgets many. */
#pragma once

#include "http/exchange.h"

void swept_reply(struct exchange *exchange, struct registry_swept swept);

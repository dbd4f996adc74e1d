/*
 * away.h: what an exchange waits for from other workers. It has a name that is never
 * used twice, which the letters carry: what comes back for an exchange that has ended
 * meanwhile finds nobody, and is thrown away.
 */
#pragma once

#include "http/http_private.h"

struct away {
    UT_hash_handle by_name;
    uint64_t name; /* of this process, not only of this worker */
    struct exchange *exchange;
    void (*end)(struct away *away); /* gives back all of it: the exchange has ended */
};

/* Names it and hangs it on the exchange, which has none yet. */
MUST_USE enum error away_open(struct exchange *exchange, struct away *away);

/* NULL: the exchange has ended. */
struct away *away_find(struct server *server, uint64_t name);

/* Takes it off its exchange; the caller frees it. */
void away_close(struct away *away);

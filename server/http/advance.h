/*
 * advance.h: how a clock goes that does not go by itself. It stands while anything is
 * left to do, and then goes to the next deadline, no further: so what is due fires in
 * order, what that starts fires in its turn, and every byte that is due at an instant
 * has been taken by its socket, or that socket is full, before the next instant comes.
 * A jumping clock goes on as long as somebody waits; a manual one as far as it is told.
 */
#pragma once

#include "http/exchange.h"

/* What one request tells a manual clock. Zeroed at first; it stays where it is while it
 * is queued: the rest are told after it has come to its end. */
struct advance {
    TAILQ_ENTRY(advance) in_queue;
    struct exchange *exchange;
    int64_t by_ns;
    int64_t until_ns; /* 0: not begun */
    uint64_t
        reached; /* what timers->reached was when it began; then how much it rose */
    bool queued;
    /* Time has come to `until_ns`, and all has been done that was due. */
    void (*over)(struct advance *advance);
};

/* Queues it, with by_ns, exchange and `over` set. False: time would go beyond its end.
 */
MUST_USE bool advance_begin(struct advance *advance);

/* Time stands where it has come to; for one that is not queued: nothing. */
void advance_stop(struct advance *advance);

/* For server.c, of a clock that is moved: nothing is left to do now. True: there is
 * again. */
MUST_USE bool advances_step(struct server *server);

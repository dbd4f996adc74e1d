#include "http/advance.h"

#include "http/http_private.h"

bool
advance_begin(struct advance *advance)
{
    struct server *server = advance->exchange->server;
    int64_t rest_ns = CLOCK_END_NS - server->config.asked->manual.now_ns;
    struct advance *other;

    TAILQ_FOREACH (other, &server->advances, in_queue)
        rest_ns -= other->by_ns;
    if (advance->by_ns > rest_ns)
        return false;
    TAILQ_INSERT_TAIL(&server->advances, advance, in_queue);
    advance->queued = true;
    return true;
}

void
advance_stop(struct advance *advance)
{
    if (!advance->queued)
        return;
    TAILQ_REMOVE(&advance->exchange->server->advances, advance, in_queue);
    advance->queued = false;
}

static bool
jump(struct manual_clock *clock, const struct timers *timers)
{
    int64_t next_ns = timers_next(timers);

    if (!timers_drive(timers) || next_ns > CLOCK_END_NS)
        return false;
    clock->now_ns = next_ns;
    return true;
}

static void
end(struct advance *advance, const struct timers *timers)
{
    advance_stop(advance);
    advance->reached = timers->reached - advance->reached;
    advance->over(advance);
}

static void
go_on(struct advance *advance, struct manual_clock *clock, const struct timers *timers)
{
    int64_t next_ns = timers_next(timers);

    if (advance->until_ns == 0) {
        advance->until_ns = clock->now_ns + advance->by_ns;
        advance->reached = timers->reached;
    }
    clock->now_ns = next_ns < advance->until_ns ? next_ns : advance->until_ns;
    if (next_ns > advance->until_ns)
        end(advance, timers);
}

bool
advances_step(struct server *server)
{
    struct asked_clock *asked = server->config.asked;
    const struct timers *timers = &server->registry->timers;
    struct advance *first = TAILQ_FIRST(&server->advances);

    if (timers_next(timers) <= asked->manual.now_ns)
        return true; /* a request has just started it */
    if (asked->mode == CLOCK_JUMPING)
        return jump(&asked->manual, timers);
    if (first)
        go_on(first, &asked->manual, timers);
    return first != NULL;
}

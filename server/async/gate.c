#include "async/event.h"

#include <stdlib.h>
#include <string.h>

/* ---- at the home of the event ------------------------------------------------------
 */

static void on_return(struct letter *letter, void *reader);

static void
send_back(struct gate *gate)
{
    gate->letter.deliver = on_return;
    peers_post(gate->registry->peers, gate->registry->worker, &gate->letter);
}

/* Puts it to those who wait; true: it need not, or cannot. */
static bool
place(struct gate *gate, struct registry *home)
{
    struct event *event;

    gate->error = event_need(home, gate->name, &event);
    if (gate->error || event->set)
        return true;
    event_gate(event, gate, registry_now(home));
    return false;
}

static void
on_arrival(struct letter *letter, void *reader)
{
    struct gate *gate = CONTAINER_OF(letter, struct gate, letter);

    if (place(gate, reader))
        send_back(gate);
}

static void on_withdrawn(struct letter *letter, void *reader);

/* Whether it stood there or was on its way back: behind it comes this. */
static void
on_withdrawal(struct letter *letter, void *reader)
{
    struct gate *gate = CONTAINER_OF(letter, struct gate, withdrawal);

    (void)reader;
    event_withdraw(gate);
    gate->withdrawal.deliver = on_withdrawn;
    peers_post(gate->registry->peers, gate->registry->worker, &gate->withdrawal);
}

void
gate_set_adrift(struct gate *gate, struct registry *home)
{
    if (gate->registry != home)
        TAILQ_INSERT_TAIL(&home->objects.adrift, gate, link);
}

void
gates_land(struct registry *registry)
{
    struct gate *gate;

    while ((gate = TAILQ_FIRST(&registry->objects.adrift)) != NULL) {
        TAILQ_REMOVE(&registry->objects.adrift, gate, link);
        if (place(gate, registry))
            send_back(gate);
    }
}

/* ---- at its owner ------------------------------------------------------------------
 */

static bool
is_here(const struct gate *gate)
{
    return gate->home == gate->registry->worker;
}

static void
tell(struct gate *gate, int64_t now_ns)
{
    gate->open = true;
    if (gate->owner)
        gate->opened(gate->owner, now_ns);
}

static void
on_return(struct letter *letter, void *reader)
{
    tell(CONTAINER_OF(letter, struct gate, letter), registry_now(reader));
}

static void
on_withdrawn(struct letter *letter, void *reader)
{
    (void)reader;
    free(CONTAINER_OF(letter, struct gate, withdrawal));
}

void
gate_open(struct gate *gate, int64_t now_ns)
{
    if (is_here(gate))
        tell(gate, now_ns);
    else
        send_back(gate);
}

struct gate *
gate_new(struct registry *registry, const char *event,
         void (*opened)(void *owner, int64_t now_ns), void *owner)
{
    struct gate *gate = calloc(1, sizeof *gate);

    if (gate == NULL)
        return NULL;
    gate->registry = registry;
    gate->home = peers_home(registry->peers, event);
    gate->opened = opened;
    gate->owner = owner;
    memcpy(gate->name, event, strlen(event) + 1);
    if (is_here(gate))
        gate->open = place(gate, registry);
    else {
        gate->letter.deliver = on_arrival;
        peers_post(registry->peers, gate->home, &gate->letter);
    }
    return gate;
}

void
gate_free(struct gate *gate)
{
    if (gate == NULL)
        return;
    if (!gate->open && !is_here(gate)) {
        gate->owner = NULL;
        gate->withdrawal.deliver = on_withdrawal;
        peers_post(gate->registry->peers, gate->home, &gate->withdrawal);
        return;
    }
    event_ungate(gate);
    free(gate);
}

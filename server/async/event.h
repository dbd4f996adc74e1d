/*
 * event.h: asyncio.Event with a payload and a generation, which every set raises: so
 * that one can wait for the next set also where it is set already.
 */
#pragma once

#include "async/blob.h"
#include "async/gate.h"
#include "async/object.h"

struct event {
    struct object object;
    uint64_t generation;    /* how many times it was set */
    struct blob *payload;   /* of the last set; NULL: none, or cleared */
    struct gate_list gates; /* count as waiting, too */
    bool set;
};

struct event_waiter {
    struct waiter waiter;
    bool for_next; /* waits for a generation above `above`, set or not */
    uint64_t above;
    uint64_t generation;  /* when it was served, */
    bool set;             /* likewise */
    struct blob *payload; /* likewise */
};

struct event_plan {
    struct waiter_plan waiter;
    bool for_next;
    uint64_t above;
};

extern const struct object_class event_class;

/* NULL where the object has not been used. */
struct event *event_find(struct registry *registry, const char *name);
MUST_USE enum error
event_need(struct registry *registry, const char *name, struct event **out);

/* Sets it and releases who waits; takes over the payload, NULL: none. Returns how many
 * it released. */
size_t event_set(struct event *event, struct blob *payload, int64_t now_ns);

/* Who waits goes on waiting. */
void event_clear(struct event *event);

/* For gate.c: the gate stands there until it is opened, or taken away (nothing, where
 * it does not stand anywhere). The event is not set. */
void event_gate(struct event *event, struct gate *gate, int64_t now_ns);
void event_ungate(struct gate *gate);

/* Likewise of another worker's gate, with which its event goes where it never was set
 * and nobody else waits for it: a reset of all workers comes to one after the other,
 * and what it forgot here is made again for gates that it ends there a moment later. */
void event_withdraw(struct gate *gate);

/* Waits until it is set, or for the next generation. The caller holds *out. Errors: as
 * waiter_open. */
MUST_USE enum error event_wait(struct event *event, const struct event_plan *plan,
                               int64_t now_ns, struct event_waiter **out);

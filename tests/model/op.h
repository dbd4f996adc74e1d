/*
 * op.h: what the model test does, and what can be seen afterwards: the words that the
 * model and the real thing have in common. All times are ns of the manual clock.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

enum thing { EVENT, SEMAPHORE, BARRIER, LATCH, QUEUE, THINGS };

enum {
    NAMES = 3, /* of each kind of thing */
    CLIENTS = 8,
    EACH = 14, /* requests that a client has open at once, at most */
    SLOTS = CLIENTS * EACH,
    NOBODY = SLOTS,
};

enum op_kind {
    OP_SET,
    OP_CLEAR,
    OP_WAIT_EVENT,
    OP_ACQUIRE,
    OP_RELEASE,
    OP_RENEW,
    OP_WAIT_BARRIER,
    OP_ABORT,
    OP_FORGET,
    OP_COUNT,
    OP_WAIT_LATCH,
    OP_PUT,
    OP_GET,
    OP_WATCH,
    OP_LOOK,
    OP_CANCEL,
    OP_RIVAL,  /* when the slot hears of its end, `other` is cancelled */
    OP_TAKE,   /* the client has got the answer */
    OP_LEAVE,  /* the client leaves, at the moment of delivery too */
    OP_DESERT, /* all of the client's requests leave, from `slot` on */
    OP_RESET,
    OP_TURN,    /* what is due fires, one slice at most */
    OP_ADVANCE, /* to until_ns, from deadline to deadline */
    OP_JUMP,    /* to until_ns, and all fires late */
    OP_KINDS,
};

struct op {
    enum op_kind kind;
    size_t slot, other;
    enum thing thing;
    size_t name;
    int64_t timeout_ns; /* negative: none */
    int64_t ttl_ns;     /* 0: the connection holds the lease */
    uint64_t token;     /* of the lease to release or renew */
    /* generation, limit, parties, how much, maxsize (negative: none said), how many in
     * the line */
    int64_t number;
    bool flag;    /* waits for the next; breaks */
    size_t bytes; /* of the payload or item */
    int64_t until_ns;
};

struct limits {
    size_t waits, objects, bytes;
    int64_t idle_ttl_ns;
};

enum how { PENDING, HOLDING, DONE, FAILED, CANCELLED };
enum why { BY_NOBODY, BY_CANCEL, BY_TIMEOUT, BY_LEAVING, BY_RESET };

/* All members are of one type, so that two of them compare as memory. */
struct seen_request {
    int64_t open, how, why;
    int64_t error;    /* why it failed */
    int64_t ended_ns; /* once it has ended */
    int64_t heard;    /* the how-manieth to hear of its end */
    int64_t got[3];   /* done or holding: see seen_got */
};

struct seen_thing {
    int64_t exists, waiting, watching;
    int64_t is[4]; /* see seen_is */
};

struct seen {
    struct seen_request requests[SLOTS];
    struct seen_thing things[THINGS][NAMES];
    int64_t waits, objects, bytes, token;
};

/* What the numbers mean, for those who read a difference. */
static const char *const seen_got[THINGS] = {
    [EVENT] = "generation, payload",
    [SEMAPHORE] = "token",
    [BARRIER] = "rank, generation, parties",
    [LATCH] = "value",
    [QUEUE] = "size | item",
};
static const char *const seen_is[THINGS] = {
    [EVENT] = "set, generation, payload",      [SEMAPHORE] = "limit, held, tokens",
    [BARRIER] = "parties, generation, broken", [LATCH] = "value",
    [QUEUE] = "size, maxsize, items",
};

/* A sequence as one number. */
static inline int64_t
seen_append(int64_t sequence, uint64_t next)
{
    return (int64_t)((uint64_t)sequence * 1000003 + next);
}

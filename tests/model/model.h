/*
 * model.h: what the coordination objects promise, said with plain arrays: no lists, no
 * callbacks, no reference counts, no timers. Every question is answered by a walk over
 * all there is. It shares no code with server/async.
 */
#pragma once

#include "op.h"

enum {
    MODEL_LEASES = NAMES * 8,
    MODEL_ITEMS = 256,
    TOLD_AT_ONCE = 64, /* who are served together are told in turns of so many */
};

enum place { NOWHERE, IN_LINE, WATCHING, SERVED };

struct request {
    bool open;       /* until its client has let it go */
    struct op asked; /* its until_ns is when that was */
    uint64_t born;   /* the order of making */
    enum how how;
    enum why why;
    enum error outcome;
    int64_t ended_ns, heard;
    enum place place;
    uint64_t turn;        /* the order within its place */
    uint64_t object_turn; /* of who is served: the order of the objects */
    uint64_t life;        /* of the object that it waits at */
    bool reserves;        /* counts as an object: a lease that it may get */
    int64_t got[3];       /* as they are seen */
    uint64_t item;        /* that it puts, or has got, or a payload; 0: none */
    size_t item_size;     /* as it counts */
    uint64_t item_place;  /* in the queue that it was in */
    size_t rival;
};

struct item {
    uint64_t id; /* 0: none */
    size_t size; /* as it counts */
    uint64_t place;
};

struct object {
    bool exists;
    uint64_t life; /* another each time that it is made */
    int64_t used_ns;
    bool set, broken, sized;
    int64_t generation, value, parties, limit, maxsize;
    struct item payload;
    struct item items[MODEL_ITEMS]; /* in order */
    size_t size;
};

struct lease {
    uint64_t token; /* 0: none */
    size_t name;
    uint64_t life;
    int64_t ttl_ns, ends_ns;
    uint64_t turn; /* of two that end together */
};

struct model {
    struct limits limits;
    int64_t now_ns;
    struct request requests[SLOTS];
    struct object objects[THINGS][NAMES];
    struct lease leases[MODEL_LEASES];
    bool slicing; /* some were served and are to be told in the next turn */
    int64_t slice_ns;
    uint64_t slice_turn;
    size_t deaf;    /* the request that cannot hear at the moment, or NOBODY */
    uint64_t turns; /* one order for all */
    uint64_t token, lives, items;
    int64_t heard;
};

void model_open(struct model *model, const struct limits *limits, int64_t now_ns);

/* What the caller is told: a number, or an error as its negative. */
int64_t model_do(struct model *model, const struct op *op);

void model_look(const struct model *model, struct seen *seen);

/* When something happens next by itself; INT64_MAX: never. */
int64_t model_next_ns(const struct model *model);

/* When an object may go next. */
int64_t model_idle_ns(const struct model *model);

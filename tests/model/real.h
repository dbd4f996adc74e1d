/* real.h: server/async, made to do what the model does. cmocka.h comes before it. */
#pragma once

#include "op.h"

#include "async/name.h"
#include "async/waitlist.h"
#include "world.h"

/* A request of a client, and the watch of the exchange that would answer it. */
struct errand {
    struct waiter *waiter; /* NULL: it is free */
    enum op_kind kind;
    struct watch watch;
    struct real *real;
    struct errand *rival;
    int64_t heard;
};

/* What a client knows that was granted a lease. */
struct grant {
    uint64_t token;
    size_t name;
    char lease[NAME_DRAWN_SIZE];
};

enum { GRANTS = 256 };

struct real {
    struct world world;
    struct errand errands[SLOTS];
    int64_t heard;
    uint64_t items;
    struct grant grants[GRANTS]; /* the last ones, in a ring */
    size_t granted;
};

void real_open(struct real *real, const struct limits *limits);
void real_close(struct real *real);

/* What the caller is told: a number, or an error as its negative. */
int64_t real_do(struct real *real, const struct op *op);

void real_look(const struct real *real, struct seen *seen);

/*
 * blocking.h: what all requests that wait at a coordination object share: their
 * parameters, how they wait and how they end. A GET polls: with `wait` it answers the
 * state as it is when the time is over. All others answer 504 then.
 */
#pragma once

#include "async/object.h"
#include "http/exchange.h"

struct block_in {
    struct value_duration timeout;
    struct value_label label;
};

struct poll_in {
    struct block_in block;
    struct value_duration wait;
    struct value_integer waiting;
};

extern const char *const poll_wait_excludes[], *const poll_needs[];
enum { WAITING_MOST = 1000000 };

/* The rows for a struct `type` whose member `block` is a struct block_in, or whose
 * member `poll` is a struct poll_in; `needs_` is what it can wait for, NULL where it
 * waits without. */
/* clang-format off */
#define BLOCK_FIELDS_OF(type, member, needs_)                                            \
    FIELD_AS("timeout", type, member.timeout, FIELD_DURATION,                            \
             .max_limit = LIMIT_MAX_DELAY, .needs = (needs_), .unit = "seconds",         \
             .example = "30",                                                            \
             .text = "Answers 504 when it has waited so long."),                         \
    FIELD_AS("label", type, member.label, FIELD_LABEL, .example = "checkout",            \
             .text = "A name of your own to find it by: GET /tasks?label=.")
#define BLOCK_FIELDS(type) BLOCK_FIELDS_OF(type, block, NULL)
#define POLL_FIELDS(type, needs_)                                                        \
    FIELD_AS("wait", type, poll.wait, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,      \
             .excludes = poll_wait_excludes, .needs = (needs_), .unit = "seconds",       \
             .example = "30",                                                            \
             .text = "Waits at most so long, then answers the state as it is."),         \
    FIELD_AS("waiting", type, poll.waiting, FIELD_INTEGER, .min = 1,                     \
             .max = WAITING_MOST, .needs = poll_needs, .example = "2",                   \
             .text = "Until so many wait there, itself not counted."),                   \
    BLOCK_FIELDS_OF(type, poll.block, needs_)
/* clang-format on */

struct waiter_plan blocking_plan(struct exchange *exchange, const struct block_in *in);
struct waiter_plan polling_plan(struct exchange *exchange, const struct poll_in *in);

/* Whether it waits at all. */
static inline bool
polling_waits(const struct poll_in *in)
{
    return in->wait.given || in->block.timeout.given;
}

/* Answers a waiter that is done, or holds what it waited for. */
typedef void blocking_answer(struct exchange *exchange, struct waiter *waiter);

/* The room of the exchange. */
struct blocking {
    struct waiter *waiter;
    blocking_answer *answer;
    bool polls;
    bool begun;       /* of a stream: its first line was sent */
    double heartbeat; /* of a stream, in seconds */
};

/* The exchange owns the waiter, of which the caller gives its hold, and is answered
 * when it ends; a GET by blocking_reply. */
void blocking_begin(struct exchange *exchange, struct waiter *waiter,
                    blocking_answer *answer);
void polling_begin(struct exchange *exchange, const struct poll_in *in,
                   struct waiter *waiter);

/* A GET that has asked for `waiting`: waits until so many are in the object's line. */
MUST_USE enum error polling_watch(struct exchange *exchange, const struct poll_in *in,
                                  struct object *object);

/* The whole GET of an object whose line is all that one can wait for. */
struct object_get_in {
    struct poll_in poll;
};
enum { OBJECT_GET_FIELDS = 4 };
extern const struct field object_get_fields[OBJECT_GET_FIELDS];
extern const enum error object_get_errors[];
#define OBJECT_GET_SHAPE                                                               \
    {                                                                                  \
        .size = sizeof(struct object_get_in), .fields = object_get_fields,             \
        .count = OBJECT_GET_FIELDS                                                     \
    }
enum error object_get(struct exchange *exchange, const struct object_class *class,
                      const struct object_get_in *in);

/* The whole DELETE of an object: it is forgotten, and who waits there is cancelled. */
extern const struct answer object_delete_answers[];
extern const enum error object_delete_errors[];
void object_reply_delete(struct exchange *exchange, const struct object_class *class);

/* Answers with what the waiter got, or with the object's state where it has polled in
 * vain. */
void blocking_reply(struct exchange *exchange, struct waiter *waiter);

/* Answers 200 with the state of the object, which may never have been used. */
void object_reply_state(struct exchange *exchange, const struct object_class *class,
                        const char *name);

/* Answers 200 with the object that was begun in `body`. */
struct json_writer object_begin(struct text *body);
void
object_reply(struct exchange *exchange, struct json_writer *json, struct text *body);

/* parameter-conflict: the object is in use with another value of it. */
enum error
object_conflict(const char *name, size_t asked, size_t used, struct problem *problem);

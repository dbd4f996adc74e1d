/*
 * gate.h: holds a wait back until an event is set, at whichever worker the event is at
 * home. It goes there as a letter, stands among those who wait for the event, and comes
 * back when that is set. Of its owner's thread but for what is said to be the home's.
 */
#pragma once

#include "base/field.h"
#include "async/registry.h"

struct gate {
    struct letter letter;     /* to the home, and back when it opens */
    struct letter withdrawal; /* to the home, and back: then it is freed */
    TAILQ_ENTRY(gate) link;   /* the home's: in the event, or adrift */
    struct event *event;      /* the home's: where it stands; NULL: nowhere */
    struct registry *registry;
    size_t home;
    void (*opened)(void *owner, int64_t now_ns);
    void *owner; /* NULL: given up */
    bool open;
    enum error error; /* why it never will be: then it has opened, too */
    char name[NAME_MAX_BYTES + 1];
};

/* A gate at that event. `opened` is called once, never from within: where the event is
 * set already and at home here, the gate is `open` on return. NULL: out of memory. */
struct gate *gate_new(struct registry *registry, const char *event,
                      void (*opened)(void *owner, int64_t now_ns), void *owner);

/* Its owner needs it no more; NULL: nothing. */
void gate_free(struct gate *gate);

/* For event.c: the event is set; the gate has left it. */
void gate_open(struct gate *gate, int64_t now_ns);

/* For event.c: the event is forgotten; the gate has left it. One of this worker ends
 * with what it holds back, of which all is cancelled. */
void gate_set_adrift(struct gate *gate, struct registry *home);

/* For object.c: all objects have been forgotten. Gates of other workers go to new ones:
 * what they hold back may have been started after a reset had reached its worker. */
void gates_land(struct registry *registry);

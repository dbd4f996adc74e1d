/*
 * mailbox.h: letters from any thread of the process to the one that reads them, in the
 * order of posting for each sender. Posting takes no lock and cannot fail.
 */
#pragma once

#include "base/base.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Embedded in what is sent. Who posts it gives it away; `deliver` owns it. */
struct letter {
    struct letter *next;
    void (*deliver)(struct letter *letter, void *reader);
};

struct mailbox {
    _Atomic(struct letter *) newest; /* each points to the one before it */
    struct letter *first;            /* taken, in order; the reader's alone */
    void *reader;
    void (*wake)(void *waker); /* any thread: the reader has mail; NULL: it will look */
    void *waker;
};

/* Any thread. */
void mailbox_post(struct mailbox *mailbox, struct letter *letter);

/* The reader's thread: delivers up to `most`; true where there are more. */
MUST_USE bool mailbox_deliver(struct mailbox *mailbox, size_t most);

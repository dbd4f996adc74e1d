#include "base/mailbox.h"

/*
 * A stack that is pushed to with compare-and-swap (R. K. Treiber, "Systems Programming:
 * Coping with Parallelism", IBM RJ 5118, 1986) and taken whole, so that no node is ever
 * popped from under a push, and turned round by the reader.
 */
void
mailbox_post(struct mailbox *mailbox, struct letter *letter)
{
    struct letter *before =
        atomic_load_explicit(&mailbox->newest, memory_order_relaxed);

    do
        letter->next = before;
    while (!atomic_compare_exchange_weak_explicit(
        &mailbox->newest, &before, letter, memory_order_acq_rel, memory_order_relaxed));
    if (before == NULL && mailbox->wake)
        mailbox->wake(mailbox->waker);
}

static struct letter *
take_all(struct mailbox *mailbox)
{
    struct letter *letter =
        atomic_exchange_explicit(&mailbox->newest, NULL, memory_order_acq_rel);
    struct letter *first = NULL;

    while (letter != NULL) {
        struct letter *next = letter->next;

        letter->next = first;
        first = letter;
        letter = next;
    }
    return first;
}

bool
mailbox_deliver(struct mailbox *mailbox, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        if (mailbox->first == NULL)
            mailbox->first = take_all(mailbox);
        struct letter *letter = mailbox->first;
        if (letter == NULL)
            return false;
        mailbox->first = letter->next;
        letter->deliver(letter, mailbox->reader);
    }
    return true;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mailbox.h"

#include <pthread.h>
#include <stdlib.h>

enum { SENDERS = 4, LETTERS = 20000 };

struct note {
    struct letter letter;
    size_t sender, number;
};

struct reader {
    struct mailbox mailbox;
    size_t wakes;
    size_t next[SENDERS]; /* the number that each has to come with */
    size_t read;
};

static void
read_note(struct letter *letter, void *raw)
{
    struct note *note = CONTAINER_OF(letter, struct note, letter);
    struct reader *reader = raw;

    assert_int_equal(note->number, reader->next[note->sender]);
    reader->next[note->sender]++;
    reader->read++;
    free(note);
}

static void
count_wake(void *raw)
{
    struct reader *reader = raw;

    reader->wakes++;
}

static void
reader_open(struct reader *reader)
{
    *reader = (struct reader){.mailbox = {.wake = count_wake}};
    reader->mailbox.reader = reader->mailbox.waker = reader;
}

static void
send_note(struct mailbox *mailbox, size_t sender, size_t number)
{
    struct note *note = calloc(1, sizeof *note);

    assert_non_null(note);
    note->letter.deliver = read_note;
    note->sender = sender;
    note->number = number;
    mailbox_post(mailbox, &note->letter);
}

static void
an_empty_one_has_nothing_to_deliver(void **state)
{
    struct reader reader;

    (void)state;
    reader_open(&reader);
    assert_false(mailbox_deliver(&reader.mailbox, 10));
    assert_int_equal(reader.wakes, 0);
}

static void
letters_come_in_the_order_of_posting_and_wake_once(void **state)
{
    struct reader reader;

    (void)state;
    reader_open(&reader);
    for (size_t i = 0; i < 5; i++)
        send_note(&reader.mailbox, 0, i);
    assert_int_equal(reader.wakes, 1);
    assert_false(mailbox_deliver(&reader.mailbox, 10));
    assert_int_equal(reader.read, 5);
    send_note(&reader.mailbox, 0, 5);
    assert_int_equal(reader.wakes, 2);
    assert_false(mailbox_deliver(&reader.mailbox, 10));
}

static void
what_is_too_much_for_one_turn_comes_in_the_next(void **state)
{
    struct reader reader;

    (void)state;
    reader_open(&reader);
    for (size_t i = 0; i < 5; i++)
        send_note(&reader.mailbox, 0, i);
    assert_true(mailbox_deliver(&reader.mailbox, 3));
    assert_int_equal(reader.read, 3);
    send_note(&reader.mailbox, 0, 5); /* behind those that wait */
    assert_false(mailbox_deliver(&reader.mailbox, 10));
    assert_int_equal(reader.read, 6);
}

struct sender {
    struct mailbox *mailbox;
    size_t index;
    pthread_t thread;
};

static void *
send_all(void *raw)
{
    struct sender *sender = raw;

    for (size_t i = 0; i < LETTERS; i++)
        send_note(sender->mailbox, sender->index, i);
    return NULL;
}

static void
senders_of_many_threads_lose_nothing_and_keep_their_order(void **state)
{
    struct reader reader;
    struct sender senders[SENDERS];

    (void)state;
    reader_open(&reader);
    reader.mailbox.wake = NULL; /* it looks by itself */
    for (size_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.mailbox = &reader.mailbox, .index = i};
        assert_int_equal(
            pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    }
    while (reader.read < (size_t)SENDERS * LETTERS)
        (void)!mailbox_deliver(&reader.mailbox, 100);
    for (size_t i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(reader.next[i], LETTERS);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_nothing_to_deliver),
        cmocka_unit_test(letters_come_in_the_order_of_posting_and_wake_once),
        cmocka_unit_test(what_is_too_much_for_one_turn_comes_in_the_next),
        cmocka_unit_test(senders_of_many_threads_lose_nothing_and_keep_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

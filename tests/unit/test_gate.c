#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "async/event.h"
#include "city.h"

#include <stdio.h>

static const struct registry_limits LIMITS = {
    .max_tasks = 10,
    .max_waits = 10,
    .max_objects = 3,
    .max_object_bytes = 1000,
    .idle_ttl_ns = NS_PER_SECOND,
};

static int
set_up(void **state)
{
    (void)state;
    city_open(&LIMITS);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    city_deliver();
    city_close();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A name that is at home with that worker. */
static const char *
name_at(size_t worker)
{
    static char name[32];

    for (int i = 0;; i++) {
        snprintf(name, sizeof name, "event-%d", i);
        if (peers_home(city.peers, name) == worker)
            return name;
    }
}

static void
on_opened(void *owner, int64_t now_ns)
{
    (void)now_ns;
    ++*(size_t *)owner;
}

static struct event *
event_at(size_t worker)
{
    struct event *event;

    assert_int_equal(event_need(&city.at[worker], name_at(worker), &event), OK);
    return event;
}

static void
one_here_opens_when_its_event_is_set(void **state)
{
    size_t opened = 0;
    struct gate *gate = gate_new(&city.at[1], name_at(1), on_opened, &opened);
    struct event *event = event_at(1);

    (void)state;
    assert_non_null(gate);
    assert_false(gate->open);
    assert_int_equal(event->object.waiters.count, 1);
    assert_true(object_in_use(&event->object));
    assert_int_equal(event_set(event, NULL, at(1)), 1);
    assert_true(gate->open);
    assert_int_equal(opened, 1);
    assert_int_equal(event->object.waiters.count, 0);
    assert_int_equal(event_set(event, NULL, at(1)), 0);
    assert_int_equal(opened, 1);
    gate_free(gate);

    gate = gate_new(&city.at[1], name_at(1), on_opened, &opened);
    assert_true(gate->open);
    assert_int_equal(opened, 1); /* never from within */
    gate_free(gate);
    gate_free(NULL);
}

static void
one_elsewhere_goes_there_and_comes_back(void **state)
{
    size_t opened = 0;
    struct gate *gate = gate_new(&city.at[0], name_at(2), on_opened, &opened);

    (void)state;
    city_deliver();
    struct event *event = event_at(2);
    assert_int_equal(event->object.waiters.count, 1);
    assert_int_equal(event_set(event, NULL, at(1)), 1);
    assert_int_equal(opened, 0);
    city_deliver();
    assert_int_equal(opened, 1);
    assert_true(gate->open);
    gate_free(gate);

    gate = gate_new(&city.at[0], name_at(2), on_opened, &opened); /* set already */
    city_deliver();
    assert_int_equal(opened, 2);
    gate_free(gate);
}

/* Letters by hand: the withdrawal meets the gate before, in and after its event. */
static void
one_that_is_given_up_is_never_heard_of(void **state)
{
    size_t opened = 0;
    struct gate *gate = gate_new(&city.at[0], name_at(2), on_opened, &opened);

    (void)state;
    gate_free(gate); /* on its way there */
    city_deliver();
    struct event *event = event_at(2);
    assert_int_equal(event->object.waiters.count, 0);

    gate = gate_new(&city.at[0], name_at(2), on_opened, &opened);
    city_deliver();
    assert_int_equal(event->object.waiters.count, 1);
    gate_free(gate); /* in the event */
    city_deliver();
    event = event_at(2);
    assert_int_equal(event->object.waiters.count, 0);
    assert_int_equal(event_set(event, NULL, at(1)), 0);

    event_clear(event);
    gate = gate_new(&city.at[0], name_at(2), on_opened, &opened);
    city_deliver();
    assert_int_equal(event_set(event, NULL, at(1)), 1);
    gate_free(gate); /* on its way back */
    city_deliver();
    assert_int_equal(opened, 0);

    gate = gate_new(&city.at[2], name_at(2), on_opened, &opened); /* here, and set */
    event_clear(event);
    gate_free(gate);
    gate = gate_new(&city.at[2], name_at(2), on_opened, &opened);
    gate_free(gate); /* here, in the event */
    assert_int_equal(event->object.waiters.count, 0);
}

static void
they_open_in_the_order_of_arrival(void **state)
{
    size_t order[3] = {0}, opened = 0;
    struct gate *gates[3];

    (void)state;
    for (size_t i = 0; i < 3; i++)
        gates[i] = gate_new(&city.at[1], name_at(1), on_opened, &order[i]);
    struct event *event = event_at(1);
    struct gate *gate;
    TAILQ_FOREACH (gate, &event->gates, link)
        assert_ptr_equal(gate, gates[opened++]);
    assert_int_equal(opened, 3);
    for (size_t i = 0; i < 3; i++)
        gate_free(gates[i]);
}

static void
who_watches_the_line_sees_them(void **state)
{
    struct waiter_plan plan = {.timeout_ns = NO_TIMEOUT, .start_ns = at(0)};
    struct waiter *watcher;
    struct event *event = event_at(1);

    (void)state;
    assert_int_equal(waiter_open(&event->object, &plan, &watcher), OK);
    waiter_watch(watcher, 1);
    struct gate *gate = gate_new(&city.at[0], name_at(1), on_opened, &(size_t){0});
    assert_false(record_ended(&watcher->record));
    city_deliver();
    assert_int_equal(watcher->record.state, STATE_DONE);
    record_disown(&watcher->record, at(0));
    gate_free(gate);
}

/* A reset comes to the event's home after the wait of another worker was started. */
static void
one_of_another_worker_outlives_its_event(void **state)
{
    size_t opened = 0, unheard = 0;
    struct gate *far = gate_new(&city.at[0], name_at(2), on_opened, &opened);
    struct gate *here = gate_new(&city.at[2], name_at(2), on_opened, &unheard);

    (void)state;
    city_deliver();
    registry_reset(&city.at[2], at(1));
    struct event *event = event_at(2);
    assert_int_equal(event->object.waiters.count, 1);
    assert_int_equal(event_set(event, NULL, at(2)), 1);
    city_deliver();
    assert_int_equal(opened, 1);
    assert_int_equal(unheard, 0); /* its owner is cancelled with it */
    gate_free(far);
    gate_free(here);
}

static size_t
events_at(size_t worker)
{
    return city.at[worker].objects.count[OBJECT_EVENT];
}

/* Both workers are reset, the event's home first. */
static void
what_a_reset_made_again_goes_with_its_last_gate(void **state)
{
    struct gate *gates[2];

    (void)state;
    for (size_t i = 0; i < 2; i++)
        gates[i] = gate_new(&city.at[0], name_at(2), on_opened, &(size_t){0});
    city_deliver();
    registry_reset(&city.at[2], at(1));
    assert_int_equal(events_at(2), 1);
    gate_free(gates[0]);
    city_deliver();
    assert_int_equal(events_at(2), 1);
    gate_free(gates[1]);
    city_deliver();
    assert_int_equal(events_at(2), 0);

    struct event *event = event_at(2);
    assert_int_equal(event_set(event, NULL, at(1)), 0);
    event_clear(event);
    gates[0] = gate_new(&city.at[0], name_at(2), on_opened, &(size_t){0});
    city_deliver();
    gate_free(gates[0]);
    city_deliver();
    assert_int_equal(events_at(2), 1); /* its generation counts */
}

static void
where_there_is_no_room_for_the_event_it_says_so(void **state)
{
    size_t opened = 0;
    struct event *event;

    (void)state;
    for (int i = 0; i < 3; i++) {
        char name[] = {'a', (char)('a' + i), '\0'};

        assert_int_equal(event_need(&city.at[0], name, &event), OK);
    }
    struct gate *far = gate_new(&city.at[0], name_at(2), on_opened, &opened);
    struct gate *here = gate_new(&city.at[2], name_at(2), on_opened, &opened);
    assert_int_equal(here->error, ERROR_TOO_MANY_OBJECTS);
    assert_true(here->open);
    assert_int_equal(opened, 0);
    city_deliver();
    assert_int_equal(opened, 1);
    assert_int_equal(far->error, ERROR_TOO_MANY_OBJECTS);
    gate_free(far);
    gate_free(here);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_here_opens_when_its_event_is_set),
        TEST(one_elsewhere_goes_there_and_comes_back),
        TEST(one_that_is_given_up_is_never_heard_of),
        TEST(they_open_in_the_order_of_arrival),
        TEST(who_watches_the_line_sees_them),
        TEST(one_of_another_worker_outlives_its_event),
        TEST(what_a_reset_made_again_goes_with_its_last_gate),
        TEST(where_there_is_no_room_for_the_event_it_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

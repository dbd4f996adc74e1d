#include "engine.h"

#include "answer.h"
#include "net.h"
#include "stream.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 1024, REQUEST = 512, EVENTS = 64 };
static const uint64_t TIMER = UINT64_MAX, STREAM = UINT64_MAX - 1;
static const int64_t NEVER = INT64_MAX;
static const double HOLD_S = 0.2; /* from the last send to the look at the memory */

enum phase { CLOSED, CONNECTING, IDLE, WAITING };

struct connection {
    int fd;
    enum phase phase;
    int64_t planned_ns, sent_ns, first_ns, delay_ns;
    struct answer answer;
    size_t size;
    char text[BUFFER];
};

struct engine {
    const struct plan *plan;
    struct stream *stream;
    struct result *result;
    int epoll, timer;
    struct connection *connections;
    int *idle; /* a stack of those that may be used */
    int idles;
    unsigned dialled;
    int64_t now_ns, start_ns, warm_ns, hold_ns, end_ns;
    int64_t planned; /* sends whose time has come */
    int64_t pending; /* requests without an answer */
    bool measuring, over;
    bool starved; /* a send is due that no connection is free for */
    char request[REQUEST];
    size_t request_size;
    int64_t request_delay_ns;
};

static int64_t
seconds_ns(double seconds)
{
    return llround(seconds * 1e9);
}

/* ---- one request ---- */

/* Writes the request with a delay of its own. The delay is what the text says, exactly.
 */
static void
request_make(struct engine *engine)
{
    const struct plan *plan = engine->plan;
    const char *hole = strstr(plan->path, "{}");
    double delay =
        plan->delay_min_s + (plan->delay_max_s - plan->delay_min_s) * drand48();
    char number[32] = "";
    int before = (int)(hole ? (size_t)(hole - plan->path) : strlen(plan->path));

    if (engine->request_size > 0 && plan->delay_min_s >= plan->delay_max_s)
        return;
    if (hole)
        snprintf(number, sizeof number, "%.*f", plan->decimals, delay);
    int size = snprintf(engine->request, REQUEST,
                        "GET %.*s%s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", before,
                        plan->path, number, hole ? hole + 2 : "", plan->port);
    if (size >= REQUEST)
        die("the path is too long");
    engine->request_size = (size_t)size;
    engine->request_delay_ns = seconds_ns(atof(number));
}

static uint64_t
number_of(const struct engine *engine, const struct connection *connection)
{
    return (uint64_t)(connection - engine->connections);
}

static void
connection_close(struct connection *connection)
{
    if (connection->phase != CLOSED)
        close(connection->fd);
    connection->phase = CLOSED;
}

static void
connection_free(struct engine *engine, struct connection *connection)
{
    engine->idle[engine->idles++] = (int)number_of(engine, connection);
}

static void
connection_failed(struct engine *engine, struct connection *connection)
{
    connection_close(connection);
    engine->result->failed++;
    engine->pending--;
    connection_free(engine, connection);
}

/* Sends the next request, or waits until the connection is made. */
static void
connection_send(struct engine *engine, struct connection *connection)
{
    bool was_connecting = connection->phase == CONNECTING;

    request_make(engine);
    connection->delay_ns = engine->request_delay_ns;
    connection->size = 0;
    connection->answer.body_at = 0;
    connection->first_ns = 0;
    connection->sent_ns = now_ns();
    ssize_t sent =
        send(connection->fd, engine->request, engine->request_size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) {
        net_watch(engine->epoll, connection->fd, EPOLLOUT,
                  number_of(engine, connection), was_connecting);
        connection->phase = CONNECTING;
        return;
    }
    if (connection->phase == CLOSED || was_connecting)
        net_watch(engine->epoll, connection->fd, EPOLLIN | EPOLLRDHUP,
                  number_of(engine, connection), was_connecting);
    connection->phase = WAITING;
    if (sent != (ssize_t)engine->request_size) {
        connection_failed(engine, connection);
        return;
    }
    engine->result->sent++;
    histogram_add(&engine->result->slip, connection->sent_ns - connection->planned_ns);
}

static void
connection_start(struct engine *engine, struct connection *connection,
                 int64_t planned_ns)
{
    connection->planned_ns = planned_ns;
    engine->pending++;
    if (connection->phase == CLOSED)
        connection->fd = net_dial(engine->plan->port, engine->dialled++);
    connection_send(engine, connection);
}

static int64_t
next_send_ns(const struct engine *engine)
{
    return engine->start_ns
           + seconds_ns((double)engine->planned * engine->plan->interval_s);
}

/* Starts the planned requests whose time has come, as far as there are connections. */
static void
start_due(struct engine *engine)
{
    const struct plan *plan = engine->plan;

    engine->starved = false;
    while (engine->planned < plan->sends && next_send_ns(engine) <= now_ns()) {
        int64_t due_ns = next_send_ns(engine);
        if (engine->idles == 0) {
            engine->starved = true;
            return;
        }
        engine->planned++;
        connection_start(engine, &engine->connections[engine->idle[--engine->idles]],
                         due_ns);
        if (engine->planned == plan->sends)
            engine->hold_ns = now_ns() + seconds_ns(HOLD_S);
    }
}

static void
count(struct engine *engine, const struct connection *connection)
{
    struct result *result = engine->result;
    double named = answer_delay(&connection->answer, connection->text);
    int64_t delay_ns = named >= 0 ? seconds_ns(named) : connection->delay_ns;
    int64_t from_ns =
        engine->plan->from_planned ? connection->planned_ns : connection->sent_ns;

    result->answered++;
    if (connection->answer.status != 200)
        result->refused++;
    if (!engine->measuring)
        return;
    result->counted++;
    histogram_add(&result->lateness, connection->first_ns - from_ns - delay_ns);
}

static void
connection_done(struct engine *engine, struct connection *connection)
{
    count(engine, connection);
    engine->pending--;
    connection->phase = IDLE;
    if (engine->plan->close)
        connection_close(connection);
    if (engine->plan->again) {
        connection_start(engine, connection, engine->now_ns);
        return;
    }
    connection_free(engine, connection);
}

static void
connection_read(struct engine *engine, struct connection *connection)
{
    size_t room = BUFFER - 1 - connection->size;
    ssize_t size = recv(connection->fd, connection->text + connection->size, room, 0);

    if (size < 0 && errno == EAGAIN)
        return;
    if (connection->phase == IDLE) {
        connection_close(connection);
        return;
    }
    if (size <= 0) {
        connection_failed(engine, connection);
        return;
    }
    connection->size += (size_t)size;
    connection->text[connection->size] = '\0';
    enum answer_state state =
        answer_read(&connection->answer, connection->text, connection->size);

    size_t body_at = connection->answer.body_at;
    if (connection->first_ns == 0 && body_at > 0 && connection->size > body_at)
        connection->first_ns = engine->now_ns;
    if (state == ANSWER_WHOLE)
        connection_done(engine, connection);
    else if (state == ANSWER_BROKEN || connection->size == BUFFER - 1)
        connection_failed(engine, connection);
}

/* ---- the run ---- */

static void
measure_begin(struct engine *engine)
{
    engine->measuring = true;
    engine->warm_ns = NEVER;
    engine->result->before = process_sample(engine->plan->pid);
    engine->result->seconds = -(double)now_ns() / 1e9;
    if (engine->plan->seconds > 0)
        engine->end_ns = now_ns() + seconds_ns(engine->plan->seconds);
    if (engine->stream)
        net_watch(engine->epoll, stream_start(engine->stream, engine->plan->port),
                  EPOLLIN, STREAM, false);
}

static void
measure_end(struct engine *engine)
{
    engine->result->seconds += (double)now_ns() / 1e9;
    engine->result->after = process_sample(engine->plan->pid);
    engine->over = true;
}

static void
arm(struct engine *engine)
{
    int64_t next_ns = engine->end_ns;

    if (engine->warm_ns < next_ns)
        next_ns = engine->warm_ns;
    if (engine->hold_ns < next_ns)
        next_ns = engine->hold_ns;
    if (engine->planned < engine->plan->sends && !engine->starved
        && next_send_ns(engine) < next_ns)
        next_ns = next_send_ns(engine);
    net_timer_set(engine->timer, next_ns);
}

static void
tick(struct engine *engine)
{
    uint64_t times;

    if (read(engine->timer, &times, sizeof times) < 0)
        return;
    if (engine->now_ns >= engine->warm_ns)
        measure_begin(engine);
    if (engine->now_ns >= engine->hold_ns) {
        engine->hold_ns = NEVER;
        engine->result->held = process_sample(engine->plan->pid);
    }
    if (engine->now_ns >= engine->end_ns) {
        measure_end(engine);
        return;
    }
    start_due(engine);
    arm(engine);
}

static void
handle(struct engine *engine, const struct epoll_event *event)
{
    if (event->data.u64 == TIMER) {
        tick(engine);
        return;
    }
    if (event->data.u64 == STREAM) {
        if (stream_read(engine->stream))
            measure_end(engine);
        return;
    }
    struct connection *connection = &engine->connections[event->data.u64];
    if (connection->phase == CONNECTING)
        connection_send(engine, connection);
    else if (connection->phase != CLOSED)
        connection_read(engine, connection);
}

static void
turn(struct engine *engine)
{
    struct epoll_event events[EVENTS];
    int count_of = epoll_wait(engine->epoll, events, EVENTS, -1);

    engine->now_ns = now_ns();
    for (int i = 0; i < count_of && !engine->over; i++)
        handle(engine, &events[i]);
    if (engine->over)
        return;
    if (engine->starved && engine->idles > 0) {
        start_due(engine);
        arm(engine);
    }
    if (engine->planned == engine->plan->sends && engine->pending == 0
        && engine->measuring && engine->stream == NULL)
        measure_end(engine);
}

void
engine_run(const struct plan *plan, struct stream *stream, struct result *result)
{
    struct engine engine = {.plan = plan, .stream = stream, .result = result};

    srand48(plan->seed);
    result->start = process_sample(plan->pid);
    engine.epoll = epoll_create1(EPOLL_CLOEXEC);
    engine.timer = net_timer();
    engine.connections = calloc((size_t)plan->connections, sizeof *engine.connections);
    engine.idle = calloc((size_t)plan->connections, sizeof *engine.idle);
    if (engine.connections == NULL || engine.idle == NULL)
        die("calloc");
    for (int i = plan->connections; i-- > 0;)
        engine.idle[engine.idles++] = i;
    net_watch(engine.epoll, engine.timer, EPOLLIN, TIMER, false);
    engine.start_ns = now_ns() + seconds_ns(0.01);
    engine.warm_ns = engine.start_ns + seconds_ns(plan->warm_s);
    engine.hold_ns = NEVER;
    engine.end_ns = engine.start_ns + seconds_ns(plan->limit_s);
    net_timer_set(engine.timer, engine.start_ns);
    while (!engine.over)
        turn(&engine);
    for (int i = 0; i < plan->connections; i++)
        connection_close(&engine.connections[i]);
    free(engine.connections);
    free(engine.idle);
    close(engine.timer);
    close(engine.epoll);
}

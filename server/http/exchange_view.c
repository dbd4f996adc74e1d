/* exchange_view.c: what a handler asks of its exchange. */
#include "http/errand.h"

#include "base/number.h"

#include <assert.h>
#include <strings.h>

struct registry *
exchange_registry(struct exchange *exchange)
{
    return exchange->server->registry;
}

void *
exchange_app(struct exchange *exchange)
{
    return exchange->server->config.app;
}

const double *
exchange_limits(struct exchange *exchange)
{
    return exchange->server->config.limits;
}

const struct server *
exchange_server(struct exchange *exchange)
{
    return exchange->server;
}

int64_t
exchange_received_ns(struct exchange *exchange)
{
    return exchange->received_ns;
}

enum format
exchange_format(struct exchange *exchange)
{
    return exchange->format;
}

const char *
exchange_id(struct exchange *exchange)
{
    return exchange->id_at ? exchange->target + exchange->id_at : NULL;
}

const char *
exchange_header(struct exchange *exchange, const char *name)
{
    assert(exchange->connection); /* what a visit needs of them is to be sent along */
    return MHD_lookup_connection_value(connection_mhd(exchange->connection),
                                       MHD_HEADER_KIND, name);
}

struct header_lines {
    const char *name;
    struct text *out;
};

static enum MHD_Result
add_line(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    const struct header_lines *lines = context;

    (void)kind;
    if (value && strcasecmp(name, lines->name) == 0)
        text_format(lines->out, "%s%s", lines->out->size ? "," : "", value);
    return MHD_YES;
}

const char *
exchange_header_list(struct exchange *exchange, const char *name, struct text *buffer)
{
    const char *first = exchange_header(exchange, name);
    struct header_lines lines = {name, buffer};

    if (first == NULL)
        return NULL;
    MHD_get_connection_values(connection_mhd(exchange->connection), MHD_HEADER_KIND,
                              add_line, &lines);
    text_append(buffer, "", 1);
    return buffer->failed ? first : buffer->bytes;
}

enum error
exchange_prefer(struct exchange *exchange, struct prefer *out, struct problem *problem)
{
    TEXT_AUTO lines = {0};

    return negotiate_prefer(exchange_header_list(exchange, "Prefer", &lines),
                            exchange_limits(exchange)[LIMIT_MAX_DELAY], out, problem);
}

const struct text *
exchange_body(struct exchange *exchange)
{
    return &exchange->buffer;
}

const char *
exchange_body_type(struct exchange *exchange)
{
    return exchange->visit ? visit_body_type(exchange)
                           : exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE);
}

void *
exchange_room(struct exchange *exchange)
{
    return exchange->room;
}

void
exchange_own(struct exchange *exchange, struct record *record)
{
    assert(exchange->own == NULL);
    exchange->own = record;
}

struct record *
exchange_owned(struct exchange *exchange)
{
    return exchange->own;
}

void
exchange_let_go(struct exchange *exchange)
{
    struct record *own = exchange->own;

    exchange->own = NULL;
    record_release(own);
}

static void
on_watch(struct watch *watch, int64_t now_ns)
{
    struct exchange *exchange = CONTAINER_OF(watch, struct exchange, watch);

    if (exchange->phase == EXCHANGE_WAITING && exchange->changed)
        exchange->changed(exchange, now_ns);
    else
        reply_wake(exchange);
}

void
exchange_watch(struct exchange *exchange, struct watches *watches,
               exchange_changed *changed)
{
    exchange->changed = changed;
    exchange->watch.changed = on_watch;
    watches_watch(watches, &exchange->watch);
}

void
exchange_unwatch(struct exchange *exchange)
{
    watch_stop(&exchange->watch);
}

bool
exchange_answered(struct exchange *exchange)
{
    return exchange->phase > EXCHANGE_WAITING;
}

static void
on_alarm(struct timer *timer, int64_t now_ns)
{
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, alarm);

    if (exchange->phase != EXCHANGE_WAITING)
        return;
    exchange->server->registry->timers.reached++;
    exchange->rang(exchange, now_ns);
}

enum error
exchange_alarm(struct exchange *exchange, double seconds, exchange_changed *rang)
{
    int64_t at_ns = exchange->received_ns + seconds_to_ns(seconds);

    exchange->rang = rang;
    exchange->alarm.fire = on_alarm;
    return timers_start(&exchange->server->registry->timers, &exchange->alarm,
                        TIMER_LIMIT, at_ns);
}

static void
on_turn(struct timer *timer, int64_t now_ns)
{
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, alarm);

    timers_yield(&exchange->server->registry->timers);
    exchange->rang(exchange, now_ns);
}

enum error
exchange_go_on(struct exchange *exchange, exchange_changed *next_slice)
{
    struct registry *registry = exchange->server->registry;

    exchange->rang = next_slice;
    exchange->alarm.fire = on_turn;
    return timers_start(&registry->timers, &exchange->alarm, TIMER_RESULT,
                        registry_now(registry));
}

void
exchange_at_end(struct exchange *exchange, void (*end)(struct exchange *exchange))
{
    exchange->end = end;
}

bool
exchange_can_reset(struct exchange *exchange)
{
    return !connection_is_unix(exchange->connection);
}

bool
exchange_delivered(struct exchange *exchange)
{
    return exchange->delivered;
}

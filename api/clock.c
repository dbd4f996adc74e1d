/* GET /clock, POST /clock/advance: time as the test's tool. */
#include "api/app.h"
#include "base/number.h"
#include "base/rfc3339.h"
#include "http/advance.h"

#include <string.h>

enum { DAY = 86400 };

/* ---- GET ---------------------------------------------------------------------------
 */

/* Seconds since the clock began. */
static void
write_now(struct exchange *exchange, struct json_writer *json)
{
    int64_t start_ns = server_clock(exchange_server(exchange))->start_ns;

    json_member_seconds(json, "now",
                        registry_now(exchange_registry(exchange)) - start_ns);
}

static enum error
handle_clock(struct exchange *exchange, const void *in, struct problem *problem)
{
    const struct asked_clock *asked = server_clock(exchange_server(exchange));
    bool manual = asked->mode == CLOCK_MANUAL;
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {.status = 200};
    char time[RFC3339_SIZE];

    (void)in;
    (void)problem;
    rfc3339_print(asked->clock->wall_ns(asked->clock), time);
    json_begin_object(&json);
    write_now(exchange, &json);
    json_member_string(&json, "mode", manual ? "manual" : "real");
    if (manual)
        json_member_null(&json, "scale");
    else
        json_member_double(&json, "scale", asked->scale);
    json_member_string(&json, "time", time);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
    return OK;
}

static const struct answer clock_answers[] = {
    {200, FORMAT_JSON,
     "`now` in seconds since the server began, and `time`, both on this clock; `mode` "
     "is --clock, `scale` --time-scale, null for a manual one.",
     "{\"now\":5,\"mode\":\"manual\",\"scale\":null,"
     "\"time\":\"2026-01-02T03:04:05.678Z\"}"},
    {0},
};
static const enum error clock_errors[] = {OK};

const struct route route_clock = {
    .methods = METHOD_GET,
    .path = "/clock",
    .text = "Says what time it is on the clock of all waits.",
    .more =
        "This clock rules delay, timeout, wait, ttl, heartbeat, --retention and "
        "--idle-ttl, and all that answers tell of them: elapsed, remaining, "
        "created_at, Server-Timing, and lateness in /metrics and in the access log. "
        "With --time-scale 0.1 it goes ten times as fast; with 0 it goes to the next "
        "deadline of a wait, timeout or ttl as soon as nothing else is to be done, so "
        "that they end at once and in order, while retention, idle-ttl and "
        "heartbeats, for which nobody waits, do not move it. The time until a "
        "request is read, idle connections and the drain are on real time, always. "
        "No clock but the real one goes on after 140 of its years.",
    .formats = 1 << FORMAT_JSON,
    .while_draining = true,
    .answers = clock_answers,
    .errors = clock_errors,
    .example = "localhost:8080/clock",
    .handle = handle_clock,
};

/* ---- POST /clock/advance -----------------------------------------------------------
 */

struct advance_in {
    struct value_duration by;
};

/* clang-format off */
static const struct field advance_fields[] = {
    FIELD(struct advance_in, by, FIELD_DURATION, .required = true, .max = 30 * DAY,
          .unit = "seconds", .example = "5",
          .text = "How far it goes, rounded up to whole ns as delays are, so that decimals "
                  "add up: after 0.25 and 0.3 what takes 0.55 is over. 0 only does what is "
                  "due."),
};
/* clang-format on */

_Static_assert(sizeof(struct advance) <= EXCHANGE_ROOM, "the room is too small");

static void
on_over(struct advance *advance)
{
    struct exchange *exchange = advance->exchange;
    struct text body = {0};
    struct json_writer json = json_writer(&body);
    struct reply reply = {.status = 200, .waited = true};

    json_begin_object(&json);
    write_now(exchange, &json);
    json_member_integer(&json, "fired", (int64_t)advance->reached);
    json_end_object(&json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
}

static void
end(struct exchange *exchange)
{
    advance_stop(exchange_room(exchange));
}

static enum error
handle_advance(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct advance_in *in = raw;
    struct advance *advance = exchange_room(exchange);

    if (server_clock(exchange_server(exchange))->mode != CLOCK_MANUAL)
        return problem_set(problem, ERROR_CLOCK_NOT_MANUAL,
                           "this clock goes by itself; --clock manual makes one that "
                           "goes by POST /clock/advance");
    *advance = (struct advance){
        .exchange = exchange, .by_ns = seconds_to_ns(in->by.seconds), .over = on_over};
    if (!advance_begin(advance)) {
        problem_set(problem, ERROR_INVALID_PARAMETER,
                    "by=%.17g goes beyond the end of this clock, 140 years after its "
                    "beginning",
                    in->by.seconds);
        problem_param(problem, "by", strlen("by"));
        return ERROR_INVALID_PARAMETER;
    }
    exchange_at_end(exchange, end);
    return OK;
}

static const struct answer advance_answers[] = {
    {200, FORMAT_JSON,
     "What time it is now, and how many times came that clients had asked for: waits "
     "that ended (each of the n), timeouts and long-polls that ran out, leases whose "
     "ttl did.",
     "{\"now\":5,\"fired\":3}"},
    {0},
};
static const enum error advance_errors[] = {ERROR_CLOCK_NOT_MANUAL, OK};

const struct route route_clock_advance = {
    .methods = METHOD_POST,
    .path = "/clock/advance",
    .text = "Lets time pass on a manual clock, deadline by deadline.",
    .more = "What is started on the way fires in its turn. When it answers, all that "
            "was due has been answered, and each byte of a stream that was due has "
            "been taken by its socket, unless that is full. Others are served "
            "meanwhile. One that comes while another runs begins where that ends. A "
            "client that leaves stops the time where it has come to.",
    .in = SHAPE(struct advance_in, advance_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = advance_answers,
    .errors = advance_errors,
    .example = "--json '{\"by\":5}' localhost:8080/clock/advance",
    .handle = handle_advance,
};

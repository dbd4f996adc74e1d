/* /events/{id}: asyncio.Event, with a payload and generations. */
#include "api/app.h"
#include "api/blocking.h"
#include "api/object_json.h"

#include <string.h>

/* ---- GET: its state, or wait for it -------------------------------------------------
 */

struct get_in {
    struct poll_in poll;
    struct value_integer generation;
};

enum { GENERATION_MOST = 1000000000 };
static const char *const generation_excludes[] = {"waiting", NULL};

/* clang-format off */
static const struct field get_fields[] = {
    POLL_FIELDS(struct get_in, NULL),
    FIELD(struct get_in, generation, FIELD_INTEGER, .max = GENERATION_MOST,
          .needs = poll_needs, .excludes = generation_excludes, .example = "1",
          .text = "Waits for a set after this generation, also where it is set now."),
};
/* clang-format on */

static enum error
get(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct get_in *in = raw;
    struct registry *registry = exchange_registry(exchange);
    const char *name = exchange_id(exchange);
    struct event_plan plan = {
        .waiter = polling_plan(exchange, &in->poll),
        .for_next = in->generation.given,
        .above = (uint64_t)in->generation.value,
    };
    struct event_waiter *waiter;
    struct event *event;

    (void)problem;
    if (!polling_waits(&in->poll)) {
        object_reply_state(exchange, &event_class, name);
        return OK;
    }
    enum error error = event_need(registry, name, &event);
    if (error)
        return error;
    if (in->poll.waiting.given)
        return polling_watch(exchange, &in->poll, &event->object);
    error = event_wait(event, &plan, registry_now(registry), &waiter);
    if (!error)
        polling_begin(exchange, &in->poll, &waiter->waiter);
    return error;
}

static const struct answer get_answers[] = {
    {200, FORMAT_JSON,
     "Its state: with wait or timeout once it is set, or when the wait is over.",
     "{\"set\":true,\"generation\":2,\"payload\":{\"port\":9090},\"waiting\":0}"},
    {0},
};

const struct route route_event_get = {
    .methods = METHOD_GET,
    .path = "/events/{id}",
    .path_field = &api_name_field,
    .text = "Tells whether an event is set; with wait or timeout waits until it is.",
    .more =
        "It is `event.is_set()`, with timeout `await "
        "asyncio.wait_for(event.wait(), timeout)`. `generation` counts how often it "
        "was set: with the last one that you saw you miss no set.",
    .in = SHAPE(struct get_in, get_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = get_answers,
    .errors = object_get_errors,
    .example = "'localhost:8080/events/ready?timeout=30'",
    .home = route_id_home,
    .handle = get,
};

/* ---- PUT: set it --------------------------------------------------------------------
 */

/* Without whitespace between its parts, so that it stands in one line. */
static void
compact(const struct text *json, struct text *out)
{
    bool in_string = false;

    for (size_t i = 0; i < json->size; i++) {
        char c = json->bytes[i];

        if (c == '"')
            in_string = !in_string;
        if (in_string && c == '\\')
            text_append(out, &json->bytes[i++], 1);
        if (in_string || !strchr(" \t\r\n", c))
            text_append(out, &json->bytes[i], 1);
    }
}

/* NULL: none came. */
static enum error
take_payload(struct exchange *exchange, struct blob **out)
{
    const struct text *body = exchange_body(exchange);
    TEXT_AUTO compacted = {0};

    *out = NULL;
    if (body->size == 0)
        return OK;
    compact(body, &compacted);
    if (compacted.failed)
        return ERROR_OUT_OF_MEMORY;
    return blob_new(exchange_registry(exchange), compacted.bytes, compacted.size, NULL,
                    out);
}

static enum error
put(struct exchange *exchange, const void *in, struct problem *problem)
{
    struct registry *registry = exchange_registry(exchange);
    struct text body = {0};
    struct blob *payload;
    struct event *event;

    (void)in;
    (void)problem;
    enum error error = take_payload(exchange, &payload);
    if (error)
        return error;
    error = event_need(registry, exchange_id(exchange), &event);
    if (error) {
        blob_release(payload);
        return error;
    }
    size_t released = event_set(event, payload, registry_now(registry));
    struct json_writer json = object_begin(&body);
    object_write(&event_class, &event->object, &json);
    json_member_integer(&json, "released", (int64_t)released);
    object_reply(exchange, &json, &body);
    return OK;
}

static const struct answer put_answers[] = {
    {200, FORMAT_JSON, "It is set, and has released so many.",
     "{\"set\":true,\"generation\":2,\"payload\":{\"port\":9090},\"waiting\":0,"
     "\"released\":3}"},
    {0},
};

static const enum error put_errors[] = {
    ERROR_INVALID_JSON,     ERROR_UNSUPPORTED_MEDIA_TYPE, ERROR_CONTENT_TOO_LARGE,
    ERROR_TOO_MANY_OBJECTS, ERROR_TOO_MANY_BYTES,         OK};

const struct route route_event_put = {
    .methods = METHOD_PUT,
    .path = "/events/{id}",
    .path_field = &api_name_field,
    .text = "Sets an event and releases all that wait for it.",
    .more =
        "It is `event.set()`. The body, where there is one, is its payload: any JSON "
        "value (of numbers below 1.8e308), which those who waited get, and all who ask "
        "until it is cleared.",
    .body = BODY_JSON,
    .formats = 1 << FORMAT_JSON,
    .answers = put_answers,
    .errors = put_errors,
    .example = "-X PUT --json '{\"port\":9090}' localhost:8080/events/ready",
    .home = route_id_home,
    .handle = put,
};

/* ---- DELETE: clear it ---------------------------------------------------------------
 */

static enum error
clear(struct exchange *exchange, const void *in, struct problem *problem)
{
    struct event *event =
        event_find(exchange_registry(exchange), exchange_id(exchange));

    (void)in;
    (void)problem;
    if (event)
        event_clear(event);
    object_reply_state(exchange, &event_class, exchange_id(exchange));
    return OK;
}

static const struct answer clear_answers[] = {
    {200, FORMAT_JSON, "It is not set, and keeps its generation.",
     "{\"set\":false,\"generation\":2,\"payload\":null,\"waiting\":0}"},
    {0},
};

static const enum error clear_errors[] = {OK};

const struct route route_event_clear = {
    .methods = METHOD_DELETE,
    .path = "/events/{id}",
    .path_field = &api_name_field,
    .text = "Clears an event: who asks from now on waits for the next set.",
    .more = "It is `event.clear()`.",
    .formats = 1 << FORMAT_JSON,
    .answers = clear_answers,
    .errors = clear_errors,
    .example = "-X DELETE localhost:8080/events/ready",
    .home = route_id_home,
    .handle = clear,
};

/* /keys: what is known of each key of fail_first and inflight_limit: how often a test's
 * client has tried. */
#include "api/app.h"

#include <stdlib.h>

enum { LIMIT_DEFAULT = 100, LIMIT_MOST = 1000 };

static struct tries *
tries_of(struct exchange *exchange)
{
    return &exchange_registry(exchange)->peers->tries;
}

static void
write_row(const struct tries_row *row, bool known, int64_t now_ns,
          struct json_writer *json)
{
    json_begin_object(json);
    json_member_string(json, "key", row->name);
    json_member_integer(json, "tried", (int64_t)row->tried);
    json_member_integer(json, "refused", (int64_t)row->refused);
    json_member_integer(json, "in_flight", (int64_t)row->in_flight);
    if (known) /* another worker's clock may be a moment ahead */
        json_member_seconds(json, "idle",
                            now_ns > row->used_ns ? now_ns - row->used_ns : 0);
    else
        json_member_null(json, "idle");
    json_end_object(json);
}

/* ---- GET /keys ----------------------------------------------------------------------
 */

enum order { ORDER_RECENT, ORDER_OLDEST };
static const char *const order_words[] = {"recent", "oldest", NULL};

struct list_in {
    struct value_integer limit;
    struct value_word order;
};

/* clang-format off */
static const struct field list_fields[] = {
    FIELD(struct list_in, limit, FIELD_INTEGER, .min = 1, .max = LIMIT_MOST,
          .fallback = LIMIT_DEFAULT, .fallback_text = "100", .example = "10",
          .text = "At most so many."),
    FIELD(struct list_in, order, FIELD_WORD, .words = order_words,
          .fallback_text = "recent", .example = "oldest",
          .text = "Those that were used last first, or last."),
};
/* clang-format on */

static void
write_list(struct exchange *exchange, const struct list_in *in, struct tries_row *rows,
           struct text *body)
{
    struct json_writer json = json_writer(body);
    int64_t now_ns = registry_now(exchange_registry(exchange));
    size_t total;
    size_t count = tries_list(tries_of(exchange), in->order.index == ORDER_OLDEST, rows,
                              (size_t)in->limit.value, &total);

    json_begin_object(&json);
    json_key(&json, "keys");
    json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        write_row(&rows[i], true, now_ns, &json);
    json_end_array(&json);
    json_member_integer(&json, "total", (int64_t)total);
    json_end_object(&json);
    text_string(body, "\n");
}

static enum error
list(struct exchange *exchange, const void *raw, struct problem *problem)
{
    const struct list_in *in = raw;
    struct tries_row *rows = calloc((size_t)in->limit.value, sizeof *rows);
    struct reply reply = {.status = 200};
    struct text body = {0};

    (void)problem;
    if (rows == NULL)
        return ERROR_OUT_OF_MEMORY;
    write_list(exchange, in, rows, &body);
    free(rows);
    exchange_reply(exchange, &reply, &body);
    return OK;
}

static const struct answer list_answers[] = {
    {200, FORMAT_JSON, "The keys; total counts all that there are.",
     "{\"keys\":[{\"key\":\"checkout\",\"tried\":3,\"refused\":0,\"in_flight\":1,"
     "\"idle\":0.25}],\"total\":1}"},
    {0},
};

static const enum error no_errors[] = {OK};

const struct route route_keys_list = {
    .methods = METHOD_GET,
    .path = "/keys",
    .text =
        "Lists the keys of `fail_first` and `inflight_limit`, with what is counted.",
    .more =
        "`tried` is how many waits were started with the key, `refused` how many "
        "`inflight_limit` answered at once instead, `in_flight` how many are counted "
        "by it and wait now, `idle` the seconds since the key was used. The keys are "
        "the same for all endpoints and all workers.",
    .in = SHAPE(struct list_in, list_fields),
    .formats = 1 << FORMAT_JSON,
    .answers = list_answers,
    .errors = no_errors,
    .example = "localhost:8080/keys",
    .handle = list,
};

/* ---- GET and DELETE /keys/{id} ------------------------------------------------------
 */

static enum error
get(struct exchange *exchange, const void *in, struct problem *problem)
{
    int64_t now_ns = registry_now(exchange_registry(exchange));
    struct tries_row row;
    bool known = tries_look(tries_of(exchange), exchange_id(exchange), &row);
    struct reply reply = {.status = 200};
    struct text body = {0};
    struct json_writer json = json_writer(&body);

    (void)in;
    (void)problem;
    write_row(&row, known, now_ns, &json);
    text_string(&body, "\n");
    exchange_reply(exchange, &reply, &body);
    return OK;
}

static const struct answer get_answers[] = {
    {200, FORMAT_JSON, "What is counted; of an unknown key, that it was never tried.",
     "{\"key\":\"checkout\",\"tried\":3,\"refused\":0,\"in_flight\":1,\"idle\":0.25}"},
    {0},
};

const struct route route_key_get = {
    .methods = METHOD_GET,
    .path = "/keys/{id}",
    .path_field = &api_name_field,
    .text = "Tells how often a key was tried.",
    .formats = 1 << FORMAT_JSON,
    .answers = get_answers,
    .errors = no_errors,
    .example = "localhost:8080/keys/checkout",
    .handle = get,
};

static enum error
forget(struct exchange *exchange, const void *in, struct problem *problem)
{
    struct reply reply = {.status = 204};
    struct text nothing = {0};

    (void)in;
    (void)problem;
    (void)!tries_forget(tries_of(exchange), exchange_id(exchange));
    exchange_reply(exchange, &reply, &nothing);
    return OK;
}

static const struct answer forget_answers[] = {
    {204, FORMAT_JSON, "It is not known any more, or never was.", NULL},
    {0},
};

const struct route route_key_delete = {
    .methods = METHOD_DELETE,
    .path = "/keys/{id}",
    .path_field = &api_name_field,
    .text = "Forgets a key: what is counted by it starts anew.",
    .more = "What is in flight goes on, and is not counted any more.",
    .formats = 1 << FORMAT_JSON,
    .answers = forget_answers,
    .errors = no_errors,
    .example = "-X DELETE localhost:8080/keys/checkout",
    .handle = forget,
};

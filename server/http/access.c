#include "http/access.h"

#include "async/delays.h"
#include "base/rfc3339.h"

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
    WRITE_MOST = PIPE_BUF, /* so much a pipe that is ready takes without blocking */
    TARGET_MOST = 1024,    /* bytes of a target that are told */
};

/* Only what ended by itself is late or not. */
static void
write_lateness(const struct record *own, int64_t elapsed_ns, struct json_writer *json)
{
    bool by_itself = own && (own->state == STATE_DONE || own->state == STATE_FAILED);
    double delay = by_itself ? record_delay(own) : -1;

    if (delay < 0)
        return;
    json_member_double(json, "delay", delay);
    json_member_seconds(json, "lateness", elapsed_ns - delay_to_ns(delay));
}

static void
write_line(struct exchange *exchange, struct json_writer *json)
{
    const struct registry *registry = exchange->server->registry;
    const char *asked = exchange->target + exchange->asked_at;
    bool answered = exchange->phase == EXCHANGE_SENDING || exchange->told;
    int64_t elapsed_ns = registry_now(registry) - exchange->received_ns;
    char time[RFC3339_SIZE];

    rfc3339_print(clock_system.wall_ns(&clock_system), time);
    json_begin_object(json);
    json_member_string(json, "time", time);
    json_member_integer(json, "worker", (int64_t)registry->worker);
    json_member_string(json, "method",
                       exchange->method ? method_name(exchange->method) : NULL);
    json_key(json, "target");
    json_write_bytes(json, asked, strnlen(asked, TARGET_MOST));
    if (answered)
        json_member_integer(json, "status", exchange->status);
    else
        json_member_null(json, "status");
    json_member_integer(json, "bytes", (int64_t)exchange->bytes);
    json_member_seconds(json, "elapsed", elapsed_ns);
    write_lateness(exchange->own, elapsed_ns, json);
    json_end_object(json);
}

void
access_add(struct exchange *exchange)
{
    struct text *lines = &exchange->server->access;

    if (exchange->asked_at == 0 || !exchange->seen)
        return;
    struct json_writer json = json_writer(lines);
    write_line(exchange, &json);
    text_string(lines, "\n");
}

/* The whole lines within the first bytes, or the first line where that is longer. */
static size_t
whole_lines(const char *bytes, size_t size)
{
    if (size <= WRITE_MOST)
        return size;
    const char *end = memrchr(bytes, '\n', WRITE_MOST);
    if (end == NULL)
        end = memchr(bytes, '\n', size);
    return end ? (size_t)(end - bytes) + 1 : size;
}

static bool
is_writable(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};

    return poll(&ready, 1, 0) == 1 && ready.revents & POLLOUT;
}

static size_t
count_lines(const char *bytes, size_t size)
{
    size_t lines = 0;

    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n';
    return lines;
}

void
access_flush(struct server *server)
{
    const char *bytes = server->access.bytes;
    size_t rest = server->access.size;

    while (rest > 0) {
        size_t size = whole_lines(bytes, rest);

        if (!is_writable(server->config.access_fd)
            || write(server->config.access_fd, bytes, size) < 0) {
            server->counts.access_dropped += count_lines(bytes, rest);
            break;
        }
        bytes += size;
        rest -= size;
    }
    if (server->access.failed)
        text_free(&server->access);
    text_clear(&server->access);
}

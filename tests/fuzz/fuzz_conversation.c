/*
 * fuzz_conversation.c: clients talk to the server, in this process. The bytes are what
 * they send; a '`' and the byte behind it say what happens in between:
 *
 *     `.   the server does all that it can do, while its clock stands
 *     `,   each worker does one turn
 *     `>   the clock goes to the next deadline
 *     `0 … `3   the client of that number goes on; it connects at first
 *     `x   its client sends a FIN;  `!   its client is gone at once
 *     ``   a '`'
 *
 * A first line "manual" or "jump" makes it a server of one worker with that clock;
 * otherwise there are two workers, and time goes as far as a deadline where the story
 * says so. At the end all time passes: every request is answered, what was sent is
 * HTTP, and when the clients have left nothing is there any more.
 */
#include "fuzz.h"

#include "answers.h"
#include "api/app.h"
#include "api/profiles.h"
#include "async/record.h"
#include "config.h"
#include "http/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    WORKERS = 2,
    CLIENTS = 4,
    TURNS_MOST = 20000,     /* at one instant */
    STEPS_MOST = 3000,      /* of the clock, at the end */
    READ_MOST = 256 * 1024, /* of one client; then it leaves */
};

struct client {
    int fd;     /* -1: it is not connected */
    bool heads; /* it has sent a HEAD, perhaps */
    struct text sent, got;
};

struct world {
    size_t workers;
    char path[64];
    struct asked_clock asked;
    struct profiles profiles;
    struct reach reach;
    struct config config;
    struct app app;
    struct log log;
    struct peers *peers;
    struct registry registry[WORKERS];
    struct server *server[WORKERS];
    struct client clients[CLIENTS];
};

/* ---- the world ---------------------------------------------------------------------
 */

static const struct registry_limits registry_limits = {
    .max_tasks = 100,
    .max_waits = 10000,
    .retention_ns = 60 * NS_PER_SECOND,
    .max_objects = 100,
    .max_object_bytes = 1 << 16,
    .idle_ttl_ns = 60 * NS_PER_SECOND,
};

static struct server_config
server_config(struct world *world)
{
    return (struct server_config){
        .port = -1,
        .unix_path = world->path,
        .max_connections = CLIENTS,
        .max_body = 4096,
        .connection_memory = 4096,
        .header_timeout_ns = 3600 * NS_PER_SECOND,
        .idle_timeout_ns = 3600 * NS_PER_SECOND,
        .stall_timeout_ns = 3600 * NS_PER_SECOND,
        .access_fd = -1,
        .asked = &world->asked,
        .reach = &world->reach,
        .limits = {[LIMIT_MAX_DELAY] = 300, [LIMIT_MAX_N] = 200},
        .routes = api_routes,
        .app = &world->app,
    };
}

static void
open_worker(struct world *world, size_t index)
{
    struct server_config config = server_config(world);
    uint64_t seed = index;
    TEXT_AUTO why = {0};

    registry_open(&world->registry[index], &registry_limits, world->asked.clock, &seed,
                  world->peers, index);
    world->server[index] =
        server_open(&config, &world->registry[index], index ? world->server[0] : NULL,
                    &world->log, &why);
    assert(world->server[index] != NULL);
}

static void
world_open(struct world *world, bool manual, bool jumping)
{
    enum action action;
    char *arguments[] = {"waitd"};
    TEXT_AUTO why = {0};

    *world = (struct world){
        .workers = manual || jumping ? 1 : WORKERS,
        .log = {.fd = STDERR_FILENO, .level = LOG_LEVEL_ERROR, .clock = &clock_system},
        .app = {.version = "fuzz",
                .routes = api_routes,
                .profiles = &world->profiles,
                .flags = &config_shape,
                .values = &world->config},
        .peers = peers_new(manual || jumping ? 1 : WORKERS),
    };
    snprintf(world->path, sizeof world->path, "/tmp/waitd-fuzz.%d", (int)getpid());
    asked_clock_open(&world->asked, jumping ? CLOCK_JUMPING : CLOCK_MANUAL, 0);
    world->asked.manual = manual_clock_at(CLOCK_START_NS, 1700000000 * NS_PER_SECOND);
    if (!manual && !jumping)
        world->asked.mode = CLOCK_REAL; /* to the servers; it is moved here */
    assert(world->peers != NULL);
    assert(config_read(1, arguments, &world->config, &action, &why));
    assert(profiles_open(&world->profiles, fuzz_limits, NULL, &why));
    for (size_t i = 0; i < world->workers; i++)
        open_worker(world, i);
    for (size_t i = 0; i < CLIENTS; i++)
        world->clients[i].fd = -1;
}

static bool
deliver(struct world *world)
{
    bool more = false;

    for (size_t i = 0; i < world->workers; i++)
        more = mailbox_deliver(&world->peers->at[i].mailbox, 64) || more;
    return more;
}

/* As workers_close does. */
static void
world_close(struct world *world)
{
    for (size_t i = 0; i < world->workers; i++) {
        registry_keep_all(&world->registry[i]);
        server_stop(world->server[i]);
        registry_cancel_all(&world->registry[i], REASON_DRAIN,
                            registry_now(&world->registry[i]));
    }
    for (size_t i = 0; i < 2 * world->workers; i++)
        while (deliver(world))
            continue;
    for (size_t i = 0; i < world->workers; i++) {
        server_close(world->server[i]);
        registry_close(&world->registry[i]);
    }
    api_close(&world->app);
    profiles_close(&world->profiles);
    peers_free(world->peers);
    for (size_t i = 0; i < CLIENTS; i++) {
        text_free(&world->clients[i].sent);
        text_free(&world->clients[i].got);
    }
}

/* ---- clients -----------------------------------------------------------------------
 */

static void
client_leave(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    answers_check(&client->got, client->heads);
    text_clear(&client->got);
    text_clear(&client->sent);
    client->heads = false;
}

/* True: something has come. */
static bool
client_read(struct client *client)
{
    char bytes[16384];

    if (client->fd < 0)
        return false;
    ssize_t size = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN)
        return false;
    if (size > 0)
        text_append(&client->got, bytes, (size_t)size);
    if (size <= 0 || client->got.size > READ_MOST)
        client_leave(client);
    return true;
}

static void
client_connect(struct world *world, struct client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (client->fd >= 0)
        return;
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, world->path);
    assert(client->fd >= 0);
    int failure =
        connect(client->fd, (const struct sockaddr *)&address, sizeof address);
    assert(failure == 0);
}

/* ---- time --------------------------------------------------------------------------
 */

static bool
has_events(struct server *server)
{
    struct pollfd hub = {.fd = server_hub(server)->epoll_fd, .events = POLLIN};

    return poll(&hub, 1, 0) > 0;
}

/* One turn of each; true: there is more to do at this instant. */
static bool
world_turn(struct world *world)
{
    bool busy = deliver(world);

    for (size_t i = 0; i < world->workers; i++) {
        if (has_events(world->server[i])) {
            hub_dispatch(server_hub(world->server[i]), false);
            busy = true;
        }
        busy = server_turn(world->server[i]) || busy;
    }
    for (size_t i = 0; i < CLIENTS; i++)
        busy = client_read(&world->clients[i]) || busy;
    for (size_t i = 0; i < world->workers; i++)
        busy = atomic_load(&world->peers->at[i].mailbox.newest) || busy;
    return busy;
}

static void
world_rest(struct world *world)
{
    size_t turns = 0;

    while (world_turn(world))
        assert(++turns < TURNS_MOST); /* it does not spin */
}

/* False: nothing stands in any registry's timers. */
static bool
world_step(struct world *world)
{
    struct manual_clock *clock = &world->asked.manual;
    int64_t next_ns = INT64_MAX;

    for (size_t i = 0; i < world->workers; i++) {
        int64_t at_ns = timers_next(&world->registry[i].timers);

        next_ns = at_ns < next_ns ? at_ns : next_ns;
    }
    if (next_ns == INT64_MAX)
        return false;
    if (next_ns > clock->now_ns)
        clock->now_ns = next_ns;
    world_rest(world);
    return true;
}

/* ---- the story ---------------------------------------------------------------------
 */

static void
say(struct world *world, struct client *client, const char *bytes, size_t size)
{
    client_connect(world, client);
    text_append(&client->sent, bytes, size);
    client->heads =
        client->heads || memmem(client->sent.bytes, client->sent.size, "HEAD", 4);
    while (size > 0 && client->fd >= 0) {
        ssize_t sent = send(client->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN)
            break;
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        } else if (!world_turn(world)) {
            break; /* it reads no further: a body that it has refused */
        }
    }
}

static void
happen(struct world *world, char what, struct client **client)
{
    if (what == '.')
        world_rest(world);
    else if (what == ',')
        (void)world_turn(world);
    else if (what == '>')
        (void)!world_step(world);
    else if (what >= '0' && what < '0' + CLIENTS)
        *client = &world->clients[what - '0'];
    else if (what == '`')
        say(world, *client, "`", 1);
    else if (what == 'x' && (*client)->fd >= 0)
        shutdown((*client)->fd, SHUT_WR);
    else if (what == '!')
        client_leave(*client);
}

static void
tell(struct world *world, char *story, size_t size)
{
    struct client *client = &world->clients[0];

    while (size > 0) {
        size_t part;
        size_t before = size;
        const char *bytes = fuzz_cut(&story, &size, '`', &part);

        if (part > 0)
            say(world, client, bytes, part);
        if (size > 0 && before > part) {
            happen(world, *story, &client);
            story++;
            size--;
        }
    }
}

/* ---- what must hold ----------------------------------------------------------------
 */

static size_t
count_records(const struct world *world)
{
    size_t count = 0;

    for (size_t i = 0; i < world->workers; i++)
        count += world->registry[i].count;
    return count;
}

static void
run_out(struct world *world)
{
    size_t steps = 0;

    world_rest(world);
    while (++steps < STEPS_MOST && world_step(world))
        continue;
}

/* Nobody waits, as nothing is left that could end the wait. */
static void
check_answered(struct world *world)
{
    for (size_t i = 0; i < world->workers; i++)
        if (timers_next(&world->registry[i].timers) != INT64_MAX)
            return;
    assert(quota_used(&world->peers->waits) == 0);
    assert(quota_used(&world->peers->tasks) == 0);
    assert(count_records(world) == 0);
}

static void
check_empty(struct world *world)
{
    for (size_t i = 0; i < CLIENTS; i++)
        client_leave(&world->clients[i]);
    run_out(world);
    for (size_t i = 0; i < world->workers; i++)
        registry_reset(&world->registry[i], registry_now(&world->registry[i]));
    run_out(world);
    for (size_t i = 0; i < world->workers; i++) {
        assert(server_connections(world->server[i]) == 0);
        assert(timers_next(&world->registry[i].timers) == INT64_MAX);
    }
    assert(count_records(world) == 0);
    assert(quota_used(&world->peers->waits) == 0);
    assert(quota_used(&world->peers->tasks) == 0);
    assert(quota_used(&world->peers->finished) == 0);
    assert(quota_used(&world->peers->objects) == 0);
    assert(quota_used(&world->peers->object_bytes) == 0);
    assert(quota_used(&world->peers->connections) == 0);
}

static bool
begins(char **story, size_t *size, const char *line)
{
    size_t length = strlen(line);

    if (*size < length || memcmp(*story, line, length) != 0)
        return false;
    *story += length;
    *size -= length;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size), *story = copy;
    bool manual = begins(&story, &size, "manual\n");
    bool jumping = !manual && begins(&story, &size, "jump\n");
    struct world *world = malloc(sizeof *world);

    assert(world != NULL);
    signal(SIGPIPE, SIG_IGN);
    world_open(world, manual, jumping);
    tell(world, story, size);
    run_out(world);
    check_answered(world);
    check_empty(world);
    world_close(world);
    free(world);
    free(copy);
    return 0;
}

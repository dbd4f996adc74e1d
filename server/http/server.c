#include "http/access.h"
#include "http/advance.h"
#include "http/errand.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PASSES = 3,           /* of one turn: so many an answer takes */
    PASSES_TO_SETTLE = 8, /* where answers are to leave before it ends */
    TIMERS_A_PASS = 64,   /* so that rows leave while more come due */
};
static const int64_t TURN_NS = NS_PER_MS / 2; /* then clients are listened to again */
static const int64_t SETTLE_NS = 10 * NS_PER_MS;   /* under load deadlines go on */
static const int64_t LINGER_NS = 100 * NS_PER_MS;  /* for clients that have just come */
static const int64_t FLUSH_NS = 2 * NS_PER_SECOND; /* for the last bytes of a drain */

/* ---- the turn ----------------------------------------------------------------------
 */

/* Fires what is due in both times; true where there may be more. */
static bool
fire(struct server *server)
{
    struct registry *registry = server->registry;
    size_t fired =
        timers_fire(&registry->timers, registry_now(registry), TIMERS_A_PASS);

    fired += timers_fire(&server->timers, clock_now(&clock_system), TIMERS_A_PASS);
    return fired > 0;
}

static bool
goes_on(const struct server *server, int pass, int64_t spent_ns)
{
    if (server->settling > 0)
        return pass < PASSES_TO_SETTLE;
    return pass < PASSES && spent_ns < TURN_NS;
}

static void
check_drained(struct server *server)
{
    bool over = (server->stage == DRAINING || server->stage == FLUSHING)
                && server->exchange_count == 0 && server->visits == NULL;

    if (!over && server->stage != GIVEN_UP)
        return;
    server->stage = DRAINED;
    timers_stop(&server->timers, &server->drain_timer);
    server->drained(server->drained_owner);
}

bool
server_turn(struct server *server)
{
    int64_t begun_ns = clock_now(&clock_system), now_ns = begun_ns;
    bool busy = true;

    for (int pass = 0; busy && goes_on(server, pass, now_ns - begun_ns); pass++) {
        busy = fire(server);
        visits_run(server);
        cells_run(server);
        busy = busy || !STAILQ_EMPTY(&server->dirty)
               || !STAILQ_EMPTY(&server->visits_ready);
        if (!busy && server->moves_clock && TAILQ_EMPTY(&server->ballots))
            busy = advances_step(server);
        now_ns = clock_now(&clock_system);
    }
    if (surveys_run(server)) {
        busy = true;
        now_ns = clock_now(&clock_system);
    }
    connections_reap(server);
    cells_trim(server, CELLS_KEPT_EMPTY);
    server->turns++;
    server->now_ns = 0;
    server->turned_ns = now_ns;
    histogram_add(&server->counts.turns, now_ns - begun_ns);
    if (server->access.size > 0)
        access_flush(server);
    check_drained(server);
    return busy;
}

int64_t
server_next_ns(struct server *server)
{
    const struct registry *registry = server->registry;
    int64_t asked_ns = clock_due(registry->clock, timers_next(&registry->timers));

    if (server->turned_ns >= server->settle_ns) {
        connections_settle(server, asked_ns);
        server->settle_ns = server->turned_ns + SETTLE_NS;
    }
    int64_t real_ns = timers_next(&server->timers);

    return asked_ns < real_ns ? asked_ns : real_ns;
}

struct hub *
server_hub(struct server *server)
{
    return &server->hub;
}

/* ---- opening and closing -----------------------------------------------------------
 */

static void
init(struct server *server, const struct server_config *config,
     struct registry *registry, const struct log *log)
{
    server->config = *config;
    server->registry = registry;
    server->log = log;
    server->tcp.fd = server->local.fd = -1;
    server->moves_clock = clock_mode_is_moved(config->asked->mode);
    TAILQ_INIT(&server->advances);
    TAILQ_INIT(&server->ballots);
    TAILQ_INIT(&server->connections);
    TAILQ_INIT(&server->dead);
    TAILQ_INIT(&server->cells_with_room);
    TAILQ_INIT(&server->cells_full);
    TAILQ_INIT(&server->cells_empty);
    STAILQ_INIT(&server->dirty);
    STAILQ_INIT(&server->visits_ready);
    registry->front = server;
}

static void
free_tables(struct server *server)
{
    for (size_t i = 0; server->prepared && i < server->routes; i++)
        free(server->prepared[i]);
    free(server->prepared);
    free(server->counts.requests);
}

static struct prepared_route *
prepare(const struct shape *in, const double *limits)
{
    struct prepared_route *prepared = malloc(sizeof *prepared + in->size);

    assert(in->size <= PARAMETERS_MAX);
    if (prepared == NULL)
        return NULL;
    prepared->format = shape_find(in, "format", strlen("format"));
    shape_defaults(in, limits, prepared->defaults);
    return prepared;
}

/* What goes by route. */
static bool
make_tables(struct server *server)
{
    const struct route *const *routes = server->config.routes;
    size_t count = 0;

    while (routes[count])
        count++;
    server->routes = count;
    server->counts.requests = calloc(count + 1, sizeof *server->counts.requests);
    if (server->counts.requests == NULL)
        return false;
    server->prepared = calloc(count + 1, sizeof(struct prepared_route *));
    for (size_t i = 0; server->prepared && i < count; i++) {
        server->prepared[i] = prepare(&routes[i]->in, server->config.limits);
        if (server->prepared[i] == NULL)
            return false;
    }
    return server->prepared != NULL;
}

static bool
copy_tokens(struct server *server)
{
    if (server->config.tokens == NULL)
        return true;
    server->tokens = tokens_copy(server->config.tokens);
    server->config.tokens = NULL; /* they are lent for this call */
    return server->tokens != NULL;
}

/* libmicrohttpd has found itself in a state that it cannot mend. */
static void
on_panic(void *context, const char *file, unsigned line, const char *reason)
{
    const struct log *log = context;

    (void)line;
    LOG(log, LOG_LEVEL_ERROR, "panic", {"library", "libmicrohttpd"}, {"file", file},
        {"reason", reason});
    _exit(EXIT_PANIC);
}

static bool
listen_or_join(struct server *server, const struct server *first, struct text *why)
{
    const struct server_config *config = &server->config;

    if (first)
        return listeners_join(server, first, why);
    return (config->port < 0 || listener_open_tcp(server, why))
           && (!config->unix_path || listener_open_unix(server, why));
}

struct server *
server_open(const struct server_config *config, struct registry *registry,
            const struct server *first, const struct log *log, struct text *why)
{
    struct server *server = calloc(1, sizeof *server);

    if (server == NULL || !hub_open(&server->hub)) {
        text_string(why, "cannot start: no memory or no descriptors");
        free(server);
        return NULL;
    }
    init(server, config, registry, log);
    MHD_set_panic_func(on_panic, (void *)(uintptr_t)log);
    bool ready = make_tables(server) && copy_tokens(server);
    if (!ready)
        text_string(why, "cannot start: no memory");
    if (ready && listen_or_join(server, first, why))
        return server;
    server_stop(server);
    server_close(server);
    return NULL;
}

/* What is still held is woken, so that libmicrohttpd can be stopped: it panics over
 * suspended connections. */
static void
drop_connections(struct server *server)
{
    struct connection *connection;

    TAILQ_FOREACH (connection, &server->connections, in_server) {
        connection->gone = true;
        if (connection->exchange)
            exchange_client_left(connection->exchange, true);
        connection_cut(connection);
    }
    cells_run(server);
}

/* Those that never sent a byte are not in any cell. */
static void
drop_silent(struct server *server)
{
    struct connection *connection = TAILQ_FIRST(&server->connections);

    while (connection != NULL) {
        struct connection *next = TAILQ_NEXT(connection, in_server);

        if (connection->cell == NULL) {
            close(connection->fd);
            connection_closed(connection);
        }
        connection = next;
    }
}

void
server_stop(struct server *server)
{
    struct cell_list *lists[] = {&server->cells_with_room, &server->cells_full};

    listeners_close(server);
    drop_connections(server);
    drop_silent(server);
    for (size_t i = 0; i < COUNT(lists); i++) {
        struct cell *cell;

        /* Stopping closes the last connection, and that moves the cell to the empty. */
        while ((cell = TAILQ_FIRST(lists[i])) != NULL)
            cell_stop(cell);
    }
    cells_trim(server, 0);
    connections_reap(server);
    if (server->access.size > 0)
        access_flush(server);
}

void
server_close(struct server *server)
{
    assert(server->visits == NULL && server->away == NULL);
    surveys_drop(server);
    timers_free(&server->timers);
    hub_close(&server->hub);
    free_tables(server);
    small_answers_free(server);
    tokens_free(server->tokens);
    text_free(&server->access);
    free(server);
}

const struct asked_clock *
server_clock(const struct server *server)
{
    return server->config.asked;
}

struct registry *
server_registry(const struct server *server)
{
    return server->registry;
}

int
server_port(const struct server *server)
{
    return server->port;
}

void
server_take_tokens(struct server *server, struct tokens *tokens)
{
    tokens_free(server->tokens);
    server->tokens = tokens;
}

const struct server_counts *
server_counts(const struct server *server)
{
    return &server->counts;
}

size_t
server_routes(const struct server *server)
{
    return server->routes;
}

size_t
server_connections(const struct server *server)
{
    return server->connection_count;
}

size_t
server_cells(const struct server *server)
{
    return server->cell_count;
}

const char *
server_library_version(void)
{
    return MHD_get_version();
}

/* ---- draining ----------------------------------------------------------------------
 */

bool
server_draining(const struct server *server)
{
    return server->stage != SERVING;
}

static void
enter(struct server *server, enum stage stage, int64_t until_ns)
{
    server->stage = stage;
    /* Cannot fail for want of memory: nothing else has started since it fired. */
    (void)!timers_start(&server->timers, &server->drain_timer, TIMER_LIMIT, until_ns);
}

static void
on_drain(struct timer *timer, int64_t now_ns)
{
    struct server *server = CONTAINER_OF(timer, struct server, drain_timer);

    switch (server->stage) {
    case LINGERING: enter(server, DRAINING, now_ns + server->drain_limit_ns); break;
    case DRAINING:
        enter(server, FLUSHING, now_ns + FLUSH_NS);
        registry_cancel_all(server->registry, REASON_DRAIN,
                            registry_now(server->registry));
        break;
    default: server->stage = GIVEN_UP;
    }
}

void
server_drain(struct server *server, int64_t limit_ns, void (*drained)(void *owner),
             void *owner)
{
    int64_t linger_ns = limit_ns < LINGER_NS ? limit_ns : LINGER_NS;

    server->drained = drained;
    server->drained_owner = owner;
    server->drain_limit_ns = limit_ns - linger_ns;
    server->drain_timer.fire = on_drain;
    enter(server, LINGERING, clock_now(&clock_system) + linger_ns);
    listeners_close(server);
}

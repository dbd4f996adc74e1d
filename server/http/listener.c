#include "http/http_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    ACCEPTS_A_TURN = 64,
    UNSENT_MOST = 128 * 1024, /* bytes that a socket holds for a client that does not
                                 read: by itself it would take megabytes */
    NARROW_BUFFER = MEMORY_BUFFER / 2, /* the kernel takes it twice */
};
static const int64_t AGAIN_NS = 100 * NS_PER_MS; /* after running out of places */

/* False: it is still as it was. */
static bool
pause_listener(struct listener *listener, bool paused)
{
    if (listener->fd < 0 || listener->paused == paused)
        return true;
    if (!hub_change(&listener->server->hub, listener->fd, paused ? 0 : EPOLLIN,
                    &listener->source))
        return false;
    listener->paused = paused;
    return true;
}

static void
on_again(struct timer *timer, int64_t now_ns)
{
    (void)now_ns;
    listeners_resume(CONTAINER_OF(timer, struct server, accept_again));
}

/* False: out of memory. */
static bool
accept_again_soon(struct server *server)
{
    int64_t at_ns = clock_now(&clock_system) + AGAIN_NS;

    server->accept_again.fire = on_again;
    return !timers_start(&server->timers, &server->accept_again, TIMER_LIMIT, at_ns);
}

void
listeners_resume(struct server *server)
{
    timers_stop(&server->timers, &server->accept_again);
    bool resumed = pause_listener(&server->tcp, false);
    if (!pause_listener(&server->local, false) || !resumed)
        (void)!accept_again_soon(server); /* there is room: it has just stopped */
}

/* No place, descriptor, or memory: until a connection closes, or a while has passed.
 * Where nothing would tell of that, it goes on listening. */
static void
pause_for_room(struct server *server, enum accept_pause reason)
{
    server->counts.pauses[reason]++;
    if (!accept_again_soon(server))
        return;
    (void)pause_listener(&server->tcp, true);
    (void)pause_listener(&server->local, true);
}

/* Counts one more, where there is room for it; else accepting pauses. A drain takes all
 * that waits, as far as there are descriptors. */
static bool
take_place(struct server *server)
{
    struct quota *connections = &server->registry->peers->connections;
    size_t most = server->stage == SERVING ? server->config.max_connections : SIZE_MAX;

    if (!cells_have_room(server)) {
        pause_for_room(server, PAUSE_SYSTEM);
        return false;
    }
    if (quota_take(connections, 1, most))
        return true;
    pause_for_room(server, PAUSE_CONNECTIONS);
    return false;
}

/* It may stay, or is told why not. */
static void
let_in(struct server *server, int fd, const struct sockaddr_storage *address)
{
    struct peers *peers = server->registry->peers;
    struct address *from = NULL;
    enum error error = memory_fits_at_all(peers, 0) ? OK : ERROR_TOO_MUCH_MEMORY;

    if (!error && address->ss_family != AF_UNIX)
        error = addresses_enter(&peers->addresses, addresses_host(address), &from);
    if (!error) {
        connection_open(server, fd, from);
        return;
    }
    quota_give(&peers->connections, 1);
    connection_turn_away(server, fd, error);
}

/* For most servers each may stay. */
static int
accept_one(struct listener *listener)
{
    struct server *server = listener->server;
    const struct peers *peers = server->registry->peers;
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    socklen_t size = sizeof address;
    bool asks = peers->addresses.most > 0 || peers->memory.limit > 0;
    int fd = accept4(listener->fd, asks ? (struct sockaddr *)&address : NULL,
                     asks ? &size : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0 && asks)
        let_in(server, fd, &address);
    else if (fd >= 0)
        connection_open(server, fd, NULL);
    return fd;
}

/* Accepts up to `most`; false where the backlog is empty or nothing can be accepted. */
static bool
accept_some(struct listener *listener, size_t most)
{
    struct server *server = listener->server;

    for (size_t i = 0; i < most; i++) {
        if (!take_place(server))
            return false;
        if (accept_one(listener) >= 0)
            continue;
        quota_give(&server->registry->peers->connections, 1);
        if (errno == EAGAIN)
            return false;
        if (errno == ECONNABORTED || errno == EINTR)
            continue;
        pause_for_room(server, PAUSE_SYSTEM);
        return false;
    }
    return true;
}

/* Clients mostly come one by one: then a second accept would only say so. Where the one
 * of the last turn was not the last, all are taken. */
static void
on_ready(struct hub_source *source, uint32_t events)
{
    struct listener *listener = CONTAINER_OF(source, struct listener, source);
    uint64_t turns = listener->server->turns;
    bool crowded = turns - listener->accepted_at <= 1;

    (void)events;
    listener->accepted_at = turns;
    if (listener->fd >= 0)
        accept_some(listener, crowded ? ACCEPTS_A_TURN : 1);
}

/* Else a client that does not read may hold megabytes in the kernel. */
static void
narrow_buffers(int fd)
{
    int size = NARROW_BUFFER;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

static bool
listen_on(struct server *server, struct listener *listener, int fd)
{
    listener->server = server;
    listener->source.ready = on_ready;
    if (server->config.max_memory)
        narrow_buffers(fd);
    if (listen(fd, BACKLOG) != 0
        || !hub_add(&server->hub, fd, EPOLLIN, &listener->source))
        return false;
    listener->fd = fd;
    return true;
}

/* What every accepted socket inherits. */
static void
set_options(int fd)
{
    int on = 1, unsent = UNSENT_MOST;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

static void
share_port(int fd)
{
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

/* The first worker binds before it shares the port: so it hears where another program
 * has it, and none can take a part of the connections. */
static int
bind_tcp(const struct sockaddr *address, socklen_t size, bool first)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_options(fd);
    if (!first)
        share_port(fd);
    if (bind(fd, address, size) == 0) {
        share_port(fd);
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* False: errno. */
static bool
read_address(int fd, union socket_address *out)
{
    socklen_t size = sizeof *out;

    return getsockname(fd, &out->any, &size) == 0;
}

/* 0: errno says why it cannot be known. */
static int
bound_port(int fd)
{
    union socket_address address = {0};

    if (!read_address(fd, &address))
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port
                                                   : address.v4.sin_port);
}

bool
server_is_reachable(const struct server *server)
{
    union socket_address address = {0};

    if (server->tcp.fd < 0 || !read_address(server->tcp.fd, &address))
        return false;
    if (address.any.sa_family == AF_INET6)
        return !IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr);
    return ntohl(address.v4.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
}

bool
listener_open_tcp(struct server *server, struct text *why)
{
    const char *host = server->config.host;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char port[16];

    snprintf(port, sizeof port, "%d", server->config.port);
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure) {
        text_format(why, "cannot listen on host %s: %s", host, gai_strerror(failure));
        return false;
    }
    int fd = bind_tcp(found->ai_addr, found->ai_addrlen, true);
    freeaddrinfo(found);
    server->port = fd < 0 ? 0 : bound_port(fd);
    if (server->port != 0 && listen_on(server, &server->tcp, fd))
        return true;
    text_format(why, "cannot listen on %s port %s: %s", host, port, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

/* The port of the first worker, and its unix socket. */
static bool
join_tcp(struct server *server, const struct server *first)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;

    server->port = first->port;
    if (getsockname(first->tcp.fd, (struct sockaddr *)&address, &size) != 0)
        return false;
    int fd = bind_tcp((struct sockaddr *)&address, size, false);
    return fd >= 0 && listen_on(server, &server->tcp, fd);
}

static bool
join_unix(struct server *server, const struct server *first)
{
    int fd = fcntl(first->local.fd, F_DUPFD_CLOEXEC, 0);

    return fd >= 0 && listen_on(server, &server->local, fd);
}

bool
listeners_join(struct server *server, const struct server *first, struct text *why)
{
    if ((first->tcp.fd < 0 || join_tcp(server, first))
        && (first->local.fd < 0 || join_unix(server, first)))
        return true;
    text_format(why, "cannot listen in another worker: %s", strerror(errno));
    return false;
}

/* Removes a socket that nobody listens on any more. */
static void
remove_stale(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0
        && errno == ECONNREFUSED)
        unlink(address->sun_path);
    close(fd);
}

bool
listener_open_unix(struct server *server, struct text *why)
{
    const char *path = server->config.unix_path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path) + 1;

    if (size > sizeof address.sun_path) {
        text_format(why, "cannot listen on %s: longer than %zu bytes", path,
                    sizeof address.sun_path - 1);
        return false;
    }
    memcpy(address.sun_path, path, size);
    remove_stale(&address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0
        && listen_on(server, &server->local, fd))
        return true;
    text_format(why, "cannot listen on %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

static void
close_listener(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    while (accept_some(listener, ACCEPTS_A_TURN))
        continue;
    /* Another worker may have it open, too. */
    hub_remove(&listener->server->hub, listener->fd);
    close(listener->fd);
    listener->fd = -1;
}

void
listeners_close(struct server *server)
{
    bool had_local = server->local.fd >= 0;

    close_listener(&server->tcp);
    close_listener(&server->local);
    if (had_local && server->registry->worker == 0)
        unlink(server->config.unix_path);
    timers_stop(&server->timers, &server->accept_again);
}

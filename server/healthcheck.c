#include "healthcheck.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMEOUT_S = 2 };

static int
timed_socket(int family)
{
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    return fd;
}

static int
connected(int family, const struct sockaddr *address, socklen_t size)
{
    int fd = timed_socket(family);

    if (fd >= 0 && connect(fd, address, size) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int
connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path) + 1;

    if (size > sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, size);
    return connected(AF_UNIX, (struct sockaddr *)&address, sizeof address);
}

static bool
is_any(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static int
connect_tcp(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;

    if (getaddrinfo(is_any(host) ? NULL : host, port, &hints, &found) != 0)
        return -1;
    int fd = -1;
    for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = connected(at->ai_family, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(found);
    return fd;
}

static bool
read_port(const struct config *config, char port[16])
{
    if (config->port_file.bytes == NULL) {
        snprintf(port, 16, "%d", (int)config->port.count);
        return config->port.word != 0;
    }
    FILE *file = fopen(config->port_file.bytes, "re");
    if (file == NULL)
        return false;
    bool read = fscanf(file, "%5[0-9]", port) == 1;
    fclose(file);
    return read;
}

static bool
answers_ok(int fd)
{
    static const char request[] =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    static const char wanted[] = "HTTP/1.1 200 ";
    char answer[sizeof wanted] = {0};
    size_t got = 0;

    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        return false;
    while (got < sizeof wanted - 1) {
        ssize_t size = recv(fd, answer + got, sizeof wanted - 1 - got, 0);

        if (size <= 0)
            return false;
        got += (size_t)size;
    }
    return strcmp(answer, wanted) == 0;
}

bool
healthcheck(const struct config *config)
{
    char port[16];
    int fd = -1;

    if (config->unix.bytes)
        fd = connect_unix(config->unix.bytes);
    else if (read_port(config, port))
        fd = connect_tcp(config->host.bytes, port);
    if (fd < 0)
        return false;
    bool well = answers_ok(fd);
    close(fd);
    return well;
}

/*
 * fail.c: waitd_torture is waitd, in which the n-th call that can fail does fail. The
 * linker puts the functions below in the place of those that our code calls
 * (-Wl,--wrap=…, CMakeLists.txt); what libraries call is theirs, but jansson's memory,
 * which is ours.
 *
 * The file that WAITD_TORTURE names is shared with torture.py, which says there which
 * call is to fail, and reads there which it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

struct control {
    _Atomic uint32_t first; /* the number of the call, from 1; 0: count none */
    _Atomic uint32_t count; /* so many fail, from that on */
    _Atomic uint32_t calls; /* since torture.py has set it to 0 */
    _Atomic uint32_t failed;
    _Atomic uint32_t memory; /* 1: only what allocates counts */
    _Atomic uint32_t breaks; /* the next answer takes libmicrohttpd's descriptor away */
    char name[48];           /* of the first that has failed */
};

static struct control *control;

static bool
allocates(const char *name)
{
    static const char *const names[] = {"malloc", "calloc", "realloc", "strdup"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool
fails(const char *name)
{
    uint32_t first = control ? atomic_load(&control->first) : 0;
    if (first == 0 || (atomic_load(&control->memory) && !allocates(name)))
        return false;
    uint32_t call = atomic_fetch_add(&control->calls, 1) + 1;
    if (call < first || call - first >= atomic_load(&control->count))
        return false;
    if (atomic_fetch_add(&control->failed, 1) == 0)
        snprintf(control->name, sizeof control->name, "%s", name);
    return true;
}

/* Instead of `name`: hands on, or gives `failure` with that errno. */
/* clang-format off */
#define FALLIBLE(type, name, failure, error, parameters, arguments)                      \
    type __real_##name parameters;                                                       \
    type __wrap_##name parameters;                                                       \
    type __wrap_##name parameters                                                        \
    {                                                                                    \
        if (!fails(#name))                                                               \
            return __real_##name arguments;                                              \
        errno = error;                                                                   \
        return failure;                                                                  \
    }

FALLIBLE(void *, malloc, NULL, ENOMEM, (size_t size), (size))
FALLIBLE(void *, calloc, NULL, ENOMEM, (size_t count, size_t size), (count, size))
FALLIBLE(void *, realloc, NULL, ENOMEM, (void *old, size_t size), (old, size))
FALLIBLE(char *, strdup, NULL, ENOMEM, (const char *text), (text))

FALLIBLE(int, accept4, -1, EMFILE,
         (int fd, struct sockaddr *at, socklen_t *size, int flags), (fd, at, size, flags))
FALLIBLE(int, epoll_create1, -1, EMFILE, (int flags), (flags))
FALLIBLE(int, epoll_wait, -1, EINTR,
         (int fd, struct epoll_event *events, int most, int ms), (fd, events, most, ms))
FALLIBLE(int, timerfd_create, -1, EMFILE, (int clock, int flags), (clock, flags))
FALLIBLE(int, timerfd_settime, -1, EINVAL,
         (int fd, int flags, const struct itimerspec *new, struct itimerspec *old),
         (fd, flags, new, old))
FALLIBLE(int, socket, -1, EMFILE, (int family, int type, int protocol),
         (family, type, protocol))
FALLIBLE(int, bind, -1, EADDRINUSE, (int fd, const struct sockaddr *at, socklen_t size),
         (fd, at, size))
FALLIBLE(int, listen, -1, EADDRINUSE, (int fd, int backlog), (fd, backlog))
FALLIBLE(int, connect, -1, ENOMEM, (int fd, const struct sockaddr *at, socklen_t size),
         (fd, at, size))
FALLIBLE(int, getsockname, -1, ENOBUFS, (int fd, struct sockaddr *at, socklen_t *size),
         (fd, at, size))
FALLIBLE(int, setsockopt, -1, ENOMEM,
         (int fd, int level, int name, const void *value, socklen_t size),
         (fd, level, name, value, size))
FALLIBLE(ssize_t, recv, -1, ECONNRESET, (int fd, void *bytes, size_t size, int flags),
         (fd, bytes, size, flags))
FALLIBLE(ssize_t, send, -1, ENOBUFS, (int fd, const void *bytes, size_t size, int flags),
         (fd, bytes, size, flags))
FALLIBLE(ssize_t, write, -1, ENOSPC, (int fd, const void *bytes, size_t size),
         (fd, bytes, size))
FALLIBLE(FILE *, fopen, NULL, EMFILE, (const char *path, const char *mode), (path, mode))
FALLIBLE(ssize_t, getrandom, -1, EINTR, (void *bytes, size_t size, unsigned flags),
         (bytes, size, flags))
FALLIBLE(int, getaddrinfo, EAI_MEMORY, ENOMEM,
         (const char *host, const char *port, const struct addrinfo *hints,
          struct addrinfo **found), (host, port, hints, found))

FALLIBLE(int, uv_loop_init, UV_ENOMEM, ENOMEM, (uv_loop_t *loop), (loop))
FALLIBLE(int, uv_async_init, UV_EMFILE, EMFILE,
         (uv_loop_t *loop, uv_async_t *async, uv_async_cb call), (loop, async, call))
FALLIBLE(int, uv_signal_init, UV_EMFILE, EMFILE, (uv_loop_t *loop, uv_signal_t *signal),
         (loop, signal))
FALLIBLE(int, uv_signal_start, UV_EINVAL, EINVAL,
         (uv_signal_t *signal, uv_signal_cb call, int number), (signal, call, number))
FALLIBLE(int, uv_thread_create, UV_EAGAIN, EAGAIN,
         (uv_thread_t *thread, uv_thread_cb entry, void *argument),
         (thread, entry, argument))

FALLIBLE(struct MHD_Response *, MHD_create_response_from_buffer, NULL, ENOMEM,
         (size_t size, void *bytes, enum MHD_ResponseMemoryMode mode), (size, bytes, mode))
FALLIBLE(struct MHD_Response *, MHD_create_response_from_callback, NULL, ENOMEM,
         (uint64_t size, size_t block, MHD_ContentReaderCallback read, void *context,
          MHD_ContentReaderFreeCallback done), (size, block, read, context, done))
FALLIBLE(enum MHD_Result, MHD_add_response_header, MHD_NO, ENOMEM,
         (struct MHD_Response *response, const char *name, const char *value),
         (response, name, value))
/* clang-format on */

/* Nothing makes the kernel fail to forget a descriptor. */
int __real_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int
__wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    if (what == EPOLL_CTL_DEL || !fails("epoll_ctl"))
        return __real_epoll_ctl(epoll, what, fd, event);
    errno = ENOMEM;
    return -1;
}

int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, int value);
int
__wrap_fcntl(int fd, int what, int value)
{
    if (!fails("fcntl"))
        return __real_fcntl(fd, what, value);
    errno = EMFILE;
    return -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, mode_t mode);
int
__wrap_open(const char *path, int flags, mode_t mode)
{
    if (!fails("open"))
        return __real_open(path, flags, mode);
    errno = EMFILE;
    return -1;
}

/* The library closes what it does not take. */
enum MHD_Result
__real_MHD_add_connection(struct MHD_Daemon *daemon, int fd,
                          const struct sockaddr *address, socklen_t size);
enum MHD_Result
__wrap_MHD_add_connection(struct MHD_Daemon *daemon, int fd,
                          const struct sockaddr *address, socklen_t size);
enum MHD_Result
__wrap_MHD_add_connection(struct MHD_Daemon *daemon, int fd,
                          const struct sockaddr *address, socklen_t size)
{
    if (!fails("MHD_add_connection"))
        return __real_MHD_add_connection(daemon, fd, address, size);
    close(fd);
    return MHD_NO;
}

struct MHD_Daemon *
__wrap_MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept,
                        void *accept_context, MHD_AccessHandlerCallback handle,
                        void *handle_context, ...);
struct MHD_Daemon *
__wrap_MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept,
                        void *accept_context, MHD_AccessHandlerCallback handle,
                        void *handle_context, ...)
{
    va_list options;
    struct MHD_Daemon *daemon;

    if (fails("MHD_start_daemon"))
        return NULL;
    va_start(options, handle_context);
    daemon = MHD_start_daemon_va(flags, port, accept, accept_context, handle,
                                 handle_context, options);
    va_end(options);
    return daemon;
}

/* It panics when it closes what somebody else has closed. */
enum MHD_Result
__real_MHD_queue_response(struct MHD_Connection *connection, unsigned status,
                          struct MHD_Response *response);
enum MHD_Result
__wrap_MHD_queue_response(struct MHD_Connection *connection, unsigned status,
                          struct MHD_Response *response);
enum MHD_Result
__wrap_MHD_queue_response(struct MHD_Connection *connection, unsigned status,
                          struct MHD_Response *response)
{
    if (fails("MHD_queue_response"))
        return MHD_NO;
    if (control && atomic_exchange(&control->breaks, 0))
        close(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                  ->connect_fd);
    return __real_MHD_queue_response(connection, status, response);
}

__attribute__((constructor)) static void
share_control(void)
{
    const char *path = getenv("WAITD_TORTURE");
    int fd = path ? __real_open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *memory =
        mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory != MAP_FAILED)
        control = memory;
}

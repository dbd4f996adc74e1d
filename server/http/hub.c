#include "http/hub.h"

#include <unistd.h>

enum { AT_ONCE = 256 }; /* events of one turn; the rest stay in the kernel */

bool
hub_open(struct hub *hub)
{
    hub->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return hub->epoll_fd >= 0;
}

void
hub_close(struct hub *hub)
{
    close(hub->epoll_fd);
}

bool
hub_add(struct hub *hub, int fd, uint32_t events, struct hub_source *source)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(hub->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void
hub_remove(struct hub *hub, int fd)
{
    (void)epoll_ctl(hub->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

bool
hub_change(struct hub *hub, int fd, uint32_t events, struct hub_source *source)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(hub->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0;
}

void
hub_dispatch(struct hub *hub, bool wait)
{
    struct epoll_event events[AT_ONCE];
    int count = epoll_wait(hub->epoll_fd, events, AT_ONCE, wait ? -1 : 0);

    for (int i = 0; i < count; i++) {
        struct hub_source *source = events[i].data.ptr;

        source->ready(source, events[i].events);
    }
}

/*
 * hub.h: one epoll for all descriptors of a worker: listeners, clients, its timer, and
 * the backend of its uv loop.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <sys/epoll.h>

struct hub {
    int epoll_fd;
};

/* Embedded in what owns the descriptor. It must stay in memory until hub_dispatch has
 * returned, even when its descriptor was closed meanwhile. */
struct hub_source {
    void (*ready)(struct hub_source *source, uint32_t events);
};

/* False: no descriptor to be had (errno). */
MUST_USE bool hub_open(struct hub *hub);
void hub_close(struct hub *hub);

/* Closing the descriptor removes it. False: errno. */
MUST_USE bool
hub_add(struct hub *hub, int fd, uint32_t events, struct hub_source *source);

/* For a descriptor that others hold open. */
void hub_remove(struct hub *hub, int fd);

/* 0 events: it is quiet until the next change. False: errno. */
MUST_USE bool
hub_change(struct hub *hub, int fd, uint32_t events, struct hub_source *source);

/* Hands what is ready to its sources; with `wait` it sleeps until there is something.
 */
void hub_dispatch(struct hub *hub, bool wait);

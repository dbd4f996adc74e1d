/*
 * addresses.h: how many connections each address has, where that is limited
 * (--max-connections-per-address). One table for all workers, under a lock. Any thread.
 */
#pragma once

#include "base/error.h"

#include <pthread.h>

struct sockaddr_storage;
struct address; /* that has a connection */

struct addresses {
    size_t most; /* connections of one; 0: no limit, and none is counted. Set before
                    there is a second thread */
    pthread_mutex_t mutex;
    struct address *by_host; /* uthash */
};

/* What counts together: an IPv4 address, also as IPv6 writes it; or the first 64 bits
 * of one of IPv6, of which a single host may have all the rest. */
uint64_t addresses_host(const struct sockaddr_storage *address);

void addresses_open(struct addresses *addresses);
void addresses_close(struct addresses *addresses); /* all have left */

/* One more of that host. *out is to be given back; it is NULL where nothing is counted.
 * Errors: too-many-connections, out-of-memory. */
MUST_USE enum error
addresses_enter(struct addresses *addresses, uint64_t host, struct address **out);

void addresses_leave(struct addresses *addresses, struct address *address);

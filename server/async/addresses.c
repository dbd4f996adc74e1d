#include "async/addresses.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct address {
    UT_hash_handle by_host;
    uint64_t host;
    size_t connections;
};

/* No client has an IPv6 address with the prefix that stands for IPv4 here: multicast.
 */
uint64_t
addresses_host(const struct sockaddr_storage *address)
{
    static const uint64_t ipv4 = 0xffffffff00000000;
    const struct sockaddr_in *four = (const void *)address;
    const struct in6_addr *six =
        &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    uint64_t prefix;

    if (address->ss_family == AF_INET)
        return ipv4 | ntohl(four->sin_addr.s_addr);
    if (IN6_IS_ADDR_V4MAPPED(six))
        return ipv4 | ntohl(six->s6_addr32[3]);
    memcpy(&prefix, six->s6_addr, sizeof prefix);
    return be64toh(prefix);
}

void
addresses_open(struct addresses *addresses)
{
    *addresses = (struct addresses){.most = 0};
    pthread_mutex_init(&addresses->mutex, NULL); /* on Linux it cannot fail */
}

void
addresses_close(struct addresses *addresses)
{
    assert(addresses->by_host == NULL);
    pthread_mutex_destroy(&addresses->mutex);
}

static struct address *
add(struct addresses *addresses, uint64_t host)
{
    struct address *address = calloc(1, sizeof *address);

    if (address == NULL)
        return NULL;
    address->host = host;
    HASH_ADD(by_host, addresses->by_host, host, sizeof address->host, address);
    if (address->by_host.tbl == NULL) {
        free(address);
        return NULL;
    }
    return address;
}

static enum error
enter(struct addresses *addresses, uint64_t host, struct address **out)
{
    struct address *address;

    HASH_FIND(by_host, addresses->by_host, &host, sizeof host, address);
    if (address && address->connections >= addresses->most)
        return ERROR_TOO_MANY_CONNECTIONS;
    if (address == NULL)
        address = add(addresses, host);
    if (address == NULL)
        return ERROR_OUT_OF_MEMORY;
    address->connections++;
    *out = address;
    return OK;
}

enum error
addresses_enter(struct addresses *addresses, uint64_t host, struct address **out)
{
    *out = NULL;
    if (addresses->most == 0)
        return OK;
    pthread_mutex_lock(&addresses->mutex);
    enum error error = enter(addresses, host, out);
    pthread_mutex_unlock(&addresses->mutex);
    return error;
}

void
addresses_leave(struct addresses *addresses, struct address *address)
{
    pthread_mutex_lock(&addresses->mutex);
    if (--address->connections == 0) {
        HASH_DELETE(by_host, addresses->by_host, address);
        free(address);
    }
    pthread_mutex_unlock(&addresses->mutex);
}

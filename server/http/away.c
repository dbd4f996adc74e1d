#include "http/away.h"

#include <assert.h>

enum error
away_open(struct exchange *exchange, struct away *away)
{
    struct server *server = exchange->server;

    assert(exchange->away == NULL);
    away->name = ++server->away_serial * PEERS_MOST + server->registry->worker;
    away->exchange = exchange;
    HASH_ADD(by_name, server->away, name, sizeof away->name, away);
    if (away->by_name.tbl == NULL)
        return ERROR_OUT_OF_MEMORY;
    exchange->away = away;
    return OK;
}

struct away *
away_find(struct server *server, uint64_t name)
{
    struct away *away;

    HASH_FIND(by_name, server->away, &name, sizeof name, away);
    return away;
}

void
away_close(struct away *away)
{
    struct exchange *exchange = away->exchange;

    HASH_DELETE(by_name, exchange->server->away, away);
    exchange->away = NULL;
}

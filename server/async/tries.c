#include "async/tries.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct tries_key {
    UT_hash_handle by_name;
    TAILQ_ENTRY(tries_key) in_use;
    uint64_t tried, refused;
    size_t in_flight; /* so many know it by its address */
    bool listed;      /* in the table; else it goes with the last that is in flight */
    int64_t used_ns;
    char name[];
};

void
tries_open(struct tries *tries)
{
    *tries = (struct tries){.by_name = NULL};
    pthread_mutex_init(&tries->mutex, NULL); /* on Linux it cannot fail */
    TAILQ_INIT(&tries->by_use);
}

void
tries_close(struct tries *tries)
{
    tries_clear(tries);
    pthread_mutex_destroy(&tries->mutex);
}

static struct tries_key *
find(const struct tries *tries, const char *name)
{
    struct tries_key *key;

    HASH_FIND(by_name, tries->by_name, name, strlen(name), key);
    return key;
}

static enum error
add(struct tries *tries, const char *name, struct tries_key **out)
{
    size_t size = strlen(name);

    if (tries->count == TRIES_MOST)
        return ERROR_TOO_MANY_KEYS;
    struct tries_key *key = calloc(1, sizeof *key + size + 1);
    if (key == NULL)
        return ERROR_OUT_OF_MEMORY;
    memcpy(key->name, name, size);
    HASH_ADD(by_name, tries->by_name, name, (unsigned)size, key);
    if (key->by_name.tbl == NULL) {
        free(key);
        return ERROR_OUT_OF_MEMORY;
    }
    TAILQ_INSERT_TAIL(&tries->by_use, key, in_use);
    tries->count++;
    key->listed = true;
    *out = key;
    return OK;
}

static enum error
need(struct tries *tries, const char *name, struct tries_key **out)
{
    *out = find(tries, name);
    return *out ? OK : add(tries, name, out);
}

static void
touch(struct tries *tries, struct tries_key *key, int64_t now_ns)
{
    key->used_ns = now_ns;
    TAILQ_REMOVE(&tries->by_use, key, in_use);
    TAILQ_INSERT_TAIL(&tries->by_use, key, in_use);
}

static void
forget(struct tries *tries, struct tries_key *key)
{
    assert(tries->by_name);
    HASH_DELETE(by_name, tries->by_name, key);
    TAILQ_REMOVE(&tries->by_use, key, in_use);
    tries->count--;
    key->listed = false;
    if (key->in_flight == 0)
        free(key);
}

enum error
tries_take(struct tries *tries, const char *key, size_t count, int64_t now_ns,
           uint64_t *before)
{
    struct tries_key *found;

    pthread_mutex_lock(&tries->mutex);
    enum error error = need(tries, key, &found);
    if (!error) {
        *before = found->tried;
        found->tried += count;
        touch(tries, found, now_ns);
    }
    pthread_mutex_unlock(&tries->mutex);
    return error;
}

void
tries_give(struct tries *tries, const char *key, size_t count)
{
    pthread_mutex_lock(&tries->mutex);
    struct tries_key *found = find(tries, key);
    if (found != NULL) /* no reset has come between */
        found->tried -= count < found->tried ? count : found->tried;
    pthread_mutex_unlock(&tries->mutex);
}

enum error
tries_enter(struct tries *tries, const char *key, size_t most, int64_t now_ns,
            struct tries_key **place)
{
    struct tries_key *found;

    pthread_mutex_lock(&tries->mutex);
    enum error error = need(tries, key, &found);
    if (!error) {
        bool room = found->in_flight < most;

        found->in_flight += room;
        found->refused += !room;
        touch(tries, found, now_ns);
        *place = room ? found : NULL;
    }
    pthread_mutex_unlock(&tries->mutex);
    return error;
}

void
tries_leave(struct tries *tries, struct tries_key *place, int64_t now_ns)
{
    pthread_mutex_lock(&tries->mutex);
    place->in_flight--;
    if (place->listed)
        touch(tries, place, now_ns);
    else if (place->in_flight == 0)
        free(place);
    pthread_mutex_unlock(&tries->mutex);
}

/* What is in flight is in use. */
int64_t
tries_expire(struct tries *tries, int64_t now_ns, int64_t ttl_ns, size_t most)
{
    struct tries_key *oldest;

    pthread_mutex_lock(&tries->mutex);
    while ((oldest = TAILQ_FIRST(&tries->by_use)) != NULL
           && oldest->used_ns <= now_ns - ttl_ns && most-- > 0)
        if (oldest->in_flight > 0)
            touch(tries, oldest, now_ns);
        else
            forget(tries, oldest);
    int64_t used_ns = oldest ? oldest->used_ns : INT64_MAX;
    pthread_mutex_unlock(&tries->mutex);
    return used_ns;
}

bool
tries_forget(struct tries *tries, const char *key)
{
    pthread_mutex_lock(&tries->mutex);
    struct tries_key *found = find(tries, key);
    if (found != NULL)
        forget(tries, found);
    pthread_mutex_unlock(&tries->mutex);
    return found != NULL;
}

void
tries_clear(struct tries *tries)
{
    struct tries_key *first;

    pthread_mutex_lock(&tries->mutex);
    while ((first = TAILQ_FIRST(&tries->by_use)) != NULL)
        forget(tries, first);
    pthread_mutex_unlock(&tries->mutex);
}

static void
fill_row(const struct tries_key *key, struct tries_row *out)
{
    *out = (struct tries_row){
        .tried = key->tried,
        .refused = key->refused,
        .in_flight = key->in_flight,
        .used_ns = key->used_ns,
    };
    memcpy(out->name, key->name, strlen(key->name) + 1);
}

bool
tries_look(struct tries *tries, const char *key, struct tries_row *out)
{
    *out = (struct tries_row){0};
    memcpy(out->name, key, strlen(key) + 1);
    pthread_mutex_lock(&tries->mutex);
    const struct tries_key *found = find(tries, key);
    if (found != NULL)
        fill_row(found, out);
    pthread_mutex_unlock(&tries->mutex);
    return found != NULL;
}

size_t
tries_list(struct tries *tries, bool oldest, struct tries_row *out, size_t most,
           size_t *total)
{
    size_t count = 0;

    pthread_mutex_lock(&tries->mutex);
    const struct tries_key *key =
        oldest ? TAILQ_FIRST(&tries->by_use) : TAILQ_LAST(&tries->by_use, tries_keys);
    for (; key != NULL && count < most; count++) {
        fill_row(key, &out[count]);
        key = oldest ? TAILQ_NEXT(key, in_use) : TAILQ_PREV(key, tries_keys, in_use);
    }
    *total = tries->count;
    pthread_mutex_unlock(&tries->mutex);
    return count;
}

#include "async/tries.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct tries_key {
    UT_hash_handle by_name;
    TAILQ_ENTRY(tries_key) in_use;
    uint64_t count;
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
    *out = key;
    return OK;
}

static void
forget(struct tries *tries, struct tries_key *key)
{
    HASH_DELETE(by_name, tries->by_name, key);
    TAILQ_REMOVE(&tries->by_use, key, in_use);
    tries->count--;
    free(key);
}

enum error
tries_take(struct tries *tries, const char *key, size_t count, int64_t now_ns,
           uint64_t *before)
{
    enum error error = OK;

    pthread_mutex_lock(&tries->mutex);
    struct tries_key *found = find(tries, key);
    if (found == NULL)
        error = add(tries, key, &found);
    if (!error) {
        *before = found->count;
        found->count += count;
        found->used_ns = now_ns;
        TAILQ_REMOVE(&tries->by_use, found, in_use);
        TAILQ_INSERT_TAIL(&tries->by_use, found, in_use);
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
        found->count -= count < found->count ? count : found->count;
    pthread_mutex_unlock(&tries->mutex);
}

int64_t
tries_expire(struct tries *tries, int64_t until_ns, size_t most)
{
    struct tries_key *oldest;

    pthread_mutex_lock(&tries->mutex);
    while ((oldest = TAILQ_FIRST(&tries->by_use)) != NULL && oldest->used_ns <= until_ns
           && most-- > 0)
        forget(tries, oldest);
    int64_t used_ns = oldest ? oldest->used_ns : INT64_MAX;
    pthread_mutex_unlock(&tries->mutex);
    return used_ns;
}

void
tries_clear(struct tries *tries)
{
    (void)tries_expire(tries, INT64_MAX, SIZE_MAX);
}

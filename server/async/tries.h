/*
 * tries.h: how often each key of `fail_first` has been tried. One table for all
 * workers, under a lock: whoever counts must know at once, whatever worker he is. Any
 * thread.
 */
#pragma once

#include "base/error.h"

#include <pthread.h>
#include <sys/queue.h>

enum { TRIES_MOST = 100000 }; /* keys */

struct tries_key;
TAILQ_HEAD(tries_keys, tries_key);

struct tries {
    pthread_mutex_t mutex;
    struct tries_key *by_name; /* uthash */
    struct tries_keys by_use;  /* the one that was used last is the last */
    size_t count;
};

void tries_open(struct tries *tries);
void tries_close(struct tries *tries);

/* Counts so many tries of the key, and tells how many there were before. Errors:
 * too-many-keys, out-of-memory; then none was counted. */
MUST_USE enum error tries_take(struct tries *tries, const char *key, size_t count,
                               int64_t now_ns, uint64_t *before);

/* Takes them back: what was to be tried could not be started. */
void tries_give(struct tries *tries, const char *key, size_t count);

/* Forgets what was not used after that time, at most `most` keys. Returns when the
 * oldest of the others was used; INT64_MAX where there is none. */
int64_t tries_expire(struct tries *tries, int64_t until_ns, size_t most);

/* Forgets all. */
void tries_clear(struct tries *tries);

/*
 * tries.h: what is known of each key of `fail_first` and `inflight_limit`: how often it
 * has been tried, how many of these are in flight, how many were refused. One table for
 * all workers, under a lock: whoever counts must know at once, whatever worker he is.
 * Any thread.
 */
#pragma once

#include "base/field.h"

#include <pthread.h>
#include <stdbool.h>
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
void tries_close(struct tries *tries); /* nothing is in flight any more */

/* Counts so many tries of the key, and tells how many there were before. Errors:
 * too-many-keys, out-of-memory; then none was counted. */
MUST_USE enum error tries_take(struct tries *tries, const char *key, size_t count,
                               int64_t now_ns, uint64_t *before);

/* Takes them back: what was to be tried could not be started. */
void tries_give(struct tries *tries, const char *key, size_t count);

/* A place among the `most` of the key that may be in flight at once; *place is NULL
 * where there is none, which is counted as a refusal. Errors as of tries_take. */
MUST_USE enum error tries_enter(struct tries *tries, const char *key, size_t most,
                                int64_t now_ns, struct tries_key **place);

/* Gives the place back, once. */
void tries_leave(struct tries *tries, struct tries_key *place, int64_t now_ns);

/* Forgets what was not used for the ttl and is not in flight, looking at `most` keys at
 * most. Returns when the oldest of the others was used; INT64_MAX where there is none.
 */
int64_t tries_expire(struct tries *tries, int64_t now_ns, int64_t ttl_ns, size_t most);

/* Forgets one; false: it is unknown. What is in flight leaves as if nothing had been.
 */
MUST_USE bool tries_forget(struct tries *tries, const char *key);

/* Forgets all, likewise. */
void tries_clear(struct tries *tries);

/* What is known of one key. */
struct tries_row {
    char name[NAME_MAX_BYTES + 1];
    uint64_t tried, refused;
    size_t in_flight;
    int64_t used_ns;
};

/* False: it is unknown, and only the name is set. */
MUST_USE bool tries_look(struct tries *tries, const char *key, struct tries_row *out);

/* Copies at most `most` rows, those that were used last first, or, with `oldest`, last.
 * Returns how many, and how many keys there are. */
size_t tries_list(struct tries *tries, bool oldest, struct tries_row *out, size_t most,
                  size_t *total);

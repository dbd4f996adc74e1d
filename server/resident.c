#include "resident.h"

#include "async/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t LOOK_NS = 20 * NS_PER_MS;
static const int64_t TRIM_NS = NS_PER_SECOND;
enum {
    TRIM_PART = 8,               /* of the budget, in vain, is worth the time */
    MMAP_THRESHOLD = 128 * 1024, /* glibc's, which else rises with what is freed */
};

struct resident {
    struct peers *peers;
    int fd;
    size_t page;
    size_t base;             /* what was not reckoned when it began */
    _Atomic int64_t look_ns; /* not before; likewise: */
    _Atomic int64_t trim_ns;
};

/* Bytes; 0: it cannot be told. */
static size_t
read_resident(const struct resident *resident)
{
    char line[128];
    ssize_t size = pread(resident->fd, line, sizeof line - 1, 0);

    line[size > 0 ? size : 0] = '\0';
    const char *second = strchr(line, ' ');
    return second ? strtoul(second, NULL, 10) * resident->page : 0;
}

static size_t
look(struct resident *resident)
{
    memory_seen(resident->peers, read_resident(resident));
    return atomic_load_explicit(&resident->peers->memory.excess, memory_order_relaxed);
}

struct resident *
resident_open(struct peers *peers, struct text *why)
{
    struct resident *resident = calloc(1, sizeof *resident);

    if (resident == NULL) {
        text_string(why, "cannot start: no memory");
        return NULL;
    }
    resident->peers = peers;
    resident->page = (size_t)sysconf(_SC_PAGESIZE);
    resident->fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (resident->fd < 0) {
        text_format(why, "cannot read /proc/self/statm, which --max-memory needs: %s",
                    strerror(errno));
        free(resident);
        return NULL;
    }
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    resident->base = look(resident);
    if (memory_fits(peers, 0))
        return resident;
    text_format(why, "--max-memory %zu is used up before anything is held: %zu are",
                peers->memory.limit, resident->base);
    resident_close(resident);
    return NULL;
}

void
resident_close(struct resident *resident)
{
    if (resident == NULL)
        return;
    close(resident->fd);
    free(resident);
}

/* True for one of those who ask, where that time has come. */
static bool
is_due(_Atomic int64_t *due_ns, int64_t now_ns, int64_t every_ns)
{
    int64_t due = atomic_load_explicit(due_ns, memory_order_relaxed);

    return now_ns >= due
           && atomic_compare_exchange_strong(due_ns, &due, now_ns + every_ns);
}

void
resident_look(struct resident *resident, int64_t now_ns)
{
    size_t in_vain = resident->base + resident->peers->memory.limit / TRIM_PART;

    if (!is_due(&resident->look_ns, now_ns, LOOK_NS) || look(resident) <= in_vain
        || !is_due(&resident->trim_ns, now_ns, TRIM_NS))
        return;
    malloc_trim(0);
    look(resident);
}

/*
 * client.c: the clients of the long checks. One process, one thread, one epoll: it has
 * to be nearer to the clock than what it measures.
 *
 *   client PORT waits TOTAL AT_ONCE MIN MAX [PACE]   /wait, keep-alive; the first
 *                                ones PACE microseconds apart
 *   client PORT rows N MAX                    one whole /wait_n stream
 *   client PORT first COUNT N MAX             COUNT streams, left after their first row
 *   client PORT posts COUNT                   POST /tasks, one after the other
 *   client PORT held COUNT                    COUNT requests of 60 s, held until killed
 *   client PORT resets TOTAL AT_ONCE GROUP    requests that end with a reset
 *   client PORT chunks COUNT SECONDS          one body in so many chunks of a byte
 *   client PORT zero COUNT                    /wait?delay=0, one after the other
 *   client PORT storm COUNT                   COUNT waits, held and reset as the
 * standard input says client PORT mix TOTAL AT_ONCE             requests of all kinds
 *   client 0 timerfd COUNT                    a bare timerfd, to compare with
 *
 * What it finds it prints as one line of name=value. Durations are in seconds, printed
 * figures in microseconds.
 */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* ---- samples ---- */

struct samples {
    int64_t *at;
    size_t count;
};

static struct samples
samples_new(size_t most)
{
    struct samples samples = {.at = calloc(most ? most : 1, sizeof *samples.at)};

    if (samples.at == NULL)
        die("calloc");
    return samples;
}

static int
compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* name_p50=… name_p99=… name_max=… in microseconds */
static void
samples_print(const char *name, struct samples *samples)
{
    if (samples->count == 0)
        return;
    qsort(samples->at, samples->count, sizeof *samples->at, compare);
    printf(" %s_min=%.1f %s_p50=%.1f %s_p99=%.1f %s_max=%.1f", name,
           (double)samples->at[0] / 1e3, name,
           (double)samples->at[samples->count / 2] / 1e3, name,
           (double)samples->at[samples->count * 99 / 100] / 1e3, name,
           (double)samples->at[samples->count - 1] / 1e3);
}

/* ---- waits ---- */

struct slot {
    int fd;
    int64_t sent_ns;
    struct answer answer;
};

struct tally {
    size_t sent, answered, other_status, early_elapsed, early_arrival;
    struct samples late;   /* from sending to arrival */
    struct samples served; /* elapsed: by waitd's own clock, once it was read */
};

static void
slot_ask(struct slot *slot, struct tally *tally, double min, double max)
{
    char target[128];

    /* Half are told their delay, half draw it. */
    if (tally->sent++ % 2)
        snprintf(target, sizeof target, "/wait?delay=%.9f", between(min, max));
    else
        snprintf(target, sizeof target, "/wait?min_delay=%.9g&max_delay=%.9g", min,
                 max);
    slot->answer.size = 0;
    slot->sent_ns = now();
    get(slot->fd, target);
}

static void
slot_note(const struct slot *slot, struct tally *tally)
{
    int64_t took_ns = now() - slot->sent_ns;
    double delay = number_after(slot->answer.body, "\"delay\":");
    double elapsed = number_after(slot->answer.body, "\"elapsed\":");
    int64_t late_ns = took_ns - (int64_t)(delay * 1e9);

    tally->answered++;
    if (slot->answer.status != 200) {
        tally->other_status++;
        return;
    }
    tally->early_elapsed += elapsed < delay;
    tally->early_arrival += late_ns < 0;
    tally->late.at[tally->late.count++] = late_ns;
    tally->served.at[tally->served.count++] = (int64_t)((elapsed - delay) * 1e9);
}

static int
poll_of(struct slot *slots, size_t count, int port)
{
    int poll = poll_open();

    for (size_t i = 0; i < count; i++) {
        slots[i].fd = dial(port);
        poll_add(poll, slots[i].fd, &slots[i]);
    }
    return poll;
}

static void
run_waits(int port, size_t total, size_t at_once, double min, double max, unsigned pace)
{
    struct slot *slots = calloc(at_once, sizeof *slots);
    struct tally tally = {.late = samples_new(total), .served = samples_new(total)};
    struct epoll_event events[EVENTS];

    if (slots == NULL)
        die("calloc");
    int poll = poll_of(slots, at_once, port);
    int64_t begin_ns = now();
    for (size_t i = 0; i < at_once; i++) {
        slot_ask(&slots[i], &tally, min, max);
        if (pace)
            usleep(pace);
    }
    while (tally.answered < total) {
        int count = epoll_wait(poll, events, EVENTS, 60000);

        if (count <= 0)
            die("nothing came in 60 s");
        for (int i = 0; i < count; i++) {
            struct slot *slot = events[i].data.ptr;

            if (!answer_read(&slot->answer, slot->fd))
                continue;
            slot_note(slot, &tally);
            if (tally.sent < total)
                slot_ask(slot, &tally, min, max);
        }
    }
    printf("answered=%zu other_status=%zu early_elapsed=%zu early_arrival=%zu "
           "seconds=%.2f",
           tally.answered, tally.other_status, tally.early_elapsed, tally.early_arrival,
           (double)(now() - begin_ns) / 1e9);
    samples_print("late", &tally.late);
    samples_print("served", &tally.served);
    printf("\n");
}

/* ---- streams ---- */

struct stream {
    int fd;
    int64_t sent_ns, first_ns, arrived_ns;
    bool in_body, over;
    size_t left;     /* bytes of the chunk that are still to come */
    char line[8192]; /* the head's, a chunk's size, or a row */
    size_t line_size;
    char row[BUFFER];
    size_t row_size;
};

static void
stream_open(struct stream *stream, int port, size_t n, double max)
{
    char target[128];

    *stream = (struct stream){.fd = dial(port)};
    snprintf(target, sizeof target, "/wait_n?n=%zu&max_delay=%.9g&format=ndjson", n,
             max);
    stream->sent_ns = now();
    get(stream->fd, target);
}

static void
stream_line(struct stream *stream)
{
    stream->line[stream->line_size] = '\0';
    if (!stream->in_body)
        stream->in_body = strcmp(stream->line, "\r\n") == 0;
    else if (strcmp(stream->line, "\r\n") != 0) {
        stream->left = strtoul(stream->line, NULL, 16);
        stream->over = stream->left == 0;
    }
    stream->line_size = 0;
}

/* One byte further; true when it ended a row, which is in row[]. */
static bool
stream_take(struct stream *stream, char byte)
{
    if (stream->left == 0) {
        stream->line[stream->line_size++] = byte;
        if (byte == '\n' || stream->line_size == sizeof stream->line - 1)
            stream_line(stream);
        return false;
    }
    stream->left--;
    if (byte != '\n' && stream->row_size < sizeof stream->row - 1) {
        stream->row[stream->row_size++] = byte;
        return false;
    }
    stream->row[stream->row_size] = '\0';
    stream->row_size = 0;
    return true;
}

struct stream_tally {
    size_t rows, early;
    struct samples first, late;
};

/* Reads on until the stream, or its first row, is over. */
static void
stream_read(struct stream *stream, struct stream_tally *tally, bool whole)
{
    char bytes[65536];
    bool enough = false;

    while (!stream->over && !enough) {
        ssize_t got = recv(stream->fd, bytes, sizeof bytes, 0);

        if (got <= 0)
            die("stream");
        stream->arrived_ns = now();
        if (stream->first_ns == 0)
            stream->first_ns = stream->arrived_ns;
        for (ssize_t i = 0; i < got; i++) {
            if (!stream_take(stream, bytes[i])
                || strncmp(stream->row, "{\"rank\":", 8) != 0)
                continue;
            double delay = number_after(stream->row, "\"delay\":");
            int64_t late_ns =
                stream->arrived_ns - stream->sent_ns - (int64_t)(delay * 1e9);

            tally->rows++;
            tally->early += late_ns < 0;
            tally->late.at[tally->late.count++] = late_ns;
            enough = !whole;
            if (enough)
                break;
        }
    }
    tally->first.at[tally->first.count++] = stream->first_ns - stream->sent_ns;
    close(stream->fd);
}

static void
run_streams(int port, size_t count, size_t n, double max, bool whole)
{
    struct stream_tally tally = {.first = samples_new(count),
                                 .late = samples_new(count * n)};

    for (size_t i = 0; i < count; i++) {
        struct stream stream;

        stream_open(&stream, port, n, max);
        stream_read(&stream, &tally, whole);
    }
    printf("rows=%zu early=%zu", tally.rows, tally.early);
    samples_print("first", &tally.first);
    samples_print("late", &tally.late);
    printf("\n");
}

/* ---- a body in chunks ---- */

/* Skips the head; returns how many bytes of the body came with it. */
static size_t
skip_head(int fd)
{
    char bytes[BUFFER];
    size_t size = 0;
    char *end = NULL;

    while (end == NULL) {
        ssize_t got = recv(fd, bytes + size, sizeof bytes - 1 - size, 0);

        if (got <= 0)
            die("recv");
        size += (size_t)got;
        bytes[size] = '\0';
        end = strstr(bytes, "\r\n\r\n");
    }
    return size - (size_t)(end + 4 - bytes);
}

/* Each byte is a chunk: the i-th is due at seconds * i / count. */
static void
run_chunks(int port, size_t count, double seconds)
{
    struct samples late = samples_new(count);
    char target[128], bytes[BUFFER];
    size_t early = 0;
    int fd = dial(port);

    snprintf(target, sizeof target, "/wait?delay=%.9g&chunks=%zu", seconds, count);
    int64_t sent_ns = now();
    get(fd, target);
    ssize_t got = (ssize_t)skip_head(fd);
    while (late.count < count) {
        int64_t arrived_ns = now();

        for (; got > 0; got--) {
            double due = seconds * (double)(late.count + 1) / (double)count;
            int64_t late_ns = arrived_ns - sent_ns - (int64_t)(due * 1e9);

            early += late_ns < 0;
            late.at[late.count++] = late_ns;
        }
        if (late.count < count && (got = recv(fd, bytes, sizeof bytes, 0)) <= 0)
            die("recv");
    }
    close(fd);
    printf("chunks=%zu early=%zu", late.count, early);
    samples_print("late", &late);
    printf("\n");
}

/* ---- one after the other ---- */

static void
run_requests(int port, size_t count, const char *request, int status)
{
    struct samples took = samples_new(count);
    struct answer answer;
    int fd = dial(port);
    size_t other = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t sent_ns = now();

        answer.size = 0;
        say(fd, request, strlen(request));
        while (!answer_read(&answer, fd))
            continue;
        took.at[took.count++] = now() - sent_ns;
        other += answer.status != status;
    }
    printf("answered=%zu other_status=%zu", count, other);
    samples_print("took", &took);
    printf("\n");
}

/* ---- held until killed ---- */

static void
run_held(int port, size_t count)
{
    for (size_t i = 0; i < count; i++)
        get(dial(port), i % 2 ? "/wait?delay=60" : "/wait_n?n=100&max_delay=60");
    puts("held");
    fflush(stdout);
    for (;;)
        pause();
}

/* ---- resets ---- */

struct victim {
    int fd;
    int64_t reset_ns;
};

static void
write_target(char *target, size_t size, const char *group)
{
    static const char *const formats[] = {"json", "ndjson", "sse"};
    const char *format = formats[lrand48() % 3];

    switch (lrand48() % 8) {
    case 0:
    case 1: snprintf(target, size, "/wait?delay=%.6f", between(0, 0.06)); break;
    case 2: snprintf(target, size, "/wait?delay=60"); break;
    case 3:
    case 4:
        snprintf(target, size, "/wait_n?n=%ld&max_delay=%.6f&format=%s",
                 1 + lrand48() % 300, between(0.001, 0.06), format);
        break;
    case 5: snprintf(target, size, "/measure?n=20&max_delay=0.03&mode=both"); break;
    case 6: snprintf(target, size, "/tasks?group=%s&wait=30", group); break;
    default:
        snprintf(target, size, "/tasks?group=%s&stream=true&format=%s", group, format);
    }
}

static void
victim_ask(struct victim *victim, int port, const char *group)
{
    char target[256], request[512];

    write_target(target, sizeof target, group);
    int size =
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: l\r\n\r\n", target);
    /* One in eight leaves in the middle of its request. */
    if (lrand48() % 8 == 0)
        size = 1 + (int)(lrand48() % (size - 1));
    victim->fd = dial(port);
    say(victim->fd, request, (size_t)size);
    victim->reset_ns = now() + (int64_t)(between(0, 0.04) * 1e9);
}

/* Both ways to send an RST; one in four only leaves. */
static void
victim_reset(struct victim *victim)
{
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    switch (lrand48() % 4) {
    case 0: close(victim->fd); break;
    case 1:
        (void)connect(victim->fd, &nowhere, sizeof nowhere);
        close(victim->fd);
        break;
    default: reset(victim->fd);
    }
}

static void
run_resets(int port, size_t total, size_t at_once, const char *group)
{
    struct victim *victims = calloc(at_once, sizeof *victims);
    size_t begun = 0, ended = 0;

    if (victims == NULL)
        die("calloc");
    for (; begun < at_once && begun < total; begun++)
        victim_ask(&victims[begun], port, group);
    while (ended < total) {
        usleep(500);
        for (size_t i = 0; i < at_once; i++) {
            if (victims[i].fd == 0 || now() < victims[i].reset_ns)
                continue;
            victim_reset(&victims[i]);
            victims[i].fd = 0;
            ended++;
            if (begun < total) {
                victim_ask(&victims[i], port, group);
                begun++;
            }
        }
    }
    printf("resets=%zu\n", ended);
}

/* ---- a bare timerfd ---- */

static void
run_timerfd(size_t count)
{
    struct samples late = samples_new(count);
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    for (size_t i = 0; i < count; i++) {
        int64_t at_ns = now() + (int64_t)(between(0.001, 0.002) * 1e9);
        struct itimerspec at = {
            .it_value = {.tv_sec = at_ns / SECOND_NS, .tv_nsec = at_ns % SECOND_NS}};
        uint64_t expirations;

        timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL);
        if (read(fd, &expirations, sizeof expirations) < 0)
            die("timerfd");
        late.at[late.count++] = now() - at_ns;
    }
    printf("count=%zu", count);
    samples_print("late", &late);
    printf("\n");
}

int
main(int argc, char **argv)
{
    static const char post[] =
        "POST /tasks HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\n"
        "Content-Length: 16\r\n\r\n{\"max_delay\":10}";
    static const char zero[] = "GET /wait?delay=0 HTTP/1.1\r\nHost: l\r\n\r\n";
    struct rlimit limit;

    if (argc < 4) {
        fputs("usage: see the head of client.c\n", stderr);
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    srand48(getpid());

    int port = atoi(argv[1]);
    const char *what = argv[2];
    size_t count = strtoul(argv[3], NULL, 10);

    if (strcmp(what, "waits") == 0 && (argc == 7 || argc == 8))
        run_waits(port, count, strtoul(argv[4], NULL, 10), atof(argv[5]), atof(argv[6]),
                  argc == 8 ? (unsigned)atoi(argv[7]) : 0);
    else if (strcmp(what, "rows") == 0 && argc == 5)
        run_streams(port, 1, count, atof(argv[4]), true);
    else if (strcmp(what, "first") == 0 && argc == 6)
        run_streams(port, count, strtoul(argv[4], NULL, 10), atof(argv[5]), false);
    else if (strcmp(what, "chunks") == 0 && argc == 5)
        run_chunks(port, count, atof(argv[4]));
    else if (strcmp(what, "posts") == 0)
        run_requests(port, count, post, 201);
    else if (strcmp(what, "zero") == 0)
        run_requests(port, count, zero, 200);
    else if (strcmp(what, "held") == 0)
        run_held(port, count);
    else if (strcmp(what, "resets") == 0 && argc == 6)
        run_resets(port, count, strtoul(argv[4], NULL, 10), argv[5]);
    else if (strcmp(what, "storm") == 0)
        run_storm(port, count);
    else if (strcmp(what, "mix") == 0 && argc == 5)
        run_mix(port, count, strtoul(argv[4], NULL, 10));
    else if (strcmp(what, "timerfd") == 0)
        run_timerfd(count);
    else
        return 2;
    return 0;
}

#include "process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 64, LINE = 512 };

static void
read_cpu_clock(pid_t pid, struct process_sample *sample)
{
    clockid_t clock;
    struct timespec time;

    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &time) == 0)
        sample->cpu_s = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* utime and stime are fields 14 and 15; the second one, a name in brackets, may hold
 * anything. */
static void
read_stat(pid_t pid, struct process_sample *sample)
{
    char path[PATH], line[LINE];
    unsigned long user = 0, system = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    if (fgets(line, sizeof line, file)) {
        const char *rest = strrchr(line, ')');
        if (rest)
            sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                   &system);
    }
    fclose(file);
    double tick = (double)sysconf(_SC_CLK_TCK);

    sample->user_s = (double)user / tick;
    sample->system_s = (double)system / tick;
}

static void
read_status(const char *path, struct process_sample *sample)
{
    char line[LINE];
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (value == NULL)
            continue;
        *value++ = '\0';
        if (strcmp(line, "VmRSS") == 0)
            sample->rss_kb = atol(value);
        else if (strcmp(line, "VmHWM") == 0)
            sample->peak_kb = atol(value);
        else if (strstr(line, "ctxt_switches"))
            sample->switches += atol(value);
    }
    fclose(file);
}

struct process_sample
process_sample(pid_t pid)
{
    struct process_sample sample = {0};
    char path[PATH];

    if (pid <= 0)
        return sample;
    read_cpu_clock(pid, &sample);
    read_stat(pid, &sample);
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return sample;
    for (struct dirent *each = readdir(threads); each; each = readdir(threads)) {
        int id = atoi(each->d_name);
        if (id <= 0)
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)pid, id);
        read_status(path, &sample);
    }
    closedir(threads);
    return sample;
}

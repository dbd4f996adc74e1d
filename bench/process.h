/* process.h: what the kernel says of another process: its CPU time and its memory. */
#pragma once

#include <sys/types.h>

struct process_sample {
    double cpu_s;  /* user and system together, to the nanosecond */
    double user_s; /* from /proc, whose unit is a tick of 10 ms */
    double system_s;
    long rss_kb;
    long peak_kb;
    long switches; /* context switches of all of its threads */
};

/* All zero where there is no such process, or pid is 0. */
struct process_sample process_sample(pid_t pid);

/* wire.h: what the clients of the long checks share: connections, requests, answers. As
 * much HTTP as waitd answers with. What fails ends the process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUFFER = 4096 };
static const int64_t SECOND_NS = 1000000000;

struct answer {
    int status;
    char bytes[BUFFER];
    size_t size;
    char *body; /* NULL: not there yet */
};

_Noreturn void die(const char *what);
int64_t now(void); /* ns */
double between(double min, double max);

int dial(int port);
void say(int fd, const char *request, size_t size);
void get(int fd, const char *target);

/* Closes with a RST. */
void reset(int fd);

/* Reads what has come; true when the answer is whole. */
bool answer_read(struct answer *answer, int fd);

/* The number that follows the name; -1: it is not there. */
double number_after(const char *text, const char *name);

/* Descriptors that are ready to be read. */
enum { EVENTS = 256 };
int poll_open(void);
void poll_add(int poll, int fd, void *of);

/* ---- crowds.c ---- */

void run_storm(int port, size_t count);
void run_mix(int port, size_t total, size_t at_once);

/* net.h: sockets and the clock, as this benchmark needs them. A failure ends the
 * program. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

int64_t now_ns(void);

_Noreturn void die(const char *what);

/* A socket that is connecting to 127.0.0.1:port. Its address is one of many (127.0.0.2
 * …), chosen by number: one alone has 28,000 ports. Closing it sends a reset and leaves
 * no TIME_WAIT behind. */
int net_dial(int port, unsigned number);

int net_timer(void);
void net_timer_set(int timer, int64_t at_ns);
void net_watch(int epoll, int fd, uint32_t events, uint64_t data, bool known);

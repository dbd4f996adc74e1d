/* base.h: the few macros and constants that every file may use. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes; what different threads write stands in different ones. */
enum { CACHE_LINE = 64 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of the given type that holds `member` at `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                            \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(string, first) __attribute__((format(printf, string, first)))
/* A large variable that is written before it is read: hardening would clear it first,
 * on every request. */
#define UNINITIALIZED __attribute__((uninitialized))
#define CLEANUP(function) __attribute__((cleanup(function)))

/* The exit code where a library has found itself in a state that cannot be mended:
 * EX_SOFTWARE of sysexits.h. */
#define EXIT_PANIC 70

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SECOND INT64_C(1000000000)

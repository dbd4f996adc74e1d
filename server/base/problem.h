/*
 * problem.h: one occurrence of an error, told where the facts are known. It becomes
 * application/problem+json (RFC 9457) where it leaves.
 */
#pragma once

#include "base/error.h"
#include "base/json_writer.h"

#include <stdbool.h>

enum { PROBLEM_VALUE_MAX = 100 }; /* bytes of a rejected value or name that are told */

struct problem {
    enum error error;
    int status; /* 0: that of the error */
    char detail[320];
    char param[PROBLEM_VALUE_MAX + 1]; /* "" where no parameter is at fault */
    char conflicts_with[65];           /* "" where it contradicts no other */
    bool has_value;
    char value[PROBLEM_VALUE_MAX + 1];
    bool has_limits;
    double min, max;
    unsigned retry_after; /* seconds, told with it; 0: not */
};

/* Fills *problem with the error and the formatted detail, and returns the error, so
 * that a parser says `return problem_set(problem, ERROR_…, "…")`. Detail beyond its
 * room is cut; it is valid UTF-8, whatever the arguments are. */
enum error problem_set(struct problem *problem, enum error error, const char *format,
                       ...) PRINTF_LIKE(3, 4);

/* Adds the parameter at fault; either is cut at PROBLEM_VALUE_MAX bytes (never within a
 * UTF-8 sequence). Both take any bytes; NUL and what is not UTF-8 become U+FFFD when
 * they are written. */
void problem_param(struct problem *problem, const char *name, size_t size);
void problem_value(struct problem *problem, const char *bytes, size_t size);
void problem_limits(struct problem *problem, double min, double max);
void problem_conflict(struct problem *problem, const char *other);

/* The HTTP status that it is answered with. */
int problem_status(const struct problem *problem);

/* Writes the members of the problem into the object that `json` has open. */
void problem_write_members(const struct problem *problem, struct json_writer *json);

/* Writes it as one JSON object. */
void problem_write(const struct problem *problem, struct json_writer *json);

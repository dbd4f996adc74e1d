/* task_problem.h: what those who await a record are told when it was not done. */
#pragma once

#include "async/record.h"
#include "base/problem.h"

/* The failure that was asked for: with that HTTP status, where it is one of a failure
 * (else its connection was to be aborted), and those seconds to retry after. */
enum error task_failure(int status, unsigned retry_after, struct problem *problem);

/* Why a record failed or was cancelled, for those who await it. Its own timeout is 504
 * for the request that asked for it (`own`), 409 for others. */
enum error task_problem(const struct record *record, bool own, struct problem *problem);

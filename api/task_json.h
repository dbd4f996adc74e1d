/* task_json.h: a record as the Task of api.md, its result, and how it failed. */
#pragma once

#include "async/record.h"
#include "base/problem.h"

/* One JSON object: the Task. */
void task_write(struct record *record, int64_t now_ns, struct json_writer *json);

/* What the work gave, as an object: of a record that is done. */
void task_write_result(struct record *record, struct json_writer *json);

/* Why a record was cancelled, for those who await it. Its own timeout is 504 for the
 * request that asked for it (`own`), 409 for others. */
enum error task_problem(const struct record *record, bool own, struct problem *problem);

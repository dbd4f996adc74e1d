/* task_json.h: a record as the Task of docs/api.md, and its result. */
#pragma once

#include "async/record.h"
#include "base/json_writer.h"

/* One JSON object: the Task. */
void task_write(struct record *record, int64_t now_ns, struct json_writer *json);

/* What the work gave, as an object: of a record that is done. */
void task_write_result(struct record *record, struct json_writer *json);

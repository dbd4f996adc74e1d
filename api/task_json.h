/* task_json.h: a record as the Task of docs/api.md, and its result. */
#pragma once

#include "async/record.h"
#include "base/json_writer.h"

/* What the JSON of one takes at most while it is gathered in a text that grows. */
enum { TASK_JSON_MEMORY = 1024 };

/* So many are written in one slice of a list: about 1.2 us each. */
enum { TASK_ROWS_A_SLICE = 8 };

/* One JSON object: the Task. */
void task_write(struct record *record, int64_t now_ns, struct json_writer *json);

/* What the work gave, as an object: of a record that is done. */
void task_write_result(struct record *record, struct json_writer *json);

/* measure_json.h: the members of a /measure answer. */
#pragma once

#include "async/measure.h"
#include "base/json_writer.h"

/* Of a measure that is done. */
void measure_write(const struct measure *measure, struct json_writer *json);

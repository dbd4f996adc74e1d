/* object_json.h: coordination objects, and what waiters got of them, as JSON members.
 */
#pragma once

#include "async/barrier.h"
#include "async/event.h"
#include "async/latch.h"
#include "async/queue.h"
#include "async/semaphore.h"
#include "base/json_writer.h"

/* The state of one that may never have been used (NULL), and how many wait in its line.
 */
void object_write(const struct object_class *class, const struct object *object,
                  struct json_writer *json);

void lease_write(const struct lease *lease, struct json_writer *json);

/* What it got: it is done, or holds it. One that watched the line: the object's state.
 */
void waiter_write(const struct waiter *waiter, struct json_writer *json);

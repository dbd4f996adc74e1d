/* tasks_page.h: one page of the list: what matches, of all workers, oldest first. */
#pragma once

#include "api/tasks_group.h"

/* Answers the page, or an error: of the cursor, or out of memory. */
MUST_USE enum error
tasks_page_begin(struct exchange *exchange, const struct tasks_in *in,
                 struct problem *problem);

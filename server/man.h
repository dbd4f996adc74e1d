/* man.h: docs/waitd.8. */
#pragma once

#include "base/text.h"

/* Prints the manual page (man macros) from the table of the flags. */
void man_print(struct text *out);

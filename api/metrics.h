/* metrics.h: the table of the metrics, for the manual. */
#pragma once

#include "base/text.h"

/* A row of a Markdown table for each: name, type, text. */
void metrics_print_table(struct text *out);

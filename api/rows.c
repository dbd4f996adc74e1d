#include "api/rows.h"

void
row_begin(enum format format, const char *event, bool with_id, size_t rank,
          struct text *out)
{
    if (format == FORMAT_JSON && rank > 0)
        text_string(out, ",");
    if (format != FORMAT_SSE)
        return;
    text_format(out, "event: %s\n", event);
    if (with_id)
        text_format(out, "id: %zu\n", rank);
    text_string(out, "data: ");
}

void
row_end(enum format format, struct text *out)
{
    text_string(out, format == FORMAT_SSE ? "\n\n" : "\n");
}

#include "base/http_date.h"

void
http_date_print(time_t at, char out[HTTP_DATE_SIZE])
{
    struct tm utc;

    gmtime_r(&at, &utc);
    /* In C's locale, which is the program's. */
    strftime(out, HTTP_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

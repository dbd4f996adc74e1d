/* http_date.h: wall time as HTTP writes it: Sun, 06 Nov 1994 08:49:37 GMT (IMF-fixdate,
 * RFC 9110 §5.6.7). */
#pragma once

#include <time.h>

enum { HTTP_DATE_SIZE = sizeof "Sun, 06 Nov 1994 08:49:37 GMT" };

/* Years up to 9999. */
void http_date_print(time_t at, char out[HTTP_DATE_SIZE]);

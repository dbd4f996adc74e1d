/*
 * mhd.h: libmicrohttpd, with what differs between its versions (0.9.75 in Debian 12,
 * 1.0.x in Debian 13). Only server/http/ includes it.
 */
#pragma once

#include <microhttpd.h>

#if MHD_VERSION >= 0x01000000
/* Without it MHD_add_connection queues, and each daemon has an eventfd of its own. */
#define MHD_CELL_FLAGS_BY_VERSION MHD_USE_NO_THREAD_SAFETY
#else
#define MHD_CELL_FLAGS_BY_VERSION 0
#endif

#if MHD_VERSION >= 0x00097701
#define MHD_OPTION_STRICTNESS MHD_OPTION_CLIENT_DISCIPLINE_LVL
#define MHD_STRICTNESS 1
#define MHD_CHECKS_LINES true
#else
/* The guard refuses what strictness would, with a problem instead of a page, and lines
 * that it would not. */
#define MHD_OPTION_STRICTNESS MHD_OPTION_STRICT_FOR_CLIENT
#define MHD_STRICTNESS 0
#define MHD_CHECKS_LINES false
#endif

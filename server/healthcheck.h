/* healthcheck.h: waitd --healthcheck: asks a running server whether it is well. */
#pragma once

#include "config.h"

/* GET /healthz of the server that the configuration describes: its unix socket, else
 * the port in its port file, else its port; an any-address is asked on loopback. True
 * where it answers 200 within 2 s. */
bool healthcheck(const struct config *config);

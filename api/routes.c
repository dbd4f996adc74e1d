/* routes.c: the table of contents of the public surface. */
#include "api/app.h"

#define ROUTES(ROUTE)                                                                  \
    ROUTE(wait)                                                                        \
    ROUTE(wait_n)                                                                      \
    ROUTE(measure)                                                                     \
    ROUTE(tasks_create)                                                                \
    ROUTE(tasks_list)                                                                  \
    ROUTE(tasks_delete)                                                                \
    ROUTE(task_get)                                                                    \
    ROUTE(task_put)                                                                    \
    ROUTE(task_patch)                                                                  \
    ROUTE(task_delete)                                                                 \
    ROUTE(task_cancel)                                                                 \
    ROUTE(task_result)                                                                 \
    ROUTE(task_result_post)                                                            \
    ROUTE(reset)                                                                       \
    ROUTE(root)                                                                        \
    ROUTE(healthz)                                                                     \
    ROUTE(readyz)                                                                      \
    ROUTE(version)                                                                     \
    ROUTE(metrics)                                                                     \
    ROUTE(openapi)                                                                     \
    ROUTE(problem)

#define DECLARE(name) extern const struct route route_##name;
#define REFER(name) &route_##name,

ROUTES(DECLARE)

const struct route *const api_routes[] = {ROUTES(REFER) NULL};

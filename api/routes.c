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
    ROUTE(event_get)                                                                   \
    ROUTE(event_put)                                                                   \
    ROUTE(event_clear)                                                                 \
    ROUTE(semaphore_acquire)                                                           \
    ROUTE(semaphore_release)                                                           \
    ROUTE(semaphore_renew)                                                             \
    ROUTE(semaphore_get)                                                               \
    ROUTE(semaphore_delete)                                                            \
    ROUTE(barrier_wait)                                                                \
    ROUTE(barrier_abort)                                                               \
    ROUTE(barrier_get)                                                                 \
    ROUTE(barrier_delete)                                                              \
    ROUTE(latch_count)                                                                 \
    ROUTE(latch_get)                                                                   \
    ROUTE(latch_delete)                                                                \
    ROUTE(queue_put)                                                                   \
    ROUTE(queue_get_item)                                                              \
    ROUTE(queue_inspect)                                                               \
    ROUTE(queue_delete)                                                                \
    ROUTE(clock)                                                                       \
    ROUTE(clock_advance)                                                               \
    ROUTE(keys_list)                                                                   \
    ROUTE(key_get)                                                                     \
    ROUTE(key_delete)                                                                  \
    ROUTE(profiles)                                                                    \
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

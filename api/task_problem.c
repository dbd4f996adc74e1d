#include "api/task_problem.h"

#include "async/object.h"

enum error
task_failure(int status, struct problem *problem)
{
    problem_set(problem, ERROR_SIMULATED_FAILURE, "it was to fail with %d", status);
    problem->status = status;
    return ERROR_SIMULATED_FAILURE;
}

enum error
task_problem(const struct record *record, bool own, struct problem *problem)
{
    enum error outcome = waiter_outcome(record);

    if (outcome)
        return problem_set(problem, outcome, "%s", error_info(outcome)->text);
    if (record->state == STATE_FAILED)
        return task_failure(record->status, problem);
    switch (record->reason) {
    case REASON_TIMEOUT:
        if (own)
            return problem_set(problem, ERROR_TIMEOUT, "the timeout ran out");
        return problem_set(problem, ERROR_CANCELLED,
                           "%s was cancelled by its own timeout", record->id);
    case REASON_DRAIN:
        return problem_set(problem, ERROR_DRAINING,
                           "the server stopped before it ended");
    case REASON_RESET:
        return problem_set(problem, ERROR_CANCELLED, "%s was cancelled by a reset",
                           record->id);
    default:
        return problem_set(problem, ERROR_CANCELLED, "%s was cancelled", record->id);
    }
}

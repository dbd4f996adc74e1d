#include "api/task_problem.h"

#include "async/faults.h"

enum error
task_failure(int status, unsigned retry_after, struct problem *problem)
{
    if (status < FAILED_STATUS)
        problem_set(problem, ERROR_SIMULATED_FAILURE, "its connection was to be cut");
    else
        problem_set(problem, ERROR_SIMULATED_FAILURE, "it was to fail with %d", status);
    problem->status = status < FAILED_STATUS ? 0 : status;
    problem->retry_after = retry_after;
    return ERROR_SIMULATED_FAILURE;
}

static enum error
failed(const struct record *record, struct problem *problem)
{
    enum error error = record_failure(record);

    if (error)
        return problem_set(problem, error, "%s", error_info(error)->text);
    return task_failure(record->status, record->retry_after, problem);
}

enum error
task_problem(const struct record *record, bool own, struct problem *problem)
{

    if (record->state == STATE_FAILED)
        return failed(record, problem);
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

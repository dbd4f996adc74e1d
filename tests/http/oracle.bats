#!/usr/bin/env bats
# oracle.bats: Python's random and asyncio say what is right.

load helpers

oracle() {
    python3 "$HTTP_TESTS/oracle.py" "$URL" "$@"
}

@test "/wait draws what random.uniform draws, for any seed" {
    oracle wait
}

@test "/wait_n draws them in order of index, and ends them by (delay, index)" {
    oracle wait_n
}

@test "groups of tasks draw the same" {
    oracle group
}

@test "exercise 0: wait_random" {
    oracle exercise_0
}

@test "exercise 1: wait_n" {
    oracle exercise_1
}

@test "exercise 2: measure_time" {
    oracle exercise_2
}

@test "exercise 3: task_wait_random" {
    oracle exercise_3
}

@test "exercise 4: task_wait_n" {
    oracle exercise_4
}

@test "limit is an asyncio.Semaphore" {
    oracle semaphore
}

@test "return_when is asyncio.wait(FIRST_COMPLETED), or so many of as_completed, and cancel()" {
    oracle return_when
}

@test "order=index is asyncio.gather" {
    oracle gather
}

@test "failures: random.Random(seed + 2**63).random(), bit for bit, beside the same delays" {
    oracle failures
}

@test "return_when, on_error and limit with failures: asyncio.wait, as_completed, gather, TaskGroup" {
    oracle orchestration
}

@test "the same of groups of tasks, in the same order, the rest cancelled" {
    oracle groups
}

@test "the same of /wait_n that has become a group by Prefer" {
    oracle prefer
}

@test "losers=keep: gather() that raises, and the rest runs on" {
    oracle gather_raises
}

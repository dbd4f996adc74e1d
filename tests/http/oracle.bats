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

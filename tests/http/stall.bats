#!/usr/bin/env bats
# stall.bats: --stall-timeout: a client that takes nothing of its answer is cut off.
# stall.py says how.

load helpers
load background

# stall CASE LIMIT
stall() {
    own_server --unix "$BATS_TEST_TMPDIR/s" --stall-timeout "$2s"
    run -0 python3 "$HTTP_TESTS/stall.py" "$PORT" "$BATS_TEST_TMPDIR/s" "$2" "$1"
}

@test "a client that reads nothing of an endless body is cut off" {
    stall stream 0.4
}

@test "a client that does not take what a sleeping stream has handed out is cut off" {
    stall asleep 0.4
}

@test "waits of a stream that nobody reads are cancelled" {
    stall waits 0.4
}

@test "a client that reads nothing of a list is cut off" {
    stall answer 0.4
}

@test "a client that asks and asks and reads nothing is cut off" {
    stall pipeline 0.4
}

# That a client takes something in time, a busy machine has to allow.
@test "a client that takes something now and then is not cut off, until it stops" {
    stall slow 2
}

@test "a client that has nothing to take is not cut off" {
    stall patient 0.4
}

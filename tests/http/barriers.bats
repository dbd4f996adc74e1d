#!/usr/bin/env bats
# barriers.bats: POST /barriers/ID/wait and abort, DELETE /barriers/ID. See coordination.py.

load helpers

coordination() {
    python3 "$HTTP_TESTS/coordination.py" "$PORT" "$@"
}

@test "the last of the parties releases all, with their ranks, again and again" {
    coordination barrier
}

@test "the first of a generation says how many" {
    coordination barrier_parties
}

@test "one that leaves or times out is a loss: it withdraws, or breaks the generation" {
    coordination barrier_losses
}

@test "aborted it is broken for all, until it is deleted" {
    coordination barrier_abort
}

@test "who watches its line goes on watching when it is made new" {
    coordination barrier_watched
}

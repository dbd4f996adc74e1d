#!/usr/bin/env bats
# barriers.bats: POST /barriers/ID/wait and abort, DELETE /barriers/ID. See barriers.py.

load helpers

barriers() {
    python3 "$HTTP_TESTS/barriers.py" "$PORT" "$@"
}

@test "the last of the parties releases all, with their ranks, again and again" {
    barriers barrier
}

@test "the first of a generation says how many" {
    barriers barrier_parties
}

@test "one that leaves or times out is a loss: it withdraws, or breaks the generation" {
    barriers barrier_losses
}

@test "aborted it is broken for all, until it is deleted" {
    barriers barrier_abort
}

@test "who watches its line goes on watching when it is made new" {
    barriers barrier_watched
}

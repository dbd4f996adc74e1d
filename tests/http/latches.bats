#!/usr/bin/env bats
# latches.bats: POST and GET /latches/ID. See latches.py.

load helpers

latches() {
    python3 "$HTTP_TESTS/latches.py" "$PORT" "$@"
}

@test "it counts up, and releases those who wait for that much" {
    latches latch
}

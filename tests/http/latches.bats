#!/usr/bin/env bats
# latches.bats: POST and GET /latches/ID. See coordination.py.

load helpers

coordination() {
    python3 "$HTTP_TESTS/coordination.py" "$PORT" "$@"
}

@test "it counts up, and releases those who wait for that much" {
    coordination latch
}

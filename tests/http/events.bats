#!/usr/bin/env bats
# events.bats: GET, PUT and DELETE /events/ID. See coordination.py.

load helpers

coordination() {
    python3 "$HTTP_TESTS/coordination.py" "$PORT" "$@"
}

@test "it is set, waited for and cleared; all that wait are released and told" {
    coordination event
}

@test "a payload is any JSON and comes as it was written, without its whitespace" {
    coordination event_payloads
}

@test "who waits for the next set misses none, though it is set now" {
    coordination event_generations
}

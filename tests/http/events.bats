#!/usr/bin/env bats
# events.bats: GET, PUT and DELETE /events/ID. See events.py.

load helpers

events() {
    python3 "$HTTP_TESTS/events.py" "$PORT" "$@"
}

@test "it is set, waited for and cleared; all that wait are released and told" {
    events event
}

@test "a payload is any JSON and comes as it was written, without its whitespace" {
    events event_payloads
}

@test "who waits for the next set misses none, though it is set now" {
    events event_generations
}

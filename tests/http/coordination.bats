#!/usr/bin/env bats
# coordination.bats: what all that blocks at an event, a semaphore, a barrier, a latch
# or a queue has in common, and the limits of them all.

load helpers
load background

coordination() {
    python3 "$HTTP_TESTS/coordination.py" "$PORT" "$@"
}

limits() {
    python3 "$HTTP_TESTS/object_limits.py" "$PORT" "$@"
}

@test "what blocks is a task of its kind, with the name of its object; a leaver is gone" {
    coordination seen
}

@test "it is answered when what it waits for comes, with the time that it took" {
    coordination served
}

@test "cancelled by its id it gets 409 cancelled, and its place is free" {
    coordination cancelled
}

@test "DELETE of its id ends it in the same way, and nothing is kept" {
    coordination deleted
}

@test "PATCH delay=0 makes its time run out; another PATCH is refused" {
    coordination fired
}

@test "timeout is a 504, not before it is over; timeout=0 does not wait" {
    coordination timeouts
}

@test "with a label its end is kept: result, error, reason, waited, bytes_sent" {
    coordination journal
}

@test "POST /reset ends all with 409, and forgets the objects" {
    coordination reset
}

@test "waiting=k waits until so many are blocked, itself not counted" {
    coordination watchers
}

@test "a half-close ends what waits" {
    coordination half_close
}

@test "what is sent behind a call that blocks is answered after it" {
    coordination pipelined
}

@test "HTTP/1.0 is answered and closed" {
    coordination http_1_0
}

@test "OPTIONS, HEAD and 405 on every path" {
    coordination methods
}

@test "HEAD waits as GET does" {
    coordination head_waits
}

@test "bad input is a 4xx that names it, and changes nothing" {
    coordination bad
}

@test "the drain ends all of them with 503, what is held in band" {
    own_server --drain 0.2
    coordination drained >"$BATS_TEST_TMPDIR/said" 3>&- &
    eventually grep -q ready "$BATS_TEST_TMPDIR/said"
    kill -TERM "$(own_server_pid)"
    wait "$!"
    server_ended "$BATS_TEST_TMPDIR/own"
}

@test "--idle-ttl: what is unused goes, what is waited for or held stays" {
    own_server --idle-ttl 1 --max-objects 12 --drain 0.2
    limits idle_ttl
    own_server_stop
}

@test "--max-objects: 429, and nothing has changed; a lease counts as one" {
    own_server --max-objects 2 --drain 0.2
    limits max_objects
    own_server_stop
}

@test "--max-waits: 429, and nothing has changed, nor is an object left behind" {
    own_server --max-waits 1 --max-objects 3 --drain 0.2
    limits max_waits
    own_server_stop
}

@test "--max-object-bytes: 429, and nothing has changed; what is kept of the done has no bytes" {
    own_server --max-object-bytes 1024 --drain 0.2
    limits max_bytes
    own_server_stop
}

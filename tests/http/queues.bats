#!/usr/bin/env bats
# queues.bats: POST /queues/ID and /queues/ID/get. See coordination.py.

load helpers
load background

coordination() {
    python3 "$HTTP_TESTS/coordination.py" "$PORT" "$@"
}

@test "items come out in order, to those who wait in theirs; a getter that leaves loses none" {
    coordination queue
}

@test "an item is any bytes of any type, as it came" {
    coordination queue_bytes
}

@test "maxsize blocks put; one that leaves has put nothing" {
    coordination queue_maxsize
}

@test "one that has sent its FIN with its request is served or not, never both" {
    coordination queue_half_close
}

@test "what a client has read a part of, when it half-closes, is still there" {
    own_server --unix "$BATS_TEST_TMPDIR/socket"
    coordination queue_unread "$BATS_TEST_TMPDIR/socket"
    own_server_stop
}

@test "the unix socket serves them as well" {
    own_server --unix "$BATS_TEST_TMPDIR/socket"
    hold g /queues/u/get -X POST --unix-socket "$BATS_TEST_TMPDIR/socket"
    get '/queues/u?waiting=1&wait=30'
    post /queues/u '{"a":1}' --unix-socket "$BATS_TEST_TMPDIR/socket"
    assert_status 201
    answered g
    has_sent g '{"a":1}'
    own_server_stop
}

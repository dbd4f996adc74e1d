#!/usr/bin/env bats
# queues.bats: POST /queues/ID and /queues/ID/get. See queues.py.

load helpers
load background

queues() {
    python3 "$HTTP_TESTS/queues.py" "$PORT" "$@"
}

@test "items come out in order, to those who wait in theirs; a getter that leaves loses none" {
    queues queue
}

@test "an item is any bytes of any type, as it came" {
    queues queue_bytes
    queues queue_accept
}

@test "maxsize blocks put; one that leaves has put nothing" {
    queues queue_maxsize
}

@test "one that has sent its FIN with its request is served or not, never both" {
    queues queue_half_close
}

@test "who waits to get has named no maxsize: the first to put names it" {
    for name in one two; do
        hold "$name" '/queues/early/get?timeout=50' -X POST
    done
    get '/queues/early?waiting=2&timeout=50'
    assert_status 200
    post '/queues/early?maxsize=1' '"first"'
    assert_status 201
    post '/queues/early?maxsize=2' '"other"'
    assert_problem 409 parameter-conflict maxsize
    post '/queues/early' '"second"'
    assert_status 201
    answered one
    answered two
    get /queues/early
    assert_json '.size == 0 and .maxsize == 1'
}

@test "a Content-Type that would not leave room for the answer's head is refused when it comes" {
    queues queue_long_type
}

@test "what a client has read a part of, when it half-closes, is still there" {
    own_server --unix "$BATS_TEST_TMPDIR/socket"
    queues queue_unread "$BATS_TEST_TMPDIR/socket"
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

#!/usr/bin/env bats
# slow.bats: clients that are slow with their requests, and a server that was stopped for a
# while. tests/long has the long forms, with their times.

load helpers
load background

# dribble WHAT N: all are closed with a 408, none before its time (but for the turn of the loop in
# which it was accepted), and a good client is served.
dribble() {
    own_server --header-timeout 4s
    python3 "$HTTP_TESTS/dribble.py" "$PORT" "$1" 4 "$2" >"$BATS_TEST_TMPDIR/found" 3>&- &
    eventually connections_are "$2" "$(own_server_pid)"
    get '/wait?delay=0.05'
    assert_status 200
    wait "$!"
    body=$(<"$BATS_TEST_TMPDIR/found")
    assert_json '.closed == $n and .told == $n and .first >= 3.9' --argjson n "$2"
    eventually connections_are 0 "$(own_server_pid)"
}

@test "300 connections that send a header now and then are cut off with a 408" {
    dribble headers 300
}

@test "100 connections that send a byte of their body now and then are cut off with a 408" {
    dribble body 100
}

@test "stopped for 2 s: nothing is early, and nothing spins after" {
    own_server
    run -0 python3 "$HTTP_TESTS/stopped.py" "$PORT" "$(own_server_pid)" 2 100
    body=$output
    assert_json '.answered == 100 and .early == 0'
    assert_json '.cpu < 0.5 and .switches < 100'
}

#!/usr/bin/env bats
# semaphores.bats: POST /semaphores/ID/acquire, release and renew. See semaphores.py.

load helpers
load background

semaphores() {
    python3 "$HTTP_TESTS/semaphores.py" "$PORT" "$@"
}

@test "leases are acquired in the order of arrival and released; a stale one is 409" {
    semaphores semaphore
}

@test "the limit is fixed while a lease is held or waited for" {
    semaphores semaphore_limit
}

@test "a lease whose ttl is over goes to the next in line; renewed, it does not" {
    semaphores semaphore_ttl
}

@test "a lease that is renewed in time is never over" {
    own_manual_server
    semaphores semaphore_renewed
    own_server_stop
}

@test "tokens rise, whoever asks" {
    semaphores semaphore_tokens
}

@test "hold=connection is a stream of the lease and heartbeats, and closing releases" {
    semaphores held
}

@test "a held lease that is released ends its stream well; cancelled or reset it says why" {
    semaphores held_ends
}

@test "the timeout of hold=connection is that of the wait" {
    semaphores held_timeout
}

@test "hold=connection over HTTP/1.0 ends with the connection" {
    semaphores held_http_1_0
}

@test "a lock cannot leak: curl is killed with SIGKILL, the next in line has it" {
    hold first '/semaphores/lock/acquire?hold=connection' -X POST
    eventually has_sent first '"lease"'
    hold second '/semaphores/lock/acquire?hold=connection' -X POST
    get '/semaphores/lock?waiting=1&wait=30'
    has_not_sent second lease
    leave first
    eventually has_sent second '"lease"'
    leave second
    post '/semaphores/lock/acquire?timeout=10'
    assert_status 200
}

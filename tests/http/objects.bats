#!/usr/bin/env bats
# objects.bats: what events, semaphores, barriers, latches and queues have in common.

load helpers
load background

setup() {
    server_reset
}

@test "DELETE forgets a semaphore, a latch or a queue, and cancels who waits there" {
    post '/semaphores/s/acquire'
    hold semaphores '/semaphores/s/acquire' -X POST
    hold latches '/latches/l?at_least=5&timeout=30'
    hold queues '/queues/q/get' -X POST
    local each

    for each in semaphores/s latches/l queues/q; do
        eventually waiting_at "$each" 1
        hold "watch-${each%/*}" "/$each?waiting=5&timeout=30"
        eventually count_is 2 "kind=$(kind_of "$each")"
        request "/$each" -X DELETE
        assert_status 200
        assert_json '.cancelled == 2'
        answered "${each%/*}"
        assert_problem 409 cancelled
        answered "watch-${each%/*}"
        assert_problem 409 cancelled
        request "/$each" -X DELETE
        assert_json '.cancelled == 0'
    done
    get /metrics
    ! grep -E '^waitd_objects.* [1-9]' "$body_file"
}

kind_of() {
    case $1 in
    semaphores/*) echo semaphore ;;
    latches/*) echo latch ;;
    *) echo queue ;;
    esac
}

@test "DELETE of a semaphore ends its leases, those of connections too" {
    local lease

    post '/semaphores/s/acquire?limit=2'
    lease=$(jq -r .lease <<<"$body")
    hold holder '/semaphores/s/acquire?hold=connection' -X POST
    eventually has_sent holder '"lease"'
    request /semaphores/s -X DELETE
    assert_json '.cancelled == 1'
    answered holder
    assert_eq "$(tail -n 1 "$body_file" | jq .error.status)" 409
    post /semaphores/s/release "{\"lease\":\"$lease\"}"
    assert_problem 409 lease-lost
    post '/semaphores/s/acquire?limit=1'
    assert_json '.available == 0 and .limit == 1'
}

@test "DELETE of a queue drops its items, and of a latch its value" {
    request /queues/q -d item
    post '/latches/l?by=7'
    request /queues/q -X DELETE
    request /latches/l -X DELETE
    get /queues/q
    assert_json '.size == 0'
    get /latches/l
    assert_json '.value == 0'
}

@test "a condition without a time to wait for it is a mistake" {
    local path

    for path in 'latches/x?at_least=1' 'events/x?generation=1' 'events/x?waiting=1' \
        'semaphores/x?waiting=1' 'barriers/x?waiting=1' 'queues/x?waiting=1'; do
        get "/$path"
        assert_problem 400 invalid-parameter
        assert_json '.detail | endswith("needs wait or timeout")'
    done
}

@test "a time to wait for nothing is a mistake, too" {
    local path

    for path in semaphores barriers queues latches; do
        get "/$path/x?wait=1"
        assert_problem 400 invalid-parameter
        assert_json '.param == "wait"'
    done
}

@test "the list tells who holds, who waits, and when they give up" {
    hold holder '/semaphores/s/acquire?hold=connection' -X POST
    eventually has_sent holder '"lease"'
    hold waiter '/semaphores/s/acquire?timeout=30' -X POST
    eventually waiting_at semaphores/s 1
    get '/tasks?kind=semaphore'
    assert_json '.tasks | length == 2 and all(.object == "s" and .state == "pending")
        and .[0].holding and .[0].deadline == null and .[0].remaining == null
        and (.[1].holding | not) and .[1].deadline > .[1].created_at
        and .[1].remaining > 0 and .[1].remaining <= 30'
    leave holder
    answered waiter
    assert_status 200
}

@test "a body that is not called JSON is told which line works" {
    request /events/x -X PUT -d 5
    assert_problem 415 unsupported-media-type
    assert_json '.detail | endswith("-X PUT")'
}

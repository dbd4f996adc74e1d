#!/usr/bin/env bats
# queues.bats: what the clients of a queue decide for one another.

load helpers
load background

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

#!/usr/bin/env bats
# workers.bats: what is at home with one worker, asked for through another.

load helpers
load background

workers() {
    python3 "$HTTP_TESTS/workers.py" "$PORT" "$@"
}

@test "a task is the same for the clients of every worker" {
    workers names
}

@test "a cancel on any worker wakes who awaits the task on any other" {
    workers awaiters
}

@test "a row of a stream comes at once, though the request that caused it was the home's own" {
    workers streams
}

@test "a client that reads the stream of another worker's group late gets all of it" {
    workers slow
}

@test "a client that leaves while another worker answers it leaves nothing behind" {
    workers leave
    eventually count_is 0 'state=pending'
}

@test "the pages of a list hold each task once, in order" {
    workers pages
    send POST /reset
}

@test "/reset is done on all workers or on none, though its client leaves" {
    workers reset
}

@test "--max-tasks holds for the ended ones of all workers; what is left over is no leak" {
    own_server --max-tasks 10 --drain 0.2
    workers kept
    post /tasks '{"n":5,"delay":60}'
    assert_status 201
    own_server_stop
}

@test "--drain ends what waits for another worker" {
    own_server --drain 0.3
    for i in 1 2 3 4 5 6; do
        send PUT "/tasks/drained-$i" '{"delay":60}'
        assert_status 201
    done
    for i in 1 2 3 4 5 6; do
        hold_asked "result-$i" "/tasks/drained-$i/result"
        hold_asked "wait-$i" "/tasks/drained-$i?wait=60"
    done
    kill -TERM "$(own_server_pid)"
    for i in 1 2 3 4 5 6; do
        answered "result-$i"
        assert_problem 503 draining
        answered "wait-$i"
        assert_status 200
        assert_json '.state == "cancelled" and .cancel_reason == "drain"'
    done
    server_ended "$BATS_TEST_TMPDIR/own"
}

@test "a port that another program has is told, whatever the number of workers" {
    own_server
    run -1 "$WAITD" --port "$PORT" --log-level error
    assert_match "$output" "cannot listen on 127.0.0.1 port $PORT: Address already in use"
}

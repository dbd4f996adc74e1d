#!/usr/bin/env bats
# labels.bats: the journal. A request with a label is kept like a task when it ends: how
# long it waited, how many bytes of its body were sent, and why it was cancelled.

load helpers
load background

setup() {
    server_reset
}

# journal LABEL: the one entry of that label becomes the body.
journal() {
    get "/tasks?label=$1&state=done,cancelled" || return
    assert_json '.total == 1' || return
    body=$(jq -c '.tasks[0]' <<<"$body")
}

@test "a /wait that is done: waited, the bytes of its body, no reason" {
    local bytes

    get '/wait?delay=0.1&label=l'
    bytes=$(wc -c <"$body_file")
    journal l
    assert_json '.kind == "wait" and .state == "done" and .label == "l" and .remaining == 0
        and .waited >= 0.1 and .waited == .result.elapsed and .result.delay == 0.1
        and .bytes_sent == $bytes and .cancel_reason == null and .finished_at != null' \
        --argjson bytes "$bytes"
    get '/wait?delay=0.1&label=t&format=text'
    assert_eq "$body" 0.1
    journal t
    assert_json '.bytes_sent == 4'
}

@test "a /wait_n that is done, in each form: the bytes of its whole stream" {
    local bytes

    for format in json ndjson sse text; do
        get "/wait_n?n=50&max_delay=0.1&seed=3&format=$format&label=$format"
        bytes=$(wc -c <"$body_file")
        journal "$format"
        assert_json '.kind == "wait_n" and .state == "done" and .n == 50 and .done == 50
            and .waited >= 0.05 and .bytes_sent == $bytes and .cancel_reason == null' \
            --argjson bytes "$bytes"
    done
}

@test "a /measure that is done" {
    local bytes want

    get '/measure?n=2&delay=0.1&mode=both&label=l'
    want=$(jq -cS . "$body_file")
    bytes=$(wc -c <"$body_file")
    journal l
    assert_json '.kind == "measure" and .state == "done" and .waited >= 0.2
        and .bytes_sent == $bytes and .cancel_reason == null' --argjson bytes "$bytes"
    assert_eq "$(jq -cS .result <<<"$body")" "$want"
}

@test "without a label a request is gone at once, however it ends" {
    get '/wait?delay=0.05'
    get '/wait?delay=60&timeout=0.05'
    assert_status 504
    hold w '/wait?delay=60'
    eventually count_is 1 kind=wait
    leave w
    eventually count_is 0 ''
    hold w '/wait?delay=60'
    eventually count_is 1 kind=wait
    id=$(curl -sS "$URL/tasks?kind=wait" | jq -r '.tasks[0].id')
    post "/tasks/$id/cancel"
    answered w
    eventually count_is 0 ''
}

@test "a client that left: disconnect, what it waited, no byte sent" {
    own_manual_server
    hold w '/wait?delay=60&label=l'
    in_flight 'label=l&state=pending'
    advance 20
    leave w
    eventually count_is 1 'label=l&state=cancelled'
    journal l
    assert_json '.id == $id and .state == "cancelled" and .cancel_reason == "disconnect"
        and .bytes_sent == 0 and .waited == 20 and .result == null' \
        --arg id "$id"
}

@test "a client that left in the middle of a stream: disconnect, and the bytes so far" {
    local bytes

    # two run out, the third waits behind them
    own_manual_server
    hold s '/wait_n?n=3&delay=3&limit=2&format=ndjson&label=m'
    in_flight 'label=m&state=pending'
    advance 3
    eventually has_sent s '"rank":1'
    leave s
    bytes=$(wc -c <"$BATS_TEST_TMPDIR/held-s.body")
    eventually count_is 1 'label=m&state=cancelled'
    journal m
    assert_json '.cancel_reason == "disconnect" and .n == 3 and .done == 2
        and .bytes_sent == $bytes and .waited == 3' --argjson bytes "$bytes"
}

@test "a timeout: reason timeout, and the bytes of its problem" {
    local bytes

    for path in /wait? '/measure?n=2&'; do
        get "${path}delay=60&timeout=0.1&label=l"
        assert_problem 504 timeout
        bytes=$(wc -c <"$body_file")
        journal l
        assert_json '.state == "cancelled" and .cancel_reason == "timeout" and .waited >= 0.1
            and .bytes_sent == $bytes' --argjson bytes "$bytes"
        send DELETE "/tasks/$(jq -r .id <<<"$body")"
        assert_status 204
    done
    get '/wait_n?n=2&delay=60&timeout=0.1&label=l'
    bytes=$(wc -c <"$body_file")
    journal l
    assert_json '.kind == "wait_n" and .cancel_reason == "timeout" and .done == 0
        and .bytes_sent == $bytes' --argjson bytes "$bytes"
}

@test "a cancel: reason cancel, and it is kept" {
    local bytes

    for path in /wait? '/measure?n=2&' '/wait_n?n=2&'; do
        hold r "${path}delay=60&label=l"
        in_flight 'label=l&state=pending'
        post "/tasks/$id/cancel"
        answered r
        bytes=$(wc -c <"$body_file")
        eventually is_sent "$id" "$bytes"
        journal l
        assert_json '.id == $id and .state == "cancelled" and .cancel_reason == "cancel"
            and .waited > 0' --arg id "$id"
        send DELETE "/tasks/$id"
        assert_status 204
    done
}

is_sent() {
    [[ $(task "$1" .bytes_sent) == "$2" ]]
}

@test "fired early it is done, with what it waited" {
    hold w '/wait?delay=60&label=l'
    in_flight 'label=l&state=pending'
    send PATCH "/tasks/$id" '{"delay":0}'
    answered w
    journal l
    assert_json '.state == "done" and .waited < 60 and .waited == .result.elapsed
        and .result.elapsed >= .result.delay'
}

@test "a reset takes the journal, and what it cancels leaves nothing in it" {
    get '/wait?delay=0.05&label=l'
    hold w '/wait?delay=60&label=w'
    in_flight 'label=w&state=pending'
    post /reset
    assert_eq "$body" '{"cancelled":1,"removed":2}'
    answered w
    assert_problem 409 cancelled
    assert_eq "$(count '')" 0
    sleep 0.1 # in real time: nothing may come back
    assert_eq "$(count '')" 0
}

@test "an entry of the journal can be read, cancelled in vain, and deleted" {
    get '/wait?delay=0.05&label=l'
    journal l
    id=$(jq -r .id <<<"$body")
    get "/tasks/$id/result"
    assert_status 200
    assert_json '.delay == 0.05 and .elapsed >= 0.05'
    get "/tasks/$id?wait=30"
    assert_json '.state == "done"'
    post "/tasks/$id/cancel"
    assert_json '.cancelled == false'
    send PATCH "/tasks/$id" '{"delay":0}'
    assert_problem 409 already-finished
    send DELETE "/tasks/$id"
    assert_status 204
    get "/tasks/$id"
    assert_problem 404 not-found
    get '/wait_n?n=3&delay=0.05&label=n'
    journal n
    get "/tasks/$(jq -r .id <<<"$body")/result"
    assert_json '.n == 3 and .done == 3 and .cancelled == 0 and .elapsed >= 0.05'
}

@test "the journal keeps what shares a label, oldest first" {
    for delay in 0.03 0.02 0.01; do get "/wait?delay=$delay&label=l"; done
    get '/tasks?label=l'
    assert_json '[.tasks[].result.delay] == [0.03, 0.02, 0.01]'
}

@test "a label is 1 to 128 bytes of UTF-8" {
    local long

    long=$(printf 'x%.0s' {1..129})
    get "/wait?delay=0.01&label=${long:1}"
    assert_status 200
    assert_eq "$(count "label=${long:1}")" 1
    get "/wait?delay=0.01&label=$long"
    assert_problem 400 invalid-parameter label
    get '/wait?delay=0.01&label='
    assert_problem 400 invalid-parameter label
    get '/wait?delay=0.01&label=%ff%fe'
    assert_problem 400 invalid-parameter label
}

@test "an entry of the journal goes after --retention" {
    own_server --retention 0.3
    get '/wait?delay=0.01&label=l'
    hold w '/wait?delay=60&label=w'
    in_flight 'label=w&state=pending'
    leave w
    eventually count_is 1 'label=w&state=cancelled'
    eventually count_is 0 ''
    own_server_stop
}

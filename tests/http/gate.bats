#!/usr/bin/env bats
# gate.bats: waits and tasks that end when an event is set.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

# With several workers some are at home where the client is, and some are not.
EVENTS=(go-1 go-2 go-3)

setup() {
    server_reset
}

# gated EVENT K: until k stand at its gate.
gated() {
    get "/events/$1?waiting=$2&timeout=30"
    assert_status 200
    assert_json ".waiting == $2"
}

@test "/wait?event=: the test releases the response" {
    local event

    for event in "${EVENTS[@]}"; do
        hold "$event" "/wait?event=$event&timeout=30"
        gated "$event" 1
        still_held "$event"
        send PUT "/events/$event"
        assert_json '.released == 1 and .waiting == 0'
        answered "$event"
        assert_status 200
        assert_json '.delay > 0 and .elapsed >= .delay and (has("seed") | not)'
    done
}

@test "one that is set lets through at once, until it is cleared" {
    local event

    for event in "${EVENTS[@]}"; do
        send PUT "/events/$event"
        get "/wait?event=$event"
        assert_status 200
        assert_json '.elapsed >= .delay and .delay < 5'
        request "/events/$event" -X DELETE
        get "/wait?event=$event&timeout=0.05"
        assert_problem 504 timeout
        get "/events/$event"
        assert_json '.waiting == 0'
    done
}

@test "with a delay the later of both counts" {
    local event drawn

    drawn=$(uniform 7 1 0 0.3)
    for event in "${EVENTS[@]}"; do
        send PUT "/events/$event"
        get "/wait?event=$event&delay=0.1"
        assert_json '.delay == 0.1 and .elapsed >= 0.1'
        get "/wait?event=$event&max_delay=0.3&seed=7"
        assert_json '.delay == $drawn and .seed == 7' --argjson drawn "$drawn"
        request "/events/$event" -X DELETE
        hold "$event" "/wait?event=$event&delay=0.01"
        gated "$event" 1
        sleep 0.05 # on a real clock: the event may live on any worker
        send PUT "/events/$event"
        answered "$event"
        assert_json '.delay > 0.05 and .elapsed >= .delay'
    done
}

@test "tasks too: in a group, under an id of your own, and by Prefer" {
    local event

    for event in "${EVENTS[@]}"; do
        send POST /tasks "{\"event\":\"$event\",\"group\":\"g-$event\"}"
        assert_status 201
        assert_json '.state == "pending" and .event == $event and .delay == null
            and .remaining == null and .deadline == null' --arg event "$event"
        send PUT "/tasks/t-$event" "{\"event\":\"$event\"}"
        assert_status 201
        send PUT "/tasks/t-$event" "{\"event\":\"$event\"}"
        assert_status 200
        send PUT "/tasks/t-$event" '{"event":"another"}'
        assert_problem 409 id-conflict
        send PUT "/tasks/t-$event" '{"delay":0}'
        assert_problem 409 id-conflict
        get "/wait?event=$event&label=preferred" -H 'Prefer: respond-async'
        assert_status 202
        gated "$event" 3
        send PUT "/events/$event"
        assert_json '.released == 3'
        get "/tasks/t-$event/result?timeout=30"
        assert_status 200
        assert_json '.elapsed >= .delay'
        get "/tasks?group=g-$event&wait=30"
        assert_json '.done | length == 1 and .[0].state == "done" and .[0].delay > 0'
    done
    get '/tasks?label=preferred&state=done'
    assert_json '.total == 3'
}

@test "who leaves, is cancelled or fired early stands at the gate no more" {
    local event id

    for event in "${EVENTS[@]}"; do
        hold "$event" "/wait?event=$event"
        gated "$event" 1
        leave "$event"
        eventually count_is 0 kind=wait
        send PUT "/tasks/c-$event" "{\"event\":\"$event\"}"
        send PUT "/tasks/f-$event" "{\"event\":\"$event\",\"delay\":0.01}"
        gated "$event" 2
        post "/tasks/c-$event/cancel"
        assert_json '.cancelled and .task.cancel_reason == "cancel"'
        send PATCH "/tasks/f-$event" '{"delay":0}'
        assert_json '.state == "done"'
        eventually waiting_at "events/$event" 0
        send PUT "/events/$event"
        assert_json '.released == 0'
    done
}

@test "PATCH add and a deadline" {
    send PUT /tasks/later '{"event":"go-1"}'
    send PATCH /tasks/later '{"add":0.2}'
    assert_json '.state == "pending" and .deadline == null'
    send PUT /events/go-1
    get '/tasks/later/result'
    assert_json '.delay >= 0.2 and .elapsed >= .delay'
    send PUT /tasks/dated '{"event":"go-2"}'
    send PATCH /tasks/dated '{"delay":0.05}'
    assert_json '.remaining > 0 and .deadline != null'
    get '/tasks/dated/result'
    assert_status 200
    eventually waiting_at events/go-2 0
}

@test "failures are failures behind a gate as well" {
    send PUT /events/go-1
    get '/wait?event=go-1&status=503'
    assert_problem 503 simulated-failure
}

no_event_is_left() {
    get /metrics
    ! grep -q 'waitd_objects{.*kind="event".*} [1-9]' "$body_file"
}

@test "a reset ends them, and the drain" {
    local event

    for event in "${EVENTS[@]}"; do
        hold "$event" "/wait?event=$event"
        gated "$event" 1
    done
    post /reset
    assert_json '.cancelled == 3'
    for event in "${EVENTS[@]}"; do
        answered "$event"
        assert_problem 409 cancelled
        get "/events/$event"
        assert_json '.set == false and .generation == 0 and .waiting == 0'
    done
    eventually no_event_is_left
    own_server --drain 0
    for event in "${EVENTS[@]}"; do
        hold "$event" "/wait?event=$event"
        send PUT "/tasks/t-$event" "{\"event\":\"$event\"}"
        gated "$event" 2
    done
    own_server_stop
    for event in "${EVENTS[@]}"; do
        answered "$event"
        assert_problem 503 draining
    done
}

@test "no room for the event: 429, and nothing has started" {
    local event

    own_server --max-objects 1
    send PUT /events/taken
    for event in "${EVENTS[@]}"; do
        get "/wait?event=$event&timeout=30"
        assert_problem 429 too-many-objects
    done
    get '/tasks'
    assert_json '.total == 0'
    get '/wait?event=taken'
    assert_status 200
    own_server_stop
}

@test "event does not go with n" {
    send POST /tasks '{"n":2,"event":"go-1"}'
    assert_problem 400 invalid-parameter
    assert_json '.param == "event" and .conflicts_with == "n"'
    get '/wait_n?n=2&event=go-1'
    assert_problem 400 unknown-parameter
    get '/wait?event='
    assert_problem 400 invalid-parameter
    get '/wait?event=a%20b'
    assert_problem 400 invalid-parameter
}

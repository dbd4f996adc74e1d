#!/usr/bin/env bats
# inflight.bats: requests in flight in the list of tasks: /wait, /wait_n and /measure are
# seen, cancelled, deleted and fired early by their ids.

load helpers
load background

setup() {
    server_reset
}

@test "a /wait in flight is a Task of kind wait" {
    hold w '/wait?delay=60'
    in_flight kind=wait
    get "/tasks/$id"
    assert_json '.kind == "wait" and .state == "pending" and .delay == 60 and .group == null
        and .remaining <= 60 and .remaining > 0 and .deadline != null
        and (has("waited") | not)'
    leave w
    eventually count_is 0 ''
}

@test "a /wait_n in flight is one Task of kind wait_n, with n and done" {
    hold s '/wait_n?n=3&max_delay=60&min_delay=0&seed=1&limit=1&label=s'
    in_flight kind=wait_n
    get "/tasks/$id"
    assert_json '.kind == "wait_n" and .state == "pending" and .n == 3 and .done == 0'
    assert_eq "$(waitd_id s)" "$id"
    leave s
    hold s '/wait_n?n=4&delay=0.5&limit=3'
    eventually has_sent s 0.5
    get "/tasks/$(waitd_id s)"
    [[ $status_code == 404 ]] || assert_json '.n == 4 and (.done == 3 or .done == 4)'
    answered s
    eventually count_is 0 kind=wait_n\&state=pending
}

@test "a /measure in flight is a Task of kind measure" {
    hold m '/measure?n=2&delay=60&mode=both'
    in_flight kind=measure
    get "/tasks/$id"
    assert_json '.kind == "measure" and .state == "pending" and .n == 2 and .done == 0'
    leave m
    eventually count_is 0 ''
}

@test "all kinds stand in one list by age; kind and state filter them" {
    hold w '/wait?delay=60'
    in_flight kind=wait
    hold s '/wait_n?n=2&delay=60'
    in_flight kind=wait_n
    hold m '/measure?n=1&delay=60'
    in_flight kind=measure
    post /tasks '{"delay":60}'
    get '/tasks?state=pending'
    assert_json '[.tasks[].kind] == ["wait", "wait_n", "measure", "task"] and .total == 4'
    assert_json '[.tasks[].id] | unique | length == 4'
    get '/tasks?limit=2'
    assert_json '[.tasks[].kind] == ["wait", "wait_n"] and .total == 4'
    post /reset
    answered w
    answered s
    answered m
}

@test "a request that has ended and has no label is gone at once" {
    get '/wait?delay=0.05'
    assert_eq "$(count '')" 0
    get '/wait_n?n=3&delay=0.05'
    assert_eq "$(count '')" 0
    get '/measure?n=1&delay=0.05'
    assert_eq "$(count '')" 0
}

@test "cancel of a /wait in flight: true, and its client gets 409" {
    hold w '/wait?delay=60'
    in_flight kind=wait
    post "/tasks/$id/cancel"
    assert_status 200
    assert_json '.cancelled == true and .task.kind == "wait" and .task.state == "cancelled"
        and .task.cancel_reason == "cancel"'
    answered w
    assert_problem 409 cancelled
    eventually count_is 0 ''
}

@test "cancel of a /measure in flight: its client gets 409" {
    hold m '/measure?n=3&delay=60&mode=both&limit=2'
    in_flight kind=measure
    post "/tasks/$id/cancel"
    assert_json '.cancelled == true and .task.state == "cancelled"'
    answered m
    assert_problem 409 cancelled
}

@test "cancel of a /wait_n by its Waitd-Id: in band, in each form, and the body ends well" {
    for format in json ndjson sse text; do
        hold s "/wait_n?n=3&delay=60&format=$format&label=$format"
        in_flight "kind=wait_n&label=$format"
        eventually has_id s
        assert_eq "$(waitd_id s)" "$id"
        post "/tasks/$(waitd_id s)/cancel"
        assert_json '.cancelled == true and .task.kind == "wait_n" and .task.n == 3'
        answered s
        assert_status 200
        case $format in
        json) assert_json '.delays == [] and .done == 0 and .cancelled == 3
            and .error.status == 409 and .error.type == "/problems/cancelled"' ;;
        ndjson) assert_json '.done == 0 and .cancelled == 3 and .error.status == 409' ;;
        sse)
            assert_eq "$(sed -n 1p "$body_file")" 'event: summary'
            body=$(sed -n 's/^data: //p' "$body_file")
            assert_json '.cancelled == 3 and .error.status == 409'
            ;;
        text) assert_eq "$body" '# 409 cancelled' ;;
        esac
    done
}

@test "cancel in the middle of a /wait_n: the rows that left stand, the rest is counted" {
    hold s '/wait_n?n=3&delay=2&limit=2&label=s'
    eventually has_sent s ,2
    id=$(waitd_id s)
    post "/tasks/$id/cancel"
    answered s
    assert_json '.delays == [2, 2] and .done == 2 and .cancelled == 1
        and .error.status == 409 and .elapsed >= 2'
}

@test "DELETE of a request in flight: 204, gone, its client gets 409" {
    for path in '/wait?delay=60&label=x' '/measure?n=2&delay=60&label=x'; do
        hold r "$path"
        in_flight label=x
        send DELETE "/tasks/$id"
        assert_status 204
        answered r
        assert_problem 409 cancelled
        get "/tasks/$id"
        assert_problem 404 not-found
    done
    hold s '/wait_n?n=2&delay=60&label=x'
    in_flight label=x
    send DELETE "/tasks/$id"
    assert_status 204
    answered s
    assert_status 200
    assert_json '.delays == [] and .cancelled == 2 and .error.status == 409'
    assert_eq "$(count '')" 0
}

@test "PATCH delay=0 fires a /wait early: it answers, and elapsed >= delay" {
    hold w '/wait?delay=60'
    in_flight kind=wait
    send PATCH "/tasks/$id" '{"delay":0}'
    assert_status 200
    answered w
    assert_status 200
    assert_json '.delay < 60 and .elapsed >= .delay'
    own_manual_server
    hold w '/wait?delay=60'
    in_flight kind=wait
    advance 20
    send PATCH "/tasks/$id" '{"delay":0}'
    answered w
    assert_json '.delay == 20 and .elapsed == 20'
}

@test "PATCH delay and add move a /wait in flight" {
    hold w '/wait?delay=60'
    in_flight kind=wait
    send PATCH "/tasks/$id" '{"add":30}'
    assert_status 200
    assert_json '.state == "pending" and .delay == 90'
    send PATCH "/tasks/$id" '{"delay":0.2}'
    assert_json '.state == "pending" and .remaining <= 0.2'
    answered w
    assert_status 200
    assert_json '.delay >= 0.2 and .elapsed >= .delay and .delay < 60'
}

@test "PATCH delay=0 fires a /wait_n early: every wait answers, elapsed >= delay" {
    own_manual_server
    for format in json ndjson; do
        hold s "/wait_n?n=5&delay=60&format=$format&label=$format"
        in_flight "label=$format&state=pending"
        advance 20
        send PATCH "/tasks/$id" '{"delay":0}'
        assert_status 200
        answered s
        assert_status 200
        if [[ $format == json ]]; then
            assert_json '.done == 5 and .cancelled == 0 and (has("error") | not)
                and .delays == [20, 20, 20, 20, 20] and .elapsed == 20'
        else
            assert_eq "$(jq -cs '[.[:5][] | .elapsed == 20 and .delay == 20] | unique' \
                "$body_file")" '[true]'
            assert_eq "$(jq -cs '[.[:5][].rank], [.[:5][].index]' "$body_file" | xargs)" \
                '[0,1,2,3,4] [0,1,2,3,4]'
            assert_eq "$(jq -cs '.[5].done' "$body_file")" 5
        fi
    done
}

@test "PATCH delay=0 fires a /wait_n with limit early, those that had not started, too" {
    hold s '/wait_n?n=5&delay=60&limit=2&format=ndjson&label=s'
    in_flight 'label=s&state=pending'
    send PATCH "/tasks/$id" '{"delay":0}'
    answered s
    assert_eq "$(wc -l <"$body_file")" 6
    assert_eq "$(jq -cs '[.[:5][] | .elapsed >= .delay] | unique' "$body_file")" '[true]'
    assert_eq "$(jq -cs '.[5] | [.done, .cancelled]' "$body_file")" '[5,0]'
}

@test "PATCH delay=0 fires a /measure early" {
    own_manual_server
    hold m '/measure?n=3&delay=60&mode=both&limit=2'
    in_flight kind=measure
    advance 15
    send PATCH "/tasks/$id" '{"delay":0}'
    assert_status 200
    answered m
    assert_status 200
    assert_json '.n == 3 and .concurrent == {"total": 15, "average": 5}
        and .sequential == .concurrent and .speedup == 1 and (.limited | length == 1)'
}

@test "what waits many times takes no other PATCH than delay=0" {
    hold s '/wait_n?n=2&delay=60'
    in_flight kind=wait_n
    for change in '{"delay":1}' '{"add":1}' '{"deadline":"2020-01-02T03:04:05Z"}'; do
        send PATCH "/tasks/$id" "$change"
        assert_problem 400 invalid-parameter
    done
    assert_eq "$(task "$id" .state)" '"pending"'
    leave s
}

@test "others may await a request in flight: its result, or its end" {
    hold w '/wait?delay=60'
    in_flight kind=wait
    hold_awaiters "$id"
    send PATCH "/tasks/$id" '{"delay":0}'
    answered w
    assert_status 200
    answered result
    assert_status 200
    assert_json '.elapsed >= .delay and .delay < 60'
    answered poll
    assert_json '.kind == "wait" and .state == "done" and .result.elapsed >= .result.delay'
}

@test "who awaits a request hears when its client leaves" {
    hold w '/wait?delay=60'
    in_flight kind=wait
    hold_awaiters "$id"
    leave w
    answered result
    assert_problem 409 cancelled
    answered poll
    assert_json '.state == "cancelled" and .cancel_reason == "disconnect"'
}

@test "the timeout of a request in flight: 504 for its client, 409 for who awaits it" {
    own_manual_server
    hold w '/wait?delay=60&timeout=3&label=t'
    in_flight label=t
    hold_asked result "/tasks/$id/result"
    advance 3
    answered w
    assert_problem 504 timeout
    answered result
    assert_problem 409 cancelled
}

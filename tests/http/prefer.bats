#!/usr/bin/env bats
# prefer.bats: Prefer: respond-async and Prefer: wait=N (RFC 7240) on /wait and /wait_n.

load helpers
load background

setup() {
    server_reset
}

# accepted_task: the last answer is a 202 with a Task; sets id.
accepted_task() {
    assert_status 202 || return
    assert_eq "$(header Content-Type)" application/json || return
    assert_json '.kind == "task" and .state == "pending" and length == 13' || return
    id=$(jq -r .id <<<"$body")
    assert_eq "$(header Location)" "/tasks/$id"
}

@test "respond-async on /wait: 202 at once with the Task, its Location, what was applied" {
    get '/wait?delay=60&label=later' -H 'Prefer: respond-async'
    accepted_task
    assert_eq "$(header Preference-Applied)" respond-async
    assert_json '.delay == 60 and .label == "later" and .group == null'
    get "/tasks/$id"
    assert_json '.state == "pending"'
    send PATCH "/tasks/$id" '{"delay":0}'
    get "/tasks/$id/result"
    assert_json '.elapsed >= .delay'
}

@test "a task made by respond-async ends as any other, never early, and is kept" {
    post /wait '{"delay":0.15}' -H 'Prefer: respond-async'
    accepted_task
    get "/tasks/$id/result?timeout=30"
    assert_status 200
    assert_json '.delay == 0.15 and .elapsed >= 0.15'
    assert_eq "$(task "$id" '[.kind, .state]')" '["task","done"]'
}

@test "respond-async on /wait with a timeout or a seed: the task has them" {
    get '/wait?delay=60&timeout=0.1' -H 'Prefer: respond-async'
    accepted_task
    get "/tasks/$id?wait=30"
    assert_json '.state == "cancelled" and .cancel_reason == "timeout"'
    get '/wait?max_delay=250&min_delay=100&seed=7' -H 'Prefer: respond-async'
    accepted_task
    assert_match "$body" "\"delay\":$(uniform 7 1 100 250),"
}

@test "respond-async on /wait answers 202 even where the wait is none" {
    get '/wait?delay=60&format=text' -H 'Prefer: respond-async'
    accepted_task
}

@test "respond-async on /wait_n: 202 with the group, as POST /tasks with n" {
    local group

    get '/wait_n?n=3&max_delay=250&min_delay=100&seed=7&limit=2&label=many' \
        -H 'Prefer: respond-async'
    assert_status 202
    assert_eq "$(header Content-Type)" application/json
    assert_eq "$(header Preference-Applied)" respond-async
    group=$(jq -r .group <<<"$body")
    assert_eq "$(header Location)" "/tasks?group=$group"
    assert_json 'keys_unsorted == ["group", "seed", "tasks"] and .seed == 7
        and [.tasks[].state] == ["pending", "pending", "queued"]
        and (.tasks | all(.label == "many" and .kind == "task" and .group == $group))' \
        --arg group "$group"
    assert_eq "$(grep -o '"delay":[0-9.e+-]*' "$body_file" | cut -d: -f2)" \
        "$(uniform 7 3 100 250)"
    assert_eq "$(count "group=$group")" 3
    assert_eq "$(count kind=wait_n)" 0
}

@test "respond-async on /wait_n in any format: the 202 is JSON" {
    for format in ndjson sse text; do
        get "/wait_n?n=2&delay=60&format=$format" -H 'Prefer: respond-async'
        assert_status 202
        assert_eq "$(header Content-Type)" application/json
        assert_json '.tasks | length == 2'
    done
}

@test "HEAD of /wait_n starts nothing, whatever is preferred" {
    for prefer in respond-async wait=0 wait=1; do
        request '/wait_n?n=2&delay=60&label=head' -I -H "Prefer: $prefer"
        assert_status 200
        assert_eq "$(header Preference-Applied)" ''
    done
    assert_eq "$(count label=head)" 0
}

@test "wait=N on /wait: done in time is 200 with what /wait says" {
    get '/wait?delay=0.15' -H 'Prefer: wait=30'
    assert_status 200
    assert_json 'keys_unsorted == ["delay", "elapsed"] and .delay == 0.15 and .elapsed >= 0.15'
    assert_eq "$(header Preference-Applied)" wait=30
    assert_eq "$(header Location)" ''
    assert_match "$(header Server-Timing)" '^wait;dur='
    get '/wait?max_delay=0.1&seed=7' -H 'Prefer: wait=30'
    assert_json 'keys_unsorted == ["delay", "elapsed", "seed"] and .seed == 7'
    get '/wait?delay=0.1&format=text' -H 'Prefer: wait=30'
    assert_status 200
    assert_eq "$body" 0.1
}

# second_passes PATH [curl's arguments]: what is answered when it has, on a clock that
# stands otherwise.
second_passes() {
    own_manual_server
    hold_pending asked "$@" || return
    advance 1
    answered asked
}

@test "wait=N on /wait: not done by then is the 202, and the task goes on" {
    second_passes '/wait?delay=60' -H 'Prefer: wait=1'
    accepted_task
    assert_eq "$(header Preference-Applied)" wait=1
    assert_eq "$(header Server-Timing)" 'wait;dur=1000'
    assert_json '.remaining == 59'
    assert_eq "$(task "$id" .state)" '"pending"'
    get '/wait?delay=60' -H 'Prefer: wait=0'
    accepted_task
    assert_eq "$(header Preference-Applied)" wait=0
}

@test "wait=N on /wait_n: done in time is 200 with what /wait_n says, no stream" {
    local want

    want=$(uniform 7 4 0 0.3 | sort -g | xargs)
    get '/wait_n?n=4&max_delay=0.3&seed=7' -H 'Prefer: wait=30'
    assert_status 200
    assert_json 'keys_unsorted == ["n", "seed", "delays", "done", "failed", "cancelled",
        "elapsed"] and .n == 4 and .seed == 7 and .done == 4 and .failed == 0
        and .cancelled == 0 and .elapsed >= .delays[-1]'
    assert_eq "$(sed -n '2,5s/^,//;2,5p' "$body_file" | xargs)" "$want"
    assert_eq "$(header Preference-Applied)" wait=30
    assert_match "$(header Content-Length)" '^[0-9]+$'
    assert_eq "$(header Transfer-Encoding)" ''
}

@test "wait=N on /wait_n: the order is that of /wait_n, where whole ns tie too" {
    local plain

    for seed in 2 3 4; do
        get "/wait_n?n=10000&max_delay=0.05&seed=$seed"
        plain=$(jq -c .delays "$body_file")
        get "/wait_n?n=10000&max_delay=0.05&seed=$seed" -H 'Prefer: wait=30'
        assert_eq "$(header Preference-Applied)" wait=30
        [[ $(jq -c .delays "$body_file") == "$plain" ]] || fail "seed $seed: another order"
    done
}

@test "wait=N on /wait_n: not done by then is the 202 with the group" {
    local group

    second_passes '/wait_n?n=2&delay=60' -H 'Prefer: wait=1'
    assert_status 202
    group=$(jq -r .group <<<"$body")
    assert_eq "$(header Location)" "/tasks?group=$group"
    assert_eq "$(header Preference-Applied)" wait=1
    assert_json '.tasks | length == 2 and all(.state == "pending" and .remaining == 59)'
    assert_eq "$(count "group=$group&state=pending")" 2
}

@test "wait=N on /wait_n with a timeout: the answer tells it as /wait_n does" {
    get '/wait_n?n=2&delay=60&timeout=0.1' -H 'Prefer: wait=30'
    assert_status 200
    assert_json '.n == 2 and .delays == [] and .done == 0 and .cancelled == 2
        and .error.status == 504 and .error.type == "/problems/timeout"'
}

@test "n=0 is an empty list at once, whatever is preferred" {
    for prefer in respond-async wait=1; do
        get '/wait_n?n=0' -H "Prefer: $prefer"
        assert_status 200
        assert_json '.n == 0 and .delays == [] and .done == 0'
    done
}

@test "both together: wait first, then 202" {
    get '/wait?delay=0.1' -H 'Prefer: respond-async, wait=30'
    assert_status 200
    assert_json '.elapsed >= 0.1'
    assert_match "$(header Preference-Applied)" 'wait=30'
    get '/wait_n?n=2&delay=0.1' -H 'Prefer: respond-async;x=y,  wait = 30'
    assert_status 200
    assert_json '.done == 2'
    second_passes '/wait?delay=60' -H 'Prefer: wait=1, respond-async'
    accepted_task
    assert_json '.remaining == 59'
    assert_match "$(header Preference-Applied)" 'respond-async'
    assert_match "$(header Preference-Applied)" 'wait=1'
}

@test "preferences stand in one header or in two" {
    second_passes '/wait?delay=60' -H 'Prefer: respond-async' -H 'Prefer: wait=1'
    accepted_task
    assert_json '.remaining == 59'
}

@test "Accept stands in one line or in two" {
    get '/wait?delay=0.01' -H 'Accept: application/xml' -H 'Accept: text/plain'
    assert_status 200
    assert_eq "$body" 0.01
}

@test "of two waits the first counts, and it may be quoted" {
    for prefer in 'wait=30, wait=0' 'wait=30, wait=abc' 'wait="30"' 'WAIT = "30" ; x, wait="0"'; do
        get '/wait?delay=0.1' -H "Prefer: $prefer"
        assert_status 200 || fail "Prefer: $prefer"
        assert_eq "$(header Preference-Applied)" wait=30
    done
    get '/wait?delay=60' -H 'Prefer: wait=0' -H 'Prefer: wait=30'
    accepted_task
    get '/wait?delay=0.1' -H 'Prefer: wait=abc, wait=5'
    assert_problem 400 invalid-parameter Prefer
}

@test "preferences are read without regard to case" {
    get '/wait?delay=60' -H 'prefer: Respond-Async'
    accepted_task
}

@test "unknown preferences are ignored, alone or beside a known one" {
    get '/wait?delay=0.1' -H 'Prefer: return=minimal; foo="some, thing", handling=lenient'
    assert_status 200
    assert_eq "$(header Preference-Applied)" ''
    assert_json '.elapsed >= 0.1'
    get '/wait?delay=60' -H 'Prefer: return=minimal, respond-async, priority=3'
    accepted_task
    assert_eq "$(header Preference-Applied)" respond-async
    get '/wait?delay=0.05' -H 'Prefer: waiter=3'
    assert_status 200
    assert_eq "$(header Preference-Applied)" ''
}

@test "what stands in a quoted string is no preference" {
    for prefer in 'foo="x, respond-async, y"' 'foo="x, wait=0"' 'foo="\", respond-async"' \
        'foo=bar; x="y, wait=0"' 'foo="x, respond-async'; do
        get '/wait?delay=0.1' -H "Prefer: $prefer"
        assert_status 200 || fail "Prefer: $prefer"
        assert_eq "$(header Preference-Applied)" ''
    done
    get '/wait?delay=60' -H 'Prefer: foo="x\\", respond-async; y="z;"'
    accepted_task
}

@test "Prefer: wait wants whole seconds up to --max-delay" {
    for bad in abc -1 1.5 301 '' 1s '""' '"' '"1.5"' '"1'; do
        get '/wait?delay=0.1' -H "Prefer: wait=$bad"
        assert_problem 400 invalid-parameter Prefer
        assert_json '.max == 300'
        get '/wait_n?n=2&delay=0.1' -H "Prefer: wait=$bad"
        assert_problem 400 invalid-parameter Prefer
    done
    assert_eq "$(count '')" 0
}

@test "where nothing can be a task, Prefer is ignored" {
    get '/measure?n=1&delay=0.05' -H 'Prefer: respond-async'
    assert_status 200
    assert_eq "$(header Preference-Applied)" ''
    post /tasks '{"delay":60}' -H 'Prefer: respond-async'
    assert_status 201
}

@test "a client that leaves before the 202 cancels the task, with reason disconnect" {
    hold early '/wait?delay=60&label=early' -H 'Prefer: wait=50'
    eventually count_is 1 'label=early&state=pending'
    leave early
    eventually count_is 0 'label=early&state=pending'
    get '/tasks?label=early&state=cancelled'
    assert_json '.total == 1 and .tasks[0].cancel_reason == "disconnect"
        and .tasks[0].kind == "task"'
}

@test "a client that leaves before the 202 cancels every task of its /wait_n" {
    hold early '/wait_n?n=3&delay=60&label=early&limit=2' -H 'Prefer: wait=50'
    eventually count_is 3 'label=early&state=pending,queued'
    leave early
    eventually count_is 0 'label=early&state=pending,queued'
    get '/tasks?label=early'
    assert_json '.total == 3 and (.tasks | all(.state == "cancelled"
        and .cancel_reason == "disconnect"))'
}

@test "a client that leaves after the 202 leaves a task behind" {
    hold wait '/wait?delay=60&label=behind' -H 'Prefer: wait=1'
    answered wait
    accepted_task
    get '/wait_n?n=2&delay=60&label=behind' -H 'Prefer: respond-async' -H 'Connection: close'
    assert_status 202
    sleep 0.2 # in real time: nothing may end
    assert_eq "$(count 'label=behind&state=pending')" 3
}

@test "cancel before the 202: the client hears of it at once" {
    hold one '/wait?delay=60&label=c' -H 'Prefer: wait=50'
    eventually count_is 1 'label=c&state=pending'
    id=$(curl -sS "$URL/tasks?label=c" | jq -r '.tasks[0].id')
    post "/tasks/$id/cancel"
    assert_json '.cancelled == true'
    answered one
    assert_problem 409 cancelled
    hold fired '/wait?delay=60&label=f' -H 'Prefer: wait=50'
    eventually count_is 1 'label=f&state=pending'
    id=$(curl -sS "$URL/tasks?label=f" | jq -r '.tasks[0].id')
    send PATCH "/tasks/$id" '{"delay":0}'
    answered fired
    assert_status 200
    assert_json '.elapsed >= .delay and .delay < 60'
}

@test "reset before the 202: 409 for /wait, in the answer for /wait_n" {
    hold one '/wait?delay=60' -H 'Prefer: wait=50'
    hold many '/wait_n?n=2&delay=60' -H 'Prefer: wait=50'
    eventually count_is 3 state=pending
    post /reset
    assert_eq "$body" '{"cancelled":3,"removed":3}'
    answered one
    assert_problem 409 cancelled
    answered many
    assert_status 200
    assert_json '.cancelled == 2 and .error.status == 409'
}

#!/usr/bin/env bats
# tasks.bats: /tasks and /tasks/ID for single tasks: made, listed, awaited, cancelled,
# rescheduled, forgotten.

load helpers
load background

setup() {
    server_reset
}

# ---- POST ---------------------------------------------------------------------------

@test "POST /tasks answers 201 with the pending Task, all of its members and its Location" {
    post /tasks '{"delay":30}'
    assert_status 201
    assert_eq "$(header Content-Type)" application/json
    assert_eq "$(header Cache-Control)" no-store
    assert_eq "$(header Location)" "/tasks/$(jq -r .id <<<"$body")"
    assert_json 'keys_unsorted == ["id", "kind", "state", "label", "group", "delay",
        "remaining", "created_at", "deadline", "finished_at", "result", "error",
        "cancel_reason"]'
    assert_json '.kind == "task" and .state == "pending" and .delay == 30
        and .remaining <= 30 and .remaining > 0 and .label == null and .group == null
        and .finished_at == null and .result == null and .error == null
        and .cancel_reason == null'
    assert_json '.id | test("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")'
    assert_json '[.created_at, .deadline] | all(test("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d+Z$"))'
    assert_eq "$(wc -l <"$body_file")" 1
    assert_eq "$(tail -c 2 "$body_file" | od -An -c | tr -d ' ')" '}\n'
}

@test "a task's deadline is its creation and its delay, on the wall" {
    local created deadline

    make_task '{"delay":12.5}'
    created=$(date -d "$(jq -r .created_at <<<"$body")" +%s%3N)
    deadline=$(date -d "$(jq -r .deadline <<<"$body")" +%s%3N)
    # each is cut to whole ms
    ((deadline - created >= 12499 && deadline - created <= 12501)) || fail "$body"
    (($(date +%s%3N) - created < 60000)) || fail "created_at is not now: $body"
}

@test "a task outlives the request that made it and is done at its deadline, never early" {
    make_task '{"delay":0.15}'
    get "/tasks/$id?wait=30"
    assert_status 200
    assert_json '.id == $id and .state == "done" and .remaining == 0
        and .result.delay == 0.15 and .result.elapsed >= 0.15
        and (.result | keys_unsorted) == ["delay", "elapsed"]
        and .finished_at >= .deadline and .cancel_reason == null and .error == null' \
        --arg id "$id"
    get "/tasks/$id"
    assert_json '.state == "done"'
}

@test "POST /tasks without a body draws up to the default of 10 s" {
    post /tasks
    assert_status 201
    assert_json '.delay >= 0 and .delay <= 10 and .state == "pending"'
}

@test "POST /tasks takes its parameters from the query, from JSON, or from both" {
    post '/tasks?delay=30&label=in-query'
    assert_status 201
    assert_json '.delay == 30 and .label == "in-query"'
    post '/tasks?label=in-both' '{"delay":"500ms","group":"g"}'
    assert_status 201
    assert_json '.delay == 0.5 and .label == "in-both" and .group == "g"'
    post '/tasks?delay=30' '{"delay":30}'
    assert_problem 400 duplicate-parameter delay
}

@test "a task with a seed waits what CPython draws first" {
    local want

    want=$(uniform 7 1 0.25 90)
    post /tasks '{"seed":7,"min_delay":0.25,"max_delay":90}'
    assert_status 201
    assert_match "$body" "\"delay\":$want,"
    post /tasks '{"seed":"7","min_delay":0.25,"max_delay":"1.5m"}'
    assert_match "$body" "\"delay\":$want,"
}

@test "a task's own timeout cancels it with reason timeout" {
    make_task '{"delay":60,"timeout":0.1}'
    get "/tasks/$id?wait=30"
    assert_json '.state == "cancelled" and .cancel_reason == "timeout" and .result == null
        and .remaining == 0 and .finished_at != null'
    get "/tasks/$id/result"
    assert_problem 409 cancelled
}

@test "a task whose delay is its timeout is done: the result wins" {
    make_task '{"delay":0.1,"timeout":0.1}'
    get "/tasks/$id?wait=30"
    assert_json '.state == "done"'
}

@test "POST /tasks refuses what it does not know, and starts nothing" {
    post /tasks '{"limit":2}'
    assert_problem 400 invalid-parameter limit
    post /tasks '{"n":0}'
    assert_problem 400 invalid-parameter n
    post /tasks '{"n":100001}'
    assert_problem 400 invalid-parameter n
    post /tasks '{"delay":301}'
    assert_problem 400 invalid-parameter delay
    assert_json '.max == 300 and .value == "301"'
    post /tasks '{"delay":1,"max_delay":2}'
    assert_problem 400 invalid-parameter
    assert_json '[.param, .conflicts_with] | sort == ["delay", "max_delay"]'
    post /tasks '{"min_delay":3,"max_delay":2}'
    assert_problem 400 invalid-parameter
    assert_json '[.param, .conflicts_with] | sort == ["max_delay", "min_delay"]'
    post /tasks '{"delay":1,"seed":2}'
    assert_problem 400 invalid-parameter
    assert_json '[.param, .conflicts_with] | sort == ["delay", "seed"]'
    post /tasks '{"group":".hidden"}'
    assert_problem 400 invalid-parameter group
    post /tasks '{"lable":"x"}'
    assert_problem 400 unknown-parameter lable
    assert_json '.detail | test("label")'
    post /tasks '{"delay":1,"format":"json"}'
    assert_problem 400 unknown-parameter format
    assert_eq "$(count '')" 0
}

# ---- PUT ----------------------------------------------------------------------------

@test "PUT /tasks/ID makes a task once: 201, then 200 with the Task as it is now" {
    send PUT /tasks/nightly '{"delay":"90000ms"}'
    assert_status 201
    assert_eq "$(header Location)" /tasks/nightly
    assert_json '.id == "nightly" and .state == "pending" and .delay == 90
        and .group == null'
    send PUT /tasks/nightly '{"delay":90}'
    assert_status 200
    assert_eq "$(header Location)" ''
    assert_json '.id == "nightly" and .state == "pending" and .delay == 90'
    send PUT '/tasks/nightly?delay=1.5m'
    assert_status 200
    send PATCH /tasks/nightly '{"delay":0}'
    send PUT /tasks/nightly '{"delay":"9e1"}'
    assert_status 200
    assert_json '.state == "done" and .result.elapsed >= .result.delay'
    assert_eq "$(count '')" 1
    send PUT /tasks/short '{"delay":"1500us"}'
    send PUT /tasks/short '{"delay":0.0015}'
    assert_status 200
}

@test "PUT with other parameters is 409 id-conflict and changes nothing" {
    send PUT /tasks/a '{"delay":30,"label":"x","timeout":40}'
    assert_status 201
    for other in '{"delay":31,"label":"x","timeout":40}' '{"delay":30,"label":"y","timeout":40}' \
        '{"delay":30,"timeout":40}' '{"delay":30,"label":"x"}' \
        '{"max_delay":30,"label":"x","timeout":40}' '{"label":"x","timeout":40}'; do
        send PUT /tasks/a "$other"
        assert_problem 409 id-conflict
    done
    get /tasks/a
    assert_json '.delay == 30 and .label == "x" and .state == "pending"'
}

@test "PUT of a drawn task draws once; its defaults are equal to themselves written out" {
    local delay

    send PUT /tasks/drawn '{"max_delay":200}'
    assert_status 201
    delay=$(jq .delay <<<"$body")
    send PUT /tasks/drawn '{"max_delay":"200s","min_delay":0}'
    assert_status 200
    assert_eq "$(jq .delay <<<"$body")" "$delay"
    send PUT /tasks/drawn '{"max_delay":200,"seed":1}'
    assert_problem 409 id-conflict
    send PUT /tasks/drawn '{"max_delay":200,"min_delay":1}'
    assert_problem 409 id-conflict
}

@test "PUT with a default written out is as without, and the other way round" {
    local short long i=0

    while read -r short long; do
        i=$((i + 1))
        send PUT "/tasks/short-$i" "$short"
        assert_status 201
        send PUT "/tasks/short-$i" "$long"
        assert_status 200
        send PUT "/tasks/long-$i" "$long"
        assert_status 201
        send PUT "/tasks/long-$i" "$short"
        assert_status 200
        send PUT "/tasks/short-$i" "${long%\}},\"label\":\"x\"}"
        assert_problem 409 id-conflict
    done <<'TABLE'
{"delay":30} {"delay":30,"status":200}
{"delay":30} {"delay":30,"fail_rate":0}
{"delay":30} {"delay":30,"fail_rate":0,"fail_status":500}
{"delay":30} {"delay":30,"load_factor":0}
{"delay":30,"key":"k","fail_first":0} {"delay":30,"key":"k","fail_first":0,"fail_status":500}
{"event":"never"} {"event":"never","status":200}
{} {"min_delay":0,"max_delay":10,"status":200}
{"max_delay":30} {"max_delay":30,"dist":"uniform"}
{"dist":"exponential","mean":30} {"dist":"exponential","mean":30,"min_delay":0,"max_delay":300}
{"delay":30,"fail_rate":0.5} {"delay":30,"fail_rate":0.5,"fail_status":503}
TABLE
    send PUT /tasks/short-10 '{"delay":30,"fail_rate":0.5,"fail_status":500}'
    assert_problem 409 id-conflict
}

@test "PUT finds the task equal after a PATCH, and makes it anew after a DELETE" {
    send PUT /tasks/p '{"delay":30}'
    send PATCH /tasks/p '{"delay":60}'
    assert_status 200
    send PUT /tasks/p '{"delay":30}'
    assert_status 200
    assert_json '.delay > 59'
    send DELETE /tasks/p
    assert_status 204
    send PUT /tasks/p '{"delay":31}'
    assert_status 201
}

@test "PUT takes no n and no group, and only names as ids" {
    local long

    send PUT /tasks/a '{"n":2}'
    assert_problem 400 unknown-parameter n
    send PUT /tasks/a '{"group":"g"}'
    assert_problem 400 unknown-parameter group
    long=$(printf 'x%.0s' {1..65})
    send PUT "/tasks/$long" '{"delay":30}'
    assert_problem 400 invalid-parameter id
    send PUT "/tasks/${long:1}" '{"delay":30}'
    assert_status 201
    send PUT /tasks/-a '{"delay":30}'
    assert_problem 400 invalid-parameter id
    send PUT '/tasks/a%20b' '{"delay":30}'
    assert_problem 400 invalid-parameter id
    send PUT /tasks/A.b_c-9 '{"delay":30}'
    assert_status 201
    assert_eq "$(count '')" 2
}

@test "PUT over a task of a group, or over a request in flight, is a conflict" {
    make_task '{"delay":30,"group":"g"}'
    send PUT "/tasks/$id" '{"delay":30}'
    assert_problem 409 id-conflict
    hold w '/wait?delay=60&label=w'
    eventually is_waiting w
    id=$(curl -sS "$URL/tasks?kind=wait" | jq -r '.tasks[0].id')
    send PUT "/tasks/$id" '{"delay":60,"label":"w"}'
    assert_problem 409 id-conflict
    send POST "/tasks/$id/cancel"
    answered w
    assert_problem 409 cancelled
}

# ---- GET one ------------------------------------------------------------------------

@test "what is not there is 404 not-found for every method that names a task" {
    get /tasks/nobody
    assert_problem 404 not-found
    get '/tasks/nobody?wait=30'
    assert_problem 404 not-found
    get /tasks/nobody/result
    assert_problem 404 not-found
    post /tasks/nobody/result
    assert_problem 404 not-found
    post /tasks/nobody/cancel
    assert_problem 404 not-found
    send PATCH /tasks/nobody '{"delay":0}'
    assert_problem 404 not-found
    send DELETE /tasks/nobody
    assert_problem 404 not-found
}

@test "GET /tasks/ID answers at once, and remaining runs down" {
    own_manual_server
    make_task '{"delay":30}'
    assert_json '.remaining == 30'
    advance 12.5
    get "/tasks/$id"
    assert_status 200
    assert_eq "$(header Server-Timing)" ''
    assert_json '.state == "pending" and .remaining == 17.5 and .delay == 30'
}

@test "GET /tasks/ID?wait= answers the pending Task when its time is over" {
    make_task '{"delay":60}'
    get "/tasks/$id?wait=0.2"
    assert_status 200
    assert_json '.state == "pending" and .remaining <= 59.8'
    assert_match "$(header Server-Timing)" '^wait;dur=[0-9.]+$'
    at_least "$(header Server-Timing | sed 's/.*dur=//')" 200
}

@test "GET /tasks/ID?wait= answers as soon as the task ends, and at once where it has" {
    make_task '{"delay":0.2}'
    get "/tasks/$id?wait=300"
    assert_status 200
    assert_json '.state == "done"'
    get "/tasks/$id?wait=300"
    assert_json '.state == "done"'
    assert_eq "$(header Server-Timing)" ''
}

@test "GET /tasks/ID?timeout= is 504 when it is over, and the task goes on" {
    make_task '{"delay":60}'
    get "/tasks/$id?timeout=0.2"
    assert_problem 504 timeout
    assert_eq "$(task "$id" .state)" '"pending"'
    at_least 59.8 "$(task "$id" .remaining)"
    make_task '{"delay":0.1}'
    get "/tasks/$id?timeout=30"
    assert_status 200
    assert_json '.state == "done"'
}

@test "GET /tasks/ID refuses wait with timeout, and both above --max-delay" {
    make_task '{"delay":60}'
    get "/tasks/$id?wait=1&timeout=1"
    assert_problem 400 invalid-parameter
    assert_json '[.param, .conflicts_with] | sort == ["timeout", "wait"]'
    get "/tasks/$id?wait=301"
    assert_problem 400 invalid-parameter wait
    get "/tasks/$id?timeout=soon"
    assert_problem 400 invalid-parameter timeout
}

# ---- result -------------------------------------------------------------------------

@test "GET /tasks/ID/result awaits the task and answers its result alone" {
    own_manual_server
    make_task '{"delay":20}'
    hold_asked result "/tasks/$id/result"
    advance 20
    answered result
    assert_status 200
    assert_eq "$body" '{"delay":20,"elapsed":20}'
    assert_eq "$(header Server-Timing)" 'wait;dur=20000'
    get "/tasks/$id/result"
    assert_status 200
    assert_json '.delay == 20'
    post "/tasks/$id/result"
    assert_json '.delay == 20'
}

@test "GET /tasks/ID/result?timeout= is 504 and leaves the task running" {
    make_task '{"delay":60}'
    get "/tasks/$id/result?timeout=0.1"
    assert_problem 504 timeout
    assert_eq "$(task "$id" .state)" '"pending"'
    get "/tasks/$id/result?cancel_on_timeout=true&timeout=0.1"
    assert_problem 400 unknown-parameter cancel_on_timeout
    post "/tasks/$id/result" '{"timeout":0.1}'
    assert_problem 504 timeout
    assert_eq "$(task "$id" .state)" '"pending"'
    post "/tasks/$id/result" '{"timeout":0.1,"cancel_on_timeout":false}'
    assert_problem 504 timeout
    assert_eq "$(task "$id" .state)" '"pending"'
}

@test "POST /tasks/ID/result with cancel_on_timeout cancels it, and every other awaiter hears" {
    make_task '{"delay":60}'
    hold_asked other "/tasks/$id/result"
    post "/tasks/$id/result" '{"timeout":0.1,"cancel_on_timeout":true}'
    assert_problem 504 timeout
    answered other
    assert_problem 409 cancelled
    get "/tasks/$id"
    assert_json '.state == "cancelled" and .cancel_reason == "timeout"'
    make_task '{"delay":0.1}'
    post "/tasks/$id/result" '{"timeout":30,"cancel_on_timeout":true}'
    assert_status 200
    assert_json '.delay == 0.1 and .elapsed >= 0.1'
}

@test "a client that leaves while it awaits a task does not cancel it" {
    local before

    make_task '{"delay":60}'
    before=$(connections)
    hold_awaiters "$id"
    leave result
    leave poll
    eventually connections_are "$before"
    assert_eq "$(task "$id" '[.state, .cancel_reason]')" '["pending",null]'
}

# ---- cancel -------------------------------------------------------------------------

@test "POST /tasks/ID/cancel cancels once: true with the Task, then false" {
    make_task '{"delay":60}'
    post "/tasks/$id/cancel"
    assert_status 200
    assert_json 'keys_unsorted == ["cancelled", "task"] and .cancelled == true
        and .task.id == $id and .task.state == "cancelled" and .task.remaining == 0
        and .task.cancel_reason == "cancel" and .task.finished_at != null
        and .task.result == null' --arg id "$id"
    post "/tasks/$id/cancel"
    assert_status 200
    assert_json '.cancelled == false and .task.state == "cancelled"'
    get "/tasks/$id/result"
    assert_problem 409 cancelled
    make_task '{"delay":0}'
    get "/tasks/$id?wait=30"
    post "/tasks/$id/cancel"
    assert_json '.cancelled == false and .task.state == "done" and .task.cancel_reason == null'
}

@test "cancel wakes every awaiter: results with 409, long-polls with the cancelled Task" {
    make_task '{"delay":60}'
    for i in 1 2 3; do
        hold_asked "result$i" "/tasks/$id/result"
        hold_asked "poll$i" "/tasks/$id?wait=50"
    done
    hold_asked timed "/tasks/$id?timeout=50"
    for name in {result,poll}{1,2,3} timed; do still_held "$name"; done
    post "/tasks/$id/cancel"
    assert_json '.cancelled == true'
    for i in 1 2 3; do
        answered "result$i"
        assert_problem 409 cancelled
        answered "poll$i"
        assert_status 200
        assert_json '.state == "cancelled" and .cancel_reason == "cancel"'
    done
    answered timed
    assert_status 200
    assert_json '.state == "cancelled"'
}

# ---- PATCH --------------------------------------------------------------------------

@test "PATCH delay counts from now, later or sooner, and is never early" {
    local first

    own_manual_server
    make_task '{"delay":60}'
    first=$(jq -r .deadline <<<"$body")
    advance 5
    send PATCH "/tasks/$id" '{"delay":100}'
    assert_status 200
    assert_json '.state == "pending" and .delay == 105 and .remaining == 100
        and .deadline > $first' --arg first "$first"
    advance 7
    send PATCH "/tasks/$id" '{"delay":0.5}'
    assert_status 200
    assert_json '.state == "pending" and .remaining == 0.5 and .delay == 12.5'
    advance 0.25
    assert_eq "$fired" 0
    advance 0.25
    get "/tasks/$id"
    assert_json '.state == "done" and .result == {"delay": 12.5, "elapsed": 12.5}'
}

@test "PATCH delay=0 fires the task now and wakes who awaits it" {
    make_task '{"delay":60}'
    hold_asked result "/tasks/$id/result"
    send PATCH "/tasks/$id" '{"delay":0}'
    assert_status 200
    assert_json '.state == "done" and .remaining == 0 and .result.elapsed >= .result.delay
        and .result.delay < 60'
    answered result
    assert_status 200
    assert_json '.elapsed >= .delay and .delay < 60'
}

@test "PATCH add puts the end off" {
    own_manual_server
    make_task '{"delay":1.5}'
    advance 1
    send PATCH "/tasks/$id" '{"add":"500ms"}'
    assert_status 200
    assert_json '.state == "pending" and .delay == 2 and .remaining == 1'
    advance 0.75
    assert_eq "$fired" 0
    advance 0.25
    get "/tasks/$id"
    assert_json '.state == "done" and .result == {"delay": 2, "elapsed": 2}'
    make_task '{"delay":250}'
    send PATCH "/tasks/$id" '{"add":100}'
    assert_problem 400 invalid-parameter add
    assert_json '.max == 300'
    assert_eq "$(task "$id" .delay)" 250
}

@test "PATCH deadline takes a time; one that is past fires now, one too far is 400" {
    local to off

    make_task '{"delay":60}'
    to=$(date -u -d '+20 seconds' +%Y-%m-%dT%H:%M:%S.000Z)
    send PATCH "/tasks/$id" "{\"deadline\":\"$to\"}"
    assert_status 200
    assert_json '.state == "pending" and .remaining <= 20 and .remaining > 0'
    off=$(($(date -d "$(jq -r .deadline <<<"$body")" +%s%3N) - $(date -d "$to" +%s%3N)))
    ((off >= -1000 && off <= 1000)) || fail "$off ms off: $body"
    send PATCH "/tasks/$id" "{\"deadline\":\"$(date -u -d '+400 seconds' +%FT%TZ)\"}"
    assert_problem 400 invalid-parameter deadline
    assert_eq "$(task "$id" .state)" '"pending"'
    send PATCH "/tasks/$id" '{"deadline":"2020-01-02T03:04:05Z"}'
    assert_status 200
    assert_json '.state == "done" and .result.elapsed >= .result.delay and .result.delay < 60'
}

@test "PATCH deadline takes an offset, and nothing that is not RFC 3339" {
    make_task '{"delay":60}'
    send PATCH "/tasks/$id" "{\"deadline\":\"$(TZ=Asia/Kolkata date -d '+20 seconds' +%FT%T%:z)\"}"
    assert_status 200
    assert_json '.state == "pending" and .remaining <= 20'
    for bad in soon 2020-01-02 '2020-13-02T03:04:05Z' '2020-01-02T03:04:05' 12; do
        send PATCH "/tasks/$id" "{\"deadline\":\"$bad\"}"
        assert_problem 400 invalid-parameter deadline
    done
    send PATCH "/tasks/$id" '{"deadline":"9999-12-31T23:59:59Z"}'
    assert_problem 400 invalid-parameter deadline
    assert_json '.detail | endswith("is above the limit of 2261-12-31T23:59:59Z")'
    assert_eq "$(task "$id" .state)" '"pending"'
    send PATCH "/tasks/$id" "{\"deadline\":\"$(date -u -d '+20 seconds' +%FT%T).1234567890123Z\"}"
    assert_status 200
    assert_json '.state == "pending" and .remaining <= 21'
    send PATCH "/tasks/$id" '{"deadline":"1066-10-14T09:00:00Z"}'
    assert_json '.state == "done"'
}

@test "PATCH wants exactly one of delay, add and deadline" {
    make_task '{"delay":60}'
    send PATCH "/tasks/$id"
    assert_problem 400 invalid-parameter
    send PATCH "/tasks/$id" '{}'
    assert_problem 400 invalid-parameter
    send PATCH "/tasks/$id" '{"delay":1,"add":1}'
    assert_problem 400 invalid-parameter
    assert_json '[.param, .conflicts_with] | sort == ["add", "delay"]'
    send PATCH "/tasks/$id" '{"add":1,"deadline":"2030-01-02T03:04:05Z"}'
    assert_problem 400 invalid-parameter
    assert_json '[.param, .conflicts_with] | sort == ["add", "deadline"]'
    send PATCH "/tasks/$id" '{"delay":301}'
    assert_problem 400 invalid-parameter delay
    send PATCH "/tasks/$id" '{"delay":-1}'
    assert_problem 400 invalid-parameter delay
    send PATCH "/tasks/$id" '{"state":"done"}'
    assert_problem 400 unknown-parameter state
    assert_eq "$(task "$id" '[.state, .delay]')" '["pending",60]'
}

@test "PATCH of a task that has ended is 409 already-finished" {
    make_task '{"delay":0}'
    get "/tasks/$id?wait=30"
    for change in '{"delay":1}' '{"add":1}' '{"deadline":"2020-01-02T03:04:05Z"}'; do
        send PATCH "/tasks/$id" "$change"
        assert_problem 409 already-finished
    done
    make_task '{"delay":60}'
    post "/tasks/$id/cancel"
    send PATCH "/tasks/$id" '{"delay":0}'
    assert_problem 409 already-finished
}

# ---- DELETE -------------------------------------------------------------------------

@test "DELETE /tasks/ID is 204 without a body, then 404" {
    make_task '{"delay":60}'
    send DELETE "/tasks/$id"
    assert_status 204
    assert_eq "$body" ''
    assert_eq "$(header Content-Type)" ''
    send DELETE "/tasks/$id"
    assert_problem 404 not-found
    get "/tasks/$id"
    assert_problem 404 not-found
    assert_eq "$(count '')" 0
}

@test "DELETE forgets a task that has ended" {
    make_task '{"delay":0}'
    get "/tasks/$id?wait=30"
    send DELETE "/tasks/$id"
    assert_status 204
    get "/tasks/$id/result"
    assert_problem 404 not-found
}

@test "DELETE wakes every awaiter as cancel does" {
    make_task '{"delay":60}'
    hold_awaiters "$id"
    send DELETE "/tasks/$id"
    assert_status 204
    answered result
    assert_problem 409 cancelled
    answered poll
    assert_status 200
    assert_json '.state == "cancelled" and .cancel_reason == "cancel"'
}

@test "DELETE takes no body, and DELETE /tasks wants a group" {
    make_task '{"delay":60}'
    send DELETE "/tasks/$id" '{"delay":1}'
    assert_problem 400 bad-request
    send DELETE /tasks
    assert_problem 400 invalid-parameter group
    assert_json 'has("value") | not'
    assert_eq "$(count '')" 1
}

# ---- the list -----------------------------------------------------------------------

@test "GET /tasks is empty after a reset: no tasks, total 0, next null" {
    get /tasks
    assert_status 200
    assert_eq "$body" '{"tasks":[],"total":0,"next":null}'
}

@test "GET /tasks lists the oldest first, whole Tasks" {
    local ids=()

    for delay in 60 0 30; do
        make_task "{\"delay\":$delay}"
        ids+=("$id")
    done
    get "/tasks/${ids[1]}?wait=30"
    get /tasks
    assert_eq "$(jq -r '.tasks[].id' <<<"$body" | xargs)" "${ids[*]}"
    assert_json '[.tasks[].state] == ["pending", "done", "pending"]'
    assert_json '.total == 3 and .next == null and (.tasks | all(length == 13))'
    assert_json '[.tasks[].created_at] | . == sort'
}

@test "GET /tasks filters by state, one or a comma list" {
    local done_id cancelled_id

    make_task '{"delay":0}'
    done_id=$id
    get "/tasks/$id?wait=30"
    make_task '{"delay":60}'
    post "/tasks/$id/cancel"
    cancelled_id=$id
    post /tasks '{"n":2,"delay":60,"limit":1}'
    assert_eq "$(count state=done)" 1
    assert_eq "$(count state=cancelled)" 1
    assert_eq "$(count state=pending)" 1
    assert_eq "$(count state=queued)" 1
    assert_eq "$(count state=failed)" 0
    assert_eq "$(count state=pending,queued)" 2
    assert_eq "$(count state=queued,pending,done,failed,cancelled)" 4
    get '/tasks?state=cancelled,done'
    assert_json '[.tasks[].id] == [$a, $b] and .total == 2' --arg a "$done_id" \
        --arg b "$cancelled_id"
    get '/tasks?state=running'
    assert_problem 400 invalid-parameter state
    get '/tasks?state=done,'
    assert_problem 400 invalid-parameter state
    get '/tasks?state='
    assert_problem 400 invalid-parameter state
}

@test "GET /tasks filters by group, kind and label, and by all of them together" {
    make_task '{"delay":60,"label":"red","group":"g"}'
    make_task '{"delay":60,"label":"blue","group":"g"}'
    make_task '{"delay":60,"label":"red"}'
    hold w '/wait?delay=60&label=red'
    eventually count_is 3 'label=red'
    assert_eq "$(count group=g)" 2
    assert_eq "$(count group=h)" 0
    assert_eq "$(count label=blue)" 1
    assert_eq "$(count label=green)" 0
    assert_eq "$(count kind=task)" 3
    assert_eq "$(count kind=wait)" 1
    assert_eq "$(count kind=measure)" 0
    assert_eq "$(count 'group=g&kind=task&label=red&state=pending')" 1
    assert_eq "$(count 'group=g&kind=wait')" 0
    get '/tasks?kind=event!'
    assert_problem 400 invalid-parameter kind
    get '/tasks?label='
    assert_problem 400 invalid-parameter label
    curl -sS -X POST "$URL/reset"
    answered w
    assert_status 409
}

@test "GET /tasks finds a label of UTF-8" {
    make_task '{"delay":60,"label":"größe 7 €"}'
    get '/tasks?label=gr%C3%B6%C3%9Fe%207%20%E2%82%AC'
    assert_json '.total == 1 and .tasks[0].label == "größe 7 €"'
}

@test "GET /tasks pages by cursor: each page behind the last, total of all, next null at the end" {
    local all query='limit=3' seen='' pages=0 next

    post /tasks '{"n":8,"delay":60,"group":"g"}'
    make_task '{"delay":60}'
    all=$(curl -sS "$URL/tasks?group=g" | jq -c '[.tasks[].id]')
    while :; do
        get "/tasks?group=g&$query"
        assert_status 200
        assert_json '.total == 8'
        seen+=$(jq -c '.tasks[].id' <<<"$body")$'\n'
        pages=$((pages + 1))
        next=$(jq -r .next <<<"$body")
        [[ $next != null ]] || break
        assert_json '.tasks | length == 3'
        query="limit=3&cursor=$next"
    done
    assert_eq "$pages" 3
    assert_eq "$(jq -cs . <<<"$seen")" "$all"
    get '/tasks?group=g&limit=8'
    assert_json '.next == null and (.tasks | length == 8)'
}

@test "a page is not upset by tasks that go or come meanwhile" {
    local ids next

    post /tasks '{"n":6,"delay":60,"group":"g"}'
    ids=$(jq -c '[.tasks[].id]' <<<"$body")
    get '/tasks?limit=2'
    next=$(jq -r .next <<<"$body")
    send DELETE "/tasks/$(jq -r '.[1]' <<<"$ids")"
    send DELETE "/tasks/$(jq -r '.[2]' <<<"$ids")"
    make_task '{"delay":60}'
    get "/tasks?limit=1000&cursor=$next"
    assert_json '[.tasks[].id] == $ids[3:] + [$id] and .total == 5 and .next == null' \
        --argjson ids "$ids" --arg id "$id"
}

@test "pages and lists of a group are whole while tasks end, come and go, and clients leave" {
    python3 "$HTTP_TESTS/lists.py" "$PORT" 1500
}

@test "GET /tasks shows 100 unless it is told; limit is 1 to 1000" {
    local next

    post /tasks '{"n":101,"delay":60}'
    get /tasks
    assert_json '.total == 101 and (.tasks | length == 100) and .next != null'
    next=$(jq -r .next <<<"$body")
    get "/tasks?cursor=$next"
    assert_json '.total == 101 and (.tasks | length == 1) and .next == null'
    get '/tasks?limit=1'
    assert_json '.tasks | length == 1'
    get '/tasks?limit=1000'
    assert_json '.tasks | length == 101'
    for bad in 0 1001 -1 1.5 ten; do
        get "/tasks?limit=$bad"
        assert_problem 400 invalid-parameter limit
    done
    get '/tasks?cursor=xyz'
    assert_problem 400 invalid-parameter cursor
}

@test "GET /tasks answers JSON only; a HEAD of it has its headers and no body" {
    for accept in text/plain text/event-stream 'application/x-ndjson, application/json;q=0'; do
        get /tasks -H "Accept: $accept"
        assert_problem 406 not-acceptable
    done
    for accept in 'text/event-stream, */*' 'text/event-stream, application/json;q=0.5' \
        'application/x-ndjson;q=0.9, application/json;q=0.1'; do
        for query in '' '?group=none' '?group=none&stream=false'; do
            get "/tasks$query" -H "Accept: $accept"
            assert_status 200
            assert_eq "$(header Content-Type)" application/json
        done
    done
    get '/tasks?format=sse'
    assert_problem 400 invalid-parameter format
    request /tasks -I
    assert_status 200
    assert_eq "$(header Content-Type)" application/json
    assert_eq "$(header Content-Length)" "$(curl -sS "$URL/tasks" | wc -c)"
}

# ---- the list holds requests in flight ----------------------------------------------

@test "a list of tasks leaves out what a request without a label has been" {
    hold w '/wait?delay=60'
    eventually count_is 1 kind=wait
    leave w
    eventually count_is 0 ''
}

# ---- reset --------------------------------------------------------------------------

@test "POST /reset cancels what is pending, forgets all, and counts both" {
    make_task '{"delay":0}'
    get "/tasks/$id?wait=30"
    make_task '{"delay":60}'
    post /tasks '{"n":3,"delay":60,"limit":1,"group":"g"}'
    post /reset
    assert_status 200
    assert_eq "$body" '{"cancelled":4,"removed":5}'
    get "/tasks/$id"
    assert_problem 404 not-found
    assert_eq "$(count '')" 0
    post /reset
    assert_eq "$body" '{"cancelled":0,"removed":0}'
    get '/tasks?group=g&wait=1'
    assert_problem 404 not-found
}

@test "POST /reset answers requests in flight 409, in band where they stream, and spares itself" {
    make_task '{"delay":60}'
    hold_awaiters "$id"
    hold wait '/wait?delay=60&label=wait'
    hold measure '/measure?n=2&delay=60'
    hold json '/wait_n?n=2&delay=60'
    hold ndjson '/wait_n?n=2&delay=60&format=ndjson'
    hold text '/wait_n?n=2&delay=60&format=text'
    eventually count_is 6 state=pending
    eventually has_sent json '"delays":['
    post /reset
    assert_status 200
    assert_eq "$body" '{"cancelled":6,"removed":6}'
    for name in result wait measure; do
        answered "$name"
        assert_problem 409 cancelled
    done
    answered poll
    assert_status 200
    assert_json '.state == "cancelled" and .cancel_reason == "reset"'
    answered json
    assert_status 200
    assert_json '.delays == [] and .n == 2 and .done == 0 and .failed == 0
        and .cancelled == 2 and .error.status == 409
        and .error.type == "/problems/cancelled"'
    answered ndjson
    assert_json '.cancelled == 2 and .error.status == 409'
    answered text
    assert_eq "$body" '# 409 cancelled'
    # the labelled one went with the journal
    assert_eq "$(count '')" 0
}

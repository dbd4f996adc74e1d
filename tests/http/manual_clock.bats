#!/usr/bin/env bats
# manual_clock.bats: --clock manual and POST /clock/advance. Such a server has one worker.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

clock() {
    python3 "$HTTP_TESTS/clock.py" "$@"
}

@test "what is no advance is told so" {
    own_manual_server
    post /clock/advance
    assert_problem 400 invalid-parameter by
    for by in -1 '"x"' null true '""' 1e300 2592000.1 '"721h"' '[1]'; do
        post /clock/advance "{\"by\":$by}"
        assert_problem 400 invalid-parameter by
    done
    post /clock/advance '{"to":5}'
    assert_problem 400 unknown-parameter to
    post '/clock/advance?by=1' '{"by":1}'
    assert_problem 400 duplicate-parameter by
    post /clock/advance '{"by":'
    assert_problem 400 invalid-json
    get /clock/advance
    assert_problem 405 method-not-allowed
    assert_eq "$(header Allow)" 'POST, OPTIONS'
    request /clock/advance --head
    assert_status 405
    send OPTIONS /clock/advance
    assert_status 204
    assert_eq "$(header Allow)" 'POST, OPTIONS'
    post /clock '{}'
    assert_problem 405 method-not-allowed
    get /clock
    assert_json '.now == 0'
    own_server_stop
}

# ---- the manual clock ---------------------------------------------------------------

@test "time stands until it is told to go" {
    own_manual_server
    get /clock
    assert_json '.now == 0 and .mode == "manual" and .scale == null'
    hold_pending w '/wait?delay=5'
    get "/tasks?kind=wait"
    assert_json '.tasks[0].remaining == 5'
    advance 4.5
    assert_eq "$fired" 0
    still_held w
    get "/tasks?kind=wait"
    assert_json '.tasks[0].remaining == 0.5'
    post '/clock/advance?by=500ms'
    assert_eq "$body" '{"now":5,"fired":1}'
    assert_eq "$(header Server-Timing)" 'wait;dur=500'
    answered w
    assert_eq "$body" '{"delay":5,"elapsed":5}'
    assert_eq "$(header Server-Timing)" 'wait;dur=5000'
    post /clock/advance '{"by":0}'
    assert_json '.fired == 0'
    own_server_stop
}

@test "decimals add up: at 0.55, by way of 0.25, what takes 0.55 is over" {
    own_manual_server
    send PUT /tasks/t '{"delay":0.55}'
    assert_json '.remaining == 0.55'
    advance 0.25
    post /clock/advance '{"by":0.3}'
    assert_eq "$body" '{"now":0.55,"fired":1}'
    get /tasks/t
    assert_json '.state == "done" and .result.delay == 0.55 and .result.elapsed == 0.55'
    send PUT /tasks/t2 '{"delay":0.1}'
    send PATCH /tasks/t2 '{"add":"200ms"}'
    assert_json '.delay == 0.3 and .remaining == 0.3'
    advance 0.3
    assert_eq "$fired" 1
    hold_pending rows '/wait_n?n=3&delay=0.1&limit=1'
    for _ in 1 2 3; do
        advance 0.1
        assert_eq "$fired" 1
    done
    answered rows
    get '/measure?n=3&delay=0.1&mode=both&dry_run=true'
    assert_json '.concurrent.total == 0.1 and .sequential.total == 0.3'
    post '/semaphores/s/acquire?ttl=1ms'
    assert_json '.expires_in == 0.001'
    own_server_stop
}

@test "a minute, and 30 days, pass at once" {
    local start=$SECONDS

    own_manual_server --max-delay 720h
    hold_pending minute '/wait?delay=1m'
    hold_pending month '/wait?delay=720h'
    advance 60
    assert_eq "$fired" 1
    answered minute
    assert_eq "$body" '{"delay":60,"elapsed":60}'
    advance 2592000
    answered month
    assert_eq "$body" '{"delay":2592000,"elapsed":2592000}'
    ((SECONDS - start < 30))
    own_server_stop
}

@test "what starts on the way fires in its turn: queued waits, timeouts, long-polls" {
    own_manual_server
    hold_pending rows '/wait_n?n=3&delay=2&limit=1&format=ndjson'
    hold_pending late '/wait?delay=60&timeout=3'
    post /tasks '{"n":4,"delay":1,"limit":2,"group":"g"}'
    hold_asked poll '/tasks?group=g&wait=1.5'
    advance 6
    # 3 rows, 1 timeout, 4 tasks, 1 poll
    assert_eq "$fired" 9
    answered rows
    assert_eq "$(jq -c .elapsed "$body_file" | xargs)" '2 4 6 6'
    answered late
    assert_problem 504 timeout
    answered poll
    assert_json '.timed_out == true and (.done | length == 2) and (.pending | length == 2)
        and .pending[0].remaining == 0.5'
    get '/tasks?group=g'
    assert_json '[.tasks[].result.elapsed] == [1, 1, 2, 2]'
    own_server_stop
}

@test "what waits for 0 s does not wait, though time stands" {
    local path

    own_manual_server
    post '/semaphores/l/acquire?ttl=60'
    assert_status 200
    for path in '/semaphores/l/acquire?timeout=0' '/queues/q/get?timeout=0' \
        '/barriers/b/wait?parties=2&timeout=0' '/wait?delay=1&timeout=0' \
        '/measure?n=2&delay=1&timeout=0' '/wait_n?n=2&delay=1&buffer=true&timeout=0'; do
        post "$path"
        assert_problem 504 timeout
    done
    for path in '/events/e?wait=0' '/latches/l?at_least=5&wait=0' \
        '/semaphores/l?waiting=1&wait=0'; do
        get "$path"
        assert_status 200
    done
    get '/wait_n?n=2&choice=0,1&dist=choice&seed=3&timeout=0'
    assert_json '.delays == [0] and .error.status == 504'
    for path in '/wait?delay=0&timeout=0' '/measure?n=2&delay=0&timeout=0'; do
        get "$path"
        assert_status 200
    done
    post /tasks '{"n":2,"delay":1,"group":"g","timeout":0}'
    get '/tasks?group=g'
    assert_json '[.tasks[] | .state, .cancel_reason]
        == ["cancelled", "timeout", "cancelled", "timeout"]'
    get /clock
    assert_json '.now == 0'
    own_server_stop
}

@test "the clock rules created_at, deadline and PATCH" {
    own_manual_server
    advance 1000
    send PUT /tasks/t '{"delay":100}'
    get /clock
    time=$(jq -r .time <<<"$body")
    get /tasks/t
    assert_json '.created_at == $time' --arg time "$time"
    deadline=$(jq -r .deadline <<<"$body")
    advance 10
    send PATCH /tasks/t "{\"deadline\":\"$deadline\"}"
    assert_json '.remaining > 89.99 and .remaining <= 90.001'
    send PATCH /tasks/t '{"add":10}'
    advance 100.001
    assert_eq "$fired" 1
    get /tasks/t
    assert_json '.state == "done" and .result.delay >= 109.99'
    own_server_stop
}

@test "the clock rules --retention and --idle-ttl, exactly" {
    own_manual_server --retention 60s --idle-ttl 10m
    send PUT /tasks/t '{"delay":0}'
    get '/tasks/t?wait=1'
    send PUT /events/e
    advance 59.5
    get /tasks/t
    assert_status 200
    advance 0.5
    get /tasks/t
    assert_problem 404 not-found
    advance 539.5
    get /metrics
    assert_match "$body" 'waitd_objects\{worker="0",kind="event"\} 1'
    advance 0.5
    get /metrics
    assert_match "$body" 'waitd_objects\{worker="0",kind="event"\} 0'
    own_server_stop
}

@test "a wait for a group counts and tells what its retention drops meanwhile" {
    local first second

    own_manual_server
    make_task '{"delay":10,"group":"g"}' && first=$id
    make_task '{"delay":100,"group":"g"}' && second=$id
    hold_asked all '/tasks?group=g&wait=200'
    post /tasks '{"n":4,"delay":50,"limit":1,"group":"k"}'
    hold_asked three '/tasks?group=k&return_when=3&wait=250'
    advance 99
    get "/tasks/$first"
    assert_problem 404 not-found
    advance 1
    answered all
    assert_json '[.done[].id] == [$first, $second] and .pending == []
        and .timed_out == false' --arg first "$first" --arg second "$second"
    still_held three
    advance 50
    answered three
    assert_json '(.done | length == 3) and (.pending | length == 1) and .timed_out == false
        and [.done[].result.elapsed] == [50, 100, 150]'
    get '/tasks?group=k'
    assert_json '.total == 3'
    own_server_stop
}

@test "waits that have ended load no others, nor is there less room for them" {
    own_manual_server --max-waits 9
    hold_pending n '/wait_n?n=3&dist=choice&choice=1,50&seed=8' # draws 1, 50, 1
    hold_pending m '/measure?n=2&delay=1&mode=both'
    get '/wait?delay=1&load_factor=1&dry_run=true'
    assert_json '.delay == 1 + 3 + 4'
    advance 1
    get '/wait?delay=1&load_factor=1&dry_run=true'
    assert_json '.delay == 1 + 1 + 1'
    get /metrics
    assert_match "$body" 'waitd_waits\{worker="0"\} 2'
    hold_pending e '/events/e?wait=50' # blocks at an object: one
    post /tasks '{"n":6,"delay":1}'
    assert_status 201
    get '/wait?delay=1&load_factor=1&dry_run=true'
    assert_json '.delay == 1 + 9'
    get '/wait?delay=1'
    assert_problem 429 too-many-waits
    advance 50
    for i in n m e; do
        answered "$i"
        assert_status 200
    done
    get '/wait?delay=1&load_factor=1&dry_run=true'
    assert_json '.delay == 1'
    own_server_stop
}

@test "a /wait_n that prefers to wait does so for its own n, though others join the group" {
    local group

    own_manual_server
    hold_pending n '/wait_n?n=2&delay=1' -H 'Prefer: wait=50'
    group=$(curl -sSg "$URL/tasks" | jq -r '.tasks[0].group')
    make_task "{\"delay\":20,\"group\":\"$group\"}"
    advance 1
    answered n
    assert_status 200
    assert_json '.done == 2 and .delays == [1, 1] and .elapsed == 1'
    own_server_stop
}

@test "what is kept of a request of any kind: remaining 0, done never above n, no lease held" {
    local lease

    own_manual_server
    hold_pending n '/wait_n?n=2&delay=3&label=n'
    hold_pending m '/measure?n=2&delay=3&mode=both&label=m'
    hold_pending q '/events/e?wait=2&label=e'
    post '/semaphores/s/acquire?ttl=100'
    lease=$(jq -r .lease <<<"$body")
    hold_pending a '/semaphores/s/acquire?hold=connection&label=held' -X POST
    post /semaphores/s/release "{\"lease\":\"$lease\"}"
    eventually has_sent a lease
    get '/tasks?label=held'
    assert_json '.tasks[0] | .state == "pending" and .holding and .remaining == null'
    lease=$(head -n 1 "$BATS_TEST_TMPDIR/held-a.body" | jq -r .lease)
    post /semaphores/s/release "{\"lease\":\"$lease\"}"
    answered a
    get '/tasks?label=m'
    assert_json '.tasks[0] | .n == 2 and .done == 0 and .remaining == null'
    advance 3
    get '/tasks?label=m'
    assert_json '.tasks[0] | .n == 2 and .done == 1'
    advance 3
    for i in n m q; do answered "$i"; done
    get /tasks
    assert_json '.total == 4 and (.tasks | all(.remaining == 0))'
    get '/tasks?label=m'
    assert_json '.tasks[0] | .state == "done" and .n == 2 and .done == 2'
    get '/tasks?label=held'
    assert_json '.tasks[0] | .state == "done" and (.holding | not)'
    own_server_stop
}

@test "--idle-ttl counts from the end of a wait, not from its beginning" {
    own_manual_server
    post '/latches/l?by=7'
    advance 500
    hold_pending poll '/latches/l?at_least=8&wait=300'
    hold_pending gated '/wait?event=e&timeout=300'
    advance 300
    answered poll
    assert_json '.value == 7'
    advance 599
    get /metrics
    assert_match "$body" 'waitd_objects\{[^}]*kind="event"[^}]*\} 1'
    get '/latches/l'
    assert_json '.value == 7'
    own_server_stop
}

@test "PATCH add puts off what only its event still holds back" {
    own_manual_server
    make_task '{"event":"go","delay":10}'
    send PATCH "/tasks/$id" '{"add":5}' # before that is over: from there
    advance 100
    send PATCH "/tasks/$id" '{"add":5}'
    assert_status 200
    send PATCH "/tasks/$id" '{"add":296}'
    assert_problem 400 invalid-parameter add
    send PUT /events/go
    assert_json '.released == 1'
    assert_eq "$(task "$id" '[.state, .remaining, .delay]')" '["pending",5,105]'
    advance 5
    assert_eq "$(task "$id" '[.state, .result.elapsed]')" '["done",105]'
    make_task '{"event":"wait","delay":10}'
    send PATCH "/tasks/$id" '{"add":5}'
    send PUT /events/wait
    assert_eq "$(task "$id" .remaining)" 15
    own_server_stop
}

@test "the clock rules the ttl of leases, which goes to the next in line" {
    own_manual_server
    post '/semaphores/s/acquire?limit=1&ttl=60'
    assert_json '.expires_in == 60'
    lease=$(jq -r .lease <<<"$body")
    hold_pending next '/semaphores/s/acquire?limit=1&timeout=61' -X POST
    hold_pending third '/semaphores/s/acquire?limit=1&timeout=61' -X POST
    advance 60
    assert_eq "$fired" 1
    answered next
    assert_status 200
    post '/semaphores/s/release' "{\"lease\":\"$lease\"}"
    assert_problem 409 lease-lost
    advance 1
    assert_eq "$fired" 1
    answered third
    assert_problem 504 timeout
    own_server_stop
}

@test "heartbeats come in asked time, after 49 days too" {
    own_manual_server --max-delay 720h
    hold_pending beats '/wait_n?n=2&delay=720h&limit=1&heartbeat=24h&format=ndjson'
    advance 2592000
    advance 2592000
    assert_eq "$fired" 1
    answered beats
    # none where a row is due
    assert_eq "$(grep -c '^$' "$body_file")" 58
    assert_eq "$(grep -v '^$' "$body_file" | jq -c .elapsed | xargs)" \
        '2592000 5184000 5184000'
    hold_pending beats '/wait_n?n=1&delay=20.071&heartbeat=2007ms&format=ndjson'
    advance 20.071
    answered beats
    assert_eq "$(grep -c '^$' "$body_file")" 10
    own_server_stop
}

@test "POST /reset leaves the clock where it is" {
    own_manual_server
    hold_pending w '/wait?delay=5'
    advance 3
    post /reset
    answered w
    assert_problem 409 cancelled
    get /clock
    assert_json '.now == 3'
    own_server_stop
}

@test "a clock has an end, and no advance goes beyond it" {
    own_manual_server --max-delay 720h --drain 0.2
    clock end "$PORT"
    hold_pending w '/wait?delay=720h'
    get '/tasks?kind=wait'
    assert_json '.tasks[0].remaining == 2592000'
    own_server_stop
}

@test "an advance waits for the one that runs; one whose client leaves stops there" {
    own_manual_server --max-waits 1000000
    clock queue "$PORT"
    own_server_stop
}

@test "every due byte is in its socket when an advance answers" {
    own_manual_server --unix "$BATS_TEST_TMPDIR/socket"
    clock flush "$BATS_TEST_TMPDIR/socket"
    own_server_stop
}

@test "random delays in any unit add up as decimals do" {
    own_manual_server
    python3 "$HTTP_TESTS/decimals.py" "$PORT" "$RANDOM" 100
    own_server_stop
}

@test "a client that does not read holds up no advance" {
    own_manual_server
    clock deaf "$PORT"
    own_server_stop
}

@test "many timers are no pause for others" {
    own_manual_server --max-tasks 200000
    clock many "$PORT" 100000
    own_server_stop
}

@test "bodies repeat byte for byte in another process" {
    for run in one two; do
        own_manual_server
        # so that they begin at another time there
        [[ $run == one ]] || advance 12.345
        clock bodies "$PORT" >"$BATS_TEST_TMPDIR/$run"
        own_server_stop
    done
    cmp "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
    grep -q '"speedup":' "$BATS_TEST_TMPDIR/one"
    [[ $(grep -c . "$BATS_TEST_TMPDIR/one") -gt 200 ]]
}

# ---- the drain ----------------------------------------------------------------------

@test "a drain ends by real time, though the clock stands" {
    own_manual_server --drain 0.3
    hold_pending w '/wait?delay=1'
    kill -TERM "$(own_server_pid)"
    answered w
    assert_problem 503 draining
    server_ended "$BATS_TEST_TMPDIR/own"
}

@test "while it drains /clock answers and no advance begins; one that runs goes on" {
    own_manual_server --drain 30
    clock drain "$PORT" "$(own_server_pid)"
    server_ended "$BATS_TEST_TMPDIR/own"
}

@test "the time to read a request and idle connections are real" {
    own_manual_server --header-timeout 0.3 --idle-timeout 0.3
    until_closed 'GET /wait?delay=0 HTTP/1.1\r\nHo'
    assert_match "${lines[0]}" '^HTTP/1.1 408 '
    until_closed 'GET /clock HTTP/1.1\r\nHost: x\r\n\r\n'
    assert_match "${lines[0]}" '^HTTP/1.1 200 '
    own_server_stop
}

@test "/metrics and the access log tell lateness on this clock" {
    own_manual_server --access-log "$BATS_TEST_TMPDIR/access"
    hold_pending w '/wait?delay=5'
    advance 7
    answered w
    get /metrics
    assert_match "$body" 'waitd_lateness_seconds_sum\{worker="0"\} 0'
    assert_match "$body" 'waitd_lateness_seconds_count\{worker="0"\} 1'
    own_server_stop
    assert_eq "$(jq -c 'select(.target | startswith("/wait?")) | [.elapsed, .lateness]' \
        "$BATS_TEST_TMPDIR/access")" '[5,0]'
}

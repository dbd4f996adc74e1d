#!/usr/bin/env bats
# limits.bats: --retention, --max-tasks, --max-waits, --max-n, --max-delay,
# --max-connections, --max-body: each on a server of its own.

load helpers
load background

# refused SLUG: the last answer is that 429.
refused() {
    assert_problem 429 "$1" || return
    assert_match "$(header Retry-After)" '^[0-9]+$'
}

@test "an ended task is kept for --retention, then gone; a pending one stays" {
    local ended

    own_manual_server --retention 1h --max-delay 2h
    make_task '{"delay":1}'
    ended=$id
    make_task '{"delay":7200}'
    advance 3600.5
    get "/tasks/$ended"
    assert_json '.state == "done"'
    advance 0.5
    count_is 1 ''
    get "/tasks/$ended"
    assert_problem 404 not-found
    get "/tasks/$ended/result"
    assert_problem 404 not-found
    get "/tasks/$id"
    assert_json '.state == "pending"'
}

@test "an ended task stays while --retention lasts, on a real clock" {
    own_server --retention 1h
    make_task '{"delay":0}'
    get "/tasks/$id?wait=30"
    get "/tasks/$id"
    assert_json '.state == "done"'
}

@test "who is told of an end hears it whole with --retention 0, and the group is gone after" {
    own_server --retention 0
    make_task '{"delay":1}'
    get "/tasks/$id?wait=30"
    assert_status 200
    assert_json '.state == "done"'
    post /tasks '{"n":3,"delay":1,"group":"g"}'
    get '/tasks?group=g&wait=30'
    assert_status 200
    eventually count_is 0 ''
    get '/tasks?group=g&wait=30'
    assert_problem 404 not-found
}

@test "as many ended tasks are kept as --max-tasks, the oldest end goes first" {
    local ids=()

    own_server --max-tasks 3
    for i in 0 1 2 3 4; do
        make_task '{"delay":60}'
        ids+=("$id")
        if ((i == 2)); then # full; the youngest ends first
            post "/tasks/${ids[2]}/cancel"
            post "/tasks/${ids[0]}/cancel"
        fi
    done
    assert_eq "$(count state=pending)" 3
    for i in 1 4 3; do post "/tasks/${ids[i]}/cancel"; done
    get '/tasks?state=cancelled'
    assert_eq "$(jq -r '.tasks[].id' <<<"$body" | xargs)" "${ids[1]} ${ids[3]} ${ids[4]}"
    get "/tasks/${ids[2]}"
    assert_problem 404 not-found
}

@test "journal entries count among the ended ones that are kept" {
    own_server --max-tasks 2
    for delay in 0.01 0.02 0.03; do get "/wait?delay=$delay&label=l"; done
    get '/tasks?label=l'
    assert_json '[.tasks[].result.delay] == [0.02, 0.03]'
}

@test "--max-tasks: above it 429 too-many-tasks, all or nothing, for each way to make one" {
    own_server --max-tasks 3
    post /tasks '{"n":4,"delay":60}'
    refused too-many-tasks
    assert_eq "$(count '')" 0
    post /tasks '{"n":2,"delay":60,"limit":1}'
    assert_status 201
    post /tasks '{"n":2,"delay":60}'
    refused too-many-tasks
    assert_eq "$(count '')" 2
    send PUT /tasks/third '{"delay":60}'
    assert_status 201
    post /tasks '{"delay":60}'
    refused too-many-tasks
    post /tasks '{"delay":60,"group":"g"}'
    refused too-many-tasks
    send PUT /tasks/fourth '{"delay":60}'
    refused too-many-tasks
    send PUT /tasks/third '{"delay":60}'
    assert_status 200
    get '/wait?delay=60' -H 'Prefer: respond-async'
    refused too-many-tasks
    get '/wait_n?n=2&delay=60' -H 'Prefer: wait=5'
    refused too-many-tasks
    assert_eq "$(count '')" 3
    get '/tasks?group=g&wait=1'
    assert_problem 404 not-found
    get '/wait?delay=0.01'
    assert_status 200
    send DELETE /tasks/third
    post /tasks '{"delay":60}'
    assert_status 201
}

@test "--max-waits: above it 429 too-many-waits, all or nothing; each of the n counts" {
    own_server --max-waits 10
    get '/wait_n?n=11&delay=60'
    refused too-many-waits
    get '/measure?n=3&delay=60&mode=both&limit=1,2'
    refused too-many-waits
    post /tasks '{"n":11,"delay":60}'
    refused too-many-waits
    assert_eq "$(count '')" 0
    hold s '/wait_n?n=9&delay=60&limit=1'
    eventually count_is 1 state=pending
    get '/wait_n?n=2&delay=60'
    refused too-many-waits
    get '/wait?delay=0.05'
    assert_status 200
    make_task '{"delay":60}'
    get '/wait?delay=0.05'
    refused too-many-waits
    post /tasks '{"delay":60}'
    refused too-many-waits
    send PUT /tasks/x '{"delay":60}'
    refused too-many-waits
    get '/measure?n=1&delay=0.05'
    refused too-many-waits
    assert_eq "$(count '')" 2
    leave s
    eventually count_is 1 ''
    get '/wait_n?n=9&delay=0.05'
    assert_status 200
    assert_json '.done == 9'
    get '/measure?n=3&delay=0.05&mode=both&limit=2'
    assert_status 200
    post /reset
    get '/wait_n?n=10&delay=0.05'
    assert_json '.done == 10'
}

@test "a wait that ends, however it does, gives its place back" {
    own_server --max-waits 2 --max-tasks 2
    for _ in 1 2 3; do
        get '/wait_n?n=2&delay=0.01'
        assert_status 200
        get '/wait_n?n=2&delay=60&timeout=0.01'
        assert_status 200
        get '/wait?delay=60&timeout=0.01'
        assert_status 504
        make_task '{"delay":60}'
        post "/tasks/$id/cancel"
        post /tasks '{"n":2,"delay":60,"limit":1,"group":"g"}'
        assert_status 201
        send DELETE '/tasks?group=g'
        hold w '/wait_n?n=2&delay=60'
        eventually count_is 1 kind=wait_n
        leave w
        eventually count_is 0 kind=wait_n
        get '/wait?delay=60' -H 'Prefer: respond-async'
        assert_status 202
        post /reset
    done
}

@test "--max-n limits n and limit everywhere" {
    own_server --max-n 5
    get '/wait_n?n=6&delay=0'
    assert_problem 400 invalid-parameter n
    assert_json '.max == 5 and .value == "6"'
    get '/measure?n=6&delay=0'
    assert_problem 400 invalid-parameter n
    post /tasks '{"n":6,"delay":0}'
    assert_problem 400 invalid-parameter n
    get '/wait_n?n=5&delay=0&limit=6'
    assert_problem 400 invalid-parameter limit
    get '/wait_n?n=5&delay=0&limit=5'
    assert_status 200
}

@test "--max-delay limits every duration, and the default of max_delay" {
    own_server --max-delay 500ms
    for query in delay=0.6 max_delay=501ms min_delay=1 timeout=1 delay=0.50001; do
        get "/wait?$query"
        assert_problem 400 invalid-parameter "${query%%=*}"
        assert_json '.max == 0.5'
    done
    get /wait
    assert_status 200
    assert_json '.delay <= 0.5'
    post /tasks
    assert_json '.delay <= 0.5'
    id=$(jq -r .id <<<"$body")
    get "/tasks/$id?wait=1"
    assert_problem 400 invalid-parameter wait
    get '/wait?delay=0.1' -H 'Prefer: wait=1'
    assert_problem 400 invalid-parameter Prefer
}

@test "--max-connections: one more waits in the backlog until another closes" {
    own_server --max-connections 2
    hold a '/wait?delay=60&label=a'
    eventually is_waiting a
    hold b '/wait?delay=60&label=b'
    eventually connections_are 2 "$(own_server_pid)"
    hold c '/healthz'
    sleep 0.3 # in real time: nobody may take it
    still_held c
    assert_eq "$(connections "$(own_server_pid)")" 2
    leave b
    answered c
    assert_status 200
    leave a
}

@test "without descriptors for more, who is connected is answered, and the rest after" {
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nulimit -n 200\nexec "%s" "$@"\n' "$WAITD" >"$BATS_TEST_TMPDIR/few"
    chmod +x "$BATS_TEST_TMPDIR/few"
    WAITD=$BATS_TEST_TMPDIR/few own_server --max-connections 1000
    run -0 python3 "$HTTP_TESTS/connections.py" crowd "$PORT" "$(own_server_pid)" 300
    assert_eq "$output" '300 200'
}

@test "--connection-memory: what has begun is answered, what is not begun" {
    local code seen=' '

    own_server --connection-memory 4KiB
    for ((size = 1200; size < 2000; size += 16)); do
        code=$(curl -sg -o /dev/null -w '%{http_code}' -X POST --max-time 30 \
            -H "Cookie: $(printf '%*s' "$size" '' | tr ' ' a)" \
            "$URL/tasks?n=2&delay=60&label=s$size") || true
        seen+="$code "
        assert_eq "$(count "label=s$size")" "$((code == 201 ? 2 : 0))" "$size: $code"
    done
    assert_match "$seen" ' 201 .* 431 '
    get /metrics
    assert_match "$body" 'status="431"'
}

@test "--max-body limits a body: 413" {
    own_server --max-body 1KiB
    post /tasks "{\"delay\":60,$(printf ' %.0s' {1..1100})\"label\":\"x\"}"
    assert_status 413
    post /tasks "{\"delay\":60,$(printf ' %.0s' {1..900})\"label\":\"x\"}"
    assert_status 201
}

@test "--max-body: a body that goes on is not read to its end, but told a 413, and counted" {
    own_server --max-body 256
    until_closed "POST /tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n$(
        printf '%5000s' '')"
    assert_match "${lines[0]}" '^HTTP/1.1 413 '
    assert_match "$output" '"type":"/problems/content-too-large"'
    get /metrics
    assert_match "$body" 'waitd_problems_total\{worker="[0-9]+",type="content-too-large"\} 1'
}

@test "--header-timeout: a request not read whole by then is 408, and the connection closed" {
    own_server --header-timeout 0.3
    until_closed 'GET /wait?delay=0 HTTP/1.1\r\nHo'
    assert_match "${lines[0]}" '^HTTP/1.1 408 '
    assert_match "$output" '"type":"/problems/request-timeout"'
    get /metrics
    assert_match "$body" 'waitd_problems_total\{worker="[0-9]+",type="request-timeout"\} 1'
}

@test "--header-timeout: a connection that says nothing is closed" {
    own_server --header-timeout 1.5
    until_closed ''
    assert_eq "$output" ''
    eventually connections_are 0 "$(own_server_pid)"
}

@test "--idle-timeout: an idle connection is closed, one that waits is not" {
    own_server --idle-timeout 0.3 --header-timeout 1
    until_closed 'GET /wait?delay=2 HTTP/1.1\r\nHost: x\r\n\r\n'
    assert_match "${lines[0]}" '^HTTP/1.1 200 '
    assert_match "$output" '"delay":2,'
}

#!/usr/bin/env bats
# drain.bats: SIGTERM and SIGINT: the listener closes, what runs may end within --drain,
# the rest is told, the exit code is 0. Each test has a server of its own.

load helpers
load background

drain() {
    kill "-${1:-TERM}" "$(own_server_pid)"
}

own_server_ended() {
    server_ended "$BATS_TEST_TMPDIR/own"
}

is_refused() {
    local rc=0

    curl -s -o /dev/null --max-time 5 "$URL/healthz" || rc=$?
    [[ $rc == 7 ]] # could not connect
}

is_logged() {
    grep -q " info $1" "$BATS_TEST_TMPDIR/own/log"
}

# connect NAME: an open connection that has been used; its descriptor in the variable.
connect() {
    exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
    printf -v "$1" %s "$fd"
    say "$fd" GET /readyz || return
    assert_status 200
    [[ -z $(header Connection) ]] || fail 'it is not kept alive'
}

# say FD METHOD PATH: a request on that connection; sets what `request` sets.
say() {
    local line length

    body_file=$BATS_TEST_TMPDIR/said headers_file=$BATS_TEST_TMPDIR/said-headers
    printf '%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n' "$2" "$3" >&"$1"
    : >"$headers_file"
    while read -r -t 30 -u "$1" line && [[ $line != $'\r' ]]; do
        printf '%s\n' "$line" >>"$headers_file"
    done
    status_code=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\) .*/\1/p' "$headers_file")
    [[ -n $status_code ]] || fail "no answer to $2 $3" || return
    length=$(header Content-Length)
    read -r -t 30 -u "$1" -N "$length" body
    printf %s "$body" >"$body_file"
}

@test "with nothing to wait for it ends by itself, with exit code 0" {
    local start=$SECONDS

    own_server --drain 1h
    drain
    own_server_ended
    ((SECONDS - start < 10))
    is_logged draining
    is_logged stopped
}

@test "SIGINT drains as SIGTERM does" {
    own_server --drain 0.3
    hold w '/wait?delay=60&label=w'
    eventually is_waiting w
    drain INT
    answered w
    assert_problem 503 draining
    assert_match "$(header Retry-After)" '^[0-9]+$'
    own_server_ended
    grep -q 'draining signal=SIGINT' "$BATS_TEST_TMPDIR/own/log"
}

@test "the listener is closed at once, while a wait holds the drain" {
    local start now

    own_server --drain 30
    hold w '/wait?delay=3&label=w'
    eventually is_waiting w
    drain
    start=$(date +%s%N)
    eventually is_refused
    now=$(date +%s%N)
    # 100 ms is the bar
    ((now - start <= 2000000000)) || fail "$((now - start)) ns"
    still_held w
    answered w
    assert_status 200
    own_server_ended
}

@test "waits that end within --drain are answered, and then it ends, not later" {
    local start=$SECONDS

    own_server --drain 10m
    hold w '/wait?delay=2.5&label=w'
    hold m '/measure?n=2&delay=1.25&mode=both&label=m'
    hold s '/wait_n?n=3&delay=2.5&label=s'
    eventually is_waiting w
    eventually is_waiting s
    drain
    answered w
    assert_status 200
    assert_json '.delay == 2.5 and .elapsed >= 2.5'
    assert_eq "$(header Connection)" close
    answered m
    assert_status 200
    answered s
    assert_status 200
    assert_json '.done == 3 and .cancelled == 0 and (has("error") | not)'
    own_server_ended
    ((SECONDS - start < 30))
}

@test "waits that do not end within --drain get 503 draining" {
    own_server --drain 0.3
    hold w '/wait?delay=60&label=w'
    hold m '/measure?n=2&delay=60&label=m'
    hold p '/wait_n?n=2&delay=60&label=p' -H 'Prefer: wait=60'
    eventually is_waiting w
    eventually is_waiting m
    eventually count_is 2 'label=p'
    drain
    for name in w m; do
        answered "$name"
        assert_problem 503 draining
        assert_match "$(header Retry-After)" '^[0-9]+$'
        assert_eq "$(header Connection)" close
    done
    answered p
    assert_status 200
    assert_json '.cancelled == 2 and .error.status == 503'
    own_server_ended
}

@test "a stream that does not end within --drain ends in band, with a valid end" {
    own_server --drain 0.5
    for format in json ndjson sse text; do
        hold "$format" "/wait_n?n=3&max_delay=60&min_delay=50&format=$format&label=$format"
    done
    hold rows '/wait_n?n=3&delay=0.1&limit=2&label=rows'
    hold late '/wait_n?n=9&delay=5&limit=1&label=late'
    eventually has_sent rows 0.1
    for format in json ndjson sse text late; do eventually is_waiting "$format"; done
    drain
    answered json # curl's exit code is 0 only after the last chunk
    assert_status 200
    assert_json '.delays == [] and .n == 3 and .done == 0 and .failed == 0 and .cancelled == 3
        and .error.status == 503 and .error.type == "/problems/draining"'
    answered ndjson
    assert_json '.cancelled == 3 and .error.status == 503'
    answered sse
    body=$(sed -n 's/^data: //p' "$body_file")
    assert_json '.cancelled == 3 and .error.status == 503'
    answered text
    assert_eq "$body" '# 503 draining'
    answered late
    assert_json '.cancelled == 9 and .error.status == 503'
    answered rows
    assert_json '.done == 3 and (has("error") | not)'
    own_server_ended
}

@test "who awaits tasks is told at the end of the drain" {
    own_server --drain 0.5
    post /tasks '{"n":2,"delay":60,"group":"g"}'
    id=$(jq -r '.tasks[0].id' <<<"$body")
    hold_asked result "/tasks/$id/result"
    hold_asked poll "/tasks/$id?wait=50"
    hold_asked group '/tasks?group=g&wait=50'
    hold_asked stream '/tasks?group=g&stream=true'
    drain
    answered result
    assert_problem 503 draining
    answered poll
    assert_status 200
    assert_json '.state == "cancelled" and .cancel_reason == "drain"'
    answered group
    assert_status 200
    assert_json '.pending == [] and (.done | all(.cancel_reason == "drain"))'
    answered stream
    assert_status 200
    assert_json '.cancelled == 2 and (.tasks | all(.cancel_reason == "drain"))'
    own_server_ended
}

@test "tasks that nobody awaits do not hold the drain" {
    local start=$SECONDS

    own_server --drain 1h
    post /tasks '{"delay":60}'
    post /tasks '{"n":5,"delay":60,"limit":2}'
    get '/wait?delay=60' -H 'Prefer: respond-async'
    drain
    own_server_ended
    ((SECONDS - start < 10))
}

@test "an open connection is told: readyz 503, new work 503 draining, and closed" {
    local ready alive wait tasks

    own_server --drain 30
    connect ready
    connect alive
    connect wait
    connect tasks
    hold w '/wait?delay=60&label=w'
    eventually is_waiting w
    drain
    eventually is_logged draining
    say "$ready" GET /readyz
    assert_problem 503 draining
    assert_match "$(header Retry-After)" '^[0-9]+$'
    say "$alive" GET /healthz
    assert_status 200
    say "$wait" GET '/wait?delay=0'
    assert_problem 503 draining
    assert_eq "$(header Connection)" close
    assert_match "$(header Retry-After)" '^[0-9]+$'
    say "$tasks" POST '/tasks?delay=60'
    assert_problem 503 draining
    assert_eq "$(header Connection)" close
    run -0 timeout 30 cat <&"$tasks" # its end
    assert_eq "$output" ''
    still_held w
    drain
    eventually test -e "$BATS_TEST_TMPDIR/own/rc"
}

@test "a second signal ends at once, with 128 and its number" {
    for signal in TERM INT; do
        own_server --drain 1h
        hold w '/wait?delay=60&label=w'
        eventually is_waiting w
        drain
        eventually is_logged draining
        still_held w
        drain "$signal"
        eventually test -e "$BATS_TEST_TMPDIR/own/rc"
        assert_eq "$(<"$BATS_TEST_TMPDIR/own/rc")" $((128 + $(kill -l "$signal")))
        leave w
    done
}

@test "a signal that comes when the drain is over, but for the exit, is too late" {
    for signal in SIGTERM SIGINT SIGHUP; do
        run -0 python3 "$HTTP_TESTS/late_signal.py" "$signal"
        assert_eq "$output" 0 "$signal"
    done
}

@test "--drain 0 tells everybody at once" {
    own_server --drain 0
    hold w '/wait?delay=60&label=w'
    hold s '/wait_n?n=2&delay=60&label=s'
    eventually is_waiting w
    eventually is_waiting s
    drain
    answered w
    assert_problem 503 draining
    answered s
    assert_json '.cancelled == 2 and .error.status == 503'
    own_server_ended
}

@test "1,000 waits pending: those that end are answered, the rest told, exit code 0" {
    own_server --drain 8
    run -0 --separate-stderr python3 "$HTTP_TESTS/connections.py" drain "$PORT" \
        "$(own_server_pid)" 1000
    assert_eq "$output" "250 /wait?delay=4 200
250 /wait?delay=60 503 draining close
250 /wait_n?n=3&delay=4 200 stream whole
250 /wait_n?n=3&delay=60 200 stream 503"
    own_server_ended
}

@test "what waits in the backlog when SIGTERM comes is answered, not reset" {
    own_server --drain 5
    run -0 --separate-stderr python3 "$HTTP_TESTS/connections.py" backlog "$PORT" \
        "$(own_server_pid)" 40
    assert_eq "$output" '40 200'
    own_server_ended
}

@test "a client that does not read its stream does not hold the drain for ever" {
    local deaf start=$SECONDS

    own_server --drain 0.3
    exec {deaf}<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'GET /wait_n?n=100000&max_delay=0.1&format=sse&label=deaf HTTP/1.1\r\nHost: x\r\n\r\n' >&"$deaf"
    eventually count_is 1 'label=deaf&state=done'
    drain
    own_server_ended
    ((SECONDS - start < 20))
    exec {deaf}>&-
}

@test "a half-read request does not hold the drain for ever" {
    local half start=$SECONDS

    own_server --drain 0.3
    exec {half}<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'GET /wait?delay=1 HTTP/1.1\r\nHo' >&"$half"
    eventually connections_are 1 "$(own_server_pid)"
    drain
    own_server_ended
    ((SECONDS - start < 20))
    exec {half}>&-
}

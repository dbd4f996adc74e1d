#!/usr/bin/env bats
# disconnect.bats: a client that leaves cancels what its request started, and its
# connection is closed. Sockets are counted exactly; "at once" is 100 ms, asserted at
# 2 s.

load helpers
load background

setup() {
    server_reset
    eventually connections_are 0
}

# gone_soon N: nothing is pending within 2 s from now, and N clients are connected.
gone_soon() {
    local start now

    start=$(date +%s%N)
    eventually count_is 0 state=pending,queued || return
    eventually connections_are "$1" || return
    now=$(date +%s%N)
    ((now - start <= 2000000000)) || fail "noticed after $((now - start)) ns"
}

# connect NAME: a connection of this shell, by its descriptor in the variable.
connect() {
    exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
    printf -v "$1" %s "$fd"
}

# say FD PATH: a request on that connection; nothing is read.
say() {
    printf 'GET %s HTTP/1.1\r\nHost: x\r\n\r\n' "$2" >&"$1"
}

hang_up() {
    exec {fd}>&- # the descriptor is in $fd
}

@test "curl killed during a wait of 60 s: gone from the list and closed at once" {
    hold w '/wait?delay=60'
    eventually count_is 1 state=pending
    assert_eq "$(connections)" 1
    leave w
    gone_soon 0
}

@test "curl killed in the middle of a stream of /wait_n" {
    for format in json ndjson sse text; do
        hold s "/wait_n?n=3&delay=0.1&limit=2&format=$format"
        eventually has_sent s 0.1
        leave s
        hold s "/wait_n?n=1000&max_delay=60&format=$format"
        eventually test -s "$BATS_TEST_TMPDIR/held-s.body"
        leave s
        gone_soon 0
    done
}

@test "curl killed during a /measure" {
    hold m '/measure?n=3&delay=60&mode=both&limit=1,2'
    eventually count_is 1 state=pending
    leave m
    gone_soon 0
}

@test "with an older idle connection in the same cell, in a wait and in a stream" {
    local idle

    connect idle
    say "$idle" /healthz
    read -r -u "$idle" line
    assert_match "$line" '^HTTP/1.1 200 '
    hold w '/wait?delay=60'
    hold s '/wait_n?n=500&max_delay=60'
    eventually count_is 2 state=pending
    eventually has_sent s ,
    assert_eq "$(connections)" 3
    leave w
    leave s
    gone_soon 1
    # the rest of the first answer, and one more
    printf 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&"$idle"
    run -0 timeout 30 cat <&"$idle"
    assert_eq "$(grep -c '^HTTP/1.1 200 ' <<<"$output")" 1
    fd=$idle
    hang_up
    eventually connections_are 0
}

@test "with a younger waiting connection in the same cell" {
    hold old '/wait?delay=60'
    eventually count_is 1 state=pending
    hold young '/wait?delay=60&label=young'
    eventually count_is 2 state=pending
    leave old
    eventually count_is 1 state=pending
    eventually connections_are 1
    still_held young
    leave young
    gone_soon 0
}

@test "a client that does not read its stream holds nobody up, and is let go when it leaves" {
    local deaf

    connect deaf
    say "$deaf" '/wait_n?n=100000&max_delay=0.5&format=sse&label=deaf'
    eventually count_is 1 'label=deaf'
    # all of its waits are over, and it is still there: it has not been sent to the end
    eventually count_is 1 'label=deaf&state=done'
    get '/wait?delay=0.01'
    assert_status 200
    assert_eq "$(connections)" 1
    fd=$deaf
    hang_up
    gone_soon 0
}

@test "a client that does not read and leaves while its waits run" {
    local deaf

    connect deaf
    say "$deaf" '/wait_n?n=100000&max_delay=60&format=sse'
    eventually count_is 1 state=pending
    sleep 0.5 # rows are due all the time, and fill what takes them
    fd=$deaf
    hang_up
    gone_soon 0
}

@test "a client that half-closes cancels its wait" {
    run -0 --separate-stderr timeout 30 nc -N 127.0.0.1 "$PORT" \
        < <(printf 'GET /wait?delay=60 HTTP/1.1\r\nHost: x\r\n\r\n')
    assert_eq "$output" ''
    gone_soon 0
}

@test "an answer that needs no wait is sent to a client that has half-closed" {
    run -0 --separate-stderr timeout 30 nc -N 127.0.0.1 "$PORT" \
        < <(printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    assert_match "$output" '^HTTP/1.1 200 '
    assert_match "$output" '"status":"ok"'
    eventually connections_are 0
}

@test "a client that leaves in the middle of its request leaves nothing" {
    local part

    for head in 'GET /wait?del' 'GET /wait?delay=60 HTTP/1.1'$'\r\n''Host: x'$'\r\n' \
        'POST /tasks HTTP/1.1'$'\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"delay"' ''; do
        connect part
        printf %s "$head" >&"$part"
        eventually connections_are 1
        fd=$part
        hang_up
        eventually connections_are 0
    done
    assert_eq "$(count '')" 0
}

@test "a task made by a client that left runs on" {
    local early

    connect early
    say "$early" '/healthz'
    printf 'POST /tasks?delay=60 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n' >&"$early"
    eventually count_is 1 'kind=task&state=pending'
    fd=$early
    hang_up
    eventually connections_are 0
    assert_eq "$(count 'kind=task&state=pending')" 1
}

@test "100 at once, 5 times: the descriptors are back each time, but for the cells kept" {
    local before kept

    eventually connections_are 0
    before=$(descriptors)
    # An empty cell is one descriptor, and each worker keeps two.
    kept=$((2 * $(curl -sSg "$URL/" | jq .flags.workers)))
    run -0 --separate-stderr python3 "$HTTP_TESTS/connections.py" leave "$PORT" "$(server_pid)" 100 5
    assert_eq "${#lines[@]}" 5
    for after in "${lines[@]}"; do
        # Which worker serves how many, and so keeps a cell, changes from round to round.
        ((kept > 2)) || assert_eq "$after" "${lines[0]}" 'after each round'
        # and the connection of that script
        ((after <= before + kept + 1)) || fail "$before before, $after after"
    done
}

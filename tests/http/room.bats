#!/usr/bin/env bats
# room.bats: what is told where there is no room: connections of one address, memory,
# descriptors, the size of JSON; and that each refusal is counted by its type.

load helpers
load background

# Freed memory goes back at once, as it does without a sanitizer.
MIB=$((1024 * 1024))
export ASAN_OPTIONS=quarantine_size_mb=0:thread_local_quarantine_size_kb=0:allocator_release_to_os_interval_ms=0

# metric NAME [LABEL [curl's arguments]]: its sum over the series that have that label.
metric() {
    local name=$1 label=${2-}

    shift $(($# < 2 ? $# : 2))
    curl -sS "$@" "$URL/metrics" |
        awk -v name="$name{" -v label="$label" '
            index($0, name) == 1 && index($0, label) { sum += $NF }
            END { print sum + 0 }'
}

# problems SLUG [curl's arguments]: how often it was told.
problems() {
    local slug=$1

    shift
    metric waitd_problems_total "type=\"$slug\"" "$@"
}

# limited BYTES FLAG...: a server of this test's own with that much memory beyond what it
# begins with, which a sanitizer makes more. Under that of threads each byte takes many.
limited() {
    local more=$1 used

    [[ $(ldd "$WAITD") != *libtsan* ]] || skip "the thread sanitizer takes what is in the budget"
    shift
    own_server --drain 0 --max-memory 1GiB "$@" || return
    used=$(curl -sS "$URL/" | jq .memory_used) || return
    own_server_stop || return
    own_server --drain 0 --max-memory "$((used + more))" "$@"
}

# dropped: how many ended tasks have gone to make room.
dropped() {
    metric waitd_tasks_dropped_total
}

creates() {
    post /tasks '{"n":1000,"delay":0}' && [[ $status_code == 201 ]]
}

# is_answered PATH: with a 200.
is_answered() {
    [[ $(curl -sg --max-time 30 -o /dev/null -w '%{http_code}' "$URL$1") == 200 ]]
}

# ---- connections of one address -----------------------------------------------------

@test "--max-connections-per-address: one more is told 429 and closed, until one leaves" {
    local i

    own_server --drain 0 --max-connections-per-address 3
    for i in 1 2 3; do hold "$i" "/wait?delay=60&label=$i"; done
    eventually connections_are 3 "$(own_server_pid)"
    for i in {1..10}; do
        get '/wait?delay=0'
        assert_problem 429 too-many-connections
        assert_eq "$(header Connection)" close
        assert_match "$(header Retry-After)" '^[0-9]+$'
    done
    request '/wait?delay=0' --interface 127.0.0.2
    assert_status 200
    for i in 1 2 3; do still_held "$i"; done
    leave 2
    eventually is_answered '/wait?delay=0'
    hold 2 '/wait?delay=60'
    eventually connections_are 3 "$(own_server_pid)"
    (($(problems too-many-connections --interface 127.0.0.2) >= 10))
}

@test "--max-connections-per-address: 3 of 200 at once on all workers, none of them lost" {
    own_server --max-connections-per-address 3
    run -0 python3 "$HTTP_TESTS/connections.py" flood "$PORT" "$(own_server_pid)" 200
    assert_eq "$output" '197 429 too-many-connections close'
    eventually is_answered '/wait?delay=0'
}

@test "--max-connections-per-address does not count a unix socket" {
    local i

    own_server --drain 0 --max-connections-per-address 1 --unix "$BATS_TEST_TMPDIR/s"
    for i in 1 2 3; do
        hold "$i" "/wait?delay=60&label=u$i" --unix-socket "$BATS_TEST_TMPDIR/s"
        eventually is_waiting "u$i"
    done
}

# ---- memory -------------------------------------------------------------------------

@test "--max-memory: work that has no room is a 503, on a connection that goes on" {
    local i=0

    limited $((16 * MIB)) --max-tasks 10000000 --max-waits 10000000
    until [[ ${status_code-} == 503 ]]; do
        ((++i < 100)) || fail 'nothing was refused'
        post /tasks '{"n":1000,"delay":60,"group":"g"}'
    done
    assert_problem 503 too-much-memory
    assert_match "$(header Retry-After)" '^[0-9]+$'
    assert_eq "$(header Connection)" ''
    ((i > 5)) || fail "refused after $i thousand"
    assert_eq "$(count group=g)" "$(((i - 1) * 1000))" # all or nothing
    (($(problems too-much-memory) >= 1))
    get /
    assert_json '.memory_used > 0 and .memory_used <= .flags.max_memory'
    assert_eq "$(metric waitd_memory_limit_bytes)" "$(jq .flags.max_memory <<<"$body")"
    (($(metric waitd_memory_bytes) > 0))
    send DELETE '/tasks?group=g'
    eventually is_answered '/wait_n?n=1000&delay=0'
}

@test "--max-memory: bodies take of it while they are read, and give it back" {
    limited $((16 * MIB)) --max-body 4MiB
    run -0 python3 - "$PORT" <<'PYTHON'
import os
import sys
import time

sys.path.insert(0, os.environ["HTTP_TESTS"])
from raw import Raw, message

PORT, SIZE = int(sys.argv[1]), 4 * 2**20
HEAD = ("POST", "/queues/q", "Content-Type: text/plain", f"Content-Length: {SIZE}")
clients = [Raw(PORT) for _ in range(12)]
for client in clients:
    client.send(message(*HEAD) + b"x" * (SIZE - 1))
time.sleep(1)
seen = []
for client in clients:
    client.send(b"x")
    answer = client.answer()
    seen.append(answer.status)
    assert answer.status == 201 or answer.json()["type"].endswith("/too-much-memory"), answer
    assert client.ask("GET", "/healthz").status == 200
assert seen.count(503) >= 8, seen  # of 4 MiB none of the last ones has room
assert seen.count(201) >= 1, seen
with Raw(PORT) as client:
    client.ask("DELETE", "/queues/q")
    client.send(message(*HEAD, body=b"x" * SIZE))
    assert client.answer().status == 201
PYTHON
}

@test "--max-memory: connections that have no room are told 503, those inside go on" {
    limited $((16 * MIB))
    run -0 python3 "$HTTP_TESTS/connections.py" flood "$PORT" "$(own_server_pid)" 4000
    assert_match "$output" '^[0-9]+ 503 too-much-memory close$|
[0-9]+ 503 too-much-memory close$'
    eventually is_answered '/wait?delay=0'
}

@test "--max-memory: ended tasks take half of it, then the oldest goes" {
    limited $((16 * MIB)) --max-tasks 10000000 --retention 1h
    for _ in {1..80}; do # with a sanitizer they take more than they count, and some are refused
        post /tasks '{"n":1000,"delay":0}'
        (($(dropped) > 1000)) && break
    done
    (($(dropped) > 1000))
    eventually creates
}

# ---- descriptors --------------------------------------------------------------------

@test "256 descriptors and 2,000 clients: no spin, and a place that is free is taken" {
    local inside share tries taken

    # shellcheck disable=SC2016
    printf '#!/bin/sh\nulimit -n 256\nexec "%s" "$@"\n' "$WAITD" >"$BATS_TEST_TMPDIR/few"
    chmod +x "$BATS_TEST_TMPDIR/few"
    WAITD=$BATS_TEST_TMPDIR/few own_server --max-connections 100000
    assert_match "$(cat "$BATS_TEST_TMPDIR/own/log")" ' descriptors=256 connections=100000 '
    get /
    assert_json '.descriptors == 256'
    read -r inside share tries taken < <(python3 "$HTTP_TESTS/connections.py" exhaust "$PORT" \
        "$(own_server_pid)" 2000)
    at_least "$inside" 100
    at_least 256 "$inside"
    at_least 0.5 "$share" # of a core
    at_least "$((20 * ${WAITD_WORKERS:-$(nproc)}))" "$tries" # each worker looks 10 times a second
    at_least 20 "$taken"
    (($(metric waitd_accept_pauses_total 'reason="system"') > 0))
}

@test "/ and the log tell the descriptors, and the connections that follow from them" {
    own_server
    get /
    assert_json '.descriptors - 64 == .flags.max_connections'
    assert_match "$(cat "$BATS_TEST_TMPDIR/own/log")" \
        " descriptors=$(jq .descriptors <<<"$body") connections=$(jq .flags.max_connections <<<"$body") "
}

# ---- JSON ---------------------------------------------------------------------------

# nested N: so many arrays in each other.
nested() {
    printf '[%.0s' $(seq "$1") && printf ']%.0s' $(seq "$1")
}

@test "JSON of 32 levels and 65,536 values is taken, of more it is a 400" {
    own_server --max-body 1MiB
    nested 32 >"$BATS_TEST_TMPDIR/json"
    request /events/e -X PUT --json "@$BATS_TEST_TMPDIR/json"
    assert_status 200
    nested 33 >"$BATS_TEST_TMPDIR/json"
    request /events/e -X PUT --json "@$BATS_TEST_TMPDIR/json"
    assert_problem 400 invalid-json
    for levels in 32 33; do
        request /tasks --json "{\"x\":$(nested $((levels - 1)))}"
        assert_status 400
    done
    assert_problem 400 invalid-json
    for more in 5533 5534; do # the list is a value, each [{}] is two, and a string is one
        jq -n "[range(30000) | [{}]] + [range($more)] + [\",\", \"[{\\\"\"]" >"$BATS_TEST_TMPDIR/json"
        request /events/e -X PUT --json "@$BATS_TEST_TMPDIR/json"
        assert_status "$((more == 5533 ? 200 : 400))"
    done
    assert_match "$body" '65536 values'
}

# ---- the metric of each -------------------------------------------------------------

# counts SLUG STATUS CURL...: that request is refused so, and counted once.
counts() {
    local slug=$1 status=$2 before

    shift 2
    before=$(problems "$slug")
    request "$@"
    assert_status "$status" || return
    assert_eq "$(problems "$slug")" "$((before + 1))" "$slug"
}

@test "each limit's refusal is counted by its type" {
    local long

    long=$(printf '%*s' 9000 '' | tr ' ' a)
    own_server --max-tasks 2 --max-waits 4 --max-n 10 --max-objects 2 --max-object-bytes 1KiB \
        --max-body 2KiB --header-timeout 0.5
    counts invalid-parameter 400 '/wait_n?n=11&delay=0'
    counts too-many-tasks 429 '/tasks?n=3&delay=60' -X POST
    counts too-many-waits 429 '/wait_n?n=5&delay=60'
    counts too-many-bytes 429 /queues/q -X POST -H 'Content-Type: text/plain' -d "${long:0:1500}"
    request /events/a -X PUT
    request /events/b -X PUT
    counts too-many-objects 429 /events/c -X PUT
    counts content-too-large 413 /queues/q -X POST -H 'Content-Type: text/plain' -d "$long"
    counts headers-too-large 431 '/wait?delay=0' -H "X-Long: $long"
    counts headers-too-large 431 '/wait?delay=0' -H "X-Long: ${long:0:3600}"
    counts uri-too-long 414 "/wait?delay=0&label=$long"
    counts invalid-json 400 /tasks --json "$(nested 33)"
    counts invalid-parameter 400 "/wait?delay=0&label=${long:0:129}"
    exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'GET /wait?delay=0 HTTP/1.1\r\nHo' >&"$fd"
    run -0 timeout 30 cat <&"$fd"
    assert_match "${lines[0]}" '^HTTP/1.1 408 '
    exec {fd}>&-
    assert_eq "$(problems request-timeout)" 1
}

@test "ended tasks above --max-tasks are counted as they go" {
    own_server --max-tasks 3
    for _ in 1 2 3 4 5; do get '/wait?delay=0&label=l'; done
    eventually count_is 3 label=l
    assert_eq "$(dropped)" 2
}

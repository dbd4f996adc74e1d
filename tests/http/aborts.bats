#!/usr/bin/env bats
# aborts.bats: connections that end on purpose instead of an answer, as sockets see it, as
# curl names it, and as the journal tells it.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

setup() {
    server_reset
    eventually connections_are 0
}

# exit_code QUERY: curl's.
exit_code() {
    local rc=0

    curl -sgN --max-time 20 -o "$BATS_TEST_TMPDIR/got" "$URL/wait?$1" || rc=$?
    echo "$rc"
}

@test "a FIN is a FIN and a RST is a RST, and before it comes what was to come" {
    python3 "$HTTP_TESTS/shapes.py" "$PORT" aborts
    eventually connections_are 0
    assert_eq "$(count '')" 0
}

@test "curl's exit codes: 52 empty reply, 18 partial file, 56 reset" {
    local query code

    while read -r query code; do
        assert_eq "$(exit_code "delay=0.05&abort=$query")" "$code" "$query"
        assert_eq "$(exit_code "delay=0&abort=$query")" "$code" "$query, at once"
    done <<'TABLE'
before_headers 52
before_headers&size=100 52
after_headers 18
after_headers&size=100 18
after_headers&at=body 18
mid_body 18
mid_body&at=body 18
mid_body&size=100 18
mid_body&chunks=10 18
mid_body&status=500 18
reset 56
reset&at=body 56
reset&size=100&chunks=2 56
TABLE
    run curl -sgI "$URL/wait?delay=0.05&abort=before_headers"
    assert_eq "$status" 52
    run curl -sgI "$URL/wait?delay=0.05&abort=reset"
    assert_eq "$status" 56
}

@test "half of a body: the length says more than comes" {
    run curl -sgi "$URL/wait?delay=0.05&abort=mid_body&size=100"
    assert_eq "$status" 18
    assert_match "$output" $'Content-Length: 100\r'
    assert_eq "$(tail -n 1 <<<"$output")" "$(printf '0123456789%.0s' {1..5})"
    run curl -sgi "$URL/wait?delay=0.05&abort=mid_body&status=503&retry_after=4"
    assert_eq "$status" 18
    assert_match "$output" 'HTTP/1.1 503 '
    assert_match "$output" $'Retry-After: 4\r'
}

@test "with fail_first or fail_rate only those that fail" {
    local codes

    codes=$(for _ in 1 2 3 4; do exit_code 'delay=0&fail_first=2&key=a&abort=reset'; done)
    assert_eq "${codes//$'\n'/ }" '56 56 0 0'
    assert_eq "$(exit_code 'delay=0&fail_rate=0&abort=reset')" 0
    assert_eq "$(exit_code 'delay=0&fail_rate=1&abort=before_headers')" 52
    get /keys/a
    assert_json '.tried == 4'
}

@test "curl --retry gets through a reset" {
    assert_eq "$(curl -sg --retry 2 --retry-delay 1 --retry-all-errors -o "$BATS_TEST_TMPDIR/out" \
        -w '%{http_code}' "$URL/wait?delay=0&fail_first=1&key=r&abort=reset")" 200
}

@test "the journal: failed, how it was aborted, how long, how many bytes" {
    local kind

    for kind in before_headers after_headers mid_body reset; do
        run curl -sg "$URL/wait?delay=0.1&abort=$kind&size=1000&label=$kind"
        [[ $status != 0 ]]
    done
    run curl -sg "$URL/wait?delay=0.1&abort=mid_body&chunks=10&size=1000&label=chunks"
    run curl -sg "$URL/wait?delay=0.1&abort=reset&chunks=10&size=1000&label=both"
    get '/tasks?state=failed'
    assert_json '[.tasks[] | [.label, .abort, .bytes_sent]] ==
        [["before_headers", "before_headers", 0], ["after_headers", "after_headers", 0],
         ["mid_body", "mid_body", 500], ["reset", "reset", 0], ["chunks", "mid_body", 500],
         ["both", "reset", 900]]'
    assert_json 'all(.tasks[]; .waited >= 0.1 and .cancel_reason == null
        and .error.type == "/problems/simulated-failure")'
    get /metrics
    assert_eq "$(awk '/^waitd_disconnects_total/ { n += $2 } END { print n }' "$body_file")" 0
}

@test "what was due before a reset comes before it, though the server was held up" {
    local pid

    pid=$(server_pid)
    curl -sgN "$URL/wait?delay=1&abort=reset&chunks=10&size=1000&label=held" \
        >"$BATS_TEST_TMPDIR/held" &
    eventually test -s "$BATS_TEST_TMPDIR/held"
    kill -STOP "$pid"
    sleep 1.2 # the time of all chunks, and of the end, goes by
    kill -CONT "$pid"
    wait "$!" || true
    get '/tasks?label=held'
    assert_json '.tasks[0] | [.state, .bytes_sent] == ["failed", 900]'
}

@test "the test that this is for: gave up after 1 s, closed, and retried twice" {
    run curl -sg --max-time 1 --retry 2 --retry-delay 1 --retry-max-time 20 \
        "$URL/wait?delay=30&label=client"
    assert_eq "$status" 28
    eventually count_is 3 'label=client&state=cancelled'
    curl -sg "$URL/tasks?label=client" | jq -e '.total == 3 and all(.tasks[];
        .cancel_reason == "disconnect" and .waited >= 0.9 and .waited < 10
        and .bytes_sent == 0)'
}

@test "a client that leaves first has left: cancelled, not failed" {
    hold w '/wait?delay=60&abort=reset&label=w'
    eventually is_waiting w
    leave w
    eventually count_is 1 'label=w&state=cancelled'
    get '/tasks?label=w'
    assert_json '.tasks[0].cancel_reason == "disconnect"'
}

@test "on a unix socket there is no RST, and that is said" {
    own_server --unix "$BATS_TEST_TMPDIR/s"
    for query in abort=reset 'abort=reset&chunks=3'; do
        request "/wait?delay=0&$query" --unix-socket "$BATS_TEST_TMPDIR/s"
        assert_problem 400 invalid-parameter abort
        assert_json '.detail | contains("unix socket")'
    done
    for query in 'before_headers 52' 'after_headers 18' 'mid_body 18'; do
        run curl -sg --unix-socket "$BATS_TEST_TMPDIR/s" \
            "$URL/wait?delay=0.02&abort=${query% *}"
        assert_eq "$status" "${query#* }"
    done
    own_server_stop
}

@test "1,000 of each, with an older idle connection: nothing stays behind" {
    PYTHONPATH=$HTTP_TESTS python3 - "$PORT" "$(server_pid)" <<'PYTHON'
import sys

from process import descriptors
from raw import Raw, eventually, tasks

port, pid = int(sys.argv[1]), sys.argv[2]
KINDS = ("abort=before_headers", "abort=after_headers", "abort=mid_body", "abort=reset",
         "abort=mid_body&chunks=4", "abort=reset&at=body", "abort=after_headers&at=body&size=9")
TOGETHER = 100


def round_of(query):
    clients = [Raw(port) for _ in range(TOGETHER)]
    for raw in clients:
        raw.send(f"GET /wait?delay=0.01&{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    for raw in clients:
        raw.rest()
        raw.socket.close()


with Raw(port) as idle:
    assert idle.ask("GET", "/healthz").status == 200
    for query in KINDS:  # cells are kept: after the first round there are as many as ever
        round_of(query)
    eventually(lambda: tasks(port, "")["total"] == 0)
    before = None
    for query in KINDS:
        for _ in range(1000 // TOGETHER):
            round_of(query)
        eventually(lambda: tasks(port, "")["total"] == 0)
        if before is None:
            before = descriptors(pid)
        # the cells that are kept, of each worker
        eventually(lambda: descriptors(pid) <= before + 4)
    assert idle.ask("GET", "/healthz").status == 200
PYTHON
    eventually connections_are 0
}

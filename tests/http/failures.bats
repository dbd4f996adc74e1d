#!/usr/bin/env bats
# failures.bats: waits that fail on purpose: status, fail_rate, fail_first.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

setup() {
    server_reset
}

# ---- status -------------------------------------------------------------------------

@test "status: from 400 on a problem with that status, at the deadline" {
    local status

    for status in 400 404 418 429 500 503 599; do
        get "/wait?delay=0.05&status=$status"
        assert_problem "$status" simulated-failure
        assert_match "$(header Server-Timing)" '^wait;dur=[5-9][0-9]\.|^wait;dur=[0-9]{3}'
        assert_eq "$(header Retry-After)" ''
    done
    request '/wait?delay=0.05&status=500' -I
    assert_status 500
}

@test "status: below 400 the answer with that status; 204, 205 and 304 without a body" {
    local status

    for status in 200 201 206 226 299 399; do
        get "/wait?delay=0.01&status=$status"
        assert_status "$status"
        assert_json '.delay == 0.01 and .elapsed >= 0.01'
    done
    get '/wait?delay=0.01&status=202&format=text'
    assert_status 202
    assert_eq "$body" 0.01
    for status in 204 205 304; do
        # The second request shows that the connection is in order.
        assert_eq "$(curl -sg -w '%{http_code} ' -o "$BATS_TEST_TMPDIR/none" \
            "$URL/wait?delay=0&status=$status" -o "$BATS_TEST_TMPDIR/next" "$URL/wait?delay=0" \
            -w '%{http_code} %{num_connects}\n' | tr '\n' ' ')" "$status 1 200 0 "
        [[ ! -s $BATS_TEST_TMPDIR/none ]]
    done
}

@test "a 304 has the length of what a 200 would have sent, or none" {
    get '/wait?delay=0.0125&status=304&format=text' -H 'Connection: close'
    assert_status 304
    assert_eq "$(header Content-Length)$body" 7 # 0.0125 and a newline
    assert_eq "$(header Content-Type)" ''
    get '/wait?delay=0&status=304'
    at_least "$(header Content-Length)" 20
    send PUT /tasks/unchanged '{"delay":0,"status":304}'
    get '/tasks/unchanged/result?timeout=30'
    assert_status 304
    at_least "$(header Content-Length)" 20
    get '/wait?delay=0&status=205'
    assert_eq "$(header Content-Length)" 0
    get '/wait?delay=0&status=204'
    assert_eq "$(header Content-Length)" ''
}

@test "status on a task: its result has it, its error is the problem" {
    send PUT /tasks/failed '{"delay":0.05,"status":502}'
    assert_status 201
    assert_json '.state == "pending" and .error == null'
    get '/tasks/failed/result'
    assert_problem 502 simulated-failure
    get '/tasks/failed?wait=30'
    assert_status 200
    assert_json '.state == "failed" and .result == null and .cancel_reason == null
        and .remaining == 0 and .finished_at != null
        and .error.status == 502 and .error.type == "/problems/simulated-failure"'
    get '/tasks?state=failed'
    assert_json '.total == 1'
    post /tasks/failed/cancel
    assert_json '.cancelled == false and .task.state == "failed"'
    send PATCH /tasks/failed '{"delay":1}'
    assert_problem 409 already-finished
    send PUT /tasks/created '{"delay":0,"status":201}'
    get '/tasks/created/result'
    assert_status 201
    assert_json '.delay == 0'
    get /metrics
    assert_match "$body" 'waitd_tasks\{worker="[0-9]+",state="failed"\} 1'
}

@test "a failing wait that is cancelled first, or fired early" {
    send PUT /tasks/gone '{"delay":60,"status":500}'
    post /tasks/gone/cancel
    get '/tasks/gone/result'
    assert_problem 409 cancelled
    send PUT /tasks/early '{"delay":60,"status":500}'
    send PATCH /tasks/early '{"delay":0}'
    get '/tasks/early/result'
    assert_problem 500 simulated-failure
    get '/wait?delay=60&timeout=0.05&status=500'
    assert_problem 504 timeout
}

@test "PUT compares them" {
    local other

    send PUT /tasks/a '{"delay":60,"fail_rate":0.5,"fail_first":1,"key":"k"}'
    assert_status 201
    send PUT '/tasks/a?key=k&fail_first=1&fail_rate=5e-1&delay=1m'
    assert_status 200
    for other in '{}' '{"fail_rate":0.5}' '{"fail_rate":0.4,"fail_first":1,"key":"k"}' \
        '{"fail_rate":0.5,"fail_first":2,"key":"k"}' '{"fail_rate":0.5,"fail_first":1,"key":"l"}' \
        '{"fail_rate":0.5,"fail_first":1,"key":"k","fail_status":500}' '{"status":200}'; do
        send PUT '/tasks/a?delay=60' "$other"
        assert_problem 409 id-conflict
    done
    send PUT /tasks/b '{"delay":60}'
    send PUT /tasks/b '{"delay":60,"status":500}'
    assert_problem 409 id-conflict
}

@test "Prefer: the task fails as the request would" {
    get '/wait?delay=0.1&status=500' -H 'Prefer: respond-async'
    assert_status 202
    get "/tasks/$(jq -r .id <<<"$body")/result"
    assert_problem 500 simulated-failure
    get '/wait?delay=0.05&status=500' -H 'Prefer: wait=20'
    assert_problem 500 simulated-failure
    get '/wait?delay=0.05&status=201' -H 'Prefer: wait=20'
    assert_status 201
    assert_eq "$(header Preference-Applied)" wait=20
}

# ---- fail_rate ----------------------------------------------------------------------

@test "fail_rate: with a seed always the same, without about so many" {
    local i failed=0

    get '/wait?delay=0&seed=1&fail_rate=1&fail_status=599'
    assert_problem 599 simulated-failure
    get '/wait?delay=0&seed=1&fail_rate=0'
    assert_status 200
    assert_json '.seed == 1'
    get '/wait_n?n=2000&delay=0&fail_rate=0.3&format=ndjson'
    body=$(tail -n 1 "$body_file") assert_json '.failed > 450 and .failed < 750
        and .done + .failed == 2000 and (.seed | type) == "number"'
    for i in {1..40}; do
        get '/wait?delay=0&fail_rate=0.5'
        failed=$((failed + (status_code == 503)))
    done
    ((failed > 5 && failed < 35)) || fail "$failed of 40"
}

@test "a drawn seed replays the failures" {
    local seed first

    get '/wait_n?n=50&delay=0&fail_rate=0.5&order=index'
    seed=$(jq .seed <<<"$body") first=$(jq -c .delays <<<"$body")
    get "/wait_n?n=50&delay=0&fail_rate=0.5&order=index&seed=$seed"
    assert_eq "$(jq -c .delays <<<"$body")" "$first"
    assert_json '.delays | contains([null]) and contains([0])'
    get '/wait_n?n=2&delay=0&status=500'
    assert_json '.failed == 2 and (has("seed") | not)'
}

# ---- fail_first ---------------------------------------------------------------------

# outcomes COUNT QUERY: the statuses of so many requests, one after another.
outcomes() {
    local i

    for ((i = 0; i < $1; i++)); do
        curl -sg -o "$BATS_TEST_TMPDIR/out" -w '%{http_code} ' "$URL/wait?delay=0&$2"
    done
}

@test "fail_first: so many of the key fail, then no more; by reset anew" {
    assert_eq "$(outcomes 5 'fail_first=2&key=a')" '503 503 200 200 200 '
    assert_eq "$(outcomes 2 'fail_first=1&key=b&fail_status=500')" '500 200 '
    assert_eq "$(outcomes 2 'fail_first=7&key=a')" '503 503 ' # five have been
    assert_eq "$(outcomes 2 'fail_first=0&key=c')" '200 200 '
    server_reset
    assert_eq "$(outcomes 3 'fail_first=2&key=a')" '503 503 200 '
}

@test "fail_first and fail_rate: the first for sure, then by rate" {
    assert_eq "$(outcomes 4 'fail_first=2&key=a&fail_rate=0')" '503 503 200 200 '
    assert_eq "$(outcomes 4 'fail_first=2&key=b&fail_rate=1')" '503 503 503 503 '
}

@test "curl --retry gets through" {
    assert_eq "$(curl -sg --retry 1 --retry-delay 1 -w '%{http_code}' \
        -o "$BATS_TEST_TMPDIR/out" "$URL/wait?delay=0&fail_first=1&key=retry")" 200
}

@test "fail_first counts each of n, in order of index, wherever it is asked" {
    get '/wait_n?n=5&delay=0.01&fail_first=2&key=n&order=index'
    assert_json '.delays == [null, null, 0.01, 0.01, 0.01] and .failed == 2'
    get '/wait_n?n=5&delay=0.01&fail_first=6&key=n&order=index'
    assert_json '.delays == [null, 0.01, 0.01, 0.01, 0.01]'
    post /tasks '{"n":3,"delay":0,"fail_first":12,"key":"n","group":"g"}'
    get '/tasks?group=g&wait=30'
    assert_json '[.done[].state] == ["failed", "failed", "done"]'
    post /tasks '{"delay":0,"fail_first":14,"key":"n"}'
    get "/tasks/$(jq -r .id <<<"$body")/result"
    assert_problem 503 simulated-failure
    # What has started nothing is no try.
    get '/wait?fail_first=99&key=fresh&max_delay=-1'
    assert_status 400
    assert_eq "$(outcomes 2 'fail_first=1&key=fresh')" '503 200 '
}

@test "fail_first is exact for 100 clients at once, on all workers" {
    PYTHONPATH=$HTTP_TESTS python3 - "$PORT" <<'PYTHON'
import asyncio
import sys

from crowd import ask, connect


async def ten(client, target):
    return [(await ask(client, target))[0] for _ in range(10)]


async def main():
    clients = await connect(int(sys.argv[1]), 100)
    for rounds in range(3):
        target = f"/wait?delay=0.001&fail_first=337&key=storm{rounds}"
        got = sum(await asyncio.gather(*(ten(client, target) for client in clients)), [])
        assert (got.count(503), got.count(200)) == (337, 663), got


asyncio.run(main())
PYTHON
}

@test "more keys than 100,000 at once are refused, until a reset" {
    python3 - "$PORT" <<'PYTHON'
import http.client
import json
import socket
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)


def ask(method, target):
    connection.request(method, target)
    answer = connection.getresponse()
    return answer, json.loads(answer.read())


def use(keys):
    """In a pipeline; each answer ends with the status line of the next, or the connection."""
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as raw:
        for key in keys:
            last = "Connection: close\r\n" if key == keys[-1] else ""
            raw.sendall(f"GET /wait?delay=0&fail_first=1&key=k{key} HTTP/1.1\r\nHost: a\r\n"
                        f"{last}\r\n".encode())
        answers = b"".join(iter(lambda: raw.recv(1 << 20), b""))
    assert answers.count(b"/problems/simulated-failure") == len(keys), answers[-300:]


for first in range(0, 100_000, 100):
    use(range(first, first + 100))
for target in ("/wait?fail_first=1&key=new", "/wait_n?n=3&fail_first=1&key=new&buffer=true"):
    answer, problem = ask("GET", target)
    assert (answer.status, problem["type"]) == (429, "/problems/too-many-keys"), problem
    assert answer.getheader("Retry-After"), problem
answer, listed = ask("GET", "/tasks?state=pending")
assert listed["total"] == 0, listed
answer, problem = ask("GET", "/wait?delay=0&fail_first=2&key=k0")
assert answer.status == 503 and problem["type"].endswith("simulated-failure"), problem
ask("POST", "/reset")
answer, problem = ask("GET", "/wait?delay=0&fail_first=1&key=new")
assert answer.status == 503 and problem["type"].endswith("simulated-failure"), problem
PYTHON
}

# ---- what is refused ----------------------------------------------------------------

@test "what is wrong or contradicts is named" {
    local query param other

    while read -r query param other; do
        for request in '/wait?' '/wait_n?n=2&'; do
            get "$request$query"
            assert_problem 400 invalid-parameter "$param"
            assert_json '.conflicts_with == $other' --argjson other "${other:-null}"
        done
        post "/tasks?$query"
        assert_problem 400 invalid-parameter "$param"
        send PUT "/tasks/x?$query"
        assert_problem 400 invalid-parameter "$param"
    done <<'TABLE'
status=199 status
status=600 status
status=5e2 status
fail_rate=1.01 fail_rate
fail_rate=-1 fail_rate
fail_rate=10% fail_rate
fail_rate=0.1s fail_rate
fail_rate=0.1&fail_status=399 fail_status
fail_rate=0.1&fail_status=600 fail_status
fail_first=-1&key=k fail_first
fail_first=1000001&key=k fail_first
fail_first=1&key=- key
status=500&fail_rate=0.1 status "fail_rate"
status=500&fail_first=1&key=k status "fail_first"
fail_status=500 fail_status
status=500&fail_status=500 fail_status
fail_first=1 fail_first
key=k key
fail_rate=0.1&key=k key
delay=1&seed=1 delay "seed"
delay=1&seed=1&status=500 delay "seed"
delay=1&seed=1&fail_first=1&key=k delay "seed"
TABLE
    eventually count_is 0 ''
    get '/measure?n=1&fail_rate=0.1'
    assert_problem 400 unknown-parameter fail_rate
    post /tasks '{"fail_rate":"0.1"}'
    assert_problem 400 invalid-parameter fail_rate
    assert_json '.detail | contains("a number")'
}

@test "the access log tells how late a failure was" {
    own_server --access-log "$BATS_TEST_TMPDIR/access"
    get '/wait?delay=0.02&status=500'
    eventually test -s "$BATS_TEST_TMPDIR/access"
    body=$(grep -F '/wait?' "$BATS_TEST_TMPDIR/access") \
        assert_json '.status == 500 and .delay == 0.02 and .lateness >= 0'
    own_server_stop
}

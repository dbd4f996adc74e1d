#!/usr/bin/env bats
# overload.bats: inflight_limit makes a URL that is overloaded; /keys tells what is counted
# by a key; retry_after is told with failures.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

setup() {
    server_reset
}

# ---- inflight_limit -----------------------------------------------------------------

@test "above inflight_limit: over, at once, as a problem" {
    hold a '/wait?delay=60&inflight_limit=1&key=k&label=a'
    eventually is_waiting a
    get '/wait?delay=60&inflight_limit=1&key=k'
    assert_problem 503 simulated-failure
    assert_eq "$(header Retry-After)" ''
    get '/wait?delay=60&inflight_limit=1&key=k&over=429&retry_after=7&label=b'
    assert_problem 429 simulated-failure
    assert_eq "$(header Retry-After)" 7
    assert_json '.retry_after == 7'
    for shape in at=body 'chunks=9&size=99' abort=reset event=never fail_first=9 'size=5'; do
        get "/wait?delay=60&inflight_limit=1&key=k&over=599&$shape"
        assert_problem 599 simulated-failure
    done
    get '/wait?delay=0&inflight_limit=1&key=other'
    assert_status 200
    get '/wait?delay=0&inflight_limit=2&key=k' # each says what it bears
    assert_status 200
    get '/keys/k'
    assert_json '.tried == 2 and .refused == 8 and .in_flight == 1'
    get '/tasks?label=b'
    assert_json '.tasks[0] | .state == "failed" and .error.status == 429
        and .error.retry_after == 7 and .waited < 5'
    still_held a
    leave a
}

@test "exact for 100 clients at once, on all workers" {
    PYTHONPATH=$HTTP_TESTS python3 - "$PORT" <<'PYTHON'
import asyncio
import json
import sys

from crowd import ask, connect


async def main():
    clients = await connect(int(sys.argv[1]), 100)
    [other] = await connect(int(sys.argv[1]), 1)
    for limit in (50, 1, 99, 100):
        # Nobody's wait ends before all are there.
        gate = f"/events/gate{limit}"
        target = f"/wait?event=gate{limit}&inflight_limit={limit}&over=503&key=crowd{limit}"
        asked = [asyncio.create_task(ask(client, target)) for client in clients]
        await ask(other, f"{gate}?waiting={limit}&timeout=60")
        while sum(task.done() for task in asked) < 100 - limit:
            await asyncio.sleep(0.01)
        await ask(other, gate, "PUT")
        got = [status for status, _ in await asyncio.gather(*asked)]
        assert (got.count(200), got.count(503)) == (limit, 100 - limit), got
        row = json.loads((await ask(clients[0], f"/keys/crowd{limit}"))[1])
        assert (row["tried"], row["refused"], row["in_flight"]) == (limit, 100 - limit, 0), row

    # Who has his answer has left: as many clients as there are places always find one.
    async def again(client, most, results):
        for _ in range(40):
            status, _ = await ask(client, f"/wait?delay=0.002&inflight_limit={most}&key=loop{most}")
            results.append(status)

    for most in (5, 1):
        results = []
        await asyncio.gather(*(again(client, most, results) for client in clients[:most]))
        assert results.count(200) == 40 * most, results


asyncio.run(asyncio.wait_for(main(), 100))
PYTHON
}

@test "whoever leaves, is cancelled or times out gives its place back at once" {
    local query='inflight_limit=1&key=k'

    hold a "/wait?delay=60&$query&label=a"
    eventually is_waiting a
    leave a
    eventually count_is 1 'label=a&state=cancelled'
    hold b "/wait?delay=60&$query&label=b"
    eventually is_waiting b
    post "/tasks/$(curl -sSg "$URL/tasks?label=b" | jq -r '.tasks[0].id')/cancel"
    answered b
    get "/wait?delay=60&timeout=0.05&$query"
    assert_problem 504 timeout
    for shape in abort=reset abort=mid_body; do
        run curl -sg "$URL/wait?delay=0.01&$query&$shape"
        [[ $status == 56 || $status == 18 ]]
    done
    get "/wait?delay=0&$query&chunks=3"
    assert_eq "$body" 012
    hold c "/wait?delay=60&$query&label=c"
    eventually is_waiting c
    server_reset
    answered c
    get "/wait?delay=0&$query"
    assert_status 200
    get /keys/k
    assert_json '.in_flight == 0 and .tried == 1 and .refused == 0'
}

@test "a task of Prefer keeps its place until it ends" {
    get '/wait?delay=60&inflight_limit=1&key=k' -H 'Prefer: respond-async'
    assert_status 202
    id=$(jq -r .id <<<"$body")
    get '/wait?delay=0&inflight_limit=1&key=k'
    assert_status 503
    get '/wait?delay=0&inflight_limit=1&key=k&over=504' -H 'Prefer: wait=20'
    assert_problem 504 simulated-failure
    send DELETE "/tasks/$id"
    get '/wait?delay=0&inflight_limit=1&key=k'
    assert_status 200
}

# ---- /keys --------------------------------------------------------------------------

@test "/keys: how often each was tried, by use" {
    get /keys
    assert_eq "$body" '{"keys":[],"total":0}'
    for key in a b c b; do
        get "/wait?delay=0&fail_first=1&key=$key"
    done
    get '/wait_n?n=5&delay=0&fail_first=1&key=a'
    get /keys
    assert_json '[.keys[] | [.key, .tried, .refused, .in_flight]]
        == [["a", 6, 0, 0], ["b", 2, 0, 0], ["c", 1, 0, 0]] and .total == 3
        and all(.keys[]; .idle >= 0 and .idle < 60)'
    get '/keys?order=oldest&limit=2'
    assert_json '[.keys[].key] == ["c", "b"] and .total == 3'
    get /keys/b
    assert_json '.key == "b" and .tried == 2'
    get /keys/never
    assert_eq "$body" '{"key":"never","tried":0,"refused":0,"in_flight":0,"idle":null}'
    send DELETE /keys/b
    assert_status 204
    send DELETE /keys/b
    assert_status 204
    get '/wait?delay=0&fail_first=1&key=b'
    assert_problem 503 simulated-failure
    server_reset
    get /keys
    assert_json '.total == 0'
}

@test "/keys: what is wrong is named" {
    get '/keys?limit=0'
    assert_problem 400 invalid-parameter limit
    get '/keys?limit=1001'
    assert_problem 400 invalid-parameter limit
    get '/keys?order=name'
    assert_problem 400 invalid-parameter order
    get /keys/-
    assert_problem 400 invalid-parameter
}

@test "a key goes when it was not used for --idle-ttl, and not while it is in flight" {
    own_manual_server --idle-ttl 10
    get '/wait?delay=0&fail_first=1&key=short'
    hold w '/wait?delay=60&inflight_limit=1&key=long&label=w'
    eventually is_waiting w
    advance 9.5
    get /keys/short
    assert_json '.idle == 9.5'
    advance 0.5
    get /keys/short
    assert_json '.idle == null'
    advance 20
    get /keys/long
    assert_json '.in_flight == 1 and .tried == 1'
    leave w
    eventually nobody_waits
    advance 9.5
    get /keys/long
    assert_json '.idle == 9.5 and .in_flight == 0'
    advance 0.5
    get /keys/long
    assert_json '.idle == null'
    own_server_stop
}

nobody_waits() {
    ! is_waiting w
}

# ---- retry_after --------------------------------------------------------------------

@test "retry_after: with failures, wherever they are told" {
    get '/wait?delay=0.02&status=503&retry_after=3'
    assert_eq "$(header Retry-After)" 3
    assert_json '.retry_after == 3'
    get '/wait?delay=0&fail_first=1&key=k&retry_after=3600'
    assert_eq "$(header Retry-After)" 3600
    get '/wait?delay=0&fail_first=1&key=k&retry_after=3600'
    assert_status 200
    assert_eq "$(header Retry-After)" ''
    get '/wait?delay=0&status=503&retry_after=9&size=3'
    assert_eq "$(header Retry-After)" 9
    get '/wait?delay=60&timeout=0.02&status=503&retry_after=3'
    assert_problem 504 timeout
    assert_eq "$(header Retry-After)" ''
    get '/wait_n?n=2&delay=0&fail_first=1&key=n&retry_after=5'
    assert_json '.failures[0].error.retry_after == 5'
    get '/wait_n?n=2&delay=0&status=503&on_error=cancel&buffer=true&retry_after=6'
    assert_status 503
    assert_eq "$(header Retry-After)" 6
    send PUT /tasks/t '{"delay":0,"status":429,"retry_after":8}'
    get /tasks/t/result
    assert_status 429
    assert_eq "$(header Retry-After)" 8
    send PUT /tasks/t '{"delay":0,"status":429}'
    assert_problem 409 id-conflict
    post /tasks '{"delay":0,"n":2,"status":500,"retry_after":4,"group":"g"}'
    get '/tasks?group=g&wait=20'
    assert_json 'all(.done[]; .error.retry_after == 4)'
}

@test "curl waits for as long as Retry-After says" {
    local start=$SECONDS

    assert_eq "$(curl -sg --retry 1 -o "$BATS_TEST_TMPDIR/out" -w '%{http_code}' \
        "$URL/wait?delay=0&fail_first=1&key=r&retry_after=3")" 200
    ((SECONDS - start >= 2))
}

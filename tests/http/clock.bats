#!/usr/bin/env bats
# clock.bats: GET /clock, --time-scale, and what the flags of the clock contradict.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

# ---- GET /clock ---------------------------------------------------------------------

@test "GET /clock on a real clock: it goes by itself" {
    get /clock
    assert_status 200
    assert_json 'keys == ["mode", "now", "scale", "time"] and .mode == "real" and .scale == 1
        and .now > 0 and (.time | test("^20..-..-..T..:..:..[.]...Z$"))'
    earlier=$(jq .now <<<"$body")
    get /clock
    at_least "$(jq .now <<<"$body")" "$earlier"
    request /clock --head
    assert_status 200
}

@test "POST /clock/advance on a clock that goes by itself: 409 clock-not-manual" {
    post /clock/advance '{"by":5}'
    assert_problem 409 clock-not-manual
    for scale in 0.1 0; do
        own_server --time-scale "$scale" --workers 1
        post /clock/advance '{"by":5}'
        assert_problem 409 clock-not-manual
        get /clock
        assert_json '.mode == "real" and .scale == $scale' --argjson scale "$scale"
        own_server_stop
    done
}

# ---- --time-scale -------------------------------------------------------------------

@test "--time-scale 0.01: a hundred times as fast, on several workers, never early" {
    local begun took

    own_server --time-scale 0.01
    begun=$(date +%s%N)
    get '/wait?delay=50'
    took=$((($(date +%s%N) - begun) / 1000000))
    assert_json '.delay == 50 and .elapsed >= 50'
    at_least "$(server_timing)" 50000
    ((took >= 500 && took < 20000)) || fail "it took $took ms"
    get '/wait_n?n=20&max_delay=20&seed=7&format=ndjson'
    assert_eq "$(jq -cs '[.[:20][] | .elapsed >= .delay] | unique' "$body_file")" '[true]'
    send PUT /tasks/t '{"delay":50}'
    get '/tasks/t?wait=200'
    assert_json '.state == "done" and .result.elapsed >= 50'
    own_server_stop
}

@test "--time-scale 10: ten times as slow" {
    own_server --time-scale 10
    get '/wait?delay=0.05' -w '%{http_code} %{time_total}'
    assert_json '.delay == 0.05 and .elapsed >= 0.05'
    at_least "${status_code#200 }" 0.5
    own_server_stop
}

@test "--time-scale 0: all ends at once, in order of deadline" {
    own_server --time-scale 0 --workers 1
    get '/wait?delay=300' -w '%{http_code} %{time_total}'
    assert_eq "$body" '{"delay":300,"elapsed":300}'
    at_least 30 "${status_code#200 }"
    get '/wait_n?n=1000&max_delay=300&seed=7&format=ndjson'
    assert_eq "$(jq -cs '.[:1000] | map(.elapsed) == (map(.elapsed) | sort)
        and all(.elapsed >= .delay and .elapsed - .delay <= 1e-9)' "$body_file")" true
    get '/measure?n=10&delay=30&mode=both'
    assert_json '.concurrent.total == 30 and .sequential.total == 300 and .speedup == 10'
    get '/wait?delay=60&timeout=30'
    assert_problem 504 timeout
    send PUT /tasks/t '{"delay":100}'
    get '/tasks/t?wait=300'
    assert_json '.state == "done" and .result.elapsed == 100'
    own_server_stop
}

@test "/wait_n, with Prefer too, and a group have one order, that of a model in ns" {
    own_server --time-scale 0 --workers 1 --retention 1h
    python3 "$HTTP_TESTS/orders.py" "$URL" "$RANDOM" 60
    own_server_stop
}

# beats_are N: so many empty lines have come.
beats_are() {
    [[ $(grep -c '^$' "$BATS_TEST_TMPDIR/held-beats.body") == "$1" ]]
}

@test "--time-scale 0: what is kept does not move it, nor what waits for an event" {
    own_server --time-scale 0 --workers 1
    send PUT /tasks/t '{"delay":100}'
    eventually count_is 1 state=done
    hold_pending beats '/semaphores/s/acquire?limit=1&hold=connection&heartbeat=1' -X POST
    hold_pending gated '/wait?event=e'
    get /clock
    assert_json '.now == 100'
    sleep 0.3 # in real time: nothing may happen
    get /clock
    assert_json '.now == 100'
    get /tasks/t
    assert_json '.state == "done"'
    # 61 s later it is not kept any more
    get '/wait?delay=61'
    get /tasks/t
    assert_problem 404 not-found
    eventually beats_are 61
    send PUT /events/e
    answered gated
    assert_status 200
    leave beats
    own_server_stop
}

# ---- the flags ----------------------------------------------------------------------

# usage FLAG...: is a usage error of one line, which becomes `output`.
usage() {
    run -2 env -u WAITD_WORKERS "$WAITD" --port 0 "$@"
    assert_eq "${#lines[@]}" 1
}

@test "--clock and --time-scale: what contradicts is a usage error" {
    usage --clock manual --workers 2
    assert_match "$output" '--workers can only be 1'
    usage --time-scale 0 --workers 2
    assert_match "$output" '--workers can only be 1'
    usage --clock manual --time-scale 1
    assert_match "$output" 'leave one out'
    usage --clock lunar
    assert_match "$output" 'real, manual'
    for scale in -1 0.0009 1000.1 x 1s nan; do
        usage --time-scale "$scale"
        assert_match "$output" '--time-scale'
    done
    WAITD_CLOCK=manual usage --time-scale 2
    assert_match "$output" 'leave one out'
}

@test "one worker is the default where the clock is moved; GET / tells both flags" {
    unset WAITD_WORKERS
    WAITD_CLOCK=manual own_server
    get /
    assert_json '.flags.workers == 1 and .flags.clock == "manual"'
    own_server_stop
    own_server --time-scale 0
    get /
    assert_json '.flags.workers == 1 and .flags.time_scale == 0'
    own_server_stop
}

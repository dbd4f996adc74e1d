#!/usr/bin/env bats
# shapes.bats: where the delay of /wait sits, bodies of some size, and bodies that come in
# chunks. Nothing is early, exactly; nothing is late by much.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

setup() {
    server_reset
}

shapes() {
    python3 "$HTTP_TESTS/shapes.py" "$PORT" "$@"
}

@test "at=body: status and headers at once, the body when the delay is over" {
    shapes at
    get '/wait?delay=0.2&at=body'
    assert_status 200
    assert_json '.delay == 0.2 and .elapsed >= 0.2'
    assert_eq "$(header Transfer-Encoding)" chunked
    assert_eq "$(header Server-Timing)" ''
    assert_match "$(header Waitd-Id)" .
    get '/wait?max_delay=0.2&seed=7&at=body&format=text'
    assert_eq "$body" "$(uniform 7 1 0 0.2)"
    get '/wait?delay=0.2&at=body&status=404'
    assert_problem 404 simulated-failure
    get '/wait?delay=0&at=body'
    assert_json '.delay == 0'
    get '/wait?delay=0.2&at=headers'
    assert_match "$(header Server-Timing)" '^wait;dur='
}

@test "at=body waits for its event, too" {
    hold w '/wait?event=go&at=body&label=w'
    eventually is_waiting w
    eventually grep -q 200 "$BATS_TEST_TMPDIR/held-w.headers"
    send PUT /events/go
    answered w
    assert_json '.delay > 0'
}

@test "chunks: each where Python's random says, with jitter or without" {
    shapes chunks
}

@test "chunks without a size have a byte each; without a seed they come too" {
    get '/wait?delay=0.2&chunks=12'
    assert_eq "$body" 012345678901
    assert_eq "$(header Content-Type)" application/octet-stream
    assert_eq "$(header X-Accel-Buffering)" no
    get '/wait?delay=0.2&chunks=12&jitter=1'
    assert_eq "$body" 012345678901
    post /wait '{"max_delay":0.1,"chunks":3,"size":7,"jitter":0.5,"seed":3}'
    assert_eq "$body" 0123456
    get '/wait?delay=0.05&chunks=3' --http1.0
    assert_eq "$body" 012
}

@test "size: exactly so many bytes" {
    shapes sizes
    get '/wait?delay=0&size=2KiB'
    assert_eq "$(header Content-Length)" 2048
}

@test "size: streamed, not held in memory, and left by who does not want it" {
    shapes large "$(server_pid)"
    eventually connections_are 0
    eventually count_is 0 ''
}

@test "on a manual clock the bytes that are due have left when the advance is answered" {
    own_server --clock manual --workers 1
    hold c '/wait?delay=10&chunks=10&label=c'
    hold r '/wait?delay=10&chunks=4&size=8&abort=mid_body&label=r'
    eventually is_waiting c
    eventually is_waiting r
    for due in 0 01 012; do
        post /clock/advance '{"by":1}'
        assert_json '.fired == 0'
        eventually has_sent c "$due"
        has_not_sent c "${due}${#due}"
    done
    eventually has_sent r 01
    assert_eq "$(<"$BATS_TEST_TMPDIR/held-r.body")" 01
    post /clock/advance '{"by":7}'
    assert_json '.fired == 2'
    answered c
    assert_eq "$body" 0123456789
    run answered r
    assert_match "$output" 'exit 18'
    assert_eq "$(<"$BATS_TEST_TMPDIR/held-r.body")" 0123
    get '/tasks?state=failed'
    assert_json '.tasks[0] | .waited == 10 and .bytes_sent == 4'
    own_server_stop
}

# came NAME BYTES: so long is what has come of its body.
came() {
    [[ $(wc -c <"$BATS_TEST_TMPDIR/held-$1.body") == "$2" ]]
}

@test "moved to an earlier end, the chunks on the way come earlier, too" {
    own_manual_server
    hold w '/wait?delay=60&chunks=60&label=w'
    eventually is_waiting w
    id=$(curl -sSg "$URL/tasks?label=w" | jq -r '.tasks[0].id')
    advance 9.5
    eventually came w 9
    # Now it takes 30 s in all: a chunk each half second, 19 of them by now.
    send PATCH "/tasks/$id" '{"delay":20.5}'
    advance 1
    eventually came w 21
    still_held w
    # And now 60 s again, of which 10.5 are over: it is ahead until number 22 is due.
    send PATCH "/tasks/$id" '{"add":30}'
    advance 11.4
    eventually came w 21
    advance 0.1
    eventually came w 22
    send PATCH "/tasks/$id" '{"delay":0}'
    answered w
    assert_eq "${#body}" 60
    own_server_stop
}

@test "it may be fired early, and moved: then chunks come when they are due" {
    hold w '/wait?delay=60&chunks=10&label=w'
    eventually is_waiting w
    id=$(curl -sSg "$URL/tasks?label=w" | jq -r '.tasks[0].id')
    send PATCH "/tasks/$id" '{"delay":0.5}'
    answered w
    assert_eq "$body" 0123456789
    get '/tasks?label=w'
    assert_json '.tasks[0] | .state == "done" and .bytes_sent == 10 and .waited < 30'
}

# ended_early QUERY: how curl ends, and what it got.
ended_early() {
    run --separate-stderr curl -sSgN --max-time 20 "$URL/wait?delay=60&timeout=0.3&$1"
}

@test "what ends early after its headers says so in its body, or is cut off" {
    ended_early at=body
    assert_eq "$status" 0
    jq -e '.error.status == 504 and (.error.type | endswith("/timeout"))' <<<"$output"
    ended_early 'at=body&format=text'
    assert_eq "$output" '# 504 timeout'
    ended_early 'at=body&status=500'
    jq -e '.status == 504' <<<"$output"
    ended_early 'at=body&size=100'
    assert_eq "$status" 18
    ended_early size=100 # nothing had been sent
    jq -e '.status == 504' <<<"$output"
    hold w '/wait?delay=60&at=body&label=w'
    eventually is_waiting w
    post /reset
    answered w
    assert_status 200
    assert_json '.error.status == 409'
}

@test "chunks that end early: those have come that were due before, and it is cut off" {
    own_manual_server
    hold_pending cut '/wait?delay=60&chunks=600&timeout=0.35'
    advance 60
    run answered cut
    assert_match "$output" 'exit 18'
    assert_eq "$(<"$BATS_TEST_TMPDIR/held-cut.body")" 012
    own_server_stop
}

@test "a drain ends them, too" {
    own_server --drain 0.3
    hold b '/wait?delay=60&at=body&label=b'
    hold c '/wait?delay=60&chunks=10&label=c'
    eventually is_waiting b
    eventually is_waiting c
    own_server_stop
    answered b
    assert_json '.error.status == 503'
    run answered c
    assert_match "$output" 'exit 18'
}

@test "HEAD: where headers leave at once, at once; else when the delay is over" {
    for query in at=body chunks=3 'chunks=3&size=300' 'at=body&size=300'; do
        request "/wait?delay=60&$query&label=head" -I
        assert_status 200
    done
    assert_eq "$(header Content-Length)" 300
    assert_eq "$(count label=head)" 0
    request '/wait?delay=0.1&size=300' -I
    assert_eq "$(header Content-Length)" 300
    at_least "$(server_timing)" 100
    request '/wait?delay=60&at=body&status=404' -I
    assert_status 404
    for abort in after_headers mid_body; do # of what it does not have
        request "/wait?delay=0.05&abort=$abort&size=300" -I
        assert_status 200
    done
}

@test "Accept: bytes are sent whatever it says, and never without size or chunks" {
    for accept in application/octet-stream application/json image/png '*/*;q=0'; do
        for query in size=3 chunks=3 'size=3&status=503' 'chunks=3&status=404'; do
            get "/wait?delay=0&$query" -H "Accept: $accept"
            assert_eq "$body" 012
            assert_eq "$(header Content-Type)" application/octet-stream
        done
    done
    get '/wait?delay=9&timeout=0&size=3' -H 'Accept: image/png'
    assert_problem 504 timeout
    get '/wait?delay=0' -H 'Accept: application/octet-stream'
    assert_problem 406 not-acceptable
    get '/wait?delay=0' -H 'Accept: application/octet-stream, */*;q=0.1'
    assert_json '.delay == 0'
    assert_eq "$(header Content-Type)" application/json
}

@test "the journal: how long, and how many bytes had left" {
    get '/wait?delay=0.1&size=5000&label=size'
    get '/wait?delay=0.1&chunks=5&size=500&label=chunks'
    get '/wait?delay=0.1&at=body&label=body'
    local bytes=${#body}
    get '/tasks?kind=wait'
    assert_json '[.tasks[] | [.label, .state, .bytes_sent, .cancel_reason]]
        == [["size", "done", 5000, null], ["chunks", "done", 500, null],
            ["body", "done", $bytes + 1, null]] and all(.tasks[]; .waited >= 0.1)' \
        --argjson bytes "$bytes"
    hold w '/wait?delay=60&chunks=600&label=left'
    eventually has_sent w 0
    leave w
    eventually count_is 1 'label=left&state=cancelled'
    get '/tasks?label=left'
    assert_json '.tasks[0] | .cancel_reason == "disconnect" and .bytes_sent >= 1
        and .bytes_sent < 600 and .waited >= 0.1'
}

@test "contradictions name both" {
    local query param other

    while read -r query param other; do
        get "/wait?delay=0&label=never&$query"
        assert_problem 400 invalid-parameter "$param"
        assert_json '.conflicts_with == $other' --argjson other "${other:-null}"
    done <<'TABLE'
at=middle at
size=0 size
size=1073741825 size
size=2GiB size
chunks=0 chunks
chunks=10001&size=20000 chunks
chunks=2&jitter=1.01 jitter
jitter=0.2 jitter
jitter=0.2&size=10 jitter
abort=maybe abort
chunks=11&size=10 chunks "size"
chunks=2&at=headers chunks "at"
chunks=2&event=e chunks "event"
chunks=2&format=json format "chunks"
size=2&format=text format "size"
abort=before_headers&at=body abort "at"
abort=before_headers&chunks=2 abort "chunks"
abort=after_headers&chunks=2 abort "chunks"
at=body&status=204 at "status"
chunks=2&status=205 chunks "status"
size=2&status=304 size "status"
abort=mid_body&status=204 abort "status"
abort=after_headers&status=304 abort "status"
seed=1 delay "seed"
chunks=2&seed=1 delay "seed"
retry_after=2 retry_after
retry_after=0&status=503 retry_after
retry_after=3601&status=503 retry_after
retry_after=2&status=302 retry_after "status"
over=503 over
inflight_limit=2 inflight_limit
inflight_limit=0&key=k inflight_limit
inflight_limit=2&key=k&over=399 over
key=k key
TABLE
    for query in at=body size=1 chunks=1 abort=reset; do
        for prefer in respond-async wait=1; do
            get "/wait?delay=0&$query" -H "Prefer: $prefer"
            assert_problem 400 invalid-parameter "${query%=*}"
            assert_json '.conflicts_with == "Prefer"'
        done
    done
    get '/wait?delay=0&at=headers' -H 'Prefer: wait=9'
    assert_status 200
    for query in at=body size=1 chunks=1 abort=reset inflight_limit=1; do
        get "/wait_n?n=1&$query"
        assert_problem 400 unknown-parameter
    done
    assert_eq "$(count label=never)" 0
    get /keys
    assert_json '.total == 0'
}

#!/usr/bin/env bats
# orchestration.bats: how /wait_n is told to end, and in which order and form to tell.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

@test "return_when=first: one row, the rest is cancelled, and that is no error" {
    get '/wait_n?n=4&delay=0.05&return_when=first'
    assert_status 200
    assert_json '.delays == [0.05] and .n == 4 and .done == 1 and .failed == 0
        and .cancelled == 3 and (has("error") | not)'
    eventually count_is 0 'state=pending'
}

@test "return_when=K: so many rows, in every form" {
    get '/wait_n?n=9&delay=0.05&return_when=4'
    assert_json '(.delays | length) == 4 and .done == 4 and .cancelled == 5'
    get '/wait_n?n=9&delay=0.05&return_when=4&format=ndjson'
    body=$(jq -sc . "$body_file") assert_json '[.[0:4][].index] == [0, 1, 2, 3]
        and .[4].done == 4 and .[4].cancelled == 5 and length == 5'
    get '/wait_n?n=9&delay=0.05&return_when=4&format=text'
    assert_eq "$(wc -l <"$body_file")" 4
    get '/wait_n?n=3&delay=0.05&return_when=4'
    assert_json '.done == 3 and .cancelled == 0'
    get '/wait_n?n=0&return_when=first'
    assert_json '.delays == [] and .done == 0'
}

@test "return_when and timeout: what is met first ends it" {
    get '/wait_n?n=5&limit=1&delay=0.05&return_when=3&timeout=30'
    assert_json '.done == 3 and (has("error") | not)'
    get '/wait_n?n=5&limit=1&delay=0.05&return_when=3&timeout=0.1'
    assert_json '.done == 2 and .cancelled == 3 and .error.status == 504'
}

@test "fired early it ends as many as it was to end" {
    hold many '/wait_n?n=5&delay=60&return_when=2&label=early'
    eventually is_waiting early
    id=$(curl -sg "$URL/tasks?label=early" | jq -r '.tasks[0].id')
    send PATCH "/tasks/$id" '{"delay":0}'
    assert_status 200
    answered many
    assert_json '(.delays | length) == 2 and .done == 2 and .cancelled == 3'
}

@test "order=index: rows in the order of start, ranks as they ended" {
    get '/wait_n?n=20&max_delay=0.2&seed=3&order=index&format=ndjson'
    body=$(jq -sc . "$body_file") assert_json '[.[0:20][].index] == [range(20)]
        and ([.[0:20] | sort_by(.delay)[].rank] == [range(20)]) and .[20].done == 20'
    get '/wait_n?n=20&max_delay=0.2&seed=3&order=index&format=sse'
    assert_eq "$(sed -n 's/^id: //p' "$body_file" | paste -sd' ')" "$(seq -s' ' 0 19)"
}

@test "order=index: a row leaves when those before it have; what was cancelled is passed" {
    hold two '/wait_n?n=3&min_delay=0.01&max_delay=60&seed=4&order=index&timeout=0.5' -N
    answered two
    python3 - "$(jq -c .delays <<<"$body")" <<'PYTHON'
import json, random, sys
random.seed(4)
drawn = [random.uniform(0.01, 60) for _ in range(3)]
assert json.loads(sys.argv[1]) == [d for d in drawn if d <= 0.5], (sys.argv, drawn)
PYTHON
    get '/wait_n?n=200&max_delay=1&seed=5&order=index&return_when=100&format=ndjson'
    body=$(jq -sc . "$body_file") assert_json '([.[0:100][].index] | . == sort)
        and ([.[0:100][].rank] | sort == [range(100)]) and .[100].cancelled == 100'
}

@test "heartbeat: an empty line, in sse a comment, for each silence of that length" {
    get '/wait_n?n=2&delay=0.5&heartbeat=0.2'
    assert_json '.done == 2'
    assert_eq "$(sed -n 2,3p "$body_file" | od -c)" "$(printf '\n\n' | od -c)"
    get '/wait_n?n=1&delay=0.5&heartbeat=200ms&format=sse'
    assert_eq "$(grep -c '^:$' "$body_file")" 2
    get '/wait_n?n=1&delay=0.5&heartbeat=0.2&format=ndjson'
    assert_eq "$(grep -c '^$' "$body_file")" 2
    get '/wait_n?n=2&delay=0.1&heartbeat=60'
    assert_eq "$(grep -c '^$' "$body_file")" 0
}

@test "buffer: one answer when it is over, in each form" {
    hold late '/wait_n?n=2&delay=0.5&buffer=true&label=late'
    eventually is_waiting late
    has_not_sent late '"n":2'
    answered late
    assert_status 200
    assert_json '.delays == [0.5, 0.5] and .done == 2'
    get '/wait_n?n=2&delay=0.05&buffer=1&format=text'
    assert_eq "$body" $'0.05\n0.05'
    get '/wait_n?n=0&buffer=1'
    assert_json '.delays == []'
    get '/wait_n?n=2&delay=0.05&buffer=1&return_when=first&order=index'
    assert_json '.delays == [0.05] and .cancelled == 1'
    request '/wait_n?n=2&delay=0.05&buffer=1' -I
    assert_status 200
}

@test "buffer: its error is the status, with the counts" {
    get '/wait_n?n=5&limit=1&delay=0.05&buffer=true&timeout=0.1'
    assert_problem 504 timeout
    assert_json '.n == 5 and .done == 2 and .failed == 0 and .cancelled == 3
        and .elapsed >= 0.1'
    get '/wait_n?n=5&delay=60&buffer=true&timeout=0.1&format=text'
    assert_problem 504 timeout
    request '/wait_n?n=5&delay=60&buffer=true&timeout=0.1' -I
    assert_status 504
    hold cancelled '/wait_n?n=5&delay=60&buffer=true&label=c'
    eventually is_waiting c
    post /reset
    answered cancelled
    assert_problem 409 cancelled
}

@test "a client that leaves a buffered one cancels it" {
    hold gone '/wait_n?n=5&delay=60&buffer=true&label=gone'
    eventually is_waiting gone
    leave gone
    eventually count_is 0 'state=pending'
}

# ---- failures -----------------------------------------------------------------------

# Of seed 3 and rate 0.5 the waits 0, 2, 4, 5 fail of these six, which end in order.
SIX='/wait_n?n=6&delay=0.02&limit=1&seed=3&fail_rate=0.5&fail_status=500'

@test "failures are rows with their problem; in json they follow, in text they are left out" {
    get "$SIX&format=ndjson"
    body=$(jq -sc . "$body_file") assert_json '[.[0:6][] | [.rank, .index, .state]]
        == [[0,0,"failed"], [1,1,null], [2,2,"failed"], [3,3,null], [4,4,"failed"], [5,5,"failed"]]
        and (.[0].error | .status == 500 and .type == "/problems/simulated-failure")
        and (.[6] | .done == 2 and .failed == 4 and .cancelled == 0 and (has("error") | not))'
    get "$SIX&format=sse"
    assert_eq "$(sed -n 's/^id: //p' "$body_file" | paste -sd' ')" '0 1 2 3 4 5'
    assert_eq "$(grep -c '"state":"failed"' "$body_file")" 4
    get "$SIX"
    assert_json '.delays == [0.02, 0.02] and .done == 2 and .failed == 4
        and [.failures[] | [.rank, .index, .delay, .state, .error.status]]
        == [[0,0,0.02,"failed",500], [2,2,0.02,"failed",500], [4,4,0.02,"failed",500],
            [5,5,0.02,"failed",500]]'
    get "$SIX&order=index"
    assert_json '.delays == [null, 0.02, null, 0.02, null, null] and (.failures | length) == 4'
    for order in completion index; do
        get "$SIX&format=text&order=$order"
        assert_eq "$body" $'0.02\n0.02'
    done
    get '/wait_n?n=2&delay=0&fail_rate=0'
    assert_json 'has("failures") | not'
}

@test "return_when=first_error: till the first failure, else all" {
    get "$SIX&fail_first=0&key=k&return_when=first_error"
    assert_json '.delays == [] and .failed == 1 and .cancelled == 5 and (has("error") | not)'
    get '/wait_n?n=4&delay=0.01&return_when=first_error'
    assert_json '.done == 4'
    get "$SIX&return_when=2"
    assert_json '.done == 1 and .failed == 1 and .cancelled == 4'
    get "$SIX&return_when=first"
    assert_json '.done == 0 and .failed == 1 and .cancelled == 5'
    eventually count_is 0 'state=pending'
}

@test "on_error=cancel: the first failure is the error of the whole" {
    local four='/wait_n?n=9&delay=0.02&limit=1&fail_status=418&on_error=cancel&seed=22&fail_rate=0.2'

    # Of seed 22 and rate 0.2 the wait 3 fails.
    get "$four"
    assert_json '.delays == [0.02, 0.02, 0.02] and .done == 3 and .failed == 1 and .cancelled == 5
        and .error.status == 418 and (.failures | length) == 1 and .failures[0].index == 3'
    get "$four&format=ndjson"
    body=$(tail -n 1 "$body_file") assert_json '.failed == 1 and .error.status == 418'
    get "$four&format=text"
    assert_eq "$(tail -n 2 "$body_file")" $'0.02\n# 418 simulated-failure'
    get "$four&buffer=true"
    assert_problem 418 simulated-failure
    assert_json '.n == 9 and .done == 3 and .failed == 1 and .cancelled == 5 and .elapsed >= 0.08'
    get "$four&buffer=true&label=kept"
    get '/tasks?label=kept'
    assert_json '.tasks[0] | .state == "failed" and .error.status == 418 and .done == 3'
    get "/tasks/$(jq -r '.tasks[0].id' <<<"$body")/result"
    assert_problem 418 simulated-failure
    get '/wait_n?n=3&delay=0.01&on_error=cancel'
    assert_json '.done == 3 and (has("error") | not)'
    get '/wait_n?n=3&delay=0.01&on_error=cancel&timeout=0.05&limit=1&status=404&return_when=first'
    assert_json '.error.status == 404 and .failed == 1'
    eventually count_is 0 'state=pending'
}

@test "a timeout with failures collected" {
    get '/wait_n?n=5&limit=1&delay=0.05&timeout=0.12&status=500&buffer=true'
    assert_problem 504 timeout
    assert_json '.failed == 2 and .done == 0 and .cancelled == 3'
}

@test "many failures: counts and rows are whole" {
    get '/wait_n?n=30000&max_delay=0.2&fail_rate=0.5&seed=9'
    assert_json '.done + .failed == 30000 and (.delays | length) == .done
        and (.failures | length) == .failed and (.failures | map(.index) | unique | length) == .failed'
    get '/wait_n?n=30000&delay=0&status=500&order=index&format=text'
    assert_eq "$body" ''
    get '/wait_n?n=30000&max_delay=0.2&fail_rate=0.0001&seed=9&on_error=cancel'
    assert_json '.failed == 1 and .error.status == 503 and .done + .cancelled == 29999'
}

# ---- groups -------------------------------------------------------------------------

# group JSON: makes it, and sets body to its members in order of end: [index, state, reason].
group() {
    local made

    server_reset
    post /tasks "$1" || return
    assert_status 201 || return
    made=$body
    get "/tasks?group=$(jq -r .group <<<"$made")&wait=30" || return
    assert_json '.pending == [] and .timed_out == false' || return
    body=$(jq -c --argjson made "$made" '($made.tasks | map(.id)) as $ids
        | [.done[] | .id as $id | [($ids | index($id)), .state, .cancel_reason]]' <<<"$body")
}

@test "a group: return_when cancels the rest of these n, and of nothing else" {
    group '{"n":4,"delay":0.05,"limit":1,"return_when":"first"}'
    assert_json '. == [[0,"done",null], [1,"cancelled","cancel"], [2,"cancelled","cancel"],
        [3,"cancelled","cancel"]]'
    group '{"n":4,"delay":0.05,"return_when":2}'
    assert_json 'map(.[1]) == ["done", "done", "cancelled", "cancelled"]'
    group '{"n":3,"delay":0.05,"return_when":4}'
    assert_json 'map(.[1]) == ["done", "done", "done"]'
    group '{"n":3,"delay":0.05,"return_when":"first","losers":"keep"}'
    assert_json 'map(.[1]) == ["done", "done", "done"]'
    server_reset
    post /tasks '{"n":2,"delay":0.4,"group":"g"}'
    post /tasks '{"n":2,"delay":0.05,"group":"g","return_when":"first"}'
    post /tasks '{"delay":0.4,"group":"g"}'
    get '/tasks?group=g&wait=30'
    assert_json '[.done[].state] == ["done", "cancelled", "done", "done", "done"]'
}

@test "a group: first_error and on_error" {
    group '{"n":6,"delay":0.02,"limit":1,"seed":22,"fail_rate":0.2,"return_when":"first_error"}'
    assert_json '. == [[0,"done",null], [1,"done",null], [2,"done",null], [3,"failed",null],
        [4,"cancelled","cancel"], [5,"cancelled","cancel"]]'
    group '{"n":6,"delay":0.02,"limit":1,"seed":22,"fail_rate":0.2,"on_error":"cancel"}'
    assert_json 'map(.[1]) == ["done", "done", "done", "failed", "cancelled", "cancelled"]'
    group '{"n":6,"delay":0.02,"limit":1,"seed":22,"fail_rate":0.2,"on_error":"cancel",
        "return_when":"first","losers":"keep"}'
    assert_json 'map(.[1]) == ["done", "done", "done", "failed", "cancelled", "cancelled"]'
    group '{"n":6,"delay":0.02,"limit":1,"seed":22,"fail_rate":0.2}'
    assert_json 'map(.[1]) == ["done", "done", "done", "failed", "done", "done"]'
}

@test "a group: who somebody cancels has ended, who is moved ends later, a timeout is that of all" {
    local ids

    post /tasks '{"n":3,"delay":60,"group":"a","return_when":"first"}'
    post "/tasks/$(jq -r '.tasks[1].id' <<<"$body")/cancel"
    get '/tasks?group=a&wait=30'
    assert_json '[.done[].state] == ["cancelled", "cancelled", "cancelled"]'
    post /tasks '{"n":3,"delay":60,"group":"b","return_when":"first_error"}'
    post "/tasks/$(jq -r '.tasks[1].id' <<<"$body")/cancel"
    get '/tasks?group=b'
    assert_json '[.tasks[].state] == ["pending", "cancelled", "pending"]'
    post /tasks '{"n":3,"delay":60,"limit":1,"group":"c","return_when":2}'
    mapfile -t ids < <(jq -r '.tasks[].id' <<<"$body")
    send PATCH "/tasks/${ids[2]}" '{"delay":0}' # out of the queue
    get '/tasks?group=c'
    assert_json '[.tasks[].state] == ["pending", "queued", "done"]'
    send PATCH "/tasks/${ids[0]}" '{"delay":0}'
    get '/tasks?group=c&wait=30'
    assert_json '[.done[] | [.state, .cancel_reason]]
        == [["done", null], ["done", null], ["cancelled", "cancel"]]'
    group '{"n":3,"delay":60,"timeout":0.1,"return_when":"first"}'
    assert_json 'map(.[2]) == ["timeout", "timeout", "timeout"]'
}

@test "a large group is cancelled in slices, and nobody is held up" {
    post /tasks '{"n":20000,"min_delay":50,"max_delay":60,"group":"large","return_when":"first"}'
    send PATCH "/tasks/$(sed -n 2p "$body_file" | jq -r .id)" '{"delay":0}'
    get '/wait?delay=0.01'
    assert_json '.elapsed < 5'
    get '/tasks?group=large&stream=true'
    assert_eq "$(tail -n 1 "$body_file")" '],"done":1,"failed":0,"cancelled":19999}'
    server_reset
}

@test "GET /tasks?group= with return_when=first_error, and a stream, of real failures" {
    hold error '/tasks?group=g&return_when=first_error'
    answered error
    assert_problem 404 not-found
    post /tasks '{"n":4,"delay":0.1,"limit":1,"seed":22,"fail_rate":0.2,"group":"g"}'
    hold stream '/tasks?group=g&stream=true&format=ndjson'
    get '/tasks?group=g&return_when=first_error'
    assert_json '[.done[].state] == ["done", "done", "done", "failed"] and .pending == []'
    post /tasks '{"n":2,"delay":60,"group":"g"}'
    get '/tasks?group=g&return_when=first_error'
    assert_json '(.done | length) == 4 and (.pending | length) == 2'
    curl -sSf -X DELETE "$URL/tasks?group=g" -o "$BATS_TEST_TMPDIR/deleted"
    answered stream
    body=$(jq -sc . "$body_file") assert_json '.[3].state == "failed" and .[3].error.status == 503
        and .[-1].done == 3 and .[-1].failed == 1'
}

@test "Prefer: a /wait_n that becomes a group ends as it was told" {
    get '/wait_n?n=6&delay=0.02&limit=1&seed=22&fail_rate=0.2&on_error=cancel' \
        -H 'Prefer: respond-async'
    assert_status 202
    get "/tasks?group=$(jq -r .group <<<"$body")&wait=30"
    assert_json '[.done[].state] == ["done", "done", "done", "failed", "cancelled", "cancelled"]'
    get '/wait_n?n=3&delay=0.05&return_when=first&losers=keep&limit=1' -H 'Prefer: wait=20'
    assert_status 200
    assert_json '.delays == [0.05] and .done == 1 and .cancelled == 0'
    get "$(header Location)&wait=30"
    assert_json '[.done[].state] == ["done", "done", "done"]'
    hold gone '/wait_n?n=3&delay=60&return_when=first' -H 'Prefer: wait=50'
    eventually count_is 3 'state=pending'
    leave gone
    eventually count_is 0 'state=pending'
}

@test "what is wrong or contradicts is named" {
    get '/wait_n?n=3&return_when=0'
    assert_problem 400 invalid-parameter return_when
    get '/wait_n?n=3&return_when=last'
    assert_problem 400 invalid-parameter return_when
    get '/wait_n?n=3&order=random'
    assert_problem 400 invalid-parameter order
    get '/wait_n?n=3&heartbeat=0'
    assert_problem 400 invalid-parameter heartbeat
    get '/wait_n?n=3&heartbeat=1&buffer=true'
    assert_problem 400 invalid-parameter heartbeat
    assert_json '.conflicts_with == "buffer"'
    get '/wait_n?n=3&on_error=ignore'
    assert_problem 400 invalid-parameter on_error
    get '/wait_n?n=3&losers=cancel'
    assert_problem 400 invalid-parameter losers
    assert_json '.detail == "losers needs return_when"'
    get '/wait_n?n=3&return_when=first&losers=keep'
    assert_problem 400 invalid-parameter losers
    for name in return_when=first on_error=cancel limit=1; do
        post "/tasks?$name"
        assert_problem 400 invalid-parameter "${name%=*}"
        assert_json '.detail | endswith(" needs n")'
    done
    for name in order=index heartbeat=1 buffer=true; do
        post "/tasks?n=3&$name"
        assert_problem 400 unknown-parameter "${name%=*}"
    done
    for name in order=index heartbeat=1 buffer=true; do
        get "/wait_n?n=3&delay=60&$name" -H 'Prefer: respond-async'
        assert_problem 400 invalid-parameter "${name%=*}"
        assert_json '.conflicts_with == "Prefer"'
    done
    eventually count_is 0 'state=pending'
}

@test "what is false, or a rate of 0, contradicts nothing" {
    for query in '/wait?delay=0&dry_run=false&timeout=1' '/wait?delay=0&dry_run=true&fail_rate=0' \
        '/wait?delay=0&fail_rate=0&status=299' '/measure?n=1&delay=0&dry_run=false&label=x' \
        '/wait_n?n=1&delay=0&buffer=false&heartbeat=1' '/tasks?stream=false&state=pending' \
        '/tasks?stream=false&limit=10'; do
        get "$query"
        assert_match "$status_code" '^2' || fail "$query: $body"
    done
    post /wait '{"delay":0,"timeout":1,"dry_run":false,"fail_rate":0,"load_factor":0}'
    assert_status 200
    get '/wait_n?n=1&delay=0&buffer=false&dry_run=false&order=completion' -H 'Prefer: wait=9'
    assert_status 200
    assert_eq "$(header Preference-Applied)" 'wait=9'
    get '/tasks?group=g&stream=true&wait=1'
    assert_problem 400 invalid-parameter
}

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
    for name in order=index heartbeat=1 buffer=true; do
        get "/wait_n?n=3&delay=60&$name" -H 'Prefer: respond-async'
        assert_problem 400 invalid-parameter "${name%=*}"
        assert_json '.conflicts_with == "Prefer"'
    done
    eventually count_is 0 'state=pending'
}

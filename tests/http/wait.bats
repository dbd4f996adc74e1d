#!/usr/bin/env bats
# wait.bats: GET|POST /wait.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

pending_task() {
    curl -sg "$URL/tasks?label=$1&state=pending" | jq -c '.tasks[0] // empty'
}

fire() {
    curl -sS -X PATCH --json '{"delay":0}' "$URL/tasks/$1"
}

@test "without parameters it draws between 0 and 10 s, from the seed where one is given" {
    local task first

    first=$(python3 -c 'import random; random.seed(7); print(repr(random.uniform(0, 10)))')
    hold seeded '/wait?seed=7&label=seeded'
    eventually is_waiting seeded
    task=$(pending_task seeded)
    body=$task assert_json '.delay == $first and .kind == "wait" and .remaining <= .delay' \
        --argjson first "$first"
    body=$(fire "$(jq -r .id <<<"$task")")
    answered seeded
    assert_status 200

    hold unseeded '/wait?label=unseeded'
    eventually is_waiting unseeded
    task=$(pending_task unseeded)
    body=$task assert_json '.delay >= 0 and .delay <= 10'
    fire "$(jq -r .id <<<"$task")"
    answered unseeded
    assert_status 200
    assert_json 'has("seed") | not'
}

@test "where --max-delay is below 10 s it is the default and the limit" {
    own_server --max-delay 50ms
    for _ in {1..20}; do
        get /wait
        assert_status 200
        assert_json '.delay <= 0.05 and .elapsed >= .delay'
    done
    get '/wait?max_delay=51ms'
    assert_problem 400 invalid-parameter max_delay
    assert_json '.max == 0.05 and .min == 0 and .value == "51ms"'
    own_server_stop
}

@test "delay is fixed, the answer is never early, and it is one line of JSON" {
    local delay

    for delay in 0 0.001 0.05 0.1 0.25; do
        get "/wait?delay=$delay"
        assert_status 200
        assert_json '.delay == $delay and .elapsed >= .delay and (keys == ["delay", "elapsed"])' \
            --argjson delay "$delay"
        assert_eq "$(header Content-Type)" application/json
        assert_eq "$(sed -E 's/("elapsed":)[0-9.e-]+/\1E/' "$body_file" | od -c)" \
            "$(printf '{"delay":%s,"elapsed":E}\n' "$delay" | od -c)"
    done
}

@test "min_delay and max_delay bound what is drawn" {
    for _ in {1..40}; do
        get '/wait?min_delay=0.01&max_delay=20ms'
        assert_status 200
        assert_json '.delay >= 0.01 and .delay <= 0.02 and .elapsed >= .delay'
        echo "$body" >>"$BATS_TEST_TMPDIR/all"
    done
    # Drawn, not fixed.
    body=$(jq -s . "$BATS_TEST_TMPDIR/all") assert_json 'map(.delay) | unique | length > 20'
    get '/wait?min_delay=0.03&max_delay=0.03'
    assert_json '.delay == 0.03'
}

@test "min_delay above max_delay is a conflict that names both" {
    get '/wait?min_delay=2&max_delay=1'
    assert_problem 400 invalid-parameter min_delay
    assert_json '.conflicts_with == "max_delay"'
    get '/wait?min_delay=11' # above the default
    assert_problem 400 invalid-parameter min_delay
}

@test "delay excludes max_delay, min_delay and seed" {
    local other

    for other in max_delay=2 min_delay=0 seed=1; do
        get "/wait?delay=1&$other"
        assert_problem 400 invalid-parameter
        assert_json '[.param, .conflicts_with] | sort == (["delay", $other] | sort)' \
            --arg other "${other%=*}"
    done
}

@test "seed is shown, and gives the same delay each time" {
    local first

    get '/wait?seed=42&max_delay=0.05'
    assert_json '.seed == 42 and (keys == ["delay", "elapsed", "seed"])'
    first=$(jq .delay <<<"$body")
    get '/wait?seed=42&max_delay=0.05'
    assert_eq "$(jq .delay <<<"$body")" "$first"
    get '/wait?seed=43&max_delay=0.05'
    [[ $(jq .delay <<<"$body") != "$first" ]]
    send POST /wait '{"seed":"42","max_delay":0.05}'
    assert_eq "$(jq .delay <<<"$body")" "$first"
    get '/wait?seed=9223372036854775807&max_delay=0'
    assert_match "$body" '"seed":9223372036854775807[,}]'
    get '/wait?seed=9223372036854775808&max_delay=0'
    assert_problem 400 invalid-parameter seed
}

@test "label finds the wait in /tasks, while it waits and when it has ended" {
    hold labelled '/wait?delay=0.5&label=caf%C3%A9%20%231'
    eventually is_waiting 'caf%C3%A9%20%231'
    body=$(pending_task 'caf%C3%A9%20%231') assert_json '.label == "café #1" and .delay == 0.5'
    answered labelled
    assert_status 200
    get '/tasks?label=caf%C3%A9%20%231'
    assert_json '.total == 1 and .tasks[0].state == "done" and .tasks[0].remaining == 0
        and .tasks[0].result.elapsed >= 0.5'
}

@test "a timeout is a 504, and it comes no earlier than asked" {
    get '/wait?delay=30&timeout=0.2' -w '%{http_code} %{time_total}'
    assert_match "$status_code" '^504 '
    [[ $(jq -n "${status_code#504 } >= 0.2") == true ]]
    status_code=504
    assert_problem 504 timeout
    get '/wait?delay=30&timeout=0'
    assert_problem 504 timeout
}

@test "a result wins over a timeout of the same length" {
    local try

    for try in {1..10}; do
        get '/wait?delay=0.05&timeout=0.05'
        assert_status 200 || fail "try $try"
    done
    get '/wait?delay=0.2&timeout=200ms'
    assert_status 200
    get '/wait?delay=0&timeout=0'
    assert_status 200
}

@test "text is the delay alone" {
    get '/wait?delay=0.0125&format=text'
    assert_status 200
    assert_eq "$(header Content-Type)" 'text/plain; charset=utf-8'
    assert_eq "$(od -c "$body_file")" "$(printf '0.0125\n' | od -c)"
}

@test "Accept chooses the form, with its q-values" {
    local accept type

    while IFS='|' read -r accept type; do
        get '/wait?delay=0' -H "Accept: $accept"
        assert_status 200 || fail "Accept: $accept"
        assert_eq "$(header Content-Type)" "$type" "Accept: $accept"
    done <<'END'
*/*|application/json
application/json|application/json
application/*|application/json
APPLICATION/JSON|application/json
text/plain|text/plain; charset=utf-8
text/*|text/plain; charset=utf-8
image/png, text/*|text/plain; charset=utf-8
text/plain;q=0.1, application/json;q=0.9|application/json
text/plain;q=0.9, application/json;q=0.1|text/plain; charset=utf-8
application/*;q=0.2,text/plain;q=0.3|text/plain; charset=utf-8
application/json;q=0, */*|text/plain; charset=utf-8
*/*;q=0.5, application/json;q=0.4|text/plain; charset=utf-8
text/plain ; q=0.5 , application/json ; q=0.6|application/json
text/html, application/xhtml+xml, */*;q=0.8|application/json
text/plain;q=1.|text/plain; charset=utf-8
text/plain;q=1., application/json;q=0.999|text/plain; charset=utf-8
text/plain;q=1.000, application/json;q=0.|text/plain; charset=utf-8
text/plain;q=0.5, application/json;q=0.51|application/json
text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2|application/json
END
}

@test "an Accept that names nothing we have is a 406, and starts nothing" {
    local accept

    for accept in image/png 'text/plain;q=0' 'application/json;q=0, text/plain;q=0' \
        'text/html' '*/*;q=0' '*/*;q=0.' '*/*;q=.' '*/*;q=' '*/*;q=1e-1' '*/*;q=1.001' \
        '*/*;q=2' '*/*;q=10' '*/*;q=-1' '*/*;q=+1' '*/*;q=0.5x' '*/*;q=0,5' '*/*;q="1"'; do
        get '/wait?delay=30' -H "Accept: $accept"
        assert_problem 406 not-acceptable
    done
    get '/tasks?kind=wait'
    assert_json '.total == 0 or all(.tasks[]; .state != "pending")'
}

@test "format wins over Accept" {
    get '/wait?delay=0&format=json' -H 'Accept: text/plain'
    assert_eq "$(header Content-Type)" application/json
    get '/wait?delay=0&format=text' -H 'Accept: image/png'
    assert_eq "$(header Content-Type)" 'text/plain; charset=utf-8'
    get '/wait?delay=0&format=ndjson'
    assert_problem 400 invalid-parameter format
}

@test "an error is a problem whatever Accept says" {
    get '/wait?delay=x' -H 'Accept: text/plain'
    assert_problem 400 invalid-parameter delay
    assert_json '.value == "x" and .title == "Invalid parameter"'
    get '/wait?delay=30&timeout=0&format=text' -H 'Accept: text/plain'
    assert_problem 504 timeout
}

@test "HEAD waits, has the status and no body" {
    get '/wait?delay=0.3' --head -w '%{http_code} %{time_total} %{size_download}'
    assert_match "$status_code" '^200 .* 0$'
    [[ $(jq -n "$(cut -d' ' -f2 <<<"$status_code") >= 0.3") == true ]]
    assert_eq "$(header Content-Type)" application/json
    get '/wait?delay=30&timeout=0.1' --head
    assert_status 504
    get '/wait?delay=x' --head
    assert_status 400
}

@test "an answer says how long it waited, and that it is not to be stored" {
    get '/wait?delay=0.125'
    assert_eq "$(header Cache-Control)" no-store
    assert_match "$(header Server-Timing)" '^wait;dur=[0-9]+(\.[0-9]+)?$'
    [[ $(jq -n "$(header Server-Timing | cut -d= -f2) >= 125") == true ]]
    get '/wait?delay=30&timeout=0.125'
    assert_match "$(header Server-Timing)" '^wait;dur=[0-9]+(\.[0-9]+)?$'
    [[ $(jq -n "$(header Server-Timing | cut -d= -f2) >= 125") == true ]]
    get /healthz
    assert_eq "$(header Server-Timing)" ''
}

@test "POST takes its parameters from the query, from JSON, and from both" {
    send POST '/wait?delay=0.01'
    assert_json '.delay == 0.01'
    send POST /wait '{"delay":0.01}'
    assert_json '.delay == 0.01'
    send POST /wait '{"delay":"10ms"}'
    assert_json '.delay == 0.01'
    send POST /wait '{"min_delay":0.01,"max_delay":"0.02s","seed":5}'
    assert_json '.delay >= 0.01 and .delay <= 0.02 and .seed == 5'
    send POST '/wait?delay=0.01' '{"format":"text"}'
    assert_eq "$body" 0.01
    send POST '/wait?delay=0.01' '{}'
    assert_status 200
    send POST '/wait?delay=0' '{"label":"é\u00e9"}' -H 'Content-Type: application/json; charset=utf-8'
    assert_status 200
    send POST /wait '{"delay":0,"delay":1}'
    assert_problem 400 duplicate-parameter delay
    send POST '/wait?delay=0' '{"delay":0}'
    assert_problem 400 duplicate-parameter delay
    send POST /wait '{"delay":0}' -H 'Content-Type: text/plain'
    assert_problem 415 unsupported-media-type
    assert_json '.detail | contains("curl --json")'
}

# A task's delay tells how a duration was read, without waiting for it.
@test "durations are numbers of seconds, or numbers with a unit" {
    local text seconds

    while read -r text seconds; do
        send POST "/tasks?delay=${text//+/%2B}"
        assert_status 201 || fail "$text"
        assert_json '.delay == $seconds' --argjson seconds "$seconds" || fail "$text"
        send POST /tasks "{\"delay\":\"$text\"}"
        assert_status 201 || fail "$text"
        assert_json '.delay == $seconds' --argjson seconds "$seconds" || fail "$text"
    done <<'END'
0 0
3 3
2.5 2.5
0.1 0.1
007 7
250ms 0.25
1.5s 1.5
2m 120
0.05h 180
500us 0.0005
4.1ms 0.0041
1e-1 0.1
1e2 100
1e+2 100
25e-1s 2.5
1.5e1 15
1e3ms 1
300 300
5m 300
300000ms 300
END
    send POST /tasks '{"delay":2.5}'
    assert_json '.delay == 2.5'
    send POST /tasks '{"delay":3}'
    assert_json '.delay == 3'
    send POST /tasks '{"delay":1E1}'
    assert_json '.delay == 10'
    send POST /reset
    assert_status 200
}

@test "what is no duration is refused, in the query and in JSON" {
    local text

    while IFS= read -r text; do
        get /wait -G --data-urlencode "delay=$text"
        assert_problem 400 invalid-parameter delay || fail "delay=$text"
        assert_json '.value == $text' --arg text "$text"
        send POST /wait "$(jq -nc --arg text "$text" '{delay: $text}')"
        assert_problem 400 invalid-parameter delay || fail "delay=$text"
        assert_json '.value == $text' --arg text "$text"
    done <<'END'
5.
.5
.
+1
-1
-0
0x1
1_0
 1
1 
1 s
1,5
NaN
nan
inf
Infinity
1e
1e+
e1
s
ms
1S
1d
1min
1ns
1s1s
1.2.3
１
1e999
true
null
END
    get '/wait?delay=+1'
    assert_problem 400 invalid-parameter delay # a plus is a space there
}

@test "what is above the limit is refused, never clamped" {
    local text

    for text in 300.0001 301 5.1m 1h 300001ms 1e300; do
        get "/wait?max_delay=$text"
        assert_problem 400 invalid-parameter max_delay
        assert_json '.min == 0 and .max == 300 and .value == $text' --arg text "$text"
    done
    get '/wait?max_delay=301'
    assert_json '.detail == "max_delay=301 is above the limit of 300 s"'
}

@test "a client that leaves cancels its wait" {
    hold leaver '/wait?delay=60&label=leaver'
    eventually is_waiting leaver
    leave leaver
    eventually count_is 0 'label=leaver&state=pending'
    get '/tasks?label=leaver'
    assert_json '.total == 1 and .tasks[0].state == "cancelled"
        and .tasks[0].cancel_reason == "disconnect"'
}

@test "cancelled from elsewhere it answers 409" {
    hold victim '/wait?delay=60&label=victim'
    eventually is_waiting victim
    send POST "/tasks/$(pending_task victim | jq -r .id)/cancel"
    assert_json '.cancelled == true'
    answered victim
    assert_problem 409 cancelled
}

@test "answers of many sizes and forms, many at once: each has its own body and headers" {
    python3 "$HTTP_TESTS/mixed.py" "$PORT" 50
}

@test "200 waits at once: all answer, none early" {
    python3 "$HTTP_TESTS/many.py" "$PORT" 200
}

#!/usr/bin/env bats
# wait_n.bats: GET|POST /wait_n.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

# drawn SEED N MIN MAX: the delays that Python draws, a line each, in the order in which
# they end.
drawn() {
    python3 -c '
import random, sys
seed, n, low, high = int(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:])
random.seed(seed)
for delay, index in sorted((random.uniform(low, high), i) for i in range(n)):
    print(repr(delay))' "$@"
}

# The body with every elapsed time as E, byte by byte.
bytes() {
    sed -E 's/("elapsed":)[0-9.e-]+/\1E/g' "$body_file" | od -c
}

total_ever_pending() {
    curl -sg "$URL/tasks" | jq .total
}

@test "json is one document, a line for each delay, the comma leading" {
    local delays expected

    mapfile -t delays < <(drawn 7 3 0 0.2)
    expected="{\"n\":3,\"seed\":7,\"delays\":["$'\n'"${delays[0]}"$'\n'",${delays[1]}"$'\n'",${delays[2]}"
    expected+=$'\n''],"done":3,"failed":0,"cancelled":0,"elapsed":E}'
    get '/wait_n?n=3&seed=7&max_delay=0.2'
    assert_status 200
    assert_eq "$(header Content-Type)" application/json
    assert_eq "$(bytes)" "$(od -c <<<"$expected")"
    assert_json '.elapsed >= (.delays | max)'
}

@test "ndjson is a row a line, then the summary" {
    local rows

    get '/wait_n?n=5&seed=11&min_delay=0.05&max_delay=0.2&format=ndjson'
    assert_status 200
    assert_eq "$(header Content-Type)" application/x-ndjson
    rows=$(python3 -c '
import random
random.seed(11)
ends = sorted((random.uniform(0.05, 0.2), i) for i in range(5))
for rank, (delay, index) in enumerate(ends):
    print(f"""{{"rank":{rank},"index":{index},"delay":{delay!r},"elapsed":E}}""")
print("""{"n":5,"seed":11,"done":5,"failed":0,"cancelled":0,"elapsed":E}""")')
    assert_eq "$(bytes)" "$(od -c <<<"$rows")"
    body=$(jq -s . "$body_file") assert_json '.[:5] | all(.elapsed >= .delay)'
    # In the order of completion, the summary last.
    body=$(jq -s . "$body_file") assert_json '[.[].elapsed] == ([.[].elapsed] | sort)'
}

@test "sse has an event and an id for each row, and a summary" {
    local expected

    get '/wait_n?n=2&delay=0.05&format=sse'
    assert_status 200
    assert_eq "$(header Content-Type)" text/event-stream
    expected='event: result
id: 0
data: {"rank":0,"index":0,"delay":0.05,"elapsed":E}

event: result
id: 1
data: {"rank":1,"index":1,"delay":0.05,"elapsed":E}

event: summary
data: {"n":2,"done":2,"failed":0,"cancelled":0,"elapsed":E}
'
    assert_eq "$(bytes)" "$(od -c <<<"$expected")"
}

@test "text is a delay a line" {
    get '/wait_n?n=20&seed=3&max_delay=0.1&format=text'
    assert_status 200
    assert_eq "$(header Content-Type)" 'text/plain; charset=utf-8'
    assert_eq "$(od -c "$body_file")" "$(drawn 3 20 0 0.1 | od -c)"
}

@test "Accept chooses the form, format wins" {
    local accept type

    while IFS='|' read -r accept type; do
        get '/wait_n?n=1&delay=0' -H "Accept: $accept"
        assert_status 200
        assert_eq "$(header Content-Type)" "$type" "Accept: $accept"
    done <<'END'
*/*|application/json
application/x-ndjson|application/x-ndjson
text/event-stream|text/event-stream
text/plain|text/plain; charset=utf-8
text/event-stream;q=0.3, application/x-ndjson;q=0.5|application/x-ndjson
application/json;q=0.1, text/event-stream|text/event-stream
application/json;a="x,y";q=0.1, text/event-stream;q=0.9|text/event-stream
application/json;a="x;q=1";q=0.1, text/event-stream;q=0.9|text/event-stream
text/html;a="\", text/event-stream, ", application/x-ndjson|application/x-ndjson
END
    get '/wait_n?n=1&delay=0&format=sse' -H 'Accept: application/json'
    assert_eq "$(header Content-Type)" text/event-stream
    get '/wait_n?n=1&delay=0' -H 'Accept: image/png'
    assert_problem 406 not-acceptable
}

@test "waits that end at the same instant keep the order of their indexes" {
    get '/wait_n?n=300&delay=0.05&format=ndjson'
    body=$(jq -s . "$body_file") assert_json '[.[:300][].index] == [range(300)]
        and [.[:300][].rank] == [range(300)] and (.[:300] | all(.elapsed >= .delay))'
}

@test "without a seed one is drawn, shown and can be replayed" {
    local seed

    get '/wait_n?n=6&max_delay=0.05'
    seed=$(jq .seed <<<"$body")
    [[ $(jq -n "$seed >= 0 and $seed < 9007199254740992") == true ]]
    assert_eq "$(jq '.delays[]' <<<"$body")" "$(drawn "$seed" 6 0 0.05 | jq .)"
    get '/wait_n?n=6&max_delay=0.05'
    [[ $(jq .seed <<<"$body") != "$seed" ]]
}

@test "n=0 is an empty list at once, in every form" {
    get '/wait_n?n=0&seed=5'
    assert_status 200
    assert_eq "$(bytes)" "$(printf '{"n":0,"seed":5,"delays":[\n],"done":0,"failed":0,"cancelled":0,"elapsed":E}\n' | od -c)"
    get '/wait_n?n=0&seed=5&format=ndjson'
    assert_eq "$(bytes)" "$(printf '{"n":0,"seed":5,"done":0,"failed":0,"cancelled":0,"elapsed":E}\n' | od -c)"
    get '/wait_n?n=0&delay=30&format=sse'
    assert_eq "$(bytes)" "$(printf 'event: summary\ndata: {"n":0,"done":0,"failed":0,"cancelled":0,"elapsed":E}\n\n' | od -c)"
    get '/wait_n?n=0&delay=30&format=text'
    assert_status 200
    assert_eq "$(od -c "$body_file")" "$(od -c </dev/null)"
    get '/wait_n?n=0&delay=30&timeout=0'
    assert_json '.done == 0 and (has("error") | not)'
}

@test "n=1 is a list of one" {
    get '/wait_n?n=1&delay=0.05'
    assert_eq "$(bytes)" "$(printf '{"n":1,"delays":[\n0.05\n],"done":1,"failed":0,"cancelled":0,"elapsed":E}\n' | od -c)"
    assert_json '.elapsed >= 0.05'
}

@test "POST takes it all from JSON" {
    send POST /wait_n '{"n":2,"delay":"20ms","format":"text"}'
    assert_eq "$body" $'0.02\n0.02'
    send POST '/wait_n?n=2' '{"n":2}'
    assert_problem 400 duplicate-parameter n
    send POST /wait_n '{"n":"2"}'
    assert_problem 400 invalid-parameter n
    send POST /wait_n '{"n":2.0}'
    assert_problem 400 invalid-parameter n
}

@test "n is required, and within --max-n" {
    get '/wait_n?delay=0'
    assert_problem 400 invalid-parameter n
    assert_json 'has("value") | not'
    get '/wait_n?n=100001'
    assert_problem 400 invalid-parameter n
    assert_json '.max == 100000 and .min == 0'
    get '/wait_n?n=1.0'
    assert_problem 400 invalid-parameter n
    get '/wait_n?n=2&limit=0'
    assert_problem 400 invalid-parameter limit
}

# indexes_with_limit SEED N MAX LIMIT: the order in which they end, as a JSON array.
indexes_with_limit() {
    python3 -c '
import heapq, json, random, sys
from fractions import Fraction
seed, n, high, limit = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
random.seed(seed)
delays = [Fraction(random.uniform(0, high)) for _ in range(n)]
running = [(delays[i], i) for i in range(min(limit, n))]
heapq.heapify(running)
order, following = [], len(running)
while running:
    at, index = heapq.heappop(running)
    order.append(index)
    if following < n:
        heapq.heappush(running, (at + delays[following], following))
        following += 1
print(json.dumps(order))' "$@"
}

@test "with a limit the order is that of a simulation" {
    local limit seed

    for limit in 1 2 3 7 49 50 51 100000; do
        for seed in 1 2; do
            get "/wait_n?n=50&limit=$limit&seed=$seed&max_delay=0.02&format=ndjson"
            assert_status 200
            body=$(jq -sc . "$body_file") assert_json '[.[:50][].index] == $order' \
                --argjson order "$(indexes_with_limit "$seed" 50 0.02 "$limit")" ||
                fail "limit=$limit seed=$seed"
        done
    done
}

@test "limit=1 is one after another: by index, each after the sum of those before it" {
    get '/wait_n?n=20&limit=1&seed=9&max_delay=0.04&format=ndjson'
    body=$(jq -sc . "$body_file") assert_json '.[:20] as $rows
        | [$rows[].index] == [range(20)]
        and all(range(20); . as $k | ($rows[:$k + 1] | map(.delay) | add) as $sum
            | $rows[$k].elapsed >= $sum - 1e-8)
        and .[20].done == 20 and .[20].elapsed >= ($rows | map(.delay) | add) - 1e-8'
}

# With limit=1 the k-th of equal delays d ends at k·d: the result wins over the timeout at
# the same instant, so exactly ten of them make it.
@test "a timeout ends the stream in band, and what had ended by then stays" {
    own_server --time-scale 0 --workers 1
    get '/wait_n?n=100&limit=1&delay=0.05&timeout=0.5'
    assert_status 200
    assert_json '(.delays | length) == 10 and .n == 100 and .done == 10 and .failed == 0
        and .cancelled == 90 and .elapsed == 0.5 and .error.status == 504
        and .error.type == "/problems/timeout" and (.error.title | length) > 0'
    get '/wait_n?n=100&limit=1&delay=0.05&timeout=0.5&format=ndjson'
    body=$(jq -sc . "$body_file") assert_json 'length == 11 and .[10].done == 10
        and .[10].cancelled == 90 and .[10].error.type == "/problems/timeout"
        and (.[9] | has("error") | not)'
    get '/wait_n?n=100&limit=1&delay=0.05&timeout=0.5&format=sse'
    assert_eq "$(grep -c '^event: result$' "$body_file")" 10
    body=$(tail -n 2 "$body_file" | sed -n 's/^data: //p') assert_json '.error.status == 504'
    assert_eq "$(tail -n 3 "$body_file" | head -n 1)" 'event: summary'
    get '/wait_n?n=100&limit=1&delay=0.05&timeout=0.5&format=text'
    assert_eq "$(od -c "$body_file")" \
        "$({ for _ in {1..10}; do echo 0.05; done && echo '# 504 timeout'; } | od -c)"
    get '/wait_n?n=3&delay=60&timeout=0'
    assert_json '.delays == [] and .done == 0 and .cancelled == 3 and .error.status == 504'
}

@test "a timeout of the length of the waits lets them all win" {
    get '/wait_n?n=50&delay=0.1&timeout=0.1'
    assert_json '.done == 50 and (has("error") | not)'
}

@test "cancelled from another shell it ends in band with a 409" {
    local format

    for format in json ndjson sse text; do
        hold "$format" "/wait_n?n=3&delay=60&format=$format"
        eventually has_id "$format"
        send POST "/tasks/$(waitd_id "$format")/cancel"
        assert_status 200
        assert_json '.cancelled == true and .task.kind == "wait_n" and .task.state == "cancelled"'
    done
    answered json
    assert_json '.delays == [] and .done == 0
        and .cancelled == 3 and .error.status == 409 and .error.type == "/problems/cancelled"'
    answered ndjson
    assert_json '.error.status == 409'
    answered sse
    assert_match "$body" '^event: summary'$'\n''data: .*"status":409'
    answered text
    assert_eq "$(od -c "$body_file")" "$(od -c <<<'# 409 cancelled')"
}

@test "reset ends it in band too, and DELETE" {
    hold reset '/wait_n?n=2&delay=60'
    eventually has_id reset
    send POST /reset
    assert_json '.cancelled >= 1'
    answered reset
    assert_json '.error.status == 409 and .cancelled == 2'

    hold delete '/wait_n?n=2&delay=60'
    eventually has_id delete
    send DELETE "/tasks/$(waitd_id delete)"
    assert_status 204
    answered delete
    assert_json '.error.status == 409 and .cancelled == 2'
}

@test "fired early it answers with all of them" {
    hold fired '/wait_n?n=4&delay=60'
    eventually has_id fired
    send PATCH "/tasks/$(waitd_id fired)" '{"delay":0}'
    assert_status 200
    answered fired
    assert_json '.done == 4 and (.delays | length) == 4
        and (has("error") | not)'
}

@test "it says under which id /tasks knows it, and that proxies are not to hold it back" {
    hold running '/wait_n?n=3&delay=60&label=running'
    eventually has_id running
    get "/tasks/$(waitd_id running)"
    assert_status 200
    assert_json '.kind == "wait_n" and .n == 3 and .done == 0 and .state == "pending"
        and .label == "running"'
    assert_match "$(<"$BATS_TEST_TMPDIR/held-running.headers")" 'X-Accel-Buffering: no'
    assert_match "$(<"$BATS_TEST_TMPDIR/held-running.headers")" 'Transfer-Encoding: chunked'
    assert_match "$(<"$BATS_TEST_TMPDIR/held-running.headers")" 'Cache-Control: no-store'
    leave running
    eventually cancelled_as running disconnect
}

cancelled_as() {
    [[ $(curl -sg "$URL/tasks?label=$1" | jq -r '.tasks[0].cancel_reason') == "$2" ]]
}

@test "a request with Last-Event-ID is not run again: 204" {
    local before after

    before=$(total_ever_pending)
    get '/wait_n?n=3&delay=60&format=sse&label=again' -H 'Last-Event-ID: 1'
    assert_status 204
    assert_eq "$(od -c "$body_file")" "$(od -c </dev/null)"
    after=$(total_ever_pending)
    assert_eq "$after" "$before"
    get '/tasks?label=again'
    assert_json '.total == 0'
}

@test "HEAD of the stream has its headers at once, starts nothing and closes" {
    get '/wait_n?n=3&delay=60&label=head&format=ndjson' --head --max-time 20
    assert_status 200
    assert_eq "$(header Content-Type)" application/x-ndjson
    assert_eq "$(header X-Accel-Buffering)" no
    assert_eq "$(header Connection | tr '[:upper:]' '[:lower:]')" close
    get '/tasks?label=head'
    assert_json '.total == 0'
    get '/tasks?kind=wait_n&state=pending'
    assert_json '.total == 0'
    get '/wait_n?n=x' --head
    assert_status 400
    python3 "$HTTP_TESTS/stream.py" "$PORT" head
}

@test "an HTTP/1.0 client gets the same bytes, unchunked" {
    get '/wait_n?n=3&seed=7&max_delay=0.1'
    bytes >"$BATS_TEST_TMPDIR/chunked"
    get '/wait_n?n=3&seed=7&max_delay=0.1' --http1.0
    assert_status 200
    assert_eq "$(header Transfer-Encoding)" ''
    assert_eq "$(bytes)" "$(<"$BATS_TEST_TMPDIR/chunked")"
    python3 "$HTTP_TESTS/stream.py" "$PORT" http10
}

@test "the first byte is there before any wait has ended" {
    python3 "$HTTP_TESTS/stream.py" "$PORT" first
}

@test "each row comes when its wait ends: none early, not all at the end" {
    python3 "$HTTP_TESTS/stream.py" "$PORT" rows
}

@test "10,000 rows come whole and in order" {
    get '/wait_n?n=10000&seed=1&max_delay=0.5&format=text'
    assert_status 200
    diff <(drawn 1 10000 0 0.5) "$body_file"
}

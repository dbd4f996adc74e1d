#!/usr/bin/env bats
# measure.bats: GET|POST /measure.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

# drawn SEED N MAX: the delays that Python draws, as a JSON array.
drawn() {
    python3 -c '
import json, random, sys
random.seed(int(sys.argv[1]))
print(json.dumps([random.uniform(0, float(sys.argv[3])) for _ in range(int(sys.argv[2]))]))' "$@"
}

# makespans DELAYS LIMIT...: how long they take with each limit, as a JSON array.
makespans() {
    python3 -c '
import heapq, json, sys
delays, limits = json.loads(sys.argv[1]), map(int, sys.argv[2:])
spans = []
for limit in limits:
    ends = delays[:limit]
    heapq.heapify(ends)
    for delay in delays[limit:]:
        heapq.heappush(ends, heapq.heappop(ends) + delay)
    spans.append(max(ends))
print(json.dumps(spans))' "$@"
}

# A double sum of n doubles against one of whole ns.
near='def near($a; $b): ($a - $b) | fabs < 1e-6;'

@test "concurrent is the default: as long as the longest, average is total / n" {
    local delays

    delays=$(drawn 7 5 0.3)
    get '/measure?n=5&seed=7&max_delay=0.3'
    assert_status 200
    assert_eq "$(header Content-Type)" application/json
    assert_json "$near"'(keys == ["concurrent", "n", "seed"]) and .n == 5 and .seed == 7
        and (.concurrent | keys == ["average", "total"])
        and .concurrent.total >= ($delays | max) and .concurrent.total < ($delays | max) + 1
        and near(.concurrent.average; .concurrent.total / 5)' --argjson delays "$delays"
    get '/measure?n=5&seed=7&max_delay=0.3&mode=concurrent'
    assert_json 'keys == ["concurrent", "n", "seed"]'
}

@test "sequential takes at least the sum of the delays" {
    local delays

    delays=$(drawn 3 6 0.1)
    get '/measure?n=6&seed=3&max_delay=0.1&mode=sequential'
    assert_status 200
    assert_json "$near"'(keys == ["n", "seed", "sequential"])
        and .sequential.total >= ($delays | add) - 1e-8
        and .sequential.total < ($delays | add) + 1
        and near(.sequential.average; .sequential.total / 6)' --argjson delays "$delays"
}

@test "both are really waited, side by side, and compared" {
    get '/measure?n=4&delay=0.1&mode=both' -w '%{http_code} %{time_total}'
    assert_match "$status_code" '^200 '
    assert_json "$near"'(keys == ["concurrent", "n", "sequential", "speedup"])
        and .concurrent.total >= 0.1 and .sequential.total >= 0.4
        and near(.speedup; .sequential.total / .concurrent.total)
        and .speedup > 1 and .speedup <= 40'
    # Not answered before the longest part has ended.
    [[ $(jq -n "${status_code#200 } >= 0.4") == true ]]
}

@test "limit measures each of a list, in its order" {
    local delays spans

    delays=$(drawn 5 8 0.1)
    spans=$(makespans "$delays" 3 1 8 100)
    get '/measure?n=8&seed=5&max_delay=0.1&limit=3,1,8,100'
    assert_status 200
    assert_json "$near"'(keys == ["concurrent", "limited", "n", "seed"])
        and [.limited[].limit] == [3, 1, 8, 100]
        and (.limited | all(keys == ["average", "limit", "total"]))
        and (.limited | all(near(.average; .total / 8)))
        and ([.limited[].total, $spans[]] | [range(4) as $i | .[$i] >= .[$i + 4] - 1e-8
            and .[$i] < .[$i + 4] + 1] | all)' --argjson spans "$spans"
    send POST /measure '{"n":8,"seed":5,"max_delay":0.1,"limit":[3,1],"mode":"both"}'
    assert_json '(keys == ["concurrent", "limited", "n", "seed", "sequential", "speedup"])
        and [.limited[].limit] == [3, 1]'
    send POST /measure '{"n":2,"delay":0,"limit":"2,1"}'
    assert_json '[.limited[].limit] == [2, 1]'
}

@test "the seed that it shows gives the same delays again" {
    local seed delays

    own_server --time-scale 0 --workers 1
    get '/measure?n=6&max_delay=40&mode=sequential'
    assert_status 200
    seed=$(jq .seed <<<"$body")
    delays=$(drawn "$seed" 6 40)
    assert_json "$near"'near(.sequential.total; $delays | add)' --argjson delays "$delays"
    get "/measure?n=6&max_delay=40&mode=sequential&seed=$seed"
    assert_json "$near"'.seed == $seed and near(.sequential.total; $delays | add)' \
        --argjson delays "$delays" --argjson seed "$seed"
    get '/measure?n=1&max_delay=0'
    [[ $(jq .seed <<<"$body") != "$seed" ]]
}

@test "with a fixed delay no seed is shown, and without a wait there is no infinite speedup" {
    get '/measure?n=3&delay=0&mode=both'
    assert_status 200
    # null where nothing was waited; a finite number where the clock had moved on.
    assert_json '(has("seed") | not) and (if .concurrent.total == 0 then .speedup == null
        else (.speedup | type) == "number" end)'
}

@test "n=1 is measured, n=0 is not" {
    get '/measure?n=1&delay=0.05&mode=both'
    assert_json '.concurrent.total == .concurrent.average and .concurrent.total >= 0.05
        and .sequential.total >= 0.05'
    get '/measure?n=0'
    assert_problem 400 invalid-parameter n
    assert_json '.min == 1 and .max == 100000'
    get /measure
    assert_problem 400 invalid-parameter n
}

@test "a timeout is a 504, a result of the same length wins" {
    get '/measure?n=2&delay=60&timeout=0.1'
    assert_problem 504 timeout
    own_server --time-scale 0 --workers 1
    get '/measure?n=4&delay=0.1&mode=sequential&timeout=0.2'
    assert_problem 504 timeout
    get '/measure?n=4&delay=0.1&mode=both&timeout=0.4'
    assert_status 200
}

@test "what it has no use for is refused" {
    get '/measure?n=2&format=text'
    assert_problem 400 unknown-parameter format
    get '/measure?n=2&mode=all'
    assert_problem 400 invalid-parameter mode
    get '/measure?n=2&limit=2,2'
    assert_problem 400 invalid-parameter limit
    get '/measure?n=2&limit=1,0'
    assert_problem 400 invalid-parameter limit
    get '/measure?n=2&limit=1,'
    assert_problem 400 invalid-parameter limit
    send POST /measure '{"n":2,"limit":[]}'
    assert_problem 400 invalid-parameter limit
    get '/measure?n=2&delay=0' -H 'Accept: text/plain'
    assert_problem 406 not-acceptable
}

@test "it says how long it waited" {
    get '/measure?n=2&delay=0.1'
    assert_eq "$(header Cache-Control)" no-store
    assert_match "$(header Server-Timing)" '^wait;dur=[0-9.]+$'
    [[ $(jq -n "$(header Server-Timing | cut -d= -f2) >= 100") == true ]]
}

measuring() {
    [[ $(curl -sg "$URL/tasks?kind=measure&state=pending" | jq .total) == "$1" ]]
}

@test "it shows in /tasks, can be cancelled there, and goes with its client" {
    local client answer=$BATS_TEST_TMPDIR/answer

    curl -sg --max-time 60 "$URL/measure?n=3&delay=60&label=m" >"$answer" 3>&- &
    client=$!
    eventually measuring 1
    get '/tasks?kind=measure&state=pending'
    assert_json '.tasks[0].label == "m" and .tasks[0].kind == "measure"'
    send POST "/tasks/$(jq -r '.tasks[0].id' <<<"$body")/cancel"
    assert_status 200
    wait "$client"
    body=$(<"$answer") assert_json '.status == 409 and .type == "/problems/cancelled"'

    curl -sg --max-time 60 "$URL/measure?n=3&delay=60&mode=both&limit=2" >"$answer" 3>&- &
    client=$!
    eventually measuring 1
    kill "$client"
    eventually measuring 0

    curl -sg --max-time 60 "$URL/measure?n=3&delay=60&mode=both&limit=2" >"$answer" 3>&- &
    client=$!
    eventually measuring 1
    get '/tasks?kind=measure&state=pending'
    send PATCH "/tasks/$(jq -r '.tasks[0].id' <<<"$body")" '{"delay":0}'
    assert_status 200
    wait "$client"
    body=$(<"$answer") assert_json '.n == 3 and .limited[0].limit == 2'
}

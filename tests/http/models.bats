#!/usr/bin/env bats
# models.bats: distributions, dry runs, profiles and load.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

SERVER_FLAGS=(--profiles "$BATS_TEST_DIRNAME/profiles.json")

models() {
    python3 "$HTTP_TESTS/models.py" "$URL" "$@"
}

@test "each distribution draws what Python's random draws" {
    models python
}

@test "large batches, which are drawn as they are reached for, draw the same" {
    models lazily
}

@test "every endpoint that draws takes them, and waits as long" {
    models everywhere
}

@test "100,000 draws of each pass the test of Kolmogorov and Smirnov" {
    models smirnov
}

@test "choices come as often as they weigh" {
    models discrete
}

@test "what a distribution needs and does not know is named" {
    models parameters
}

@test "contradicting parameters are named, both of them" {
    models contradictions
}

@test "without a seed a distribution is drawn from, too" {
    for _ in {1..20}; do
        get '/wait?dist=exponential&mean=2ms&max_delay=4ms'
        assert_status 200
        assert_json '.delay <= 0.004 and .elapsed >= .delay and (has("seed") | not)'
        jq .delay <<<"$body" >>"$BATS_TEST_TMPDIR/delays"
    done
    (($(sort -u "$BATS_TEST_TMPDIR/delays" | wc -l) > 10))
    get '/wait_n?n=3&dist=exponential&mean=2ms'
    assert_json '.done == 3 and has("seed")'
}

@test "PUT of an equal model is the same task, of another a conflict" {
    local model='{"dist":"percentiles","p50":40,"p99":90,"max":100,"seed":3}'
    local loaded='{"load_factor":1,"dist":"percentiles","p50":40,"p99":90,"max":100,"seed":3}'

    send PUT /tasks/modelled "$model"
    assert_status 201
    send PUT /tasks/modelled "$model"
    assert_status 200
    send PUT /tasks/modelled "${model/90/91}"
    assert_problem 409 id-conflict
    send PUT /tasks/modelled '{"max_delay":100,"seed":3}'
    assert_problem 409 id-conflict
    send PUT /tasks/modelled "$loaded"
    assert_problem 409 id-conflict
    send DELETE /tasks/modelled
    assert_status 204
}

@test "a dry run tells the delays at once, starts nothing and has no elapsed" {
    server_reset
    get '/wait?delay=60&dry_run=true'
    assert_eq "$body" '{"delay":60}'
    assert_eq "$(header Server-Timing)" ""
    get '/wait?delay=60&dry_run=true&format=text'
    assert_eq "$body" 60
    get '/wait_n?n=3&seed=7&max_delay=100&dry_run=true&format=ndjson'
    body=$(jq -s . <<<"$body") assert_json 'length == 4 and all(has("elapsed") | not)
        and .[3].done == 3 and .[0].rank == 0 and .[0].delay < .[1].delay'
    get '/wait_n?n=3&seed=7&max_delay=100&dry_run=true&format=sse'
    assert_match "$body" 'event: summary'
    get '/wait_n?n=3&seed=7&max_delay=100&dry_run=true&format=text&return_when=first'
    assert_eq "$(wc -l <<<"$body")" 1
    get '/wait_n?n=2&delay=50&limit=1&dry_run=true&buffer=true'
    assert_json '.delays == [50, 50]'
    get '/wait_n?n=0&dry_run=true'
    assert_json '.delays == [] and (has("elapsed") | not)'
    get '/wait_n?n=2&dry_run=true' -H 'Prefer: respond-async'
    assert_problem 400 invalid-parameter dry_run
    get '/wait?dry_run=true' -H 'Prefer: respond-async'
    assert_problem 400 invalid-parameter dry_run
    get '/tasks'
    assert_json '.total == 0'
    get '/wait?dry_run=false&delay=0'
    assert_json 'has("elapsed")'
}

@test "a dry run is not late: the access log does not say so" {
    own_server --access-log "$BATS_TEST_TMPDIR/access"
    get '/wait_n?n=3&delay=50&dry_run=true'
    get '/wait?delay=50&dry_run=true'
    get '/measure?n=3&delay=50&dry_run=true'
    own_server_stop
    body=$(jq -s . "$BATS_TEST_TMPDIR/access") assert_json \
        'length == 3 and all(.status == 200 and (has("lateness") | not))'
}

# held COUNT: so many waits in flight.
held() {
    post /tasks "{\"n\":$1,\"delay\":60,\"group\":\"held\"}"
    assert_status 201
}

@test "load_factor adds so much for each wait in flight when the request begins" {
    local drawn

    server_reset
    get '/wait?load_factor=5ms&delay=0'
    assert_json '.delay == 0'
    held 7
    get '/wait?load_factor=5ms&delay=10ms'
    assert_json '.delay == 0.01 + 7 * 0.005 and .elapsed >= .delay'
    drawn=$(uniform 7 1 0 0.01)
    get '/wait?load_factor=5ms&max_delay=10ms&seed=7'
    assert_json '.delay == $drawn + 0.035' --argjson drawn "$drawn"
    get '/wait?load_factor=5ms&dist=choice&choice=1&dry_run=true'
    assert_json '.delay == 1.035'
    # Those of the request itself do not count.
    get '/wait_n?n=3&load_factor=5ms&delay=0'
    assert_json '.delays == [0.035, 0.035, 0.035]'
    get '/wait_n?n=20000&load_factor=1&delay=1&dry_run=true'
    assert_json '.delays | length == 20000 and all(. == 8)'
    post /tasks '{"n":2,"load_factor":1,"delay":10,"group":"more"}'
    assert_json '[.tasks[].delay] == [17, 17]'
    post /tasks '{"load_factor":"100ms","delay":10}'
    assert_json '.delay == 10.9'
    send PUT /tasks/loaded '{"load_factor":1,"delay":10}'
    assert_json '.delay == 20'
    send PUT /tasks/loaded '{"load_factor":1,"delay":10}'
    assert_status 200
    get '/measure?n=1&load_factor=1'
    assert_problem 400 unknown-parameter load_factor
    server_reset
    get '/wait?load_factor=5ms&delay=0'
    assert_json '.delay == 0'
}

@test "a profile stands for its parameters" {
    get /profiles
    assert_status 200
    assert_json '.profiles | length > 8 and all(.parameters | length > 0)
        and ([.[].name] | length == (unique | length))'
    # Each of the program's own has a source, and draws.
    assert_json '[.profiles[] | select(.name != "own-one" and .name != "own-two")]
        | all((.source | length > 10) and (.text | length > 10))'
    for name in $(jq -r '.profiles[].name' <<<"$body"); do
        get "/wait_n?n=5&dry_run=true&profile=$name"
        assert_status 200
        get "/measure?n=5&dry_run=true&profile=$name"
        assert_status 200
    done
    get '/wait?profile=3g&dry_run=true'
    assert_json '.delay == 0.3'
    get '/wait_n?n=5&seed=3&dry_run=true&profile=p99-heavy-api'
    body=$(jq -c . <<<"$body") first=$body
    get '/wait_n?n=5&seed=3&dry_run=true&dist=lognormal&median=10ms&p99=1s'
    assert_eq "$(jq -c . <<<"$body")" "$first"
    get '/wait?profile=p99-heavy-ap'
    assert_problem 400 invalid-parameter profile
    assert_match "$body" 'did you mean p99-heavy-api'
    post /tasks '{"profile":"3g"}'
    assert_json '.delay == 0.3'
    server_reset
}

@test "--profiles adds own ones" {
    get /profiles
    assert_json '.profiles[-2] == {"name":"own-one","parameters":{"delay":0.25,"dist":"fixed"},
        "text":"Ours.","source":null}'
    assert_json '.profiles[-1].parameters.choice == ["0.001:3", "0.002:1"]'
    get '/wait?profile=own-one&dry_run=true'
    assert_json '.delay == 0.25'
    get '/wait?profile=own-two&seed=3'
    assert_json '.delay == 0.001 or .delay == 0.002'
}

# bad_profiles JSON PATTERN: it exits with 2 and says that.
bad_profiles() {
    local rc=0

    printf '%s' "$1" >"$BATS_TEST_TMPDIR/bad.json"
    "$WAITD" --port 0 --profiles "$BATS_TEST_TMPDIR/bad.json" 2>"$BATS_TEST_TMPDIR/why" || rc=$?
    assert_eq "$rc" 2 "$1"
    assert_eq "$(wc -l <"$BATS_TEST_TMPDIR/why")" 1
    assert_match "$(<"$BATS_TEST_TMPDIR/why")" "$2"
}

@test "a file of profiles is checked at start: line, reason, exit 2" {
    local rc=0 nl=$'\n'

    bad_profiles '{' 'line 1: '
    bad_profiles "{$nl$nl\"a\":{\"delay\":1},$nl\"a\":{\"delay\":1}}" 'line 4: .*twice'
    bad_profiles '[]' 'line 1: it must be an object'
    bad_profiles "{$nl\"a\":1}" 'line 2: a: it must be an object'
    bad_profiles "{\"a\":{\"delay\":1},$nl\"b\":{$nl\"dist\":\"normal\",$nl\"mean\":\"1h\"}}" \
        'line 4: b: mean=1h is above the limit of 300 s'
    bad_profiles "{\"mean\":{\"delay\":1},$nl\"b\":{$nl\"dist\":\"normal\",\"mean\":1}}" \
        'line 2: b: dist=normal needs stddev'
    bad_profiles "{\"b\":{$nl\"dist\":\"normal\",$nl\"mean\":2,\"stddev\":0,$nl\"max_delay\":1}}" \
        'line 4: b: .*probability'
    bad_profiles "{$nl\"b\":{$nl\"medin\":2}}" 'line 3: b: .*did you mean median'
    bad_profiles "{$nl\"b\":{$nl\"delay\":2,\"max_delay\":3}}" 'line 3: b: .*exclude each other'
    bad_profiles "{$nl\"3g\":{\"delay\":1}}" 'line 2: 3g: the program has one'
    bad_profiles "{$nl\"a b\":{\"delay\":1}}" 'line 2: a b: name=a b is not'
    bad_profiles "{\"x\":{\"text\":\"{\\\"b\\\": [\",\"delay\":1},$nl\"b\":{\"seed\":1}}" 'line 2: b: seed'
    "$WAITD" --profiles /nonexistent 2>"$BATS_TEST_TMPDIR/why" || rc=$?
    assert_eq "$rc" 2
    assert_match "$(<"$BATS_TEST_TMPDIR/why")" 'cannot read the profiles'
}

@test "a profile above --max-delay says so, and is refused" {
    own_server --max-delay 200ms
    get /profiles
    assert_json '.profiles[] | select(.name == "3g") | .unusable | test("above the limit")'
    get '/wait?profile=3g'
    assert_problem 400 invalid-parameter profile
    get '/wait?profile=lte&dry_run=true'
    assert_status 200
    own_server_stop
}

#!/usr/bin/env bats
# metrics.bats: GET /metrics, read by a strict parser of Prometheus' text format.

load helpers
load background

# scrape: the samples, summed over the workers, as one JSON object become the body.
scrape() {
    get /metrics || return
    assert_status 200 || return
    body=$(python3 "$HTTP_TESTS/metrics.py" <"$body_file")
}

# value NAME [LABELS]: of the last scrape; 0 where the series is not there.
value() {
    jq -r --arg key "$1{${2-}}" '.[$key] // 0' <<<"$body"
}

requests() {
    value waitd_requests_total "route=\"$1\",method=\"$2\",status=\"$3\""
}

@test "it is Prometheus' text format, and says so" {
    scrape
    grep -qi '^content-type: text/plain; version=0.0.4' "$headers_file"
    grep -q '^# TYPE waitd_lateness_seconds histogram$' "$body_file"
}

@test "requests are counted by route, method and status, problems by type" {
    local waits bad none

    scrape
    waits=$(requests /wait 'GET|POST' 200) bad=$(requests /wait 'GET|POST' 400)
    none=$(requests '' '' 404)
    get '/wait?delay=0'
    get '/wait?delay=0'
    get '/wait?delay=-1'
    get '/nowhere'
    scrape
    assert_eq "$(requests /wait 'GET|POST' 200)" "$((waits + 2))"
    assert_eq "$(requests /wait 'GET|POST' 400)" "$((bad + 1))"
    assert_eq "$(requests '' '' 404)" "$((none + 1))"
    (($(value waitd_problems_total 'type="invalid-parameter"') >= 1))
    (($(value waitd_problems_total 'type="not-found"') >= 1))
}

@test "a problem that is told in the middle of a body is counted, too" {
    local bad

    scrape
    bad=$(value waitd_problems_total 'type="bad-request"')
    {
        printf 'POST /wait HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
        sleep 0.3
        printf '2\n{}'
    } | nc -w 10 127.0.0.1 "$PORT" >"$BATS_TEST_TMPDIR/answer"
    grep -q '^HTTP/1.1 400 ' "$BATS_TEST_TMPDIR/answer"
    scrape
    assert_eq "$(value waitd_problems_total 'type="bad-request"')" "$((bad + 1))"
}

@test "the lateness of every wait that ended by itself is counted, of no other" {
    local count

    scrape
    count=$(value waitd_lateness_seconds_count)
    get '/wait_n?n=50&max_delay=0.05'
    get '/wait?delay=0.01'
    get '/wait?delay=60&timeout=0.05'
    scrape
    assert_eq "$(value waitd_lateness_seconds_count)" "$((count + 51))"
    assert_json '."waitd_lateness_seconds_sum{}" > 0'
}

@test "bytes that HEAD leaves out are not counted" {
    local bytes

    scrape
    bytes=$(value waitd_body_bytes_total)
    request /openapi.json -I
    request '/wait?delay=0&label=head' -I
    scrape
    (($(value waitd_body_bytes_total) < bytes + 100000)) # but those of the first page
    get '/tasks?label=head'
    assert_json '.tasks[0].bytes_sent == 0'
    server_reset
}

@test "what is held now, and what has been: waits, tasks, connections, bytes" {
    local bytes disconnects accepted waiter

    scrape
    bytes=$(value waitd_body_bytes_total) accepted=$(value waitd_accepted_total)
    disconnects=$(value waitd_disconnects_total)
    post /tasks '{"n":3,"delay":60,"limit":2,"group":"g"}'
    curl -sS -o "$BATS_TEST_TMPDIR/gone" "$URL/wait?delay=60" 3>&- &
    waiter=$!
    eventually count_is 1 'kind=wait'
    scrape
    assert_eq "$(value waitd_waits)" 4
    assert_eq "$(value waitd_tasks 'state="pending"')" 2
    assert_eq "$(value waitd_tasks 'state="queued"')" 1
    (($(value waitd_connections) >= 2))
    (($(value waitd_cells) >= 1))
    (($(value waitd_accepted_total) > accepted))
    (($(value waitd_body_bytes_total) > bytes + 500))
    kill "$waiter"
    eventually count_is 0 'kind=wait'
    server_reset
    scrape
    assert_eq "$(value waitd_waits)" 0
    assert_eq "$(value waitd_disconnects_total)" "$((disconnects + 1))"
}

@test "the objects of coordination, by kind" {
    local kind

    scrape
    for kind in event semaphore barrier latch queue; do
        assert_eq "$(value waitd_objects "kind=\"$kind\"")" 0
    done
    request /events/a -X PUT
    request /events/b -X PUT
    request /queues/a -d item
    scrape
    assert_eq "$(value waitd_objects 'kind="event"')" 2
    assert_eq "$(value waitd_objects 'kind="queue"')" 1
    server_reset
    scrape
    assert_eq "$(value waitd_objects 'kind="event"')" 0
}

@test "docs/api.md lists every metric that there is" {
    local name

    get /metrics
    while read -r name; do
        grep -qF "| \`$name\` |" "$HTTP_TESTS/../../docs/api.md"
    done < <(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$body_file")
}

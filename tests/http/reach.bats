#!/usr/bin/env bats
# reach.bats: who may reach the server: hosts, web pages, tokens. See reach.py.

load helpers
load background

reach() {
    python3 "$HTTP_TESTS/reach.py" "$PORT" "$@"
}

# token_file LINE...
token_file() {
    TOKENS=$BATS_TEST_TMPDIR/tokens
    printf '%s\n' "$@" >"$TOKENS"
    chmod 600 "$TOKENS"
}

# own_log PATTERN: how many lines of the own server's log match.
own_log() {
    grep -cE "$1" "$BATS_TEST_TMPDIR/own/log" || true
}

own_log_is() {
    [[ $(own_log "$1") == "$2" ]]
}

# ---- hosts and pages ----------------------------------------------------------------

@test "only a host and a page of the lists reach a handler: a matrix" {
    own_server --allow-host 'localhost,waitd.test:8080,*.lab.test,[::1]' \
        --cors-origin http://app.test:3000,https://app.test
    reach matrix
    reach forms_of_targets
    reach blanks_behind
    # No name leads to a socket, and who watches over the process needs none.
    "$WAITD" --port-file "$BATS_TEST_TMPDIR/own/port" --healthcheck
    curl -sS -H 'Host: localhost' "$URL/metrics" | grep -q 'type="misdirected"'
}

@test "without the flags every host is served, and a foreign page changes nothing" {
    reach every_host
    get '/wait?delay=0' -X POST -H 'Origin: http://evil.test'
    assert_problem 403 forbidden-origin
    assert_json '.detail | contains("http://evil.test") and contains("--cors-origin")'
}

@test "--allow-host: the refusal says what would help, and a unix socket has no name" {
    own_server --allow-host a.test --unix "$BATS_TEST_TMPDIR/s"
    get '/wait?delay=0'
    assert_problem 421 misdirected
    assert_json '.detail | contains("--allow-host 127.0.0.1:" + $port)' --arg port "$PORT"
    get '/wait?delay=0' -H 'Host: a.test'
    assert_status 200
    run -0 --separate-stderr curl -sS --unix-socket "$BATS_TEST_TMPDIR/s" 'http://x/wait?delay=0'
    assert_match "$output" '"delay":0'
    run -0 --separate-stderr curl -sS --unix-socket "$BATS_TEST_TMPDIR/s" -X POST \
        -H 'Origin: http://evil.test' 'http://x/wait?delay=0'
    assert_match "$output" forbidden-origin
}

@test "what is no list of hosts or origins: one line, exit code 2" {
    local bad

    for bad in , a,,b a,b, 'a b' '*' 'a*' http://a a/ ::1 '[::1' a:b a: :80 '*.' "$(printf 'x%.0s' {1..300})"; do
        refuses 2 '^waitd: --allow-host: ' --allow-host "$bad"
    done
    for bad in , a a:80 http://a/ http:// '://a' 'http://a b' http://a:b null 'http://a,' 'http://a?'; do
        refuses 2 '^waitd: --cors-origin: ' --cors-origin "$bad"
    done
    refuses 2 'one too many' --allow-host "$(seq -s, 1 65)"
}

@test "a body of a form's type starts nothing, anywhere" {
    reach media_types
}

# ---- CORS ---------------------------------------------------------------------------

@test "without --cors-origin no answer has a header of CORS" {
    send PUT /tasks/a '{"delay":0}'
    reach no_cors
}

@test "--cors-origin: answers, errors, streams and preflights name the page" {
    own_server --cors-origin http://app.test:3000,HTTPS://App.test
    send PUT /tasks/a '{"delay":0}'
    reach cors
}

@test "--cors-origin '*' is for every page" {
    own_server --cors-origin '*'
    send PUT /tasks/a '{"delay":0}'
    reach cors_for_all
}

# ---- tokens -------------------------------------------------------------------------

ONE=one-1111111111111111111111111111
TWO='two~+/+/+/+/+/+/+/+/=='
THREE=$(printf '3%.0s' {1..256})

@test "--token-file: one of its tokens, or 401" {
    token_file '# comment' '' "$ONE"$'\r' "  $TWO	" '   # another' "$THREE"
    own_server --token-file "$TOKENS" --unix "$BATS_TEST_TMPDIR/s" --access-log "$BATS_TEST_TMPDIR/access"
    reach tokens
    "$WAITD" --port-file "$BATS_TEST_TMPDIR/own/port" --healthcheck
    "$WAITD" --unix "$BATS_TEST_TMPDIR/s" --healthcheck
    run -22 curl -sSf --unix-socket "$BATS_TEST_TMPDIR/s" http://x/version
    get / --oauth2-bearer "$TWO"
    assert_json '.flags.token_file == $path' --arg path "$TOKENS"
    own_server_stop
    run ! grep -qF -e "$ONE" -e "$TWO" "$BATS_TEST_TMPDIR/access" "$BATS_TEST_TMPDIR/own/log" "$body_file"
    assert_eq "$(own_log ' warn ')" 0
}

@test "a wrong token file: one line that names file and line, exit code 2" {
    local bad

    for bad in short 0123456789abcde '0123456789abcdef x' '0123456789=abcdef' \
        '================' '"0123456789abcdef"' 'Bearer:0123456789abcdef' $'0123456789abcd\xc3\xa9' \
        "3$THREE"; do
        token_file "$ONE" '' "$bad"
        refuses 2 "^waitd: --token-file $TOKENS, line 3: " --token-file "$TOKENS"
        # shellcheck disable=SC2154 # set by run
        [[ $stderr != *"$bad"* ]]
    done
    printf '%s\n\0%s\n' "$ONE" "$TWO" >"$TOKENS"
    refuses 2 'line 2: ' --token-file "$TOKENS"
    token_file '# nothing' ''
    refuses 2 'holds no token$' --token-file "$TOKENS"
    seq -f 'a-token-of-many-%g' 101 >"$TOKENS"
    refuses 2 'line 101: more than 100 tokens$' --token-file "$TOKENS"
    head -c 70000 /dev/zero | tr '\0' '\n' >"$TOKENS"
    refuses 2 'longer than 64 KiB$' --token-file "$TOKENS"
    refuses 2 'No such file or directory$' --token-file /nonexistent/tokens
    refuses 2 'not a regular file$' --token-file /dev/null
    refuses 2 'not a regular file$' --token-file "$BATS_TEST_TMPDIR"
}

@test "SIGHUP under load: the new tokens hold, a wrong file changes nothing" {
    token_file "$ONE" "$TWO"
    own_server --token-file "$TOKENS"
    reach reload_under_load "$TOKENS" "$(own_server_pid)" "$BATS_TEST_TMPDIR/own/log"
}

@test "SIGHUP without a token file: a line in the log, and it goes on" {
    own_server
    hold_pending one '/wait?delay=3'
    kill -HUP "$(own_server_pid)"
    eventually own_log_is 'info "?nothing to read again"? signal=SIGHUP' 1
    answered one
    assert_status 200
    own_server_stop
}

# ---- the log ------------------------------------------------------------------------

@test "open to other machines without a token: one warning, else none" {
    token_file "$ONE"
    own_server --host 0.0.0.0 --log-format json
    get /healthz
    own_server_stop
    assert_eq "$(own_log '"level":"warn"')" 1
    assert_eq "$(jq -r 'select(.level == "warn") | .event' "$BATS_TEST_TMPDIR/own/log")" \
        'open to other machines'
    for host in 127.0.0.1 127.3.2.1 localhost; do
        own_server --host "$host"
        own_server_stop
        assert_eq "$(own_log ' warn ')" 0
    done
    own_server --host 0.0.0.0 --token-file "$TOKENS"
    own_server_stop
    assert_eq "$(own_log ' warn ')" 0
    chmod o+r "$TOKENS"
    own_server --token-file "$TOKENS"
    kill -HUP "$(own_server_pid)"
    eventually own_log_is 'tokens read again' 1
    own_server_stop
    assert_eq "$(own_log ' warn .*everybody.*chmod')" 2
}

@test "no string of a client makes a header or a log line of its own" {
    local format every

    while read -r format every; do
        own_server --log-format "$format" --log-level debug --header-timeout 1 \
            --access-log "$BATS_TEST_TMPDIR/access-$format"
        python3 "$HTTP_TESTS/junk.py" "$PORT" "$every" >"$BATS_TEST_TMPDIR/asked"
        own_server_stop
        python3 "$HTTP_TESTS/junk.py" logs "$format" "$(<"$BATS_TEST_TMPDIR/asked")" \
            "$BATS_TEST_TMPDIR/own/log" "$BATS_TEST_TMPDIR/access-$format"
    done <<<$'json 1\ntext 7'
}

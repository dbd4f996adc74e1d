#!/usr/bin/env bats
# sandbox.bats: what the systemd unit and the container allow is enough, and is little. The
# program lives a whole life under their lists of system calls, without systemd and without
# a container; tests/docker/run.sh does the latter.

load ../http/helpers
load ../http/background

PROJECT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
UNIT=${WAITD_UNIT:?the unit file}
PROFILE=$PROJECT/docker/seccomp.json

setup_file() {
    :
}

teardown_file() {
    :
}

# ---- a life -------------------------------------------------------------------------

# under NAMES: from now on servers start where only these system calls are allowed, and
# what the sanitizers of a development build need beyond.
under() {
    local names=$BATS_TEST_TMPDIR/names program=$WAITD

    cp "$1" "$names"
    if nm "$program" 2>/dev/null | grep -q __asan_init; then
        printf '%s\n' open sigaltstack readlink getpid gettid ptrace process_vm_readv \
            kill clone wait4 prctl sched_yield pipe pipe2 >>"$names"
        export ASAN_OPTIONS=detect_leaks=0
    fi
    WAITD=$BATS_TEST_TMPDIR/waitd
    printf '#!/bin/sh\nexec python3 %q %q %q "$@"\n' "$BATS_TEST_DIRNAME/seccomp.py" "$names" \
        "$program" >"$WAITD"
    chmod +x "$WAITD"
}

# life: all that a server does from its start to its end.
life() {
    local tokens=$BATS_TEST_TMPDIR/tokens auth=(--oauth2-bearer a-token-of-twenty-bytes)

    echo a-token-of-twenty-bytes >"$tokens"
    chmod 600 "$tokens"
    own_server --host localhost --unix "$BATS_TEST_TMPDIR/s" --token-file "$tokens" --workers 2 \
        --access-log "$BATS_TEST_TMPDIR/access" --max-connections 100
    get '/wait?delay=0.01' "${auth[@]}"
    assert_status 200
    get '/wait_n?n=200&max_delay=0.2&format=ndjson' "${auth[@]}"
    assert_eq "$(grep -c '"rank"' "$body_file")" 200
    run -56 curl -sS "${auth[@]}" "$URL/wait?delay=0&abort=reset"
    run -18 curl -sS "${auth[@]}" -o "$BATS_TEST_TMPDIR/half" "$URL/wait?delay=0&abort=mid_body&size=100"
    run -28 curl -sS "${auth[@]}" -m 0.2 "$URL/wait?delay=60"
    for name in {1..8}; do
        send PUT "/tasks/t$name" '{"delay":0.1}' "${auth[@]}"
        get "/tasks/t$name/result" "${auth[@]}"
        assert_status 200
    done
    get /metrics "${auth[@]}" --unix-socket "$BATS_TEST_TMPDIR/s"
    assert_status 200
    kill -HUP "$(own_server_pid)"
    eventually grep -q 'tokens read again' "$BATS_TEST_TMPDIR/own/log"
    "$WAITD" --port-file "$BATS_TEST_TMPDIR/own/port" --healthcheck
    hold_asked last '/wait?delay=0.5' "${auth[@]}"
    own_server_stop
    answered last
    assert_status 200
    run ! grep -q ' error ' "$BATS_TEST_TMPDIR/own/log"
    [[ ! -e $BATS_TEST_TMPDIR/s ]]
}

# ---- systemd ------------------------------------------------------------------------

@test "systemd: the unit is well-formed, and its exposure is at most 1.5" {
    local unit=$BATS_TEST_TMPDIR/waitd.service

    needs systemd-analyze systemd
    run -0 systemd-analyze security --no-pager --offline=true --threshold=15 "$UNIT"
    assert_match "$output" 'exposure level for waitd.service: (0|1)\.[0-9]'
    # The program and its manual need not be installed for that.
    sed "s,^ExecStart=.*,ExecStart=$WAITD,; /^Documentation=/d" "$UNIT" >"$unit"
    run -0 systemd-analyze verify "$unit"
    assert_eq "$output" ''
    run -1 systemd-analyze security --no-pager --offline=true --threshold=10 "$UNIT"
}

# filter_of UNIT: the names that its lines SystemCallFilter= leave, in their order.
filter_of() {
    systemd-analyze --no-pager syscall-filter >"$BATS_TEST_TMPDIR/groups"
    python3 "$BATS_TEST_DIRNAME/filter.py" "$BATS_TEST_TMPDIR/groups" "$1"
}

@test "systemd: its system calls are enough for a whole life" {
    needs systemd-analyze systemd
    filter_of "$UNIT" >"$BATS_TEST_TMPDIR/filter"
    run ! grep -qxE 'mount|setuid|reboot|ptrace|bpf' "$BATS_TEST_TMPDIR/filter"
    under "$BATS_TEST_TMPDIR/filter"
    life
}

# ---- the container ------------------------------------------------------------------

@test "seccomp: the profile's system calls are enough for a whole life" {
    jq -r '.syscalls[] | select(.action == "SCMP_ACT_ALLOW") | .names[]' "$PROFILE" \
        >"$BATS_TEST_TMPDIR/filter"
    # Without it a client that vanished is noticed by nobody, and nothing is said.
    grep -qx getsockopt "$BATS_TEST_TMPDIR/filter"
    under "$BATS_TEST_TMPDIR/filter"
    life
}

@test "seccomp: compose.yaml confines as the tests do, by the profile beside it" {
    local compose=$PROJECT/docker/compose.yaml option

    for option in 'read_only: true' 'cap_drop: \[ALL\]' 'no-new-privileges:true' 'pids_limit: '; do
        grep -q "^    .*$option" "$compose" || fail "compose.yaml lacks $option"
    done
    [[ -f $PROJECT/docker/$(sed -nE 's/.*"seccomp=([^"]*)".*/\1/p' "$compose") ]]
}

@test "seccomp: the profile denies what it does not name, and names nothing twice" {
    assert_eq "$(jq -r .defaultAction "$PROFILE")" SCMP_ACT_ERRNO
    assert_eq "$(jq -c '[.syscalls[].action] | unique' "$PROFILE")" '["SCMP_ACT_ALLOW"]'
    assert_eq "$(jq -c '[.syscalls[].names[]] | sort == unique' "$PROFILE")" true
    jq -r '.syscalls[].names[] | select(. != "accept4")' "$PROFILE" >"$BATS_TEST_TMPDIR/filter"
    under "$BATS_TEST_TMPDIR/filter"
    own_server
    # It listens, and can accept nobody: so the list is what counts.
    run -28 curl -sS -m 1 "$URL/healthz"
    own_server_stop
}

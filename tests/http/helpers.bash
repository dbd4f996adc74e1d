# shellcheck shell=bash
# shellcheck disable=SC2016  # what stands in single quotes is for jq
# helpers.bash: every file of tests here loads it. It starts one waitd a file, on a free
# port, and at the end stops it with SIGTERM while a wait is pending: that the waiting
# client is told, that the exit code is 0 and that no sanitizer has complained is part of
# every file.
#
#   SERVER_FLAGS   array; set before the tests: flags for this file's server
#   URL PORT       of that server, in every test
#   status_code body body_file headers_file   of the last request

bats_require_minimum_version 1.5.0

WAITD=${WAITD:?the program to test}
[[ -x $WAITD ]] || {
    echo "WAITD=$WAITD is no program" >&2
    exit 1
}
HTTP_TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export WAITD HTTP_TESTS
export no_proxy='*' PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
export UBSAN_OPTIONS=print_stacktrace=1

fail() {
    printf '%s\n' "$*" >&2
    return 1
}

# eventually COMMAND...: until it succeeds, at most 10 s.
eventually() {
    local end=$((SECONDS + 10))

    until "$@"; do
        ((SECONDS < end)) || fail "never: $*" || return
        sleep 0.02
    done
}

# missing PACKAGE: what the test needs is not here: the test is skipped and says so, or
# fails where WAITD_CLIENTS=required.
missing() {
    local reason="$1 is missing; script/bootstrap --clients installs it"

    [[ ${WAITD_CLIENTS-} != required ]] || fail "$reason" || return
    skip "$reason"
}

# needs COMMAND [PACKAGE]: whose name is the command's where none is given.
needs() {
    command -v "$1" >/dev/null || missing "${2-$1}"
}

# A port on which nobody listens, and that no client is given.
free_port() {
    python3 - <<'PYTHON'
import random
import socket

while True:
    port = random.randrange(20000, 32000)
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
PYTHON
}

# ---- the server ---------------------------------------------------------------------

# server_start DIRECTORY FLAG...: starts a waitd whose files (port, pid, rc, log) are
# there, and sets URL and PORT.
server_start() {
    local dir=$1
    shift
    rm -f "$dir"/{port,pid,rc,log}
    # bats waits for whoever holds its descriptor 3.
    (
        "$WAITD" --port 0 --port-file "$dir/port" "$@" >"$dir/log" 2>&1 &
        echo "$!" >"$dir/pid"
        rc=0
        wait "$!" || rc=$?
        echo "$rc" >"$dir/rc.new" && mv "$dir/rc.new" "$dir/rc"
    ) 3>&- &
    eventually server_began "$dir" || return
    [[ ! -e $dir/rc ]] || fail "waitd has not started: $(cat "$dir/log")" || return
    PORT=$(<"$dir/port")
    URL=http://127.0.0.1:$PORT
    export PORT URL
}

server_began() {
    [[ -s $1/port || -e $1/rc ]]
}

server_pid() {
    cat "${1:-$BATS_FILE_TMPDIR}/pid"
}

# server_ended DIRECTORY: waits for its end; it must be well.
server_ended() {
    local dir=$1

    if ! eventually test -e "$dir/rc"; then
        kill -KILL "$(server_pid "$dir")"
        return 1
    fi
    if [[ $(<"$dir/rc") != 0 ]] || grep -qE 'Sanitizer|runtime error' "$dir/log"; then
        fail "waitd's exit code is $(<"$dir/rc"): $(cat "$dir/log")"
    fi
}

server_stop() {
    kill -TERM "$(server_pid "$1")" && server_ended "$1"
}

is_waiting() {
    [[ $(curl -sg "$URL/tasks?label=$1&state=pending" | jq .total) == 1 ]]
}

setup_file() {
    server_start "$BATS_FILE_TMPDIR" --drain 0.2 ${SERVER_FLAGS[@]+"${SERVER_FLAGS[@]}"}
}

teardown_file() {
    local answer=$BATS_FILE_TMPDIR/pending client

    curl -s --max-time 90 -o /dev/null -w '%{http_code}' \
        "$URL/wait?delay=60&label=pending-at-the-end" >"$answer" 3>&- &
    client=$!
    if ! eventually is_waiting pending-at-the-end; then
        kill -KILL "$(server_pid)" || true
        fail "$(cat "$BATS_FILE_TMPDIR/log")" || return
    fi
    server_stop "$BATS_FILE_TMPDIR" || return
    wait "$client" || return
    [[ $(<"$answer") == 503 ]] || fail "the pending wait got $(<"$answer"), not 503"
}

# refuses STATUS PATTERN FLAG...: a waitd with these flags ends so, with one line on stderr
# that matches.
refuses() {
    local status_wanted=$1 pattern=$2

    shift 2
    run "-$status_wanted" --separate-stderr timeout -k 1 30 "$WAITD" "$@"
    # shellcheck disable=SC2154 # set by run, as the next ones
    assert_eq "$output" '' || return
    # shellcheck disable=SC2154
    assert_eq "${#stderr_lines[@]}" 1 "$stderr" || return
    assert_match "$stderr" '^waitd: ' || return
    assert_match "$stderr" "$pattern"
}

# ---- requests -----------------------------------------------------------------------

# request PATH [curl's arguments]: sets status_code, body and the files.
request() {
    local path=$1
    shift
    body_file=$BATS_TEST_TMPDIR/body headers_file=$BATS_TEST_TMPDIR/headers
    : >"$body_file"
    status_code=$(curl -sSg --max-time 60 -o "$body_file" -D "$headers_file" \
        -w '%{http_code}' "$@" "$URL$path") || fail "curl: exit $? for $path" || return
    body=$(tr -d '\0' <"$body_file")
}

get() {
    request "$@"
}

# post PATH [JSON [curl's arguments]]; without JSON: no body, no type.
post() {
    send POST "$@"
}

# send METHOD PATH [JSON [curl's arguments]]
send() {
    local method=$1 path=$2 json=${3-}

    shift $(($# < 3 ? $# : 3))
    if [[ -n $json ]]; then
        request "$path" -X "$method" --json "$json" "$@"
    else
        request "$path" -X "$method" "$@"
    fi
}

# header NAME: its value in the last answer, empty where there is none.
header() {
    sed -n "s/^$1: *//Ip" "$headers_file" | tr -d '\r'
}

# server_timing: the wait's milliseconds in Server-Timing of the last answer.
server_timing() {
    header Server-Timing | sed -n 's/^wait;dur=//p'
}

# server_reset: everything that earlier tests have left goes.
server_reset() {
    curl -sSf -o "$BATS_TEST_TMPDIR/reset" -X POST "$URL/reset"
}

# ---- what must hold -----------------------------------------------------------------

assert_eq() {
    [[ $1 == "$2" ]] || fail "got      $1"$'\n'"expected $2${3:+ ($3)}"
}

assert_match() {
    [[ $1 =~ $2 ]] || fail "got             $1"$'\n'"does not match $2"
}

assert_status() {
    [[ $status_code == "$1" ]] || fail "status $status_code, expected $1: $body"
}

# assert_json FILTER [jq's arguments]: the body is JSON of which the filter is true.
assert_json() {
    local filter=$1
    shift
    jq -e "$@" "$filter" <<<"$body" >"$BATS_TEST_TMPDIR/jq" 2>&1 ||
        fail "not so: $filter"$'\n'"body: $body"
}

# assert_problem STATUS SLUG [PARAM]: the last answer is that problem.
assert_problem() {
    assert_status "$1" || return
    assert_eq "$(header Content-Type)" application/problem+json || return
    assert_json '.type == "/problems/" + $slug and .status == ($status | tonumber)
        and (.title | length > 0) and (.detail | length > 0)' \
        --arg slug "$2" --arg status "$1" || return
    [[ $# -lt 3 ]] || assert_json '.param == $param' --arg param "$3"
}

# shellcheck shell=bash
# background.bash: requests that are held while a test does something else, and servers
# of a test's own.

# hold NAME PATH [curl's arguments]: asks in the background.
hold() {
    local path=$2 held=$BATS_TEST_TMPDIR/held-$1

    shift 2
    : >"$held.body"
    curl -sSgN --max-time 60 -o "$held.body" -D "$held.headers" -w '%{http_code}' "$@" \
        "$URL$path" >"$held.status" 2>"$held.error" 3>&- &
    echo "$!" >"$held.pid"
}

# hold_pending NAME PATH [curl's arguments]: and the server has it.
hold_pending() {
    local before

    before=$(count state=pending,queued)
    hold "$@" && eventually more_than "$before"
}

more_than() {
    (($(count state=pending,queued) > $1))
}

# leave NAME: its client closes the connection.
leave() {
    local pid

    pid=$(<"$BATS_TEST_TMPDIR/held-$1.pid")
    kill -KILL "$pid" 2>/dev/null || true # it may have been answered
    wait "$pid" 2>/dev/null || true
}

# answered NAME: waits for its answer and sets what `request` sets.
answered() {
    local held=$BATS_TEST_TMPDIR/held-$1 rc=0

    wait "$(<"$held.pid")" || rc=$?
    [[ $rc == 0 ]] || fail "curl for $1: exit $rc, $(<"$held.error")" || return
    status_code=$(<"$held.status") body=$(<"$held.body")
    body_file=$held.body headers_file=$held.headers
    export status_code body body_file headers_file
}

# still_held NAME: it has not been answered.
still_held() {
    kill -0 "$(<"$BATS_TEST_TMPDIR/held-$1.pid")" 2>/dev/null ||
        fail "$1 is answered: $(<"$BATS_TEST_TMPDIR/held-$1.body")"
}

# has_sent NAME TEXT: so much of its answer has come.
has_sent() {
    grep -qF -- "$2" "$BATS_TEST_TMPDIR/held-$1.body"
}

has_not_sent() {
    ! has_sent "$@" || fail "$1 has sent $2 already"
}

# waitd_id NAME: the id that its request was given.
waitd_id() {
    sed -n 's/^Waitd-Id: *//Ip' "$BATS_TEST_TMPDIR/held-$1.headers" | tr -d '\r'
}

has_id() {
    [[ -n $(waitd_id "$1") ]]
}

# connections [PID]: how many clients the server has: its sockets but those it listens on.
connections() {
    local listening

    listening=$(
        awk '$4 == "0A" { print "socket:[" $10 "]" }' /proc/net/tcp /proc/net/tcp6
        awk '$4 == "00010000" { print "socket:[" $7 "]" }' /proc/net/unix
    )
    find "/proc/${1:-$(server_pid)}/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null |
        grep -Fxvc "$listening" || true
}

connections_are() {
    [[ $(connections "${2-}") == "$1" ]]
}

# descriptors [PID]: all that the server has open.
descriptors() {
    find "/proc/${1:-$(server_pid)}/fd" -type l 2>/dev/null | wc -l
}

# hold_asked NAME PATH [curl's arguments]: and the server has read it: for what is in no
# list while it waits.
hold_asked() {
    hold "$@" -v
    eventually has_asked "$1"
}

has_asked() {
    grep -q '^> ' "$BATS_TEST_TMPDIR/held-$1.error" && ! bytes_are_unread
}

# A connection of the server's has bytes that it has not taken, or is not accepted.
bytes_are_unread() {
    awk -v port="$(printf ':%04X' "$PORT")" '
        index($2, port) && $5 !~ /:00000000$/ { n++ }
        END { exit !n }' /proc/net/tcp
}

# hold_awaiters ID: two clients, `result` and `poll`, await its end.
hold_awaiters() {
    hold_asked result "/tasks/$1/result"
    hold_asked poll "/tasks/$1?wait=50"
}

# make_task JSON: sets id.
make_task() {
    post /tasks "$1" || return
    assert_status 201 || return
    id=$(jq -r .id <<<"$body")
    export id
}

# until_closed BYTES: sends them, as printf takes them, on a connection of their own; sets
# `output` and `lines` to what comes until the server closes it.
until_closed() {
    local fd

    exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
    # shellcheck disable=SC2059
    printf "$1" >&"$fd"
    run -0 timeout 30 cat <&"$fd"
    exec {fd}>&-
}

# in_flight QUERY: waits for the one that the query finds; sets id.
in_flight() {
    eventually count_is 1 "$1" || return
    id=$(curl -sSg "$URL/tasks?$1" | jq -r '.tasks[0].id')
    export id
}

# task ID [FILTER]: the task's JSON, or what the filter makes of it.
task() {
    curl -sSg "$URL/tasks/$1" | jq -c "${2:-.}"
}

# count QUERY: the total of a list.
count() {
    curl -sSg "$URL/tasks?$1" | jq .total
}

count_is() {
    [[ $(count "$2") == "$1" ]]
}

# waiting_at OBJECT N: so many wait there: waiting_at queues/jobs 2.
waiting_at() {
    [[ $(curl -sSg "$URL/$1" | jq .waiting) == "$2" ]]
}

# at_least A B: as numbers, exactly.
at_least() {
    python3 -c 'import sys; sys.exit(not float(sys.argv[1]) >= float(sys.argv[2]))' \
        "$1" "$2" || fail "$1 is below $2"
}

# uniform SEED N MIN MAX: what CPython draws, one a line.
uniform() {
    python3 - "$@" <<'PYTHON'
import random
import sys

seed, n, low, high = sys.argv[1:]
random.seed(int(seed))
for _ in range(int(n)):
    print(random.uniform(float(low), float(high)))
PYTHON
}

# own_server FLAG...: a waitd of this test's own; own_server_stop ends it.
own_server() {
    mkdir -p "$BATS_TEST_TMPDIR/own"
    server_start "$BATS_TEST_TMPDIR/own" "$@"
}

# own_manual_server FLAG...: the same, on whose clock time goes by `advance` alone; so it
# has one worker.
own_manual_server() {
    own_server --clock manual --workers 1 "$@"
}

# advance SECONDS: lets time pass there; sets `fired`. What was due has been answered.
advance() {
    local answer

    answer=$(curl -sSg --max-time 60 --json "{\"by\":$1}" "$URL/clock/advance") || return
    fired=$(jq -e .fired <<<"$answer") || fail "advance $1: $answer" || return
    export fired
}

# A server that a test has not stopped is stopped, and what it says then counts.
teardown() {
    [[ ! -e $BATS_TEST_TMPDIR/own/pid || -e $BATS_TEST_TMPDIR/own/rc ]] || own_server_stop
}

own_server_stop() {
    server_stop "$BATS_TEST_TMPDIR/own"
}

own_server_pid() {
    server_pid "$BATS_TEST_TMPDIR/own"
}

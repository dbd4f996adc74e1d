#!/usr/bin/env bats
# operation.bats: flags, environment, port file, unix socket, health check, logs and exit
# codes of the program itself.

load helpers
load background

NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups)

setup() {
    own=$BATS_TEST_TMPDIR/own
}

# flags_of [FILTER]: the flags in force that / shows, or what the filter makes of them.
flags_of() {
    curl -sS "$URL/" | jq -c ".flags${1:-}"
}

# ---- flags --------------------------------------------------------------------------

@test "--version tells name and version" {
    run -0 --separate-stderr "$WAITD" --version
    assert_match "$output" '^waitd [0-9]+\.[0-9]+\.[0-9]+$'
    get /version
    assert_json '.name == "waitd" and "waitd " + .version == $version
        and (.libmicrohttpd | test("^[0-9]"))' --arg version "$output"
}

@test "--help lists every flag that / shows, and those that only print" {
    local flag

    run -0 --separate-stderr "$WAITD" --help
    assert_eq "$stderr" ''
    while read -r flag; do
        grep -qE -- "^  --${flag//_/-} +[^ ]" <<<"$output" || fail "--help lacks $flag"
    done < <(curl -sS "$URL/" | jq -r '.flags | keys[]')
    for flag in help version healthcheck host port port-file unix workers max-delay max-n \
        max-tasks max-waits max-connections max-connections-per-address max-memory max-body \
        connection-memory header-timeout idle-timeout stall-timeout retention drain access-log \
        log-format log-level seed allow-host cors-origin token-file; do
        grep -qE -- "^  --$flag +[^ ]" <<<"$output" || fail "--help lacks $flag"
    done
}

@test "/ shows the endpoints, and the flags in force: their defaults" {
    get /
    assert_status 200
    assert_json '.name == "waitd" and .openapi == "/openapi.json"
        and ([.endpoints[].path] | contains(["/wait", "/wait_n", "/measure", "/tasks",
            "/tasks/{id}", "/tasks/{id}/result", "/tasks/{id}/cancel", "/reset", "/healthz",
            "/readyz", "/version", "/openapi.json"]))
        and (.endpoints | all((.methods | length > 0) and (.text | length > 0)))'
    assert_json '.flags | .host == "127.0.0.1" and .max_delay == 300 and .max_n == 100000
        and .max_tasks == 100000 and .max_waits == 2000000 and .max_body == 65536
        and .connection_memory == 4096 and .header_timeout == 10 and .idle_timeout == 75
        and .stall_timeout == 30 and .retention == 60 and .drain == 0.2 and .access_log == null
        and .log_format == "text"
        and .log_level == "info" and .seed == null and .unix == null
        and .max_connections > 0 and .max_connections_per_address == 0
        and .max_memory == 0 and .workers == ($workers | tonumber)' \
        --arg workers "${WAITD_WORKERS:-$(nproc)}"
}

@test "every flag takes a good value, and / shows it in force" {
    own_server --host 127.1 --unix "$BATS_TEST_TMPDIR/s" --max-delay 2m --max-n=7 \
        --max-tasks 8 --max-waits=9 --max-connections 10 --max-connections-per-address 13 \
        --max-memory 1GiB --max-body 1MiB \
        --connection-memory 8KiB --header-timeout 5 --idle-timeout 1500ms --stall-timeout 2s --retention 0 \
        --idle-ttl 2h --max-objects 12 --max-object-bytes 2KiB \
        --profiles "$BATS_TEST_DIRNAME/profiles.json" --allow-host 127.0.0.1,a.test \
        --cors-origin http://a.test \
        --drain 0 --access-log "$BATS_TEST_TMPDIR/a" --log-format json --log-level warn --seed 11 --workers 3 \
        --clock real --time-scale 0.5
    assert_eq "$(flags_of ' | del(.port, .port_file)')" '{"host":"127.1","unix":"'"$BATS_TEST_TMPDIR/s"'","workers":3,"max_delay":120,"max_n":7,"max_tasks":8,"max_waits":9,"max_connections":10,"max_connections_per_address":13,"max_memory":1073741824,"max_body":1048576,"connection_memory":8192,"header_timeout":5,"idle_timeout":1.5,"stall_timeout":2,"retention":0,"idle_ttl":7200,"max_objects":12,"max_object_bytes":2048,"drain":0,"allow_host":"127.0.0.1,a.test","cors_origin":"http://a.test","token_file":null,"profiles":"'"$BATS_TEST_DIRNAME/profiles.json"'","access_log":"'"$BATS_TEST_TMPDIR/a"'","log_format":"json","log_level":"warn","seed":11,"clock":"real","time_scale":0.5}'
    assert_eq "$(flags_of .port_file)" "\"$own/port\""
}

@test "a bad value of any flag: one line that names flag and value, exit code 2" {
    local flag bad

    while read -r flag bad; do
        refuses 2 "^waitd: $flag=${bad//./\\.} " "$flag" "$bad"
        refuses 2 "^waitd: $flag=${bad//./\\.} " "$flag=$bad"
    done <<'BAD'
--port eighty
--port 65536
--port -1
--max-delay soon
--max-delay 0
--max-delay 5ms
--max-delay 9.999ms
--max-delay 31d
--max-delay 1e9
--max-n 1.5
--max-n 0
--workers 0
--workers 65
--workers two
--max-n -1
--max-n 10000001
--max-tasks 0
--max-tasks many
--max-waits 0
--max-waits 0x10
--max-connections 0
--max-connections all
--max-connections-per-address -1
--max-connections-per-address none
--max-memory 0
--max-memory 1KiB
--max-memory half
--max-body 64KB
--max-body 1
--connection-memory 1
--connection-memory 1GiB
--header-timeout 0
--header-timeout never
--idle-timeout 0
--idle-timeout 1week
--stall-timeout 10ms
--retention -1
--retention NaN
--drain 2h
--drain now
--log-format xml
--log-level loud
--seed 1.5
--seed 9223372036854775808
BAD
}

@test "any number at the edge is taken, and served with, or is a usage error" {
    local flag value

    while read -r flag; do
        for value in 0 1e-300 1us 10ms 1 9223372036854775807 9223372036854775808 1e308; do
            run timeout -k 1 30 "$WAITD" "$flag" "$value" --version
            [[ $status == [02] && ${#lines[@]} == 1 ]] || fail "$flag $value: exit $status, $output"
            [[ $status == 0 && $value == 0 && $flag != --port ]] || continue # it has one
            own_server "$flag" 0
            get '/wait?delay=0'
            assert_status 200
            own_server_stop
        done
    done < <(curl -sS "$URL/" | jq -r '.flags | to_entries[]
        | select(.key == "seed" or (.value | type == "number")) | "--" + .key' | tr _ -)
    own_server --max-delay 10ms --max-n 1
    get /wait_n?n=1
    assert_status 200
    own_server_stop
}

@test "what is wrong comes with what would be right" {
    refuses 2 'text, json$' --log-format xml
    refuses 2 'debug, info, warn, error$' --log-level loud
    refuses 2 'none' --port eighty
    refuses 2 'limit of 65535' --port 65536
    refuses 2 'limit of 3600 s' --drain 2h
    refuses 2 'limit of 256 bytes' --max-body 1
}

@test "an unknown flag: one line, with the nearest that there is" {
    refuses 2 '^waitd: --prot is not a flag; did you mean --port$' --prot 80
    refuses 2 '^waitd: --max-dealy is not a flag; did you mean --max-delay$' --max-dealy=3
    refuses 2 '^waitd: --healthcheck-now is not a flag' --healthcheck-now
    refuses 2 '^waitd: --zzzzzzzz is not a flag; see --help$' --zzzzzzzz
    refuses 2 '^waitd: serve is not a flag' serve
    refuses 2 '^waitd: -p is not a flag' -p 80
    refuses 2 'is not a flag' $'--bad\nline\e[31m'
}

@test "a missing, empty or repeated value: one line, exit code 2" {
    refuses 2 '^waitd: --port needs a value' --port
    refuses 2 '^waitd: --log-format needs a value' --port 0 --log-format
    refuses 2 '^waitd: --port is empty' --port=
    refuses 2 '^waitd: --host is empty' --host ''
    refuses 2 '^waitd: --port was given twice' --port 80 --port 81
}

@test "an action beside a bad flag does not hide it" {
    refuses 2 '^waitd: --bad is not a flag' --help --bad
    refuses 2 '^waitd: --port=x ' --version --port x
}

# ---- environment --------------------------------------------------------------------

@test "each flag is a variable, too" {
    WAITD_MAX_DELAY=2m WAITD_MAX_N=7 WAITD_LOG_FORMAT=json WAITD_RETENTION=500ms \
        own_server
    assert_eq "$(flags_of ' | [.max_delay, .max_n, .log_format, .retention]')" '[120,7,"json",0.5]'
}

@test "the flag wins over the variable" {
    WAITD_MAX_N=7 WAITD_PORT=1 WAITD_LOG_LEVEL=nonsense own_server --max-n 9 --log-level info
    assert_eq "$(flags_of .max_n)" 9
}

@test "a bad variable: one line that names it, exit code 2" {
    WAITD_PORT=x refuses 2 '^waitd: WAITD_PORT=x '
    WAITD_MAX_DELAY=soon refuses 2 '^waitd: WAITD_MAX_DELAY=soon '
    WAITD_LOG_FORMAT=xml refuses 2 '^waitd: WAITD_LOG_FORMAT=xml .*text, json$'
    WAITD_MAX_N='' refuses 2 '^waitd: WAITD_MAX_N is empty'
    WAITD_DRAIN=2h refuses 2 '^waitd: WAITD_DRAIN=2h .*limit of 3600 s'
}

@test "variables that it does not know are ignored" {
    WAITD_PROT=80 WAITD_=x WAITD_MAX_DELAY_=3 WAITD_VERSION=9 own_server
    get /healthz
    assert_status 200
}

# ---- listening ----------------------------------------------------------------------

@test "a port in use: one line, exit code 1; a second waitd is no exception" {
    refuses 1 "^waitd: cannot listen on 127\.0\.0\.1 port $PORT: Address already in use$" \
        --port "$PORT"
    get /healthz
    assert_status 200
}

@test "a host that does not resolve, or is not of this machine: one line, exit code 1" {
    refuses 1 '^waitd: cannot listen on host no\.such\.host\.invalid: ' \
        --host no.such.host.invalid --port 0
    refuses 1 '^waitd: cannot listen on 192\.0\.2\.1 port 0: Cannot assign requested address$' \
        --host 192.0.2.1 --port 0
}

@test "a budget of memory that the program itself uses up: one line, exit code 1" {
    refuses 1 '^waitd: --max-memory 1048576 is used up ' --port 0 --max-memory 1MiB
}

@test "no permission: one line, exit code 1" {
    local dir=$BATS_TEST_TMPDIR/closed copy=$BATS_FILE_TMPDIR/bin

    mkdir -p "$dir" "$copy"
    # the build directory may be closed to others
    cp "$WAITD" "$copy/waitd"
    chmod 755 "$copy"
    chmod 555 "$dir"
    if ((EUID == 0)); then
        # bats's own directories are closed to others, too
        copy=$(mktemp -d /tmp/waitd-XXXXXX)
        cp "$WAITD" "$copy/waitd"
        mkdir "$copy/closed"
        chmod 755 "$copy" "$copy/closed"
        dir=$copy/closed
        printf '#!/bin/sh\nexec %s %s "$@"\n' "${NOBODY[*]}" "$copy/waitd" >"$copy/as-nobody"
        chmod 755 "$copy/as-nobody"
        WAITD=$copy/as-nobody refuses 1 \
            "^waitd: cannot listen on $dir/s: Permission denied$" --port 0 --unix "$dir/s"
        WAITD=$copy/as-nobody refuses 1 \
            "^waitd: cannot write the port file $dir/p: Permission denied$" --port 0 \
            --port-file "$dir/p"
        rm -r "$copy"
        return
    fi
    refuses 1 "^waitd: cannot listen on $dir/s: Permission denied$" --port 0 --unix "$dir/s"
    refuses 1 "^waitd: cannot write the port file $dir/p: Permission denied$" --port 0 \
        --port-file "$dir/p"
}

@test "a unix path that cannot be: one line, exit code 1" {
    refuses 1 '^waitd: cannot listen on /nonexistent/s: No such file or directory$' \
        --port none --unix /nonexistent/s
    refuses 1 'longer than 107 bytes$' --port none --unix "/tmp/$(printf 'x%.0s' {1..120})"
    echo kept >"$BATS_TEST_TMPDIR/file"
    refuses 1 'Address already in use$' --port none --unix "$BATS_TEST_TMPDIR/file"
    assert_eq "$(<"$BATS_TEST_TMPDIR/file")" kept
}

@test "a port file that cannot be written: one line, exit code 1" {
    refuses 1 '^waitd: cannot write the port file /nonexistent/port: No such file or directory$' \
        --port 0 --port-file /nonexistent/port
    mkdir "$BATS_TEST_TMPDIR/taken"
    refuses 1 '^waitd: cannot write the port file .*/taken: Is a directory$' \
        --port 0 --port-file "$BATS_TEST_TMPDIR/taken"
    assert_eq "$(find "$BATS_TEST_TMPDIR" -name 'taken*' | wc -l)" 1 # nothing is left beside it
}

@test "the port file holds the port and a newline, once it listens" {
    own_server
    assert_eq "$(od -An -c "$own/port" | tr -d ' \n')" "$PORT\\n"
    assert_eq "$(flags_of .port)" 0
    curl -sSf -o "$BATS_TEST_TMPDIR/health" "http://127.0.0.1:$PORT/healthz"
}

@test "--port none needs --unix" {
    refuses 2 '^waitd: --port none needs --unix' --port none
}

# ---- the unix socket ----------------------------------------------------------------

# A server without TCP, at $own/s.
unix_server() {
    mkdir -p "$own"
    rm -f "$own/rc"
    (
        "$WAITD" --port none --unix "$own/s" >"$own/log" 2>&1 &
        echo "$!" >"$own/pid"
        rc=0
        wait "$!" || rc=$?
        echo "$rc" >"$own/rc.new" && mv "$own/rc.new" "$own/rc"
    ) 3>&- &
    eventually curl -s -o "$BATS_TEST_TMPDIR/health" --unix-socket "$own/s" http://x/healthz
}

@test "--port none --unix: curl --unix-socket, no TCP, the socket is removed at the end" {
    unix_server
    run -0 --separate-stderr curl -sS --unix-socket "$own/s" 'http://x/wait?delay=0.05'
    assert_eq "$(jq '.elapsed >= 0.05' <<<"$output")" true
    run -0 --separate-stderr curl -sS --unix-socket "$own/s" http://x/
    assert_eq "$(jq -c '.flags | [.port, .unix]' <<<"$output")" "[\"none\",\"$own/s\"]"
    assert_eq "$(connections "$(own_server_pid)")" 0
    own_server_stop
    [[ ! -e $own/s ]]
}

@test "--unix beside TCP: both answer of the same tasks" {
    own_server --unix "$BATS_TEST_TMPDIR/s"
    curl -sSf -o "$BATS_TEST_TMPDIR/made" --unix-socket "$BATS_TEST_TMPDIR/s" -X PUT \
        'http://x/tasks/shared?delay=60'
    get /tasks/shared
    assert_json '.state == "pending"'
    own_server_stop
    [[ ! -e $BATS_TEST_TMPDIR/s ]]
}

@test "a client of the unix socket that leaves cancels its wait" {
    unix_server
    curl -sS --unix-socket "$own/s" 'http://x/wait?delay=60' >"$BATS_TEST_TMPDIR/w" 2>&1 3>&- &
    eventually unix_pending 1
    kill "$!"
    eventually unix_pending 0
    eventually connections_are 0 "$(own_server_pid)"
}

unix_pending() {
    [[ $(curl -sS --unix-socket "$own/s" 'http://x/tasks?state=pending' | jq .total) == "$1" ]]
}

@test "a stale socket is replaced" {
    unix_server
    kill -KILL "$(own_server_pid)"
    eventually test -e "$own/rc"
    [[ -S $own/s ]]
    unix_server
    own_server_stop
}

@test "a live socket is refused, and lives on" {
    unix_server
    refuses 1 "^waitd: cannot listen on $own/s: Address already in use$" --port none \
        --unix "$own/s"
    [[ -S $own/s ]]
    curl -sSf -o "$BATS_TEST_TMPDIR/health" --unix-socket "$own/s" http://x/healthz
}

# ---- health check -------------------------------------------------------------------

@test "--healthcheck asks the port, the port file, or the socket" {
    own_server --unix "$BATS_TEST_TMPDIR/s"
    run -0 "$WAITD" --healthcheck --port "$PORT"
    assert_eq "$output" ''
    run -0 "$WAITD" --healthcheck --host 127.0.0.1 --port "$PORT"
    run -0 "$WAITD" --healthcheck --host 0.0.0.0 --port "$PORT"
    run -0 "$WAITD" --healthcheck --port-file "$own/port"
    run -0 "$WAITD" --healthcheck --port 1 --port-file "$own/port"
    run -0 "$WAITD" --healthcheck --unix "$BATS_TEST_TMPDIR/s"
    run -0 "$WAITD" --healthcheck --unix "$BATS_TEST_TMPDIR/s" --port 1
    run -0 "$WAITD" --healthcheck --port none --unix "$BATS_TEST_TMPDIR/s"
    WAITD_PORT=$PORT run -0 "$WAITD" --healthcheck
    WAITD_PORT_FILE=$own/port run -0 "$WAITD" --healthcheck
    own_server_stop
    run -1 "$WAITD" --healthcheck --port "$PORT"
    run -1 "$WAITD" --healthcheck --unix "$BATS_TEST_TMPDIR/s"
}

@test "--healthcheck exits 1 where nothing answers, what answers is no 200, or nothing comes" {
    run -1 "$WAITD" --healthcheck --port 1
    run -1 "$WAITD" --healthcheck --port-file /nonexistent/port
    : >"$BATS_TEST_TMPDIR/empty"
    run -1 "$WAITD" --healthcheck --port-file "$BATS_TEST_TMPDIR/empty"
    run -1 "$WAITD" --healthcheck --unix /nonexistent/s
    run -2 "$WAITD" --healthcheck --port x
    own_server
    kill -STOP "$(own_server_pid)"
    run -1 timeout 40 "$WAITD" --healthcheck --port "$PORT" # after 2 s
    kill -CONT "$(own_server_pid)"
    run -0 "$WAITD" --healthcheck --port "$PORT"
}

# ---- logs ---------------------------------------------------------------------------

@test "the log in text: time, level, event, fields, a line each" {
    own_server --unix "$BATS_TEST_TMPDIR/with space"
    own_server_stop
    assert_eq "$(wc -l <"$own/log")" 3
    assert_eq "$(grep -cE '^[0-9]{4}-[0-9-]+T[0-9:.]+Z info [a-z]+( [a-z]+=("[^"]*"|[^ ]+))*$' "$own/log")" 3
    assert_eq "$(cut -d' ' -f3 "$own/log" | xargs)" 'listening draining stopped'
    assert_match "$(head -n 1 "$own/log")" " host=127\.0\.0\.1 port=$PORT "
    assert_match "$(head -n 1 "$own/log")" 'unix="[^"]*with space"'
    assert_match "$(sed -n 2p "$own/log")" ' signal=SIGTERM$'
}

@test "the log in json: every line parses" {
    own_server --log-format json --log-level debug --unix "$BATS_TEST_TMPDIR/quote\"d"
    get '/wait?delay=0.01'
    printf '%b' 'BOGUS\x01\r\n\r\n' | timeout 10 nc -N 127.0.0.1 "$PORT" >"$BATS_TEST_TMPDIR/bogus" || true
    own_server_stop
    body=$(jq -cs . "$own/log")
    assert_json '[.[] | select(.level == "info").event] == ["listening", "draining", "stopped"]
        and all((.time | test("^\\d{4}-\\d\\d-\\d\\dT.*Z$")) and (.level | length > 0))
        and .[0].port == $port and (.[0].unix | endswith("quote\"d")) and .[0].version != null' \
        --arg port "$PORT"
}

@test "--log-level leaves out what is below it" {
    own_server --log-level warn
    own_server_stop
    assert_eq "$(<"$own/log")" ''
    own_server --log-level info
    own_server_stop
    assert_eq "$(wc -l <"$own/log")" 3
}

@test "nothing goes to the standard output of a server" {
    (
        "$WAITD" --port 0 --port-file "$BATS_TEST_TMPDIR/port" >"$BATS_TEST_TMPDIR/out" \
            2>"$BATS_TEST_TMPDIR/err" &
        echo "$!" >"$BATS_TEST_TMPDIR/pid"
        wait "$!"
    ) 3>&- &
    eventually test -s "$BATS_TEST_TMPDIR/port"
    kill "$(<"$BATS_TEST_TMPDIR/pid")"
    wait "$!"
    assert_eq "$(<"$BATS_TEST_TMPDIR/out")" ''
    assert_eq "$(grep -c listening "$BATS_TEST_TMPDIR/err")" 1
}

# ---- --access-log -------------------------------------------------------------------

@test "--access-log: a JSON line a request, with its delay and how late it left" {
    local log=$BATS_TEST_TMPDIR/access

    own_server --access-log "$log" --host 127.0.0.1
    get '/wait?delay=0.05&label=%61%20b'
    get '/wait_n?n=3&delay=0.05'
    get '/wait?delay=x'
    send PUT /tasks/t1 '{"delay":0.01}'
    get /tasks/t1/result
    run -28 curl -s --max-time 0.2 "$URL/wait?delay=60"
    get '/wait_n?n=1&delay=60&timeout=0.01'
    for path in /openapi.json '/wait?delay=0' '/wait?delay=0&size=9'; do
        request "$path" -I
        assert_status 200
        at_least "$(header Content-Length)" 9
    done
    own_server_stop
    body=$(jq -cs 'map(select(.method == "HEAD"))' "$log")
    assert_json 'length == 3 and all(.bytes == 0)'
    body=$(jq -cs 'map(select(.method != "HEAD"))' "$log")
    assert_json 'length == 7 and all(keys - ["time", "worker", "method", "target", "status",
        "bytes", "elapsed", "delay", "lateness"] == [])'
    assert_json 'all(.time | test("^[0-9-]{10}T[0-9:.]{12}Z$"))'
    assert_json '[.[] | [.method, .target, .status]] == [
        ["GET", "/wait?delay=0.05&label=%61%20b", 200], ["GET", "/wait_n?n=3&delay=0.05", 200],
        ["GET", "/wait?delay=x", 400], ["PUT", "/tasks/t1", 201],
        ["GET", "/tasks/t1/result", 200], ["GET", "/wait?delay=60", null],
        ["GET", "/wait_n?n=1&delay=60&timeout=0.01", 200]]'
    assert_json '[.[] | .delay] == [0.05, 0.05, null, null, null, null, null]'
    assert_json '.[0:2] | all(.lateness >= 0 and .elapsed >= .delay
        and (.elapsed - .delay - .lateness | fabs) < 1e-8)'
    assert_json '.[2:] | all(has("lateness") | not)'
    assert_json '.[0].bytes > 20 and .[5].bytes == 0 and .[5].elapsed > 0.1'
}

@test "--access-log: what is refused before it was read whole; a HEAD is told so without a body" {
    local log=$BATS_TEST_TMPDIR/access size

    own_server --access-log "$log" --host 127.0.0.1 --max-body 256
    until_closed "HEAD /healthz HTTP/1.1\r\nHost: a\r\nX: $(printf '%03700d' 0)\r\n\r\n"
    assert_match "${lines[0]}" '^HTTP/1.1 431 '
    assert_match "${lines[1]}" '^Date: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT'
    assert_eq "${lines[-1]}" $'\r'
    until_closed "POST /tasks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n$(
        printf '%5000s' '')"
    size=$(sed -n 's/^Content-Length: \([0-9]*\).*/\1/p' <<<"$output")
    own_server_stop
    body=$(jq -cs . "$log")
    assert_json '[.[] | [.method, .target, .status, .bytes]] == [
        ["HEAD", "/healthz", 431, 0], ["POST", "/tasks", 413, $size]]' --argjson size "$size"
}

@test "--access-log -: the standard output; who does not read it holds nobody up" {
    local pipe=$BATS_TEST_TMPDIR/pipe stuck

    mkfifo "$pipe"
    printf '#!/bin/sh\nexec "%s" "$@" >"%s"\n' "$WAITD" "$pipe" >"$BATS_TEST_TMPDIR/piped"
    chmod +x "$BATS_TEST_TMPDIR/piped"
    sleep 60 3>&- <"$pipe" &
    stuck=$!
    WAITD=$BATS_TEST_TMPDIR/piped own_server --access-log - --workers 1
    run -0 curl -sS --max-time 30 -o "$BATS_TEST_TMPDIR/out#1" "$URL/healthz?[1-1000]"
    get /metrics
    assert_status 200
    grep -qE '^waitd_access_log_dropped_total\{worker="0"\} [1-9]' "$body_file"
    own_server_stop
    kill "$stuck"
}

@test "--access-log tells of the requests that a drain has given up, too" {
    own_server --drain 0 --access-log "$BATS_TEST_TMPDIR/access"
    exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'GET /wait_n?n=100000&delay=0.01&format=sse&label=deaf HTTP/1.1\r\nHost: x\r\n\r\n' \
        >&"$fd"
    eventually count_is 1 'label=deaf&state=done' # and it has not been sent to the end
    own_server_stop
    exec {fd}>&-
    body=$(jq -cs . "$BATS_TEST_TMPDIR/access")
    assert_json '[.[] | select(.target | startswith("/wait_n")) | [.status, .bytes > 1000]]
        == [[null, true]]'
}

@test "an access log that cannot be opened is one line, exit 1" {
    refuses 1 'cannot write the access log /nowhere/at/all: No such file' \
        --access-log /nowhere/at/all --port 0
}

# ---- --seed -------------------------------------------------------------------------

@test "--seed makes a run repeatable: delays, seeds and ids" {
    local first second other

    first=$(run_with_seed 5)
    second=$(run_with_seed 5)
    other=$(run_with_seed 6)
    assert_eq "$first" "$second"
    [[ $first != "$other" ]] || fail "$first with another seed, too"
    assert_eq "$(wc -l <<<"$first")" 6
}

run_with_seed() {
    own_server --seed "$1" --workers 1 || return
    post /tasks '{"max_delay":100}' || return
    jq -r '.id, .delay' <<<"$body"
    post /tasks '{"n":2,"max_delay":100}' || return
    jq -c '.group, .seed, [.tasks[].delay]' <<<"$body"
    get '/wait?max_delay=0.01' || return
    jq .delay <<<"$body"
    own_server_stop
}

@test "without --seed no run is like another" {
    local first second

    own_server
    post /tasks '{"max_delay":100}'
    first=$(jq -c '[.id, .delay]' <<<"$body")
    own_server_stop
    own_server
    post /tasks '{"max_delay":100}'
    second=$(jq -c '[.id, .delay]' <<<"$body")
    own_server_stop
    [[ $first != "$second" ]] || fail "$first twice"
}

# ---- health -------------------------------------------------------------------------

@test "/healthz and /readyz answer 200 while it serves" {
    for path in /healthz /readyz; do
        get "$path"
        assert_status 200
        assert_eq "$body" '{"status":"ok"}'
    done
}

@test "the manual page is what the program prints" {
    "$WAITD" --print-man | diff -u "$BATS_TEST_DIRNAME/../../docs/waitd.8" -
}

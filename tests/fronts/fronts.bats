#!/usr/bin/env bats
# fronts.bats: the raw requests of tests/http/raw through a proxy in front of waitd, which
# uses its connections again. Where the proxy is missing, the test is skipped and says so.

load ../http/helpers

setup_file() {
    server_start "$BATS_FILE_TMPDIR" --drain 0.2 --access-log "$BATS_FILE_TMPDIR/access"
}

setup() {
    export PATH=$PATH:/usr/sbin
}

front() {
    needs "$1" || return
    timeout 100 python3 "$BATS_TEST_DIRNAME/fronts.py" "$1" "$(free_port)" "$PORT" \
        "$BATS_FILE_TMPDIR/access" "$BATS_TEST_TMPDIR"
}

@test "haproxy sends on nothing that waitd takes for more" {
    front haproxy
}

@test "nginx sends on nothing that waitd takes for more" {
    front nginx
}

@test "apache2 sends on nothing that waitd takes for more" {
    front apache2
}

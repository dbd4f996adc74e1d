# shellcheck shell=bash
# clients.bash: the real clients and proxies that the recipes are for, by the first word of
# a test's name.

setup() {
    clients_setup
}

clients_setup() {
    recipes_setup
    # nginx and haproxy are in a folder that not every user's PATH has.
    export PATH=$PATH:/usr/sbin
    export GOCACHE=${GOCACHE-$BATS_FILE_TMPDIR/go} GO111MODULE=off
    needs_client "${BATS_TEST_DESCRIPTION%% *}"
}

needs_client() {
    case $1 in
    curl | wget | haproxy | nginx | caddy) needs "$1" ;;
    Go) needs go golang-go ;;
    Node) needs node nodejs ;;
    aiohttp) find_aiohttp || missing python3-aiohttp ;;
    urllib | page) ;;
    *) fail "no client is called $1" ;;
    esac
}

# The first python3 may be one that does not see Debian's modules.
find_aiohttp() {
    local python

    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import aiohttp' 2>"$BATS_TEST_TMPDIR/no-aiohttp"; then
            ln -s "$(command -v "$python")" "$BATS_TEST_TMPDIR/bin/python3"
            return
        fi
    done
    return 1
}

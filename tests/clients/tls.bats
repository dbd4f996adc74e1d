#!/usr/bin/env bats
# tls.bats: the configurations of docs/tls.md, each with its proxy and a certificate of its
# own making. Where a proxy is missing, its test is skipped and says so.

load ../http/helpers
load ../http/background
load ../http/recipes
load clients

# shellcheck disable=SC2034  # for recipes.bash
PAGE=$BATS_TEST_DIRNAME/../../docs/tls.md
# shellcheck disable=SC2034  # the same
RECIPE_LIMIT=60

setup() {
    clients_setup
    needs openssl
}

@test "haproxy passes rows on, and hangs up with its client" {
    recipe
}

@test "nginx passes rows on, and hangs up with its client" {
    recipe
}

@test "caddy passes rows on, and hangs up with its client" {
    recipe
}

@test "page of TLS and tests have the same recipes" {
    cookbook titles | diff - <(titles "$BATS_TEST_FILENAME")
}

@test "page of TLS: proxies are more patient than the longest wait" {
    local limit

    limit=$("$WAITD" --help | sed -nE 's/.*--max-delay .*\[([0-9]+)s\]$/\1/p')
    for name in 'timeout client' 'timeout server' proxy_read_timeout; do
        [[ $(sed -nE "s/^ *$name ([0-9]+)s;?\$/\1/p" "$PAGE") -gt $limit ]]
    done
}

#!/usr/bin/env bats
# clients.bats: every recipe of docs/clients.md, with the real client that its name begins
# with. Where that is missing, the test is skipped and says so; with WAITD_CLIENTS=required
# it fails. ctest runs the tests of each client as one: clients/go, and so on.

load ../http/helpers
load ../http/background
load ../http/recipes
load clients

# shellcheck disable=SC2034  # for recipes.bash
PAGE=$BATS_TEST_DIRNAME/../../docs/clients.md
# shellcheck disable=SC2034  # the same; go compiles the first time
RECIPE_LIMIT=100

@test "curl counts the whole transfer, or only silence" {
    recipe
}

@test "curl tries again what has timed out" {
    recipe
}

@test "curl keeps its connection for the next URL" {
    recipe
}

@test "curl tells the first byte from the last" {
    recipe
}

@test "curl has an exit code for each broken answer" {
    recipe
}

@test "curl sends again in silence what a kept connection has lost" {
    recipe
}

@test "curl heeds Retry-After, where it is told to try again" {
    recipe
}

@test "curl waits five minutes that are over at once" {
    recipe
}

@test "wget asks again after a time limit, twenty times" {
    recipe
}

@test "wget tries a 503 again only where it is told to" {
    recipe
}

@test "wget asks again after each broken answer" {
    recipe
}

@test "wget takes no notice of Retry-After" {
    recipe
}

@test "wget does not mind a drip, and a silence only within its limit" {
    recipe
}

@test "urllib limits each read, not the whole" {
    recipe
}

@test "urllib asks once, on a connection of its own" {
    recipe
}

@test "urllib has three errors for broken answers, one of them no OSError" {
    recipe
}

@test "urllib needs a loop of its own to heed Retry-After" {
    recipe
}

@test "aiohttp limits the whole, and hangs up" {
    recipe
}

@test "aiohttp hangs up on the loser of a hedge" {
    recipe
}

@test "aiohttp asks no more at once than its pool allows" {
    recipe
}

@test "aiohttp gives an answer out before its body" {
    recipe
}

@test "aiohttp has an error for each broken answer, and tries none again" {
    recipe
}

@test "aiohttp stays below the server's limit with one of its own" {
    recipe
}

@test "aiohttp wins a hedge to the millisecond" {
    recipe
}

@test "Go limits the whole, or only the wait for the header" {
    recipe
}

@test "Go hangs up on the loser of a hedge" {
    recipe
}

@test "Go keeps two idle connections, and only those whose body was read" {
    recipe
}

@test "Go as a proxy passes rows on, and hangs up with its client" {
    recipe
}

@test "Go as a proxy does not end a wait by ReadTimeout or WriteTimeout" {
    recipe
}

@test "Go can be given a limit for the silence within a body" {
    recipe
}

@test "Go tells what is missing from what was reset" {
    recipe
}

@test "Go sends a GET again in silence where a kept connection was closed" {
    recipe
}

@test "Go stays below the server's limit with MaxConnsPerHost" {
    recipe
}

@test "Node gives up when its signal says so" {
    recipe
}

@test "Node leaves the loser of a race running" {
    recipe
}

@test "Node reads rows as they come, and hangs up where the loop ends" {
    recipe
}

@test "Node opens a second connection where the next call follows at once" {
    recipe
}

@test "Node can limit the wait for the header alone" {
    recipe
}

@test "Node tells in the cause of its error what broke" {
    recipe
}

@test "nginx passes rows on as they come, or keeps them" {
    recipe
}

@test "nginx hangs up with its client, unless it is told not to" {
    recipe
}

@test "nginx ends a silence with a 504, and asks the next server" {
    recipe
}

@test "nginx makes a connection for each request, unless it is told to keep some" {
    recipe
}

@test "nginx makes a 502 of what broke before the header, and passes on what broke after it" {
    recipe
}

@test "nginx asks the next server after a lost answer, and none for ten seconds" {
    recipe
}

@test "haproxy passes rows on as they come" {
    recipe
}

@test "haproxy waits on for a client that has gone, unless it is told not to" {
    recipe
}

@test "haproxy ends a silence with a 504, and asks again only where it is told to" {
    recipe
}

@test "haproxy shares a connection between clients only where it is told to" {
    recipe
}

@test "haproxy makes a 502 of what broke before the header, and passes on what broke after it" {
    recipe
}

@test "haproxy takes no notice of Retry-After" {
    recipe
}

@test "haproxy lets no more through than maxconn" {
    recipe
}

# ---- that none is forgotten, and that none is left out in silence -----------------------

@test "page and tests have the same recipes, each of a client that ctest runs" {
    cookbook titles >"$BATS_TEST_TMPDIR/page"
    diff "$BATS_TEST_TMPDIR/page" <(titles "$BATS_TEST_FILENAME")
    diff <(cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/page" | uniq) \
        <(printf '%s\n' curl wget urllib aiohttp Go Node nginx haproxy)
    grep -q 'ITEMS curl wget urllib aiohttp Go Node nginx haproxy caddy page)' \
        "$HTTP_TESTS/../CMakeLists.txt"
}

@test "page without its client: skipped with the reason, or failed where it is required" {
    skip() {
        echo "skip: $*"
    }
    # shellcheck disable=SC2317  # for needs
    command() {
        return 1
    }
    WAITD_CLIENTS=''
    run -0 needs_client haproxy
    assert_eq "$output" "skip: haproxy is missing; script/bootstrap --clients installs it"
    WAITD_CLIENTS=required
    run -1 needs_client Go
    assert_match "$output" '^golang-go is missing'
}

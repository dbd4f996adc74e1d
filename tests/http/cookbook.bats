#!/usr/bin/env bats
# cookbook.bats: every script of docs/cookbook.md, as it stands there. curl is told by a
# .curlrc of its own that localhost:8080 is this file's server.
#
# A recipe fails where what it prints (standard error too) differs from the page, where it
# does not succeed or takes too long, and where it leaves a process, a file or anything
# pending behind.
# shellcheck disable=SC2016  # what stands in single quotes is for sed

load helpers
load background

PAGE=$BATS_TEST_DIRNAME/../../docs/cookbook.md
README=$BATS_TEST_DIRNAME/../../README.md

setup() {
    export CURL_HOME=$BATS_TEST_TMPDIR TMPDIR=$BATS_TEST_TMPDIR/work
    mkdir "$TMPDIR"
    echo "connect-to = \"localhost:8080:127.0.0.1:$PORT\"" >"$CURL_HOME/.curlrc"
}

teardown() {
    [[ ! -e $BATS_TEST_TMPDIR/group ]] ||
        kill -KILL -- "-$(<"$BATS_TEST_TMPDIR/group")" 2>/dev/null || true
}

cookbook() {
    python3 "$HTTP_TESTS/cookbook.py" "$PAGE" "$@"
}

# Who has ended and was not yet buried by init is gone.
group_is_gone() {
    ! pgrep -g "$1" -r D,R,S,T >/dev/null
}

nothing_is_left() {
    # shellcheck disable=SC2012  # a count of any files
    [[ $(count state=pending,queued) == 0 && $(ls -A "$TMPDIR" | wc -l) == 0 ]]
}

# recipe: runs that whose title is the name of this test.
recipe() {
    run_recipe "$BATS_TEST_DESCRIPTION"
}

# run_recipe TITLE
run_recipe() {
    local title=$1 dir=$BATS_TEST_TMPDIR group rc=0

    server_reset || return
    cookbook script "$title" >"$dir/script" || return
    # timeout leads a group of processes of its own, and ends all of it.
    (cd "$TMPDIR" && exec timeout -k 1 20 bash -eu "$dir/script") \
        >"$dir/printed" 2>&1 </dev/null 3>&- &
    group=$!
    echo "$group" >"$dir/group"
    wait "$group" || rc=$?
    [[ $rc == 0 ]] || fail "exit code $rc: $(<"$dir/printed")" || return
    cookbook compare "$title" <"$dir/printed" || return
    eventually group_is_gone "$group" && eventually nothing_is_left
}

# titles FILE: the names of the tests there that run a recipe.
titles() {
    sed -nE '/^@test "(.*)" \{$/ { s//\1/; h; n; /^ *recipe$/ { x; p } }' "$1"
}

@test "Go on when the service is up and its workers wait" {
    recipe
}

@test "Wait until five jobs have reported" {
    recipe
}

@test "Wait for the next change, not for the last" {
    recipe
}

@test "Three jobs go on together" {
    recipe
}

@test "Nobody waits for a party that is lost" {
    recipe
}

@test "One of five does the work, the others await it" {
    recipe
}

@test "Race two tasks and cancel the loser" {
    recipe
}

@test "Prove that a client hangs up on the loser" {
    recipe
}

@test "Prove that a client gives up in time" {
    recipe
}

@test "Poll five devices, the fastest first" {
    recipe
}

@test "Give a group a deadline" {
    recipe
}

@test "Leave nothing behind, however the script ends" {
    recipe
}

@test "A watchdog that bites when nobody feeds it" {
    recipe
}

@test "A lock that cannot leak" {
    recipe
}

@test "A lock that ends by itself, and a token against who is late" {
    recipe
}

@test "At most three downloads at once" {
    recipe
}

@test "A pool of workers" {
    recipe
}

@test "Take the results of jobs as they come" {
    recipe
}

@test "See what hangs, and free it" {
    recipe
}

# ---- that none is forgotten, and that this file would notice --------------------------

@test "each recipe of the page has its test here, and each test its recipe" {
    cookbook titles >"$BATS_TEST_TMPDIR/page"
    diff "$BATS_TEST_TMPDIR/page" <(titles "$BATS_TEST_FILENAME")
}

@test "the README shows a script of the page" {
    sed -n '/^## In scripts/,/^## /{ /^```sh$/,/^```$/p }' "$README" >"$BATS_TEST_TMPDIR/teaser"
    assert_eq "$(grep -c '^```' "$BATS_TEST_TMPDIR/teaser")" 2
    python3 -c 'import sys
sys.exit(open(sys.argv[1]).read() not in open(sys.argv[2]).read())' \
        "$BATS_TEST_TMPDIR/teaser" "$PAGE"
}

# changed FROM TO: the page is a copy in which that line is another one.
changed() {
    grep -Fqx -- "$1" "$PAGE" || fail "no line $1" || return
    awk -v from="$1" -v to="$2" '$0 == from && !done { $0 = to; done = 1 } { print }' \
        "$PAGE" >"$BATS_TEST_TMPDIR/page.md"
    PAGE=$BATS_TEST_TMPDIR/page.md
}

@test "a wrong line in an output fails" {
    changed '[3,"blue"]' '[3,"blau"]'
    run run_recipe "Wait for the next change, not for the last"
    assert_eq "$status" 1
    assert_match "$output" $'-\[3,"blau"\]\n\\+\[3,"blue"\]'
}

@test "a wrong line in a script fails" {
    changed "publish '{\"color\":\"red\"}'" "publish '{\"color\":}'"
    run run_recipe "Wait for the next change, not for the last"
    assert_eq "$status" 1
    assert_match "$output" 'exit code 22'
}

@test "a process that a script leaves behind fails" {
    # shellcheck disable=SC2317  # for run_recipe
    eventually() { sleep 0.2 && "$@"; }
    changed 'job 3 &' 'job 3 & (sleep 61 >/dev/null 2>&1 &)'
    run run_recipe "Three jobs go on together"
    assert_eq "$status" 1
    assert_eq "$output" ""
}

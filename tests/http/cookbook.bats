#!/usr/bin/env bats
# cookbook.bats: every script of docs/cookbook.md, as it stands there. curl is told by a
# .curlrc of its own that localhost:8080 is this file's server.

load helpers
load background
load recipes

# shellcheck disable=SC2034  # for recipes.bash
PAGE=$BATS_TEST_DIRNAME/../../docs/cookbook.md
README=$BATS_TEST_DIRNAME/../../README.md

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

@test "Poll five devices, the fastest first" {
    recipe
}

@test "Gather three answers of which one fails" {
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

@test "A response that the test releases" {
    recipe
}

@test "Prove that a client hangs up on the loser" {
    recipe
}

@test "Prove that a client gives up in time" {
    recipe
}

@test "Prove that a client tries again" {
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

@test "the README's minute in a millisecond passes when it is pasted" {
    local block=$BATS_TEST_TMPDIR/block port

    port=$(free_port)
    sed -n '/^## A minute/,/^## /{ /^```console$/,/^```$/{ /^```/d; p } }' "$README" >"$block"
    # shellcheck disable=SC2016  # the $ is for the script
    echo 'trap '\''kill $(jobs -p); wait'\'' EXIT' >"$TMPDIR/script"
    sed -n "s/^[$] //; T; s/localhost:8080/127.0.0.1:$port/
        s/^waitd /waitd --port $port /; p" "$block" >>"$TMPDIR/script"
    cd "$TMPDIR"
    run -0 env -u WAITD_WORKERS timeout 30 bash script
    assert_eq "$output" "$(grep -v '^[$] ' "$block")"
    assert_match "$output" '"elapsed":60}$'
}

# run_changed FROM TO TITLE: runs the recipe of a page in which the line FROM is TO.
run_changed() {
    local from=$1 to=$2 recipes=$BATS_TEST_TMPDIR/recipes

    grep -Fqx -- "$from" "$PAGE" || fail "no line $from" || return
    while IFS= read -r line; do
        [[ $line != "$from" ]] || line=$to
        printf '%s\n' "$line"
    done <"$PAGE" >"$BATS_TEST_TMPDIR/page.md"
    PAGE=$BATS_TEST_TMPDIR/page.md
    mkdir "$recipes"
    cookbook split "$recipes" && run_recipe "$recipes" "$3"
}

# changed_fails FROM TO TITLE: and it must fail.
changed_fails() {
    run run_changed "$@"
    assert_eq "$status" 1
}

@test "a wrong line in an output fails" {
    changed_fails '[3,"blue"]' '[3,"blau"]' "Wait for the next change, not for the last"
    assert_match "$output" $'-\[3,"blau"\]\n\\+\[3,"blue"\]'
}

@test "a wrong line in a script fails" {
    changed_fails 'publish '\''{"color":"red"}'\' 'publish "{"' \
        "Wait for the next change, not for the last"
    assert_match "$output" 'exit code 22'
}

@test "a process that a script leaves behind fails" {
    # shellcheck disable=SC2317  # for run_recipe
    eventually() { sleep 0.2 && "$@"; }
    changed_fails 'job 3 &' 'job 3 & (sleep 61 >/dev/null 2>&1 &)' "Three jobs go on together"
    assert_eq "$output" ""
}

# page_of TEXT: the page is this text.
page_of() {
    PAGE=$BATS_TEST_TMPDIR/page.md
    printf '%s\n' "$@" >"$PAGE"
}

@test "a block that no test would run fails" {
    local good=('### One' '```sh' 'echo 1' '```' 'prints' '```text' '1' '```')

    page_of "${good[@]}"
    run -0 cookbook titles
    assert_eq "$output" One
    for fence in '```bash' '    ~~~'; do
        page_of "${good[@]}" "$fence" 'echo 2' '```'
        run -1 cookbook titles
        assert_match "$output" 'not ```sh,'
    done
    page_of "${good[@]:1}"
    run -1 cookbook titles
    assert_match "$output" 'a block of no recipe'
    page_of "${good[@]}" '### Two' 'and words'
    run -1 cookbook titles
    assert_match "$output" 'Two: not one script and then its output'
    page_of "${good[@]}" "${good[@]:1}"
    run -1 cookbook titles
    assert_match "$output" 'One: not one script and then its output'
    page_of "${good[@]/1/…}"
    run -1 cookbook titles
    assert_match "$output" 'a line that says nothing'
}

# shellcheck shell=bash
# recipes.bash: runs the recipes of a page; cookbook.py says what those are.
#
#   PAGE           set before the tests: the page
#   RECIPE_LIMIT   the same: the seconds that a recipe may take, where 20 are too few
#
# A recipe fails where what it prints (standard error too) differs from the page, where it
# does not succeed or takes too long, and where it leaves a process, a file or anything
# pending behind.
#
# The page's server is this file's: a .curlrc says so of localhost:8080 to curl, which is
# all that most recipes need. In a page for other clients it is 127.0.0.1:8080, and
# 127.0.0.1:8081 a proxy, or a waitd of the recipe's own: of these the ports are replaced.
# WAITD is in the PATH, as waitd.

setup() {
    recipes_setup
}

recipes_setup() {
    export CURL_HOME=$BATS_TEST_TMPDIR TMPDIR=$BATS_TEST_TMPDIR/work
    mkdir "$TMPDIR" "$BATS_TEST_TMPDIR/bin"
    ln -s "$WAITD" "$BATS_TEST_TMPDIR/bin/waitd"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
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

# nothing_is_left FOLDER: nothing waits, and there are only the recipe's own files.
nothing_is_left() {
    [[ $(count state=pending,queued) == 0 ]] && diff <(ls -A "$1") <(ls -A "$TMPDIR")
}

# recipe: runs that whose title is the name of this test.
recipe() {
    local recipes=$BATS_FILE_TMPDIR/recipes

    if [[ ! -e $recipes ]]; then
        mkdir "$recipes"
        cookbook split "$recipes" || return
    fi
    run_recipe "$recipes" "$BATS_TEST_DESCRIPTION"
}

# run_recipe FOLDER TITLE
run_recipe() {
    local recipe=$1/$2 printed=$BATS_TEST_TMPDIR/printed group other rc=0

    server_reset || return
    cp "$recipe"/* "$TMPDIR"
    other=$(free_port)
    sed -i "s/127\.0\.0\.1:8080/127.0.0.1:$PORT/g
        s/127\.0\.0\.1:8081/127.0.0.1:$other/g; s/--port 8081/--port $other/g" "$TMPDIR"/*
    # timeout leads a group of processes of its own, and ends all of it.
    # A manual clock has one worker, whatever the test's server has.
    (cd "$TMPDIR" && exec env -u WAITD_WORKERS timeout -k 1 "${RECIPE_LIMIT-20}" \
        bash -eu script.sh) \
        >"$printed" 2>&1 </dev/null 3>&- &
    group=$!
    echo "$group" >"$BATS_TEST_TMPDIR/group"
    wait "$group" || rc=$?
    [[ $rc == 0 ]] || fail "exit code $rc: $(<"$printed")" || return
    cmp -s "$recipe.txt" "$printed" || cookbook compare "$2" <"$printed" || return
    eventually group_is_gone "$group" && eventually nothing_is_left "$recipe"
}

# titles FILE: the names of the tests there that run a recipe.
titles() {
    # shellcheck disable=SC2016  # the $ is for sed
    sed -nE '/^@test "(.*)" \{$/ { s//\1/; h; n; /^ *recipe$/ { x; p } }' "$1"
}

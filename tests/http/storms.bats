#!/usr/bin/env bats
# storms.bats: clients that leave at the very moment at which they are served, and long
# lines. storm.py says what must hold. tests/long has the long form.

load helpers

# shellcheck disable=SC2034  # for helpers.bash
SERVER_FLAGS=(--retention 1h)
SEED=${STORM_SEED:-$RANDOM}

# storm WHAT N
storm() {
    python3 "$HTTP_TESTS/storm.py" "$PORT" "$@" "$SEED" || fail "STORM_SEED=$SEED"
}

@test "no item is lost and none is given twice where receivers leave as it comes" {
    storm queue 300
}

@test "no permit is lost and none is granted twice where receivers leave as it comes" {
    storm leases 300
}

@test "a lease that a connection holds does not survive it" {
    storm held 200
}

@test "of a barrier one client is killed: the others end as on_loss says, and it is usable again" {
    storm barrier 10
}

@test "who waits is served in the order of arrival, on each kind of object" {
    storm line 200
}

@test "nothing is held in the end of requests of all sorts from clients that come and go" {
    storm chaos 2000
}

#!/usr/bin/env bash
# run.sh: the long checks: what waitd has to hold over many tries. About 20 minutes, torture
# beside; those of checks.py stand in one table at the end.
#
#   tests/long/run.sh           all
#   tests/long/run.sh 5 6 9     those, by their numbers in checks.py
#   tests/long/run.sh torture   each call of our code that can fail does, in each story of
#                               tests/torture (of more than 400 calls, 400 of them), and three
#                               allocations in a row while it starts: 15 minutes
#   tests/long/run.sh hostile   raw requests with bytes changed at random, by a build with
#                               sanitizers; half a minute
#   tests/long/run.sh model     the coordination objects against their model, 1,000 seeds by
#                               10,000 operations, and the bytes of idle ones; half a minute
#
# WAITD names the program, a release build; without it, one is built in build/release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

check_objects() {
    cmake --preset long >/dev/null
    cmake --build --preset long --target test_model test_idle_objects
    build/long/tests/unit/test_idle_objects
    time build/long/tests/model/test_model --seeds 1000 --steps 10000
}

if (($# == 0)) || [[ $1 == model ]]; then
    check_objects
    (($# == 0)) || exit 0
fi

torture() {
    cmake --preset dev >/dev/null
    cmake --build --preset dev --target waitd_torture
    local torture=(python3 tests/torture/torture.py build/dev/tests/torture/waitd_torture)
    "${torture[@]}" --tries 400
    "${torture[@]}" --tries 400 --memory --lasting 3 start
}

if (($# == 0)) || [[ $1 == torture ]]; then
    torture
    (($# == 0)) || exit 0
fi

if [[ ${1-} == hostile ]]; then
    cmake --preset dev >/dev/null
    cmake --build --preset dev --target waitd
    WAITD=build/dev/waitd
    set -- 17
fi
if [[ -z ${WAITD-} ]]; then
    cmake --preset release >/dev/null
    cmake --build --preset release --target waitd
    WAITD=build/release/waitd
fi
ulimit -n "$(ulimit -Hn)"
# Descriptors are counted to the last one, and each worker keeps cells of its own.
export WAITD_WORKERS=${WAITD_WORKERS:-1}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${CC:-cc}" -std=gnu17 -O2 -Wall -Wextra -Wshadow -Wconversion -Werror \
    -o "$folder/client" tests/long/{client,crowds,wire}.c
python3 tests/long/checks.py "$(realpath "$WAITD")" "$folder/client" "$@"

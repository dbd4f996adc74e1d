#!/usr/bin/env bash
# run.sh: the long checks: what waitd has to hold over many tries, in one table at the end. About
# 20 minutes, on a machine that does nothing else.
#
#   tests/long/run.sh           all
#   tests/long/run.sh 5 6 9     those, by their numbers in checks.py
#
# In the environment: WAITD names the program, a release build (without it, one is built); TRIES is
# how many calls of each story torture lets fail, 100 without it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

script/bootstrap --clients

# build PRESET TARGET…
build() {
    cmake --preset "$1" >/dev/null
    cmake --build --preset "$1" --target "${@:2}"
}

build long test_model test_idle_objects
build dev waitd_torture waitd
export LONG=$PWD/build/long DEV=$PWD/build/dev
if [[ -z ${WAITD-} ]]; then
    script/release
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

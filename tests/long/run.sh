#!/usr/bin/env bash
# run.sh: the long checks: what waitd has to hold over many tries. About 3 minutes.
#
#   tests/long/run.sh           all
#   tests/long/run.sh 5 6 9     those, by their numbers in checks.py
#
# WAITD names the program, a release build; without it, one is built in build/release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

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
    -o "$folder/client" tests/long/client.c
python3 tests/long/checks.py "$(realpath "$WAITD")" "$folder/client" "$@"

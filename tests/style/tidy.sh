#!/usr/bin/env bash
# tidy.sh FOLDER: clang-tidy finds nothing in the program, as it is compiled in that build
# folder; .clang-tidy says what it looks for. A minute or two: part of script/test --long.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

find server api -name '*.c' -print0 \
    | xargs -0 -P "$(nproc)" -n 8 clang-tidy -p "$1" --quiet --warnings-as-errors='*' \
        2> >(grep -v ' warnings\? generated\.$\|^Suppressed ' >&2)

#!/usr/bin/env bash
# build.sh FOLDER: makes the load maker and the floor there.
set -euo pipefail
out=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")"

flags=(
    -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Werror
)
"${CC:-cc}" "${flags[@]}" -o "$out/load" ./*.c -lm
"${CC:-cc}" "${flags[@]}" -o "$out/floor" peers/floor.c

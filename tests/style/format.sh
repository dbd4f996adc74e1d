#!/usr/bin/env bash
# format.sh: every .c and .h file is laid out as .clang-format says. To mend one:
# clang-format -i FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mapfile -d '' -t files < <(find . -name build -prune -o -name .git -prune -o \
    -type f -name '*.[ch]' -print0)
clang-format --dry-run -Werror "${files[@]}"

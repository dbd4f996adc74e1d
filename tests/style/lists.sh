#!/usr/bin/env bash
# lists.sh: every .c file of the program and of the unit tests stands in the list of its
# folder's CMakeLists.txt, and so does every story of torture.py: none is forgotten, and no
# test stays unrun.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

status=0
while IFS= read -r file; do
    list=$(dirname "$file")/CMakeLists.txt
    name=$(basename "$file" .c)
    # The tests are listed by name, without "test_" or "fuzz_".
    short=${name#test_} short=${short#fuzz_}
    if ! sed 's/#.*//' "$list" | grep -Eq "(^|[[:space:](])(${name}\.c|${short})([[:space:])]|\$)"; then
        echo "$file is not in $list" >&2
        status=1
    fi
done < <(find server api tests/unit tests/model tests/fuzz -name '*.c')

list=tests/torture/CMakeLists.txt
if ! diff <(python3 -B tests/torture/torture.py --list | sort) \
    <(sed -n '/^foreach(scenario IN ITEMS/,/)$/{ s/.*ITEMS//; s/)$//; p }' "$list" | xargs -n 1 | sort); then
    echo "torture.py has other stories than $list" >&2
    status=1
fi
exit $status

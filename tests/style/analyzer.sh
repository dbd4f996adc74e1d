#!/usr/bin/env bash
# analyzer.sh FOLDER: gcc's static analyzer finds nothing in the program, as it is compiled in
# that build folder.
#
# Off: -Wanalyzer-malloc-leak. gcc 12 loses what is kept behind a member of a struct that was
# handed in, or in a table of uthash, and finds nothing else; LeakSanitizer watches every test.
set -euo pipefail

if ! grep -qm1 'gcc\|/cc ' "$1/compile_commands.json"; then
    echo "analyzer.sh: # skip: only gcc has this analyzer"
    exit 0
fi
# The sanitizers' checks are code that the analyzer would follow, too; at other levels than -O1
# it takes ten minutes and finds no more.
jq -r '.[] | select(.file | test("/(server|api)/"))
    | "cd \(.directory) && \(.command | gsub("-fsanitize=\\S+|-fno-sanitize\\S+"; "")
        | gsub("-o \\S+"; "-o /dev/null") | gsub(" -O[0-3sg]"; " -O1")) -Werror -fanalyzer -Wno-analyzer-malloc-leak"' \
    "$1/compile_commands.json" | xargs -P "$(nproc)" -d '\n' -n 1 sh -c

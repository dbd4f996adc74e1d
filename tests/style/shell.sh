#!/usr/bin/env bash
# shell.sh: shellcheck has nothing to say about any bash script here, nor about those of the
# pages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mapfile -d '' -t files < <(grep -rlZ --exclude-dir=build --exclude-dir=.git --max-count=1 \
    -e '^#!/usr/bin/env bash' -e '^#!/bin/bash' -e '^#!/bin/sh' -e '^# shellcheck shell=' .)
shellcheck -x "${files[@]}"

scripts=$(mktemp -d)
trap 'rm -r "$scripts"' EXIT
for page in cookbook clients tls; do
    mkdir "$scripts/$page"
    python3 tests/http/cookbook.py "docs/$page.md" split "$scripts/$page"
done
shellcheck -x -P SCRIPTDIR -s bash "$scripts"/*/*/script.sh

#!/usr/bin/env bash
# generated.sh: what a program made is what it makes today. To make the table again:
# python3 server/base/shortest_table.py >server/base/shortest_table.h
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python3 server/base/shortest_table.py | diff -u server/base/shortest_table.h -

#!/usr/bin/env bats
# hostile.bats: raw requests that no client should send. See raw/README.md.

load helpers

hostile() {
    timeout 100 python3 "$HTTP_TESTS/hostile.py" "$PORT" "$1"
}

@test "no raw request hides another, and what is ambiguous closes the connection" {
    hostile whole
}

@test "nor do they in two pieces" {
    hostile halves
}

@test "nor do they byte by byte" {
    hostile bytes
}

#!/usr/bin/env bats
# bad_input.bats: what must be refused, for every parameter of every route, as
# $WAITD --print-openapi lists them. See bad_input.py.

load helpers

# refused WHAT COUNT: at least so many requests were sent and refused.
refused() {
    python3 "$HTTP_TESTS/bad_input.py" 127.0.0.1 "$PORT" "$@"
}

@test "every parameter of every query refuses junk, and says which it was" {
    refused queries 1500
}

@test "what is outside its limits is told the limits" {
    refused outside_limits 50
}

@test "what is required and missing is named" {
    refused missing 4
}

@test "an unknown name is refused, with the nearest name that there is" {
    refused unknown 200
}

@test "a path that is not in order is refused or not found" {
    refused paths 100
}

@test "every member of every JSON body refuses wrong types and values" {
    refused members 1000
}

@test "a body that is no JSON object, or not called one, is refused" {
    refused bodies 400
}

@test "a body that is too large is a 413, declared or in chunks" {
    refused sizes 20
}

@test "a body where none is taken is a 400" {
    refused uninvited 60
}

@test "10 KB in a query are refused by somebody" {
    refused far_too_long 50
}

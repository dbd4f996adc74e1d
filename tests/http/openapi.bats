#!/usr/bin/env bats
# openapi.bats: what the program says of itself is true.
# shellcheck disable=SC2016  # what stands in single quotes is for jq

load helpers
load background

PROJECT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

@test "/openapi.json is OpenAPI 3.1, and what --print-openapi prints" {
    get /openapi.json
    assert_status 200
    assert_eq "$(header Content-Type)" application/json
    assert_json '.openapi | test("^3\\.1\\.[0-9]+$")'
    assert_json '.info.title == "waitd" and (.info.version | length) > 0 and (.paths | length) >= 14'
    "$WAITD" --print-openapi >"$BATS_TEST_TMPDIR/printed"
    cmp "$BATS_TEST_TMPDIR/printed" "$body_file"
}

@test "every operation has an id of its own, texts, parameters and answers" {
    get /openapi.json
    assert_json '[.paths[][].operationId] | length == (unique | length) and all(length > 0)'
    assert_json 'all(.paths[][]; (.summary | length) > 0
        and (.responses | length) > 0 and all(.responses[]; (.description | length) > 0)
        and (.responses | has("400"))
        and all(.parameters[]; (.description | length) > 0 and (.schema | type) == "object"
            and (.in == "query" or .in == "path") and (.in == "query" or .required)))'
    # What stands in the path is described, and nothing else.
    assert_json '.paths | to_entries | all(.[]; .key as $path
        | ([$path | scan("{([a-z_]+)}")[]] | sort) as $names
        | all(.value[]; ([.parameters[] | select(.in == "path").name] | sort) == $names))'
    # A body is for POST, PUT and PATCH, with the parameters of the query as its members.
    assert_json '[.paths[] | to_entries[] | select(.key | IN("post", "put", "patch") | not)
        | .value | has("requestBody")] | any | not'
    assert_json '[.paths[][] | select(.requestBody.content["application/json"].schema)]
        | length > 5 and all(.[];
        ([.parameters[] | select(.in == "query").name] | sort)
        == (.requestBody.content["application/json"].schema.properties | keys))'
    # Every reference leads somewhere.
    assert_json '. as $doc | [.. | objects | select(has("$ref"))["$ref"]] | unique
        | length > 0 and all(.[]; ltrimstr("#/") | split("/") as $at | $doc | getpath($at) != null)'
}

@test "every path and method is there: no 404, no 405" {
    local method path template document=$BATS_TEST_TMPDIR/document

    get /openapi.json
    cp "$body_file" "$document"
    while read -r method path; do
        template=${path%%\?*}
        case $path in
        # These answer 404 for a name that does not exist, which proves less than a good one.
        */{id}*)
            send PUT /tasks/known '{"delay":0}'
            path=${path//'{id}'/known}
            ;;
        */{slug}*) path=${path//'{slug}'/timeout} ;;
        esac
        request "$path" -X "$method"
        [[ $status_code != 404 && $status_code != 405 && $status_code -lt 500 ]] ||
            fail "$method $path: $status_code $body"
        # It may answer so.
        jq -e --arg status "$status_code" ".paths[\"$template\"].${method,,}.responses
            | has(\$status) or has(\"default\")" "$document" >/dev/null ||
            fail "OpenAPI has no $status_code of $method $template"
        echo "$method" >>"$BATS_TEST_TMPDIR/asked"
    done < <(jq -r '.paths | to_entries[] | .key as $path
        | .value | keys[] | "\(ascii_upcase) \($path)"' <<<"$body" |
        sed -E 's#(/wait|/wait_n|/measure)$#\1?n=0\&delay=0#; s#/wait\?n=0&#/wait?#')
    [[ $(wc -l <"$BATS_TEST_TMPDIR/asked") -ge 19 ]]
}

@test "the list at / has the same paths and methods" {
    local listed

    get /
    assert_status 200
    listed=$(jq -c '[.endpoints[] | .path as $path | .methods | split(", ")[]
        | select(. != "HEAD" and . != "OPTIONS") | "\(.) \($path)"] | sort' <<<"$body")
    get /openapi.json
    assert_json '[.paths | to_entries[] | .key as $path | .value | keys[]
        | "\(ascii_upcase) \($path)"] | sort == $listed' --argjson listed "$listed"
}

@test "the limits in it are those in force" {
    own_server --max-delay 7.5 --max-n 12
    get /openapi.json
    assert_json '[.paths["/wait_n"].get.parameters[] | select(.name == "n").schema.maximum] == [12]'
    assert_json '[.paths["/wait_n"].get.parameters[] | select(.name == "delay").schema.oneOf[0].maximum] == [7.5]'
    get '/wait_n?n=13'
    assert_problem 400 invalid-parameter n
    assert_json '.max == 12'
    get '/wait?delay=7.6'
    assert_problem 400 invalid-parameter delay
    assert_json '.max == 7.5'
    get /
    assert_json '[.. | numbers] | contains([12]) and contains([7.5])'
    own_server_stop
}

@test "docs/api.md is what --print-api prints" {
    [[ -e $PROJECT/docs/api.md ]]
    diff "$PROJECT/docs/api.md" <("$WAITD" --print-api)
}

@test "every type of problem has a page, and what has none is not found" {
    local status slug count=0

    while read -r status slug; do
        get "/problems/$slug"
        assert_status 200
        assert_json '.type == "/problems/" + $slug and .status == $status
            and (.title | length) > 0 and (.text | length) > 0' \
            --arg slug "$slug" --argjson status "$status"
        count=$((count + 1))
    done < <(sed -nE 's/^ERROR\([A-Z_]+, ([0-9]+), "([a-z-]+)".*/\1 \2/p' \
        "$PROJECT/server/base/errors.def")
    ((count >= 21))
    assert_eq "$count" "$(grep -c '^ERROR(' "$PROJECT/server/base/errors.def")"
    get /problems/nothing
    assert_problem 404 not-found
}

@test "the bounds of an integer are integers" {
    get /openapi.json
    assert_match "$body" '"maximum": 100000,?[[:space:]]'
    run -1 grep -E '"(minimum|maximum)": [0-9]+\.0+[,}]?$' "$body_file"
}

@test "the examples of answers in it parse" {
    get /openapi.json
    assert_json '[.paths[][].responses[].content["application/json"]? | select(.) | .example | select(.)]
        | length > 5 and all(type == "object")'
}

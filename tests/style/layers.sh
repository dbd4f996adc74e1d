#!/usr/bin/env bash
# layers.sh: who may include what. A file includes its own folder and lower layers:
# base < async < http, store < api < server/*.[ch]. Neighbours do not know each other, and a
# library is known only in its room.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Files that may include a header whose name matches; the first match decides.
rooms=(
    '^microhttpd\.h$   ^server/http/'
    '^jansson\.h$      ^(server/http/json_body\.c|api/openapi\.c)$'
    '^uv\.h$           ^server/[^/]+\.[ch]$'
    '^api/             ^(api/.*|server/(main|worker|config)\.[ch])$'
)

status=0
complain() {
    echo "$1" >&2
    status=1
}

# layer FILE: its height, and the name of its layer
layer() {
    case $1 in
    server/base/*) echo 0 base ;;
    server/async/*) echo 1 async ;;
    server/http/*) echo 2 http ;;
    server/store/*) echo 2 store ;;
    api/*) echo 3 api ;;
    server/*/*) echo "- an unknown layer" ;;
    *) echo 4 main ;;
    esac
}

# resolve FILE HEADER: the file that the compiler finds for #include "HEADER" in FILE
resolve() {
    local folder
    for folder in "$(dirname "$1")" server .; do
        if [[ -e $folder/$2 ]]; then
            realpath --relative-to=. "$folder/$2"
            return
        fi
    done
}

check_room() {
    local file=$1 place=$2 header=$3 room name members
    for room in "${rooms[@]}"; do
        read -r name members <<<"$room"
        if [[ $header =~ $name ]]; then
            [[ $file =~ $members ]] || complain "$place: $header is not for this file"
            return
        fi
    done
}

check_layer() {
    local file=$1 place=$2 found=$3 own own_name other other_name
    read -r own own_name < <(layer "$file")
    read -r other other_name < <(layer "$found")
    if [[ $own == - ]]; then
        complain "$file: its folder is $own_name; give it a place in tests/style/layers.sh"
    elif ((other > own)) || [[ $other == "$own" && $other_name != "$own_name" ]]; then
        complain "$place: $own_name may not include $other_name ($found)"
    fi
}

seen=0
while IFS=: read -r file line text; do
    [[ $text =~ ^[[:space:]]*#[[:space:]]*include[[:space:]]*[\<\"]([^\>\"]+) ]] || continue
    header=${BASH_REMATCH[1]}
    seen=$((seen + 1))
    found=$(resolve "$file" "$header")
    check_room "$file" "$file:$line" "${found:-$header}"
    [[ -z $found ]] || check_layer "$file" "$file:$line" "$found"
done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' server api)

((seen > 0)) || complain "layers.sh: no include was found: is this the root of waitd?"
exit $status

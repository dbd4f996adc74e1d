#!/usr/bin/env bats
# groups.bats: POST /tasks with n, and what GET and DELETE do with a group:
# asyncio.wait(), asyncio.as_completed().

load helpers
load background

setup() {
    server_reset
}

# make JSON: a group; sets ids, in order of creation.
make() {
    post /tasks "$1" || return
    assert_status 201 || return
    mapfile -t ids < <(jq -r '.tasks[].id' <<<"$body")
}

# fire ID...: one after another.
fire() {
    local one

    for one in "$@"; do
        send PATCH "/tasks/$one" '{"delay":0}' && assert_status 200 || return
    done
}

# assert_ids FILTER ID...: the filter gives these ids of the body.
assert_ids() {
    local filter=$1

    shift
    assert_eq "$(jq -r "$filter" <<<"$body" | xargs)" "$*" "$filter"
}

# ---- POST with n --------------------------------------------------------------------

@test "POST /tasks with n answers 201 with the group, its seed and every Task" {
    post /tasks '{"n":3,"max_delay":90,"group":"g","seed":7}'
    assert_status 201
    assert_eq "$(header Location)" '/tasks?group=g'
    assert_eq "$(header Content-Type)" application/json
    assert_json 'keys_unsorted == ["group", "seed", "tasks"] and .group == "g" and .seed == 7
        and (.tasks | length == 3)
        and (.tasks | all(.group == "g" and .kind == "task" and .state == "pending"))
        and (.tasks | all(length == 13))'
    assert_json '[.tasks[].id] | unique | length == 3'
}

@test "the group form stands a Task a line, the comma leads" {
    post /tasks '{"n":3,"delay":60,"group":"g"}'
    assert_eq "$(wc -l <"$body_file")" 5
    assert_eq "$(sed -n 1p "$body_file")" '{"group":"g","tasks":['
    assert_match "$(sed -n 2p "$body_file")" '^\{"id":'
    assert_match "$(sed -n 3p "$body_file")" '^,\{"id":'
    assert_match "$(sed -n 4p "$body_file")" '^,\{"id":'
    assert_eq "$(sed -n 5p "$body_file")" ']}'
}

@test "n=1 has the group form, too" {
    post /tasks '{"n":1,"delay":60,"group":"g"}'
    assert_status 201
    assert_json '.group == "g" and (.tasks | length == 1)'
    assert_eq "$(header Location)" '/tasks?group=g'
}

@test "without n a task joins the group it names, and is answered as one Task" {
    make_task '{"delay":60,"group":"g"}'
    assert_eq "$(header Location)" "/tasks/$id"
    assert_json '.group == "g" and (has("tasks") | not)'
    assert_eq "$(count group=g)" 1
}

@test "the server names a group that has no name" {
    local group

    post /tasks '{"n":2,"delay":60}'
    assert_status 201
    group=$(jq -r .group <<<"$body")
    assert_match "$group" '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'
    assert_eq "$(header Location)" "/tasks?group=$group"
    assert_eq "$(count "group=$group")" 2
    post /tasks '{"n":2,"delay":60}'
    assert_json '.group != $group' --arg group "$group"
}

@test "naming a group again adds to it" {
    make '{"n":2,"delay":60,"group":"g"}'
    make '{"n":3,"delay":30,"group":"g"}'
    make_task '{"delay":20,"group":"g"}'
    get '/tasks?group=g'
    assert_json '.total == 6 and [.tasks[].delay] == [60, 60, 30, 30, 30, 20]'
}

@test "a group with a seed waits what CPython draws, in order" {
    post /tasks '{"n":50,"max_delay":250,"min_delay":100,"seed":42}'
    assert_status 201
    assert_eq "$(grep -o '"delay":[0-9.e+-]*' "$body_file" | cut -d: -f2)" \
        "$(uniform 42 50 100 250)"
}

@test "a group without a seed draws one below 2^53, and shows it: it can be replayed" {
    local seed delays

    post /tasks '{"n":5,"max_delay":200}'
    seed=$(jq .seed <<<"$body")
    delays=$(grep -o '"delay":[0-9.e+-]*' "$body_file")
    assert_json '.seed >= 0 and .seed < 9007199254740992'
    post /tasks "{\"n\":5,\"max_delay\":200,\"seed\":$seed}"
    assert_eq "$(grep -o '"delay":[0-9.e+-]*' "$body_file")" "$delays"
    post /tasks '{"n":5,"max_delay":200}'
    assert_json '.seed != $seed' --argjson seed "$seed"
}

@test "with a fixed delay nothing is drawn and no seed is shown" {
    post /tasks '{"n":2,"delay":60}'
    assert_json 'has("seed") | not'
    post /tasks '{"n":2,"delay":60,"seed":1}'
    assert_problem 400 invalid-parameter
}

@test "a label is on every task of the group" {
    post /tasks '{"n":3,"delay":60,"label":"batch 7"}'
    assert_json '.tasks | all(.label == "batch 7")'
    assert_eq "$(count label=batch%207)" 3
}

@test "the timeout of a group cancels what has not ended by then" {
    make '{"n":2,"delay":60,"timeout":1.5,"group":"g"}'
    make_task '{"delay":0,"group":"g"}'
    get '/tasks?group=g&wait=30'
    assert_status 200
    assert_ids '.done[].id' "$id" "${ids[@]}"
    assert_json '[.done[] | [.state, .cancel_reason]]
        == [["done", null], ["cancelled", "timeout"], ["cancelled", "timeout"]]'
}

@test "a large group is streamed and is all there" {
    post /tasks '{"n":3000,"delay":60,"group":"g"}'
    assert_status 201
    assert_json '(.tasks | length) == 3000 and ([.tasks[].id] | unique | length) == 3000'
    assert_eq "$(count group=g)" 3000
    send DELETE '/tasks?group=g'
    assert_eq "$body" '{"cancelled":3000,"removed":3000}'
}

@test "PATCH, PUT and the rest know a group's tasks by their ids" {
    make '{"n":2,"delay":60,"group":"g"}'
    post "/tasks/${ids[0]}/cancel"
    assert_json '.cancelled == true and .task.group == "g"'
    fire "${ids[1]}"
    get '/tasks?group=g&wait=30'
    assert_ids '.done[].id' "${ids[@]}"
    send DELETE "/tasks/${ids[0]}"
    assert_status 204
    assert_eq "$(count group=g)" 1
}

# ---- limit --------------------------------------------------------------------------

@test "with limit the rest is queued: no deadline, all of its delay remaining" {
    make '{"n":4,"delay":60,"limit":2,"group":"g"}'
    assert_json '[.tasks[].state] == ["pending", "pending", "queued", "queued"]'
    assert_json '.tasks[2:] | all(.deadline == null and .remaining == 60 and .delay == 60
        and .finished_at == null)'
    assert_json '.tasks[:2] | all(.deadline != null)'
    get "/tasks/${ids[3]}"
    assert_json '.state == "queued" and .deadline == null'
}

@test "each end makes room for the next by index, which starts at the deadline before it" {
    make '{"n":4,"delay":0.1,"limit":1,"group":"g"}'
    get '/tasks?group=g&wait=30'
    assert_ids '.done[].id' "${ids[@]}"
    assert_json '.done | to_entries | all(.value.result.elapsed >= 0.1 * (.key + 1) - 1e-9
        and .value.result.delay == 0.1 and .value.state == "done")'
}

@test "a cancelled task makes room, and a cancelled queued one takes none" {
    make '{"n":4,"delay":60,"limit":1,"group":"g"}'
    post "/tasks/${ids[1]}/cancel"
    assert_json '.cancelled == true and .task.state == "cancelled"'
    get '/tasks?group=g'
    assert_json '[.tasks[].state] == ["pending", "cancelled", "queued", "queued"]'
    post "/tasks/${ids[0]}/cancel"
    get '/tasks?group=g'
    assert_json '[.tasks[].state] == ["cancelled", "cancelled", "pending", "queued"]'
    fire "${ids[2]}"
    get '/tasks?group=g'
    assert_json '[.tasks[].state] == ["cancelled", "cancelled", "done", "pending"]'
    send DELETE "/tasks/${ids[3]}"
    assert_eq "$(count group=g)" 3
}

@test "PATCH delay starts a queued task, PATCH add lengthens it in the queue" {
    make '{"n":3,"delay":60,"limit":1,"group":"g"}'
    send PATCH "/tasks/${ids[1]}" '{"add":30}'
    assert_status 200
    assert_json '.state == "queued" and .delay == 90 and .remaining == 90 and .deadline == null'
    send PATCH "/tasks/${ids[1]}" '{"delay":50}'
    assert_status 200
    assert_json '.state == "pending" and .deadline != null and .remaining <= 50 and .remaining > 0'
    send PATCH "/tasks/${ids[2]}" '{"delay":0}'
    assert_json '.state == "done" and .result.elapsed >= .result.delay'
    get '/tasks?group=g'
    assert_json '[.tasks[].state] == ["pending", "pending", "done"]'
}

@test "PATCH deadline starts a queued task" {
    make '{"n":2,"delay":60,"limit":1,"group":"g"}'
    send PATCH "/tasks/${ids[1]}" '{"deadline":"2020-01-02T03:04:05Z"}'
    assert_status 200
    assert_json '.state == "done" and .remaining == 0'
}

@test "a queued task that times out ends where it stands" {
    make '{"n":2,"delay":60,"limit":1,"timeout":0.1,"group":"g"}'
    get '/tasks?group=g&wait=30'
    assert_json '.timed_out == false and (.done | length == 2)
        and (.done | all(.state == "cancelled" and .cancel_reason == "timeout"))'
}

# ---- wait ---------------------------------------------------------------------------

@test "wait answers done in order of completion and pending in order of creation" {
    make '{"n":5,"delay":60,"group":"g"}'
    fire "${ids[3]}"
    post "/tasks/${ids[0]}/cancel"
    fire "${ids[2]}"
    get '/tasks?group=g&wait=0.1'
    assert_status 200
    assert_json 'keys_unsorted == ["done", "pending", "timed_out"] and .timed_out == true'
    assert_ids '.done[].id' "${ids[3]}" "${ids[0]}" "${ids[2]}"
    assert_ids '.pending[].id' "${ids[1]}" "${ids[4]}"
    assert_json '[.done[].state] == ["done", "cancelled", "done"]
        and (.pending | all(.state == "pending"))'
    assert_match "$(header Server-Timing)" '^wait;dur='
    at_least "$(header Server-Timing | sed 's/.*dur=//')" 100
    assert_eq "$(count 'group=g&state=pending')" 2
}

@test "wait for all is the default, and answers when the last has ended" {
    make '{"n":3,"max_delay":0.3,"seed":5,"group":"g"}'
    get '/tasks?group=g&wait=300'
    assert_status 200
    assert_json '.timed_out == false and .pending == [] and (.done | length == 3)
        and ([.done[].delay] | . == sort) and (.done | all(.result.elapsed >= .delay))'
    get '/tasks?group=g&wait=300&return_when=all'
    assert_json '.timed_out == false and (.done | length == 3)'
}

@test "return_when without wait blocks without limit" {
    make '{"n":2,"delay":60,"group":"g"}'
    hold_asked all '/tasks?group=g&return_when=all'
    hold_asked first '/tasks?group=g&return_when=first'
    still_held all
    still_held first
    fire "${ids[1]}"
    answered first
    assert_json '.timed_out == false'
    assert_ids '.done[].id' "${ids[1]}"
    assert_ids '.pending[].id' "${ids[0]}"
    still_held all
    fire "${ids[0]}"
    answered all
    assert_ids '.done[].id' "${ids[1]}" "${ids[0]}"
    assert_json '.pending == [] and .timed_out == false'
}

@test "return_when=first is met by a cancelled task, and at once where one has ended" {
    make '{"n":2,"delay":60,"group":"g"}'
    hold_asked first '/tasks?group=g&wait=50&return_when=first'
    post "/tasks/${ids[0]}/cancel"
    answered first
    assert_json '.timed_out == false and [.done[].state] == ["cancelled"]'
    get '/tasks?group=g&wait=50&return_when=first'
    assert_json '.timed_out == false and (.done | length == 1) and (.pending | length == 1)'
}

@test "a member that is gone before its row is written is of its group all the same" {
    own_server --retention 0
    post /tasks '{"n":3000,"delay":0,"group":"g"}'
    assert_json '(.tasks | length == 3000) and (.tasks | all(.group == "g"))'
    get '/tasks?group=g&wait=0'
    assert_problem 404 not-found
    own_server_stop
}

@test "a wait for a group tells of each that DELETE or reset takes away" {
    local sweep

    for sweep in 'DELETE /tasks?group=g' 'POST /reset'; do
        make '{"n":30,"delay":60,"group":"g","limit":20}'
        hold_asked first '/tasks?group=g&return_when=first'
        hold_asked all '/tasks?group=g&wait=50'
        # shellcheck disable=SC2086
        send $sweep
        assert_eq "$body" '{"cancelled":30,"removed":30}'
        for name in first all; do
            answered "$name"
            assert_ids '.done[].id' "${ids[@]}"
            assert_json '.pending == [] and .timed_out == false
                and (.done | all(.state == "cancelled" and .group == "g"))'
        done
    done
}

@test "a group that is deleted while a wait tells of it is told of whole" {
    python3 "$HTTP_TESTS/deleted.py" "$PORT" 3000
}

@test "return_when=K waits for K ends; more than there are means all" {
    make '{"n":3,"delay":60,"group":"g"}'
    hold_asked two '/tasks?group=g&wait=50&return_when=2'
    hold_asked nine '/tasks?group=g&wait=50&return_when=9'
    fire "${ids[2]}"
    sleep 0.1 # in real time: no answer may come
    still_held two
    fire "${ids[0]}"
    answered two
    assert_ids '.done[].id' "${ids[2]}" "${ids[0]}"
    assert_ids '.pending[].id' "${ids[1]}"
    still_held nine
    fire "${ids[1]}"
    answered nine
    assert_ids '.done[].id' "${ids[2]}" "${ids[0]}" "${ids[1]}"
    get '/tasks?group=g&wait=1&return_when=0'
    assert_problem 400 invalid-parameter return_when
    get '/tasks?group=g&wait=1&return_when=last'
    assert_problem 400 invalid-parameter return_when
}

@test "return_when=first_error is met by a failure only: a cancel or a result is none" {
    make '{"n":2,"delay":60,"group":"g"}'
    hold_asked error '/tasks?group=g&wait=50&return_when=first_error'
    fire "${ids[0]}"
    sleep 0.1 # in real time: no answer may come
    still_held error
    fire "${ids[1]}"
    answered error
    assert_status 200
    assert_json '.timed_out == false and (.done | length == 2) and .pending == []'
}

@test "waiting for a group cancels nobody, nor does a waiter that leaves" {
    local before

    make '{"n":2,"delay":60,"group":"g"}'
    before=$(connections)
    hold_asked all '/tasks?group=g&wait=50'
    hold_asked stream '/tasks?group=g&stream=true'
    leave all
    leave stream
    eventually connections_are "$before"
    assert_eq "$(count 'group=g&state=pending')" 2
}

@test "timeout= on a group is a 504 when it is over" {
    make '{"n":2,"delay":60,"group":"g"}'
    get '/tasks?group=g&timeout=0.1'
    assert_problem 504 timeout
    assert_eq "$(count 'group=g&state=pending')" 2
    get '/tasks?group=g&wait=1&timeout=1'
    assert_problem 400 invalid-parameter
    assert_json '[.param, .conflicts_with] | sort == ["timeout", "wait"]'
    fire "${ids[@]}"
    get '/tasks?group=g&timeout=30'
    assert_status 200
    assert_json '.timed_out == false and (.done | length == 2)'
}

@test "a task that joins while somebody waits for all is waited for, too" {
    make '{"n":1,"delay":60,"group":"g"}'
    hold_asked all '/tasks?group=g&wait=50'
    make_task '{"delay":60,"group":"g"}'
    fire "${ids[0]}"
    sleep 0.1 # in real time: no answer may come
    still_held all
    fire "$id"
    answered all
    assert_ids '.done[].id' "${ids[0]}" "$id"
}

@test "wait, return_when, timeout and stream need a group" {
    for query in wait=1 return_when=first stream=true timeout=1; do
        get "/tasks?$query"
        assert_problem 400 invalid-parameter "${query%%=*}"
    done
}

@test "an unknown group, or one emptied: its list and DELETE are empty, wait and stream 404" {
    make '{"n":1,"delay":60,"group":"was"}'
    send DELETE "/tasks/${ids[0]}"
    for group in never was; do
        get "/tasks?group=$group"
        assert_status 200
        assert_eq "$body" '{"tasks":[],"total":0,"next":null}'
        send DELETE "/tasks?group=$group"
        assert_status 200
        assert_eq "$body" '{"cancelled":0,"removed":0}'
        for query in wait=1 return_when=first stream=true timeout=1; do
            get "/tasks?group=$group&$query"
            assert_problem 404 not-found
        done
    done
}

@test "a group whose tasks have all ended is not unknown: wait answers at once" {
    make '{"n":2,"delay":0,"group":"g"}'
    get '/tasks?group=g&wait=30'
    get '/tasks?group=g&wait=30'
    assert_status 200
    assert_json '.done | length == 2'
}

# ---- stream -------------------------------------------------------------------------

@test "a stream in json is one document: those that had ended first, then each as it ends" {
    make '{"n":4,"delay":60,"group":"g"}'
    fire "${ids[2]}"
    post "/tasks/${ids[1]}/cancel"
    hold stream '/tasks?group=g&stream=true'
    eventually has_sent stream "${ids[1]}"
    still_held stream
    has_not_sent stream "${ids[3]}"
    has_not_sent stream "${ids[0]}"
    fire "${ids[3]}"
    eventually has_sent stream "${ids[3]}"
    still_held stream
    fire "${ids[0]}"
    answered stream
    assert_status 200
    assert_eq "$(header Content-Type)" application/json
    assert_eq "$(header X-Accel-Buffering)" no
    assert_eq "$(header Cache-Control)" no-store
    assert_json 'keys_unsorted == ["group", "tasks", "done", "failed", "cancelled"]
        and .group == "g" and .done == 3 and .failed == 0 and .cancelled == 1
        and (.tasks | all(length == 13))'
    assert_ids '.tasks[].id' "${ids[2]}" "${ids[1]}" "${ids[3]}" "${ids[0]}"
    assert_eq "$(sed -n 1p "$body_file")" '{"group":"g","tasks":['
    assert_match "$(sed -n 2p "$body_file")" '^\{"id":'
    assert_match "$(sed -n 3p "$body_file")" '^,\{"id":'
    assert_eq "$(tail -n 1 "$body_file")" '],"done":3,"failed":0,"cancelled":1}'
    assert_eq "$(wc -l <"$body_file")" 6
}

@test "a stream in ndjson is a Task a line, then the counts" {
    make '{"n":3,"max_delay":0.2,"seed":5,"group":"g"}'
    get '/tasks?group=g&stream=true&format=ndjson'
    assert_status 200
    assert_eq "$(header Content-Type)" application/x-ndjson
    assert_eq "$(wc -l <"$body_file")" 4
    assert_eq "$(jq -cs '[.[:3][] | [.group, .state]] | unique' "$body_file")" '[["g","done"]]'
    assert_eq "$(jq -cs '[.[:3][].delay] | . == sort' "$body_file")" true
    assert_eq "$(tail -n 1 "$body_file" | jq -c '[.done, .failed, .cancelled]')" '[3,0,0]'
    get '/tasks?group=g&stream=true' -H 'Accept: application/x-ndjson'
    assert_eq "$(header Content-Type)" application/x-ndjson
    assert_eq "$(wc -l <"$body_file")" 4
}

@test "a stream in sse is event: task for each, then event: summary" {
    make '{"n":2,"delay":60,"group":"g"}'
    fire "${ids[1]}" "${ids[0]}"
    get '/tasks?group=g&stream=true' -H 'Accept: text/event-stream'
    assert_status 200
    assert_match "$(header Content-Type)" '^text/event-stream'
    assert_eq "$(grep '^event:' "$body_file" | xargs)" 'event: task event: task event: summary'
    assert_eq "$(sed -n 's/^data: //p' "$body_file" | head -n 2 | jq -r .id | xargs)" \
        "${ids[1]} ${ids[0]}"
    assert_eq "$(sed -n 's/^data: //p' "$body_file" | tail -n 1 |
        jq -c '[.done, .failed, .cancelled]')" '[2,0,0]'
    assert_eq "$(grep -c '^$' "$body_file")" 3
}

@test "format wins over Accept; text is no form of a stream of tasks" {
    make '{"n":1,"delay":0,"group":"g"}'
    get '/tasks?group=g&stream=true&format=json' -H 'Accept: text/event-stream'
    assert_eq "$(header Content-Type)" application/json
    get '/tasks?group=g&stream=true&format=text'
    assert_problem 400 invalid-parameter format
    get '/tasks?group=g&stream=true' -H 'Accept: text/plain'
    assert_problem 406 not-acceptable
    get '/tasks?group=g&stream=true&return_when=first'
    assert_problem 400 invalid-parameter
    get '/tasks?group=g&stream=true&wait=1'
    assert_problem 400 invalid-parameter
    get '/tasks?group=g&stream=false'
    assert_json '.total == 1'
    get '/tasks?group=g&wait=1' -H 'Accept: text/event-stream, */*'
    assert_status 200
    assert_eq "$(header Content-Type)" application/json
    get '/tasks?group=g&stream=true' -H 'Accept: text/event-stream, */*'
    assert_match "$(header Content-Type)" '^text/event-stream'
}

@test "a stream is over when none is left, not before: a task that joins is streamed, too" {
    make '{"n":1,"delay":60,"group":"g"}'
    hold_asked stream '/tasks?group=g&stream=true&format=ndjson'
    make_task '{"delay":60,"group":"g"}'
    fire "${ids[0]}"
    eventually has_sent stream "${ids[0]}"
    still_held stream
    fire "$id"
    answered stream
    assert_eq "$(jq -r '.id // "end"' "$body_file" | xargs)" "${ids[0]} $id end"
}

@test "many streams of one group tell the same" {
    local want

    make '{"n":40,"max_delay":0.4,"seed":9,"group":"g"}'
    for i in 1 2 3; do hold "s$i" '/tasks?group=g&stream=true&format=ndjson'; done
    for i in 1 2 3; do
        answered "s$i"
        assert_eq "$(wc -l <"$body_file")" 41
        want=${want-$(jq -r '.id // empty' "$body_file")}
        assert_eq "$(jq -r '.id // empty' "$body_file")" "$want"
    done
    get '/tasks?group=g&wait=0'
    assert_eq "$(jq -r '.done[].id' <<<"$body")" "$want"
}

@test "a HEAD of a stream answers its headers at once" {
    make '{"n":1,"delay":60,"group":"g"}'
    request '/tasks?group=g&stream=true&format=sse' -I
    assert_status 200
    assert_match "$(header Content-Type)" '^text/event-stream'
}

@test "a group that is deleted or reset ends its streams: each task is told as it ended" {
    for sweep in 'DELETE /tasks?group=g' 'POST /reset'; do
        make '{"n":3,"delay":60,"group":"g","limit":2}'
        hold stream '/tasks?group=g&stream=true'
        hold ndjson '/tasks?group=g&stream=true&format=ndjson'
        eventually has_sent stream '['
        fire "${ids[1]}"
        eventually has_sent ndjson "${ids[1]}"
        # shellcheck disable=SC2086
        send $sweep
        assert_eq "$body" '{"cancelled":2,"removed":3}'
        answered stream
        assert_status 200
        assert_json '.done == 1 and .cancelled == 2 and (.tasks | all(.group == "g"))'
        assert_ids '.tasks[].id' "${ids[1]}" "${ids[0]}" "${ids[2]}"
        answered ndjson
        assert_eq "$(jq -r '.id // .cancelled' "$body_file" | xargs)" \
            "${ids[1]} ${ids[0]} ${ids[2]} 2"
        get '/tasks?group=g&wait=1'
        assert_problem 404 not-found
    done
}

# shellcheck disable=SC2046,SC2059
@test "a task that is forgotten while it waits to be streamed is streamed all the same" {
    own_server --retention 0
    make '{"n":50,"delay":60,"group":"g"}'
    hold one '/tasks?group=g&stream=true'
    hold two '/tasks?group=g&stream=true'
    eventually has_sent one '['
    eventually has_sent two '['
    # the last first, all on one connection
    curl -sSf -X PATCH --json '{"delay":0}' \
        $(printf "$URL/tasks/%s\n" "${ids[@]}" | tac) >"$BATS_TEST_TMPDIR/fired"
    for name in one two; do
        answered "$name"
        assert_json '.done == 50 and (.tasks | all(.group == "g"))'
        assert_ids '.tasks[].id' $(printf '%s\n' "${ids[@]}" | tac)
    done
    eventually count_is 0 ''
    own_server_stop
}

# ---- DELETE -------------------------------------------------------------------------

@test "DELETE of a group cancels what runs, removes all, and wakes every awaiter" {
    make '{"n":5,"delay":60,"limit":3,"group":"g"}'
    fire "${ids[0]}"
    post "/tasks/${ids[1]}/cancel"
    make_task '{"delay":60}'
    hold_asked result "/tasks/${ids[4]}/result"
    hold_asked poll "/tasks/${ids[2]}?wait=50"
    hold_asked all '/tasks?group=g&wait=50'
    send DELETE '/tasks?group=g'
    assert_status 200
    assert_eq "$body" '{"cancelled":3,"removed":5}'
    answered result
    assert_problem 409 cancelled
    answered poll
    assert_json '.state == "cancelled" and .cancel_reason == "cancel"'
    answered all
    assert_status 200
    assert_json '.pending == [] and .timed_out == false and (.done | length == 5)'
    assert_eq "$(count group=g)" 0
    assert_eq "$(count '')" 1
    get "/tasks/${ids[0]}"
    assert_problem 404 not-found
}

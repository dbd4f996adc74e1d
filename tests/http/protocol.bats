#!/usr/bin/env bats
# protocol.bats: HTTP by the byte. See protocol.py.

load helpers
load background

protocol() {
    python3 "$HTTP_TESTS/protocol.py" "$PORT" "$@"
}

@test "a wrong target is refused or not found, and the connection lives on" {
    protocol targets
}

@test "the absolute form of a target is accepted" {
    protocol absolute_form
}

@test "pipelined requests are answered in order" {
    protocol pipeline
}

@test "a request that comes while an answer is sent is answered behind it" {
    protocol during_answer
}

@test "a client that reads late gets all of a long answer" {
    own_server --stall-timeout 1h --max-n 500000
    protocol slow_reader
    own_server_stop
}

@test "a client that leaves in the middle of its first request is not waited for" {
    own_server --header-timeout 1h
    protocol left_early
    own_server_stop
}

@test "a client that leaves in the middle of a later request is not waited for" {
    own_server --header-timeout 1h
    protocol left_later "$(own_server_pid)"
    own_server_stop
}

@test "urgent data ends its connection" {
    protocol urgent
}

@test "urgent data that came while a request waited cuts no answer" {
    protocol urgent_behind
}

@test "urgent data ends a connection that sent it before anybody looked" {
    own_server --header-timeout 1h
    protocol urgent_at_first "$(own_server_pid)"
    own_server_stop
}

@test "chunks that came in one read behind another request are the last of their connection" {
    protocol chunks_behind
}

@test "a request may come byte by byte" {
    protocol pieces
}

@test "a connection is used again, whatever the answer was" {
    protocol keep_alive
}

@test "HTTP/1.0 is answered, and its connection closed unless it asks" {
    protocol http_1_0
}

@test "Expect: 100-continue is told to go on, or not" {
    protocol expect_continue
}

@test "a body that is too long is read, and told so" {
    protocol too_long
}

@test "what libmicrohttpd refuses by itself is one answer" {
    protocol own_pages
}

@test "OPTIONS says what is allowed, and so does every 405" {
    protocol options
}

@test "HEAD has the headers of GET" {
    protocol head
}

@test "a head of 3 KiB is read" {
    protocol long_head
}

@test "trailers that leave no room for an answer are refused before anything begins" {
    protocol trailers
}

@test "what is no HTTP at all harms nobody" {
    protocol garbage
}

@test "a slow client is cut off after --header-timeout" {
    own_server --header-timeout 0.5
    protocol slow
    own_server_stop
}

@test "a chunk's size that does not end behind a long head is cut off" {
    own_server --header-timeout 0.5
    protocol unfinished
    eventually connections_are 0 "$(own_server_pid)"
    own_server_stop
}

@test "an idle connection is closed after --idle-timeout, one that waits is not" {
    own_server --idle-timeout 1
    protocol idle
    own_server_stop
}

@test "a client that has half-closed gets the answers that need no wait" {
    local answer

    answer=$(printf 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n' | nc -N -w 20 127.0.0.1 "$PORT")
    assert_match "$answer" '^HTTP/1.1 200 OK'
    assert_match "$answer" '\{"status":"ok"\}$'
    printf 'GET /wait?delay=60&label=nc HTTP/1.1\r\nHost: a\r\n\r\n' |
        nc -N -w 20 127.0.0.1 "$PORT" >"$BATS_TEST_TMPDIR/nothing"
    get '/tasks?label=nc&state=pending'
    assert_json '.total == 0'
    protocol half_close
}

@test "a client that leaves in the middle of a stream cancels it" {
    protocol leave
}

#!/usr/bin/env python3
"""events.py PORT WHAT: events, their payloads and generations."""

from objects import answered, ask, block, CLIENTS, problem, put_json, run, state, text, UNUSED


def event():
    assert text("GET", "/events/e") == UNUSED["/events"]
    assert text("DELETE", "/events/e") == UNUSED["/events"]
    assert text("PUT", "/events/e") == \
        '{"set":true,"generation":1,"payload":null,"waiting":0,"released":0}\n'
    assert text("GET", "/events/e") == '{"set":true,"generation":1,"payload":null,"waiting":0}\n'
    assert text("GET", "/events/e?timeout=60") == text("GET", "/events/e")
    assert text("GET", "/events/e?wait=60") == text("GET", "/events/e")
    assert text("DELETE", "/events/e") == \
        '{"set":false,"generation":1,"payload":null,"waiting":0}\n'
    clients = [block("/events/e", "GET", f"/events/e?{how}=60", count=i + 1)
               for i, how in enumerate(("timeout", "wait", "timeout"))]
    assert put_json("/events/e", '{"port":9090}') == \
        '{"set":true,"generation":2,"payload":{"port":9090},"waiting":0,"released":3}\n'
    for client in clients:
        assert answered(client).body == \
            b'{"set":true,"generation":2,"payload":{"port":9090},"waiting":0}\n'


def event_payloads():
    for sent, kept in (
        (b"1.10", b"1.10"), (b"1e400", None), (b"-0.0", b"-0.0"), (b"null", b"null"), (b'""', b'""'),
        (b"-12345678901234567890123", b"-12345678901234567890123"), (b"0.1000000000000000055", b"0.1000000000000000055"),
        (b' {\r\n "a b" :\t[ 1.10 , 2 , { } , [ ] ] , "\\" \\\\" : " \\t x" } \n',
         b'{"a b":[1.10,2,{},[]],"\\" \\\\":" \\t x"}'),
        ('"\u00e4 \U0001f600 \\u00e4"'.encode(), '"\u00e4 \U0001f600 \\u00e4"'.encode()),
        (b"[" + b"1," * 30000 + b"1 ]", b"[" + b"1," * 30000 + b"1]"), (b"true", b"true"),
    ):
        answer = next(CLIENTS).start("PUT", "/events/p", sent, "application/json").answer()
        if answer.status == 400:
            assert kept is None, answer
            continue
        kept = kept or sent.strip()
        got = ask("GET", "/events/p?timeout=1").body
        assert b'"payload":' + kept + b',"waiting":0}\n' in got, (sent, got[:200])
        assert kept in answer.body
    put_json("/events/p", "1")
    ask("PUT", "/events/p")  # none: the one before does not stay
    assert state("GET", "/events/p")["payload"] is None


def event_generations():
    """One that waits for the next set misses none, though it is set now."""
    ask("PUT", "/events/g")
    problem(504, "timeout", "GET", "/events/g?generation=1&timeout=0")
    assert state("GET", "/events/g?generation=0&timeout=0")["generation"] == 1
    assert state("GET", "/events/g?generation=1&wait=50ms")["generation"] == 1
    next_one = block("/events/g", "GET", "/events/g?generation=1&timeout=60")
    after_next = block("/events/g", "GET", "/events/g?generation=2&timeout=60", count=2)
    ask("DELETE", "/events/g")
    assert put_json("/events/g", "2") == \
        '{"set":true,"generation":2,"payload":2,"waiting":1,"released":1}\n'
    ask("DELETE", "/events/g")  # what was answered is what was set
    assert answered(next_one).json() == \
        {"set": True, "generation": 2, "payload": 2, "waiting": 1}
    assert put_json("/events/g", "3") == \
        '{"set":true,"generation":3,"payload":3,"waiting":0,"released":1}\n'
    assert answered(after_next).json()["payload"] == 3


run(event, event_payloads, event_generations)

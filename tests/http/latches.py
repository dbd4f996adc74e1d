#!/usr/bin/env python3
"""latches.py PORT WHAT: latches."""

from objects import answered, block, problem, run, state, text, UNUSED
from raw import eventually


def latch():
    assert text("GET", "/latches/l") == UNUSED["/latches"]
    assert text("POST", "/latches/l") == '{"value":1,"waiting":0}\n'
    assert text("POST", "/latches/l?by=2") == '{"value":3,"waiting":0}\n'
    assert text("POST", "/latches/l", b'{"by":1}', "application/json") == \
        '{"value":4,"waiting":0}\n'
    assert text("GET", "/latches/l?at_least=4&timeout=0") == '{"value":4,"waiting":0}\n'
    problem(504, "timeout", "GET", "/latches/l?at_least=5&timeout=20ms")
    assert text("GET", "/latches/l?at_least=5&wait=20ms") == '{"value":4,"waiting":0}\n'
    far = block("/latches/l", "GET", "/latches/l?at_least=8&timeout=60")
    near = block("/latches/l", "GET", "/latches/l?at_least=5&timeout=60", count=2)
    nearer = block("/latches/l", "GET", "/latches/l?at_least=6&wait=60", count=3)
    assert text("POST", "/latches/l") == '{"value":5,"waiting":2}\n'
    assert answered(near).json() == {"value": 5, "waiting": 2}
    nearer.socket.close()
    eventually(lambda: state("GET", "/latches/l")["waiting"] == 1)
    assert text("POST", "/latches/l?by=1000000000") == '{"value":1000000005,"waiting":0}\n'
    assert answered(far).json()["value"] == 1000000005
    for _ in range(20):
        value = state("POST", "/latches/l?by=1000000000")["value"]
    assert value == 21000000005
    problem(400, "invalid-parameter", "GET", "/latches/l?timeout=1", param="timeout")


run(latch)

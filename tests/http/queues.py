#!/usr/bin/env python3
"""queues.py PORT WHAT: queues, their items as bytes, their limit, and clients that leave."""

import socket
import sys
import time

from objects import answered, ask, block, Client, PATIENCE, problem, run, state, text, UNUSED
from raw import Closed, eventually, message


def put(name, body, kind=None, query="", status=201):
    return text("POST", f"/queues/{name}{query}", body, kind, status=status)


def take(name):
    answer = ask("POST", f"/queues/{name}/get?timeout=9")
    return answer.header("content-type"), answer.body


def queue():
    assert text("GET", "/queues/q") == UNUSED["/queues"]
    assert [put("q", b"%d" % i) for i in range(3)] == [f'{{"size":{i + 1}}}\n' for i in range(3)]
    assert text("GET", "/queues/q") == '{"size":3,"maxsize":null,"waiting":0}\n'
    assert [take("q")[1] for _ in range(3)] == [b"0", b"1", b"2"]
    problem(504, "timeout", "POST", "/queues/q/get?timeout=20ms")
    getters = [block("/queues/q", "POST", "/queues/q/get", count=i + 1) for i in range(3)]
    assert put("q", b"a") == '{"size":0}\n'
    assert answered(getters[0]).body == b"a"
    getters[1].socket.close()
    eventually(lambda: state("GET", "/queues/q")["waiting"] == 1)
    put("q", b"b")
    assert answered(getters[2]).body == b"b"
    assert text("GET", "/queues/q") == UNUSED["/queues"]


def queue_bytes():
    everything = bytes(range(256)) * 256
    for body, kind in (
        (b"", None), (b"", "text/plain"), (b"\0", "x/y"), (everything, "application/x-tar"),
        (b'{ "a" : 1.10 }', "application/json"), (b'{"timeout":', "application/json"),
        (b"a=1&maxsize=0", "application/x-www-form-urlencoded"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n", 'multipart/form-data; boundary="x"'),
        (b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "text/html; charset=utf-8"), (b"x", "nonsense"),
        ("\u00e4".encode(), "text/plain;charset=\xe4"), (b"long", "x/" + "y" * 125),
    ):
        put("b", body, kind)
        assert take("b") == (kind or "application/octet-stream", body), (kind, body[:50])
    client = Client()
    client.send(message("POST", "/queues/b", "Transfer-Encoding: chunked",
                        body=b"3\r\nabc\r\n1\r\n\0\r\n0\r\n\r\n"))
    assert client.answer().status == 201
    assert take("b")[1] == b"abc\0"
    client.start("POST", "/queues/b")  # no body at all
    assert client.answer().status == 201 and take("b")[1] == b""


def queue_accept():
    """An item is of its type, whatever its getter accepts."""
    client = Client()
    for kind, accept in (("image/png", "image/png"), ("image/png", "text/html"),
                         (None, "application/json"), ("text/plain", "*/*;q=0")):
        put("accept", b"item", kind)
        client.send(message("POST", "/queues/accept/get?timeout=9", f"Accept: {accept}"))
        answer = client.answer()
        assert answer.status == 200 and answer.body == b"item", (accept, answer)
        assert answer.header("content-type") == (kind or "application/octet-stream"), answer
    client.send(message("POST", "/queues/accept/get?timeout=10ms", "Accept: image/png"))
    answer = client.answer()
    assert answer.status == 504 and answer.json()["type"] == "/problems/timeout", answer


def queue_long_type():
    """A type that would not leave room for the answer's head is refused when it comes."""
    for size in (129, 500, 3000):
        problem(431, "headers-too-large", "POST", "/queues/t", b"a", "x/" + "y" * (size - 2))
    assert text("GET", "/queues/t") == UNUSED["/queues"]
    put("t", b"a", "x/" + "y" * 126)
    client = Client()
    for size in range(2000, 4000, 40):  # a head that is taken has an answer
        client.send(message("POST", "/queues/t/get", "X: " + "x" * size))
        answer = client.answer()
        if answer.status == 431:
            break
        assert answer.status == 200 and answer.body == b"a", (size, answer)
        put("t", b"a", "x/" + "y" * 126)
    else:
        raise AssertionError("no head was too large")
    assert take("t")[1] == b"a"


def queue_maxsize():
    assert put("m", b"1", query="?maxsize=2") == '{"size":1}\n'
    put("m", b"2")
    assert text("GET", "/queues/m") == '{"size":2,"maxsize":2,"waiting":0}\n'
    for maxsize in (1, 3):
        problem(409, "parameter-conflict", "POST", f"/queues/m?maxsize={maxsize}", b"x",
                param="maxsize", value=str(maxsize))
    problem(504, "timeout", "POST", "/queues/m?timeout=20ms", b"late")
    leaves = block("/queues/m", "POST", "/queues/m?maxsize=2", b"left")
    stays = block("/queues/m", "POST", "/queues/m", b"3", count=2)
    cancelled_put = block("/queues/m", "POST", "/queues/m?label=c", b"cancelled", count=3)
    last = block("/queues/m", "POST", "/queues/m", b"4", count=4)
    task = state("GET", "/tasks?label=c")["tasks"][0]
    assert (task["kind"], task["object"]) == ("queue", "m"), task
    leaves.socket.close()
    ask("POST", f"/tasks/{task['id']}/cancel")
    answered(cancelled_put, 409)
    eventually(lambda: state("GET", "/queues/m")["waiting"] == 2)
    assert take("m")[1] == b"1"
    assert answered(stays, 201).body == b'{"size":2}\n'
    assert [take("m")[1] for _ in range(3)] == [b"2", b"3", b"4"]
    answered(last, 201)
    assert put("m", b"5", query="?maxsize=3") == '{"size":1}\n'  # it was empty
    ask("POST", "/queues/m/get")


def queue_half_close():
    """One that has sent its FIN with its request is served, or nobody is: never both."""
    for i in range(40):
        put("h", b"%d" % i)
        client = Client().start("POST", "/queues/h/get")
        client.half_close()
        try:
            got = client.answer().body
        except Closed:
            got = None
        eventually(lambda: state("GET", "/queues/h")["size"] == (0 if got else 1))
        assert (got or take("h")[1]) == b"%d" % i


def queue_unread():
    """PATH of a unix socket: one that has read a part of its items and half-closes gets no
    more, and what it has not got whole is there, in order."""
    count, size = 12, 60000
    for i in range(count):
        put("u", bytes([65 + i]) * size)
    client = Client()
    client.socket.close()
    client.socket = socket.socket(socket.AF_UNIX)
    client.socket.settimeout(PATIENCE)
    client.socket.connect(sys.argv[3])
    for _ in range(count):
        client.start("POST", "/queues/u/get")
    left = [count, 0]
    while left[1] < 5:  # until no more goes into the socket
        time.sleep(0.02)
        now = state("GET", "/queues/u")["size"]
        left = [now, left[1] + 1] if now == left[0] else [now, 0]
    assert 0 < left[0] < count - 1, left
    client.half_close()
    got = 0
    try:
        while client.answer().body == bytes([65 + got]) * size:
            got += 1
    except Closed:
        pass
    eventually(lambda: state("GET", "/queues/u")["size"] == count - got)
    for i in range(got, count):
        assert take("u")[1] == bytes([65 + i]) * size, (i, got)


run(queue, queue_bytes, queue_accept, queue_long_type, queue_maxsize, queue_half_close,
    queue_unread)

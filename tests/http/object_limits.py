#!/usr/bin/env python3
"""object_limits.py PORT WHAT: the limits of objects, each on a server of its own."""

import time

from objects import (
    answered, ask, block, Client, CLIENTS, idle, problem, put_json, run, state, text, UNUSED,
)
from raw import eventually


def max_objects():
    """--max-objects 2: a lease counts as one; what is refused has changed nothing."""
    ask("PUT", "/events/one")
    problem(429, "too-many-objects", "POST", "/semaphores/one/acquire")
    ask("PUT", "/events/two")
    for request in (("PUT", "/events/x"), ("GET", "/events/x?wait=1"),
                    ("POST", "/semaphores/x/acquire"), ("POST", "/barriers/x/wait?parties=1"),
                    ("POST", "/barriers/x/abort"), ("POST", "/latches/x"), ("POST", "/queues/x"),
                    ("GET", "/latches/x?at_least=1&wait=1"), ("POST", "/queues/x/get"),
                    ("GET", "/queues/x?waiting=1&wait=1")):
        problem(429, "too-many-objects", *request)
    for path, unused in UNUSED.items():
        assert text("GET", f"{path}/x") == unused, path
    ask("PUT", "/events/two")
    ask("POST", "/reset")
    lease = state("POST", "/semaphores/one/acquire?limit=2")["lease"]
    problem(429, "too-many-objects", "POST", "/semaphores/one/acquire")
    assert text("GET", "/semaphores/one") == '{"available":1,"limit":2,"waiting":0}\n'
    ask("POST", f"/semaphores/one/release?lease={lease}")
    ask("POST", "/semaphores/one/acquire?limit=1")
    ask("POST", "/reset")
    ask("PUT", "/events/one")
    ask("PUT", "/events/two")


def max_waits():
    """--max-waits 1; what is refused has changed nothing, and leaves no object behind
    (--max-objects 3)."""
    def occupy():
        waiting = Client().start("GET", "/events/x?timeout=60")
        eventually(lambda: state("GET", "/events/x")["waiting"] == 1)
        return waiting

    client = occupy()
    for i in range(4):
        for request in (("GET", f"/events/w{i}?timeout=9"), ("POST", f"/barriers/w{i}/wait?parties=2"),
                        ("POST", f"/semaphores/w{i}/acquire?limit=7"),
                        ("GET", f"/latches/w{i}?at_least=1&wait=1"),
                        ("POST", f"/queues/w{i}/get"), ("GET", f"/queues/w{i}?waiting=1&wait=1"),
                        ("POST", f"/queues/w{i}?maxsize=3", b"a")):
            problem(429, "too-many-waits", *request)
    for path, unused in UNUSED.items():
        assert text("GET", f"{path}/w0") == unused, path
    client.socket.close()
    idle("/events/x")
    ask("POST", "/queues/x?maxsize=4", b"a", status=201)
    client = occupy()
    problem(429, "too-many-waits", "POST", "/queues/x", b"b")
    assert text("GET", "/queues/x") == '{"size":1,"maxsize":4,"waiting":0}\n'
    ask("PUT", "/events/x")
    answered(client)


def there_is_room(*request):
    """What another worker has sent is free as soon as it says so."""
    eventually(lambda: next(CLIENTS).start(*request).answer().status in (200, 201))


def max_bytes():
    """--max-object-bytes 1024."""
    ask("POST", "/queues/x", b"a" * 500, "x/y", status=201)
    problem(429, "too-many-bytes", "POST", "/queues/x", b"a" * 500)
    problem(429, "too-many-bytes", "POST", "/queues/new?maxsize=1", b"a" * 500)
    problem(429, "too-many-bytes", "PUT", "/events/x", b'"%s"' % (b"a" * 500), "application/json")
    assert text("GET", "/queues/x") == '{"size":1,"maxsize":null,"waiting":0}\n'
    assert text("GET", "/queues/new") == UNUSED["/queues"]
    assert text("GET", "/events/x") == UNUSED["/events"]
    assert ask("POST", "/queues/x/get").body == b"a" * 500
    there_is_room("PUT", "/events/x", b'"%s"' % (b"a" * 500), "application/json")
    problem(429, "too-many-bytes", "POST", "/queues/x", b"a" * 500)
    put_json("/events/x", '1')  # the new one, and then the old one goes
    for i in range(8):  # with a label it is kept as done: its bytes are not
        there_is_room("POST", f"/queues/x?label=kept-{i}", b"a" * 500, "x/y")
        assert ask("POST", f"/queues/x/get?label=got-{i}").body == b"a" * 500
        ask("DELETE", "/events/x")
    task = state("GET", "/tasks?label=got-0")["tasks"][0]
    assert task["result"] == {"bytes": 500, "content_type": "x/y"}, task
    ask("POST", "/reset")


def idle_ttl():
    """--idle-ttl 1 --max-objects 12: what is unused goes, what is waited for or held stays."""
    ask("PUT", "/events/unused")
    ask("POST", "/latches/unused")
    ask("POST", "/queues/unused", b"a", status=201)
    lease = state("POST", "/semaphores/held/acquire")
    getter = block("/queues/waited", "POST", "/queues/waited/get")
    watcher = Client().start("GET", "/barriers/watched?waiting=1&timeout=60")
    eventually(lambda: text("GET", "/tasks?kind=barrier").count('"pending"') == 1)
    start = time.monotonic()  # in real time: a manual clock has one worker alone
    while state("POST", "/latches/used")["value"] < 20 or time.monotonic() - start < 1.7:
        time.sleep(0.05)
    for path in ("/events/unused", "/latches/unused", "/queues/unused"):
        assert text("GET", path) == UNUSED[path.removesuffix("/unused")], path
    assert state("POST", "/latches/used")["value"] > 20
    assert state("GET", "/semaphores/held")["available"] == 0
    ask("POST", f"/semaphores/held/release?lease={lease['lease']}")
    party = Client().start("POST", "/barriers/watched/wait?parties=2")
    assert answered(watcher).json()["waiting"] == 1
    party.socket.close()
    ask("POST", "/queues/waited", b"late", status=201)
    assert answered(getter).body == b"late"
    for i in range(8):  # there is room for others
        eventually(lambda: next(CLIENTS).start("PUT", f"/events/e{i}").answer().status == 200)


run(max_objects, max_waits, max_bytes, idle_ttl)

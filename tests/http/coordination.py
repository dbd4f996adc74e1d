#!/usr/bin/env python3
"""coordination.py PORT WHAT: events, semaphores, barriers, latches and queues, as their
clients see them. The clients take turns on several connections, so that with several workers
each object is asked for where it is at home and elsewhere.

WHAT is one of the functions below CHECKS; the tests in the .bats files say what each holds.
"""

import itertools
import json
import re
import socket
import struct
import sys
import time

from raw import Closed, Raw, eventually, message

PORT, WHAT = int(sys.argv[1]), sys.argv[2]
PATIENCE = 30


class Client(Raw):
    def __init__(self):
        super().__init__(PORT, PATIENCE)

    def start(self, method, path, body=None, kind=None, version="HTTP/1.1"):
        headers = [f"Content-Type: {kind}"] if kind else []
        headers += [f"Content-Length: {len(body)}"] if body is not None else []
        self.send(message(method, path, *headers, body=body or b"", version=version))
        return self


CLIENTS = itertools.cycle([Client() for _ in range(5)])


def ask(method, path, body=None, kind=None, status=200):
    """One request; its answer, whose status must be that."""
    answer = next(CLIENTS).start(method, path, body, kind).answer()
    assert answer.status == status, (method, path, answer)
    return answer


def text(method, path, *more, **with_status):
    return ask(method, path, *more, **with_status).body.decode()


def state(*request, **more):
    return ask(*request, **more).json()


def problem(status, slug, *request, **members):
    """The answer is that problem, with these members."""
    return is_problem(ask(*request, status=status), slug, **members)


def is_problem(answer, slug, **members):
    said = answer.json()
    assert said["type"] == f"/problems/{slug}" and said["status"] == answer.status, answer
    assert answer.header("content-type") == "application/problem+json", answer
    assert all(said.get(key) == value for key, value in members.items()), (said, members)
    if answer.status in (429, 503):
        assert answer.header("retry-after").isdigit(), answer
    return said


def block(path, *request, count=1, **more):
    """A client whose request is in the line of the object at that path."""
    client = Client().start(*request, **more)
    waits(path, count)
    return client


def waits(path, count):
    assert state("GET", f"{path}?waiting={count}&wait={PATIENCE}")["waiting"] >= count


def idle(path):
    eventually(lambda: state("GET", path)["waiting"] == 0)


def answered(client, status=200):
    answer = client.answer()
    assert answer.status == status, answer
    return answer


def put_json(path, body, **more):
    return text("PUT", path, body.encode(), "application/json", **more)


# ---- what all that blocks has in common ---------------------------------------------


class Kind:
    """An object x: how to wait for it, and how to end that wait well."""

    def __init__(self, path, call, serve, before=None):
        self.path, self.call, self.serve, self.before = path, call, serve, before
        self.name = path.split("/")[1].removesuffix("s").removesuffix("e") \
            if path.startswith("/latch") else path.split("/")[1].removesuffix("s")

    def block(self, query=""):
        if self.before:
            self.lease = state(*self.before)["lease"]
        method, path = self.call
        return block(self.path, method, f"{path}&{query}" if query else path)

    def end(self):
        method, path, *more = self.serve
        more = [each.encode() if isinstance(each, str) and each[0] == "{" else each
                for each in more]
        next(CLIENTS).start(method, path.format(lease=getattr(self, "lease", "")), *more).answer()


def kinds():
    return (
        Kind("/events/x", ("GET", "/events/x?timeout=60"),
             ("PUT", "/events/x", '{"port":9090}', "application/json")),
        Kind("/semaphores/x", ("POST", "/semaphores/x/acquire?limit=1"),
             ("POST", "/semaphores/x/release?lease={lease}"),
             ("POST", "/semaphores/x/acquire?limit=1&ttl=1h")),
        Kind("/barriers/x", ("POST", "/barriers/x/wait?parties=2"),
             ("POST", "/barriers/x/wait?parties=2")),
        Kind("/latches/x", ("GET", "/latches/x?at_least=1&timeout=60"), ("POST", "/latches/x")),
        Kind("/queues/x", ("POST", "/queues/x/get?timeout=60"),
             ("POST", "/queues/x", '{"item":1}', "x/y")),
    )


def each_kind():
    for kind in kinds():
        yield kind
        ask("POST", "/reset")


def in_flight(kind):
    listed = state("GET", f"/tasks?kind={kind.name}&state=pending")
    assert listed["total"] == 1, listed
    return listed["tasks"][0]


def seen():
    for kind in each_kind():
        client = kind.block()
        task = in_flight(kind)
        assert task["kind"] == kind.name and task["object"] == "x", task
        assert (task["state"], task["label"], task["result"]) == ("pending", None, None), task
        assert "waited" not in task, task
        client.socket.close()
        idle(kind.path)
        assert state("GET", f"/tasks?kind={kind.name}")["total"] == 0


def served():
    for kind in each_kind():
        client = kind.block()
        kind.end()
        answer = answered(client)
        assert re.fullmatch(r"wait;dur=[0-9.e-]+", answer.header("server-timing")), answer
        assert answer.header("cache-control") == "no-store", answer
        idle(kind.path)


def cancelled():
    for kind in each_kind():
        client = kind.block()
        said = state("POST", f"/tasks/{in_flight(kind)['id']}/cancel")
        assert said["cancelled"] and said["task"]["cancel_reason"] == "cancel", said
        is_problem(answered(client, 409), "cancelled")
        assert state("GET", kind.path)["waiting"] == 0


def deleted():
    for kind in each_kind():
        client = kind.block("label=w")
        ask("DELETE", f"/tasks/{in_flight(kind)['id']}", status=204)
        is_problem(answered(client, 409), "cancelled")
        assert state("GET", kind.path)["waiting"] == 0
        assert state("GET", "/tasks")["total"] == 0


def fired():
    for kind in each_kind():
        client = kind.block()
        path = f"/tasks/{in_flight(kind)['id']}"
        problem(400, "invalid-parameter", "PATCH", f"{path}?delay=1", param="delay")
        ask("PATCH", f"{path}?delay=0")
        is_problem(answered(client, 504), "timeout")
        assert state("GET", kind.path)["waiting"] == 0


def timeouts():
    for kind in each_kind():
        method, path = kind.call
        path = path.replace("timeout=60", "") + ("" if "?" in path else "?")
        if kind.before:
            ask(*kind.before)
        for seconds in ("0", "50ms"):
            answer = ask(method, f"{path}&timeout={seconds}".replace("?&", "?"), status=504)
            is_problem(answer, "timeout")
            took = float(answer.header("server-timing").removeprefix("wait;dur="))
            assert took >= (50 if seconds == "50ms" else 0), answer
            assert state("GET", kind.path)["waiting"] == 0


RESULTS = {
    "event": {"set": True, "generation": 1, "payload": {"port": 9090}, "waiting": 0},
    "barrier": {"rank": 0, "generation": 1, "parties": 2},
    "latch": {"value": 1, "waiting": 0},
    "queue": {"bytes": 10, "content_type": "x/y"},
}


def journal():
    for kind in each_kind():
        client = kind.block("label=good")
        kind.end()
        answer = answered(client)
        eventually(lambda: state("GET", "/tasks?label=good")["tasks"][0]["bytes_sent"] > 0)
        task = state("GET", "/tasks?label=good")["tasks"][0]
        assert (task["state"], task["error"], task["cancel_reason"]) == ("done", None, None), task
        assert task["waited"] > 0 and task["bytes_sent"] == len(answer.body), task
        assert task["result"] == RESULTS.get(kind.name, task["result"]), task
        if kind.name == "semaphore":
            assert task["result"]["lease"] == answer.json()["lease"], task
    for kind in each_kind():
        client = kind.block("label=bad")
        ask("PATCH", f"/tasks/{in_flight(kind)['id']}?delay=0")
        answered(client, 504)
        task = state("GET", "/tasks?label=bad")["tasks"][0]
        assert (task["state"], task["result"]) == ("cancelled", None), task
        assert task["cancel_reason"] == "timeout", task
    for kind in each_kind():
        kind.block("label=gone").socket.close()
        idle(kind.path)
        task = state("GET", "/tasks?label=gone")["tasks"][0]
        assert (task["state"], task["cancel_reason"]) == ("cancelled", "disconnect"), task


def reset():
    """All that wait, and watchers, get 409; all objects are as they never had been."""
    waiting = [(kind, kind.block()) for kind in kinds()]
    watching = [Client().start("GET", f"{kind.path}?waiting=9&timeout=60") for kind, _ in waiting]
    polling = [Client().start("GET", f"{kind.path}?waiting=9&wait=60") for kind, _ in waiting]
    eventually(lambda: state("GET", "/tasks?state=pending")["total"] == 15)
    said = state("POST", "/reset")
    assert said == {"cancelled": 15, "removed": 15}, said
    for client in [client for _, client in waiting] + watching + polling:
        is_problem(answered(client, 409), "cancelled")
    assert text("GET", "/events/x") == UNUSED["/events"]
    for kind, _ in waiting:
        assert text("GET", kind.path) == UNUSED[kind.path[:-2]]


UNUSED = {
    "/events": '{"set":false,"generation":0,"payload":null,"waiting":0}\n',
    "/semaphores": '{"available":null,"limit":null,"waiting":0}\n',
    "/barriers": '{"parties":null,"generation":0,"broken":false,"waiting":0}\n',
    "/latches": '{"value":0,"waiting":0}\n',
    "/queues": '{"size":0,"maxsize":null,"waiting":0}\n',
}


def watchers():
    for kind in each_kind():
        watcher = Client().start("GET", f"{kind.path}?waiting=2&timeout=60")
        poller = Client().start("GET", f"{kind.path}?waiting=3&wait=2")
        eventually(lambda: state("GET", f"/tasks?kind={kind.name}")["total"] == 2)
        if kind.before:
            ask(*kind.before)
        method, path = kind.call
        path = path.replace("parties=2", "parties=9")
        clients = [block(kind.path, method, path)]
        assert state("GET", "/tasks?state=pending")["total"] == 3  # nobody was served
        clients.append(Client().start(method, path))
        assert answered(watcher).json()["waiting"] == 2
        assert state("GET", f"{kind.path}?waiting=1&timeout=0")["waiting"] == 2
        late = answered(poller).json()
        assert late["waiting"] == 2 and "type" not in late, late
        problem(504, "timeout", "GET", f"{kind.path}?waiting=3&timeout=0")
        problem(400, "invalid-parameter", "GET", f"{kind.path}?waiting=3&wait=1&timeout=1",
                param="wait", conflicts_with="timeout")
        problem(400, "invalid-parameter", "GET", f"{kind.path}?waiting=0&wait=1", param="waiting")
        for client in clients:
            client.socket.close()
        idle(kind.path)


def half_close():
    for kind in each_kind():
        client = kind.block()
        client.half_close()
        client.assert_closed()
        idle(kind.path)


def pipelined():
    """What is sent behind a call that blocks is answered after it, in order."""
    for kind in each_kind():
        client = kind.block()
        client.start("GET", "/healthz").start("GET", kind.path)
        time.sleep(0.02)
        assert client.buffer == b""
        kind.end()
        answered(client)
        assert answered(client).json().get("status") is not None
        assert answered(client).json()["waiting"] == 0


def http_1_0():
    for kind in each_kind():
        if kind.before:
            kind.lease = state(*kind.before)["lease"]
        client = block(kind.path, *kind.call, version="HTTP/1.0")
        kind.end()
        answer = answered(client)
        assert answer.header("transfer-encoding") is None, answer
        client.assert_closed()


ALLOWED = {
    "/events/x": {"GET", "PUT", "DELETE"},
    "/semaphores/x": {"GET", "DELETE"},
    "/semaphores/x/acquire": {"POST"},
    "/semaphores/x/release": {"POST"},
    "/semaphores/x/renew": {"POST"},
    "/barriers/x": {"GET", "DELETE"},
    "/barriers/x/wait": {"POST"},
    "/barriers/x/abort": {"POST"},
    "/latches/x": {"GET", "POST", "DELETE"},
    "/queues/x": {"GET", "POST", "DELETE"},
    "/queues/x/get": {"POST"},
}


def methods():
    for path, own in ALLOWED.items():
        allow = own | {"OPTIONS"} | ({"HEAD"} if "GET" in own else set())
        assert set(ask("OPTIONS", path, status=204).header("allow").split(", ")) == allow
        for method in {"GET", "PUT", "POST", "DELETE", "PATCH"} - own:
            answer = ask(method, path, status=405)
            is_problem(answer, "method-not-allowed")
            assert set(answer.header("allow").split(", ")) == allow, answer
        if "GET" in own:
            head = Client().start("HEAD", path).answer(head=True)
            whole = ask("GET", path)
            assert head.status == 200, head
            assert head.header("content-length") == whole.header("content-length"), head
    for path in ("/events", "/events/", "/queues/x/put", "/semaphores/x/acquire/", "/latches/x/y"):
        problem(404, "not-found", "GET", path)


def head_waits():
    """HEAD waits as GET does: the status depends on it."""
    client = Client().start("HEAD", "/events/x?timeout=60")
    waits("/events/x", 1)
    ask("PUT", "/events/x")
    assert client.answer(head=True).status == 200
    assert Client().start("HEAD", "/latches/x?at_least=1&timeout=0").answer(head=True).status == 504


BAD = (
    # status, slug, parameter, request
    (400, "invalid-parameter", "id", "GET", "/events/-x"),
    (400, "invalid-parameter", "id", "POST", "/queues/a%20b"),
    (400, "invalid-parameter", "id", "POST", "/latches/" + "a" * 65),
    (400, "unknown-parameter", "parties", "POST", "/semaphores/x/acquire?parties=1"),
    (400, "unknown-parameter", "at_least", "POST", "/latches/x?at_least=1"),
    (400, "unknown-parameter", "generation", "PUT", "/events/x?generation=1"),
    (400, "unknown-parameter", "maxsize", "POST", "/queues/x/get?maxsize=1"),
    (400, "duplicate-parameter", "by", "POST", "/latches/x?by=1&by=1"),
    (400, "invalid-parameter", "by", "POST", "/latches/x?by=0"),
    (400, "invalid-parameter", "by", "POST", "/latches/x?by=1.5"),
    (400, "invalid-parameter", "by", "POST", "/latches/x?by=1000000001"),
    (400, "invalid-parameter", "at_least", "GET", "/latches/x?at_least=0&wait=0"),
    (400, "invalid-parameter", "wait", "GET", "/latches/x?wait=1"),
    (400, "invalid-parameter", "timeout", "GET", "/queues/x?timeout=1"),
    (400, "invalid-parameter", "wait", "GET", "/barriers/x?wait=1"),
    (400, "invalid-parameter", "waiting", "GET", "/queues/x?waiting=1"),
    (400, "invalid-parameter", "at_least", "GET", "/latches/x?at_least=1"),
    (400, "invalid-parameter", "generation", "GET", "/events/x?generation=1"),
    (400, "invalid-parameter", "wait", "GET", "/events/x?wait=301"),
    (400, "invalid-parameter", "timeout", "GET", "/events/x?timeout=-1"),
    (400, "invalid-parameter", "wait", "GET", "/events/x?wait=1&timeout=1"),
    (400, "invalid-parameter", "generation", "GET", "/events/x?generation=1&waiting=1&wait=1"),
    (400, "invalid-parameter", "generation", "GET", "/events/x?generation=-1&wait=1"),
    (400, "invalid-parameter", "at_least", "GET", "/latches/x?at_least=1&waiting=1&wait=1"),
    (400, "invalid-parameter", "limit", "POST", "/semaphores/x/acquire?limit=0"),
    (400, "invalid-parameter", "limit", "POST", "/semaphores/x/acquire?limit=10001"),
    (400, "invalid-parameter", "ttl", "POST", "/semaphores/x/acquire?ttl=0"),
    (400, "invalid-parameter", "ttl", "POST", "/semaphores/x/acquire?ttl=61m"),
    (400, "invalid-parameter", "hold", "POST", "/semaphores/x/acquire?hold=me"),
    (400, "invalid-parameter", "hold", "POST", "/semaphores/x/acquire?hold=connection&ttl=1"),
    (400, "invalid-parameter", "heartbeat", "POST", "/semaphores/x/acquire?heartbeat=1"),
    (400, "invalid-parameter", "lease", "POST", "/semaphores/x/release"),
    (400, "invalid-parameter", "lease", "POST", "/semaphores/x/release?lease=%00"),
    (400, "invalid-parameter", "lease", "POST", "/semaphores/x/renew?ttl=1"),
    (409, "lease-lost", "lease", "POST", "/semaphores/x/release?lease=nobodys"),
    (409, "lease-lost", "lease", "POST", "/semaphores/x/renew?lease=nobodys"),
    (400, "invalid-parameter", "parties", "POST", "/barriers/x/wait"),
    (400, "invalid-parameter", "parties", "POST", "/barriers/x/wait?parties=0"),
    (400, "invalid-parameter", "parties", "POST", "/barriers/x/wait?parties=10001"),
    (400, "invalid-parameter", "on_loss", "POST", "/barriers/x/wait?parties=1&on_loss=no"),
    (400, "invalid-parameter", "maxsize", "POST", "/queues/x?maxsize=0"),
    (400, "invalid-parameter", "maxsize", "POST", "/queues/x?maxsize=1000001"),
    (400, "invalid-parameter", "label", "POST", "/queues/x/get?label="),
    (400, "invalid-json", None, "PUT", "/events/x", b'{"a":}', "application/json"),
    (400, "invalid-json", None, "PUT", "/events/x", b"", "application/json"),
    (400, "invalid-json", None, "PUT", "/events/x", b"1 2", "application/json"),
    (400, "invalid-json", None, "PUT", "/events/x", b'"\xff"', "application/json"),
    (400, "invalid-json", None, "POST", "/latches/x", b"[", "application/json"),
    (415, "unsupported-media-type", None, "PUT", "/events/x", b"1", "text/plain"),
    (415, "unsupported-media-type", None, "POST", "/latches/x", b'{"by":2}', "text/plain"),
    (413, "content-too-large", None, "POST", "/queues/x", b"a" * 65537, "x/y"),
    (413, "content-too-large", None, "PUT", "/events/x", b"1" * 65537, "application/json"),
    (400, "bad-request", None, "GET", "/queues/x", b"a"),
    (400, "bad-request", None, "DELETE", "/events/x", b"{}", "application/json"),
)


def bad():
    for status, slug, param, *request in BAD:
        answer = Client().start(*request).answer()
        assert answer.status == status, (request, answer)
        said = is_problem(answer, slug, param=param)
        assert "-1" not in said["detail"] or "-1" in str(request), said
    for path, unused in UNUSED.items():
        assert text("GET", f"{path}/x") == unused, path


def drained():
    """The server is told to stop by the caller, once all of these wait."""
    clients = [kind.block() for kind in kinds()]
    clients += [Client().start("GET", f"{kind.path}?waiting=9&timeout=60") for kind in kinds()]
    ask("POST", "/queues/full?maxsize=1", b"1", status=201)
    clients.append(block("/queues/full", "POST", "/queues/full", b"2"))
    holders = [Client().start("POST", f"/semaphores/held-{i}/acquire?hold=connection")
               for i in range(6)]
    for holder in holders:
        assert b'"lease"' in chunk(holder)
    eventually(lambda: state("GET", "/tasks?state=pending")["total"] == 17)
    print("ready", flush=True)
    for client in clients:
        is_problem(answered(client, 503), "draining")
    for holder in holders:
        said = json.loads(holder.chunks())
        assert said["error"]["type"] == "/problems/draining", said


def chunk(client, first=True):
    """The next piece of a stream; of one that has begun just now."""
    if first:
        head = client.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
    data = client.exactly(int(client.until(b"\r\n"), 16))
    assert client.exactly(2) == b"\r\n"
    return data


# ---- limits: each on a server of its own --------------------------------------------


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
    start = time.monotonic()
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


# ---- events -------------------------------------------------------------------------


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
        (b"12345678901234567890", None), (b"0.1000000000000000055", b"0.1000000000000000055"),
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


# ---- semaphores ---------------------------------------------------------------------


def semaphore():
    assert text("GET", "/semaphores/s") == UNUSED["/semaphores"]
    answer = text("POST", "/semaphores/s/acquire?limit=3&ttl=60")
    lease = json.loads(answer)
    assert re.fullmatch(r'{"lease":"[a-z0-9]{16}","token":\d+,"available":2,"limit":3,'
                        r'"expires_in":60}\n', answer), answer
    second = state("POST", "/semaphores/s/acquire", b'{"limit":3,"ttl":"1.5s"}',
                   "application/json")
    assert (second["available"], second["expires_in"]) == (1, 1.5), second
    third = state("POST", "/semaphores/s/acquire")
    assert (third["available"], third["limit"], third["expires_in"]) == (0, 3, 60), third
    assert lease["token"] < second["token"] < third["token"]
    assert text("GET", "/semaphores/s") == '{"available":0,"limit":3,"waiting":0}\n'
    waiting = block("/semaphores/s", "POST", "/semaphores/s/acquire")
    release = f"/semaphores/s/release?lease={lease['lease']}"
    assert text("POST", release) == '{"available":0,"limit":3,"waiting":0}\n'
    got = answered(waiting).json()
    assert got["token"] > third["token"] and got["available"] == 0, got
    stale = problem(409, "lease-lost", "POST", release, param="lease", value=lease["lease"])
    assert lease["lease"] in stale["detail"], stale
    problem(409, "lease-lost", "POST", release.replace("release", "renew", 1))
    problem(409, "lease-lost", "POST", f"/semaphores/other/release?lease={got['lease']}")
    body = json.dumps({"lease": got["lease"]}).encode()
    assert text("POST", "/semaphores/s/release", body, "application/json") == \
        '{"available":1,"limit":3,"waiting":0}\n'
    for each in (second, third):
        ask("POST", f"/semaphores/s/release?lease={each['lease']}")
    assert text("GET", "/semaphores/s") == '{"available":3,"limit":3,"waiting":0}\n'


def semaphore_limit():
    """Fixed while a lease is held or waited for, free again when none is."""
    lease = state("POST", "/semaphores/l/acquire")["lease"]
    for limit in (2, 10000):
        problem(409, "parameter-conflict", "POST", f"/semaphores/l/acquire?limit={limit}",
                param="limit", value=str(limit))
    assert text("GET", "/semaphores/l") == '{"available":0,"limit":1,"waiting":0}\n'
    waiting = block("/semaphores/l", "POST", "/semaphores/l/acquire?limit=1")
    ask("POST", f"/semaphores/l/release?lease={lease}")
    lease = answered(waiting).json()["lease"]
    problem(409, "parameter-conflict", "POST", "/semaphores/l/acquire?limit=2", param="limit")
    ask("POST", f"/semaphores/l/release?lease={lease}")
    assert state("POST", "/semaphores/l/acquire?limit=2")["limit"] == 2


def semaphore_ttl():
    """A lease whose ttl is over goes to the next in line; renewed, it does not."""
    lease = state("POST", "/semaphores/t/acquire?ttl=2")
    waiting = block("/semaphores/t", "POST", "/semaphores/t/acquire?ttl=1h")
    got = answered(waiting).json()
    assert got["token"] > lease["token"]
    for what in ("release", "renew"):
        problem(409, "lease-lost", "POST", f"/semaphores/t/{what}?lease={lease['lease']}")
    renew = f"/semaphores/t/renew?lease={got['lease']}"
    said = state("POST", f"{renew}&ttl=2m")
    assert said == {**got, "expires_in": 120}, said
    assert state("POST", renew)["expires_in"] == 60
    waiting = block("/semaphores/t", "POST", "/semaphores/t/acquire?ttl=1h")
    assert state("POST", f"{renew}&ttl=2ms")["expires_in"] < 0.003
    assert answered(waiting).json()["token"] > got["token"]
    problem(409, "lease-lost", "POST", renew)
    held = state("POST", "/semaphores/u/acquire?ttl=2")
    start = time.monotonic()
    while time.monotonic() - start < 2.5:  # never over while it is renewed in time
        ask("POST", f"/semaphores/u/renew?lease={held['lease']}&ttl=5s")
        assert state("GET", "/semaphores/u")["available"] == 0
        time.sleep(0.05)


def semaphore_tokens():
    """They rise whoever asks, and go on rising when the semaphore is new."""
    last = 0
    for i in range(30):
        lease = state("POST", "/semaphores/k/acquire")
        assert lease["token"] > last, (lease, last)
        last = lease["token"]
        if i == 15:
            ask("POST", "/reset")
        else:
            ask("POST", f"/semaphores/k/release?lease={lease['lease']}")


def hold(name, more="", version="HTTP/1.1"):
    return Client().start("POST", f"/semaphores/{name}/acquire?hold=connection{more}",
                          version=version)


def held_lease(client):
    line = chunk(client)
    assert re.fullmatch(rb'{"lease":"[a-z0-9]{16}","token":\d+,"available":0,"limit":1,'
                        rb'"expires_in":null}\n', line), line
    return json.loads(line)


def held():
    """It is a stream of the lease and of heartbeats, and closing releases."""
    client = hold("h", "&heartbeat=20ms&label=h")
    head = client.until(b"\r\n\r\n").decode()
    assert "Content-Type: application/x-ndjson" in head and "X-Accel-Buffering: no" in head, head
    client.buffer = head.encode() + b"\r\n\r\n" + client.buffer
    lease = held_lease(client)
    task = in_line("semaphore")
    assert f"Waitd-Id: {task['id']}" in head and task["object"] == "h", (head, task)
    for _ in range(3):
        assert chunk(client, first=False) == b"\n"
    assert state("POST", f"/semaphores/h/renew?lease={lease['lease']}&ttl=1ms")["expires_in"] is None
    second, third = block("/semaphores/h", "POST", "/semaphores/h/acquire?hold=connection"), \
        block("/semaphores/h", "POST", "/semaphores/h/acquire", count=2)
    client.socket.close()
    token = held_lease(second)["token"]
    assert token > lease["token"]
    second.half_close()
    second.assert_closed()
    assert answered(third).json()["token"] > token
    assert state("GET", "/tasks?label=h")["tasks"][0]["cancel_reason"] == "disconnect"
    reset_client = hold("r")
    held_lease(reset_client)
    reset_client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset_client.socket.close()
    ask("POST", "/semaphores/r/acquire")


def in_line(kind):
    return state("GET", f"/tasks?kind={kind}&state=pending")["tasks"][0]


def held_ends():
    """Released by its id it ends well; cancelled, deleted, fired or reset it says why."""
    ends = (("cancelled", lambda task: ask("POST", f"/tasks/{task}/cancel")),
            ("cancelled", lambda task: ask("DELETE", f"/tasks/{task}", status=204)),
            ("timeout", lambda task: ask("PATCH", f"/tasks/{task}?delay=0")),
            ("cancelled", lambda task: ask("POST", "/reset")))
    for slug, end in ends:
        client = hold("e")
        held_lease(client)
        end(in_line("semaphore")["id"])
        said = json.loads(client.chunks())
        assert said["error"]["type"] == f"/problems/{slug}", said
        assert state("GET", "/semaphores/e")["waiting"] == 0
        assert client.start("GET", "/healthz").answer().status == 200  # a valid end
    client = hold("e", "&label=released")
    lease = held_lease(client)["lease"]
    waiting = block("/semaphores/e", "POST", "/semaphores/e/acquire")
    ask("POST", f"/semaphores/e/release?lease={lease}")
    assert client.chunks() == b""
    answered(waiting)
    assert state("GET", "/tasks?label=released")["tasks"][0]["state"] == "done"
    problem(409, "lease-lost", "POST", f"/semaphores/e/release?lease={lease}")


def held_timeout():
    """The timeout is that of the wait, not of the lease: a 504 until the stream begins."""
    client = hold("w", "&timeout=50ms")
    lease = held_lease(client)["lease"]
    late = hold("w", "&timeout=20ms")
    is_problem(answered(late, 504), "timeout")
    time.sleep(0.1)
    assert state("GET", "/semaphores/w")["available"] == 0
    ask("POST", f"/semaphores/w/release?lease={lease}")
    assert client.chunks() == b""


def held_http_1_0():
    client = hold("o", version="HTTP/1.0")
    head = client.until(b"\r\n\r\n")
    assert b"chunked" not in head, head
    lease = json.loads(client.until(b"\n"))
    ask("POST", f"/semaphores/o/release?lease={lease['lease']}")
    client.assert_closed()


# ---- barriers -----------------------------------------------------------------------


def come(name, parties, more="", count=1):
    return block(f"/barriers/{name}", "POST", f"/barriers/{name}/wait?parties={parties}{more}",
                 count=count)


def barrier():
    assert text("GET", "/barriers/b") == UNUSED["/barriers"]
    for generation in (1, 2, 3):
        first, second = come("b", 3), come("b", 3, count=2)
        assert state("GET", "/barriers/b") == \
            {"parties": 3, "generation": generation - 1, "broken": False, "waiting": 2}
        third = text("POST", "/barriers/b/wait?parties=3")
        assert third == f'{{"rank":2,"generation":{generation},"parties":3}}\n'
        assert [answered(each).json()["rank"] for each in (first, second)] == [0, 1]
    assert text("POST", "/barriers/b/wait", b'{"parties":1}', "application/json") == \
        '{"rank":0,"generation":4,"parties":1}\n'


def barrier_parties():
    """The first of a generation says how many."""
    first = come("p", 2)
    problem(409, "parameter-conflict", "POST", "/barriers/p/wait?parties=3", param="parties",
            value="3")
    assert state("GET", "/barriers/p")["waiting"] == 1
    ask("POST", "/barriers/p/wait?parties=2")
    answered(first)
    first, second = come("p", 3), come("p", 3, count=2)
    ask("POST", "/barriers/p/wait?parties=3")
    assert {answered(each).json()["generation"] for each in (first, second)} == {2}


def barrier_losses():
    for leave in (lambda client: client.socket.close(), lambda client: client.half_close()):
        stays = come("l", 3)
        leave(come("l", 3, count=2))  # withdraws
        eventually(lambda: state("GET", "/barriers/l")["waiting"] == 1)
        second = come("l", 3, count=2)
        assert state("POST", "/barriers/l/wait?parties=3")["rank"] == 2
        assert [answered(each).json()["rank"] for each in (stays, second)] == [0, 1]
        stays = come("l", 3)
        leave(come("l", 3, "&on_loss=break", count=2))
        is_problem(answered(stays, 409), "barrier-broken")
        assert state("GET", "/barriers/l")["broken"] is False
    stays = come("l", 3, "&on_loss=break&label=stays")  # that of the one who is lost counts
    problem(504, "timeout", "POST", "/barriers/l/wait?parties=3&timeout=20ms")
    assert state("GET", "/barriers/l")["waiting"] == 1
    problem(504, "timeout", "POST", "/barriers/l/wait?parties=3&timeout=20ms&on_loss=break")
    is_problem(answered(stays, 409), "barrier-broken")
    task = state("GET", "/tasks?label=stays")["tasks"][0]
    assert (task["state"], task["error"]["type"]) == ("failed", "/problems/barrier-broken"), task
    stays = come("l", 2)
    task = state("GET", "/tasks?kind=barrier&state=pending")["tasks"][0]["id"]
    ask("POST", f"/tasks/{task}/cancel")
    is_problem(answered(stays, 409), "cancelled")
    assert state("GET", "/barriers/l")["generation"] == 2


def barrier_abort():
    first, second = come("a", 3), come("a", 3, count=2)
    assert text("POST", "/barriers/a/abort") == '{"released":2}\n'
    for each in (first, second):
        is_problem(answered(each, 409), "barrier-broken")
    problem(409, "barrier-broken", "POST", "/barriers/a/wait?parties=1")
    assert text("GET", "/barriers/a") == '{"parties":3,"generation":0,"broken":true,"waiting":0}\n'
    assert text("DELETE", "/barriers/a") == '{"released":0}\n'
    assert text("GET", "/barriers/a") == UNUSED["/barriers"]
    assert text("DELETE", "/barriers/a") == '{"released":0}\n'
    first = come("a", 2)
    assert text("DELETE", "/barriers/a") == '{"released":1}\n'
    is_problem(answered(first, 409), "barrier-broken")
    assert state("POST", "/barriers/a/wait?parties=1")["generation"] == 1


def barrier_watched():
    """Who waits until so many have come goes on waiting for that when it is made new."""
    watcher = Client().start("GET", "/barriers/w?waiting=2&timeout=60")
    eventually(lambda: state("GET", "/tasks?kind=barrier")["total"] == 1)
    first = come("w", 2)
    ask("DELETE", "/barriers/w")
    answered(first, 409)
    first, second = come("w", 3), come("w", 3, count=2)
    assert answered(watcher).json() == \
        {"parties": 3, "generation": 0, "broken": False, "waiting": 2}
    ask("POST", "/barriers/w/wait?parties=3")
    answered(first), answered(second)


# ---- latches ------------------------------------------------------------------------


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


# ---- queues -------------------------------------------------------------------------


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


CHECKS = (seen, served, cancelled, deleted, fired, timeouts, journal, reset, watchers, half_close,
          pipelined, http_1_0, methods, head_waits, bad, drained, max_objects, max_waits, max_bytes,
          idle_ttl, event, event_payloads, event_generations, semaphore, semaphore_limit,
          semaphore_ttl, semaphore_tokens, held, held_ends, held_timeout, held_http_1_0, barrier,
          barrier_parties, barrier_losses, barrier_abort, barrier_watched, latch, queue,
          queue_bytes, queue_long_type, queue_maxsize, queue_half_close, queue_unread)
ask("POST", "/reset")
{check.__name__: check for check in CHECKS}[WHAT]()

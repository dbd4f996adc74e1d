#!/usr/bin/env python3
"""coordination.py PORT WHAT: what all that blocks at an object has in common."""

import json
import re
import select

from objects import (
    answered, ask, block, Client, CLIENTS, first_chunk, idle, in_flight, is_problem, problem,
    run, state, text, UNUSED, waits,
)
from raw import eventually


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


def seen():
    for kind in each_kind():
        client = kind.block()
        task = in_flight(kind.name)
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
        said = state("POST", f"/tasks/{in_flight(kind.name)['id']}/cancel")
        assert said["cancelled"] and said["task"]["cancel_reason"] == "cancel", said
        is_problem(answered(client, 409), "cancelled")
        assert state("GET", kind.path)["waiting"] == 0


def deleted():
    for kind in each_kind():
        client = kind.block("label=w")
        ask("DELETE", f"/tasks/{in_flight(kind.name)['id']}", status=204)
        is_problem(answered(client, 409), "cancelled")
        assert state("GET", kind.path)["waiting"] == 0
        assert state("GET", "/tasks")["total"] == 0


def fired():
    for kind in each_kind():
        client = kind.block()
        path = f"/tasks/{in_flight(kind.name)['id']}"
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
        ask("PATCH", f"/tasks/{in_flight(kind.name)['id']}?delay=0")
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
        assert not select.select([client.socket], [], [], 0.02)[0], "it is answered already"
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
        assert b'"lease"' in first_chunk(holder)
    eventually(lambda: state("GET", "/tasks?state=pending")["total"] == 17)
    print("ready", flush=True)
    for client in clients:
        is_problem(answered(client, 503), "draining")
    for holder in holders:
        said = json.loads(holder.chunks())
        assert said["error"]["type"] == "/problems/draining", said


run(seen, served, cancelled, deleted, fired, timeouts, journal, reset, watchers, half_close,
    pipelined, http_1_0, methods, head_waits, bad, drained)

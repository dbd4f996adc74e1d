#!/usr/bin/env python3
"""semaphores.py PORT WHAT: semaphores, their leases, tokens, and those that a connection holds."""

import json
import re
import time

from objects import (
    answered, ask, block, Client, first_chunk, in_flight, is_problem, problem, run, state, text,
    UNUSED,
)


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


def semaphore_renewed():
    """On a manual clock: never over while it is renewed in time, and then it is."""
    lease = state("POST", "/semaphores/u/acquire?ttl=2")["lease"]
    for _ in range(5):
        state("POST", "/clock/advance?by=1.5")
        ask("POST", f"/semaphores/u/renew?lease={lease}&ttl=2")
        assert state("GET", "/semaphores/u")["available"] == 0
    assert state("POST", "/clock/advance?by=1.5")["fired"] == 0
    assert state("POST", "/clock/advance?by=0.5")["fired"] == 1
    assert state("GET", "/semaphores/u")["available"] == 1


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
    line = first_chunk(client)
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
    task = in_flight("semaphore")
    assert f"Waitd-Id: {task['id']}" in head and task["object"] == "h", (head, task)
    for _ in range(3):
        assert client.chunk() == b"\n"
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
    reset_client.reset()
    ask("POST", "/semaphores/r/acquire")


def held_ends():
    """Released by its id it ends well; cancelled, deleted, fired or reset it says why."""
    ends = (("cancelled", lambda task: ask("POST", f"/tasks/{task}/cancel")),
            ("cancelled", lambda task: ask("DELETE", f"/tasks/{task}", status=204)),
            ("timeout", lambda task: ask("PATCH", f"/tasks/{task}?delay=0")),
            ("cancelled", lambda task: ask("POST", "/reset")))
    for slug, end in ends:
        client = hold("e")
        held_lease(client)
        end(in_flight("semaphore")["id"])
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
    time.sleep(0.1)  # in real time: nothing may happen
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


run(semaphore, semaphore_limit, semaphore_ttl, semaphore_renewed, semaphore_tokens, held,
    held_ends, held_timeout, held_http_1_0)

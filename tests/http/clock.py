#!/usr/bin/env python3
"""clock.py WHAT PORT|SOCKET [...]: a manual clock, from connections of its own.

flush SOCKET    what was due has been taken by the sockets when an advance answers
deaf PORT       a client that does not read holds up no advance
queue PORT      advances run one after another; one that is left stops where it is
many PORT N     N deadlines in one advance: others are answered meanwhile
end PORT        goes to the end of the clock
drain PORT PID  the clock while the server stops
bodies PORT     prints the bodies of seeded waits, as they come on a manual clock
"""

import http.client
import json
import os
import signal
import socket
import sys
import threading
import time

from raw import eventually

DEADLINE = 30


class Client:
    """One connection, to a port or a unix socket."""

    def __init__(self, where):
        unix = not where.isdigit()
        address = where if unix else ("127.0.0.1", int(where))
        self.socket = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(address)

    def ask(self, path, method="GET"):
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def answer(self):
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        body = response.read()
        return response.status, body

    def get(self, path, method="GET"):
        self.ask(path, method)
        return self.answer()

    def json(self, path, method="GET"):
        status, body = self.get(path, method)
        assert status in (200, 201), (status, body)
        return json.loads(body)

    def advance(self, by):
        return self.json(f"/clock/advance?by={by}", "POST")

    def now(self):
        return self.json("/clock")["now"]

    def ready(self):
        """What has come, without waiting."""
        got = b""
        self.socket.setblocking(False)
        try:
            while piece := self.socket.recv(1 << 20):
                got += piece
        except BlockingIOError:
            pass
        self.socket.settimeout(DEADLINE)
        return got

    def close(self):
        self.socket.close()


def held(control, requests):
    """A client for each request, which the server has when they are returned."""
    clients = []
    for path in requests:
        before = control.json("/tasks?state=pending,queued&limit=1")["total"]
        client = Client(WHERE)
        client.ask(path)
        eventually(
            lambda b=before: control.json("/tasks?state=pending,queued&limit=1")["total"]
            > b
        )
        clients.append(client)
    return clients


def flush():
    control = Client(WHERE)
    clients = held(control, [f"/wait_n?n=9&delay={i + 1}&limit=1" for i in range(9)])
    for client in clients:
        client.ready()
    for second in range(1, 82):
        fired = 0
        control.ask("/clock/advance?by=1", "POST")
        status, body = control.answer()
        assert status == 200, body
        for i, client in enumerate(clients):
            got = client.ready()
            due = second % (i + 1) == 0 and second <= (i + 1) * 9
            assert (b"\n" in got and str(i + 1).encode() in got) == due, (second, i, got)
            fired += due
        assert json.loads(body) == {"now": second, "fired": fired}, (body, fired)


def deaf():
    control = Client(WHERE)
    [client] = held(control, ["/wait_n?n=100000&max_delay=60&seed=1&format=sse"])
    assert control.advance(60)["fired"] == 100000
    _, got = client.answer()
    assert got.count(b"event: result") == 100000
    assert b'"elapsed":59.99' in got[-300:]


def queue():
    control = Client(WHERE)
    # Advances that take a while: 800,000 deadlines.
    busy = held(control, [f"/wait_n?n=100000&max_delay=100&seed={i}" for i in range(8)])
    drinkers = [threading.Thread(target=client.answer) for client in busy]
    for thread in drinkers:
        thread.start()
    first, second = Client(WHERE), Client(WHERE)
    first.ask("/clock/advance?by=50", "POST")
    eventually(lambda: control.now() > 0)
    second.ask("/clock/advance?by=7", "POST")
    assert control.now() < 50
    assert json.loads(first.answer()[1])["now"] == 50
    assert json.loads(second.answer()[1])["now"] == 57
    left = Client(WHERE)  # not before: who says nothing is closed after --header-timeout
    left.ask("/clock/advance?by=43", "POST")
    eventually(lambda: control.now() > 57)
    left.close()
    stopped = None
    while stopped != (stopped := control.now()):
        time.sleep(0.1)
    assert 57 < stopped < 100, stopped
    assert control.advance(1)["now"] == round(stopped + 1, 9)
    control.advance(100)
    for thread in drinkers:
        thread.join()


def many(count):
    control, other = Client(WHERE), Client(WHERE)
    control.json(f"/tasks?n={count}&max_delay=100&seed=1&group=g", "POST")
    control.json("/wait?delay=0")
    eventually(lambda: control.json("/tasks?group=g&limit=1")["total"] == count)
    answers, slowest = 0, 0
    control.ask("/clock/advance?by=100", "POST")
    while other.now() < 100:
        begun = time.monotonic()
        other.get("/healthz")
        slowest = max(slowest, time.monotonic() - begun)
        answers += 1
    status, body = control.answer()
    assert status == 200 and json.loads(body) == {"now": 100, "fired": count}, body
    assert answers > 10, answers
    print(f"{answers} answers meanwhile, the slowest took {slowest:.4f} s")
    assert slowest < 1, slowest


def end():
    control = Client(WHERE)
    month, year = 2592000, 365 * 86400
    for _ in range(140 * year // month):
        control.advance(month)
    rest = 140 * year - 140 * year // month * month
    status, body = control.get(f"/clock/advance?by={rest}.000000001", "POST")
    assert status == 400 and json.loads(body)["param"] == "by", body
    assert control.advance(rest)["now"] == 140 * year
    status, body = control.get("/clock/advance?by=1us", "POST")
    assert status == 400, body
    assert control.advance(0)["now"] == 140 * year


def drain(pid):
    control, late, looker, ready = (Client(WHERE) for _ in range(4))
    waits = held(control, ["/wait?delay=5", "/wait?delay=250"])
    [rows] = held(control, ["/wait_n?n=50000&max_delay=100&seed=1&label=rows"])
    drinker = threading.Thread(target=rows.answer)
    drinker.start()
    for client in (late, looker, ready):
        client.get("/healthz")
    control.ask("/clock/advance?by=100", "POST")
    eventually(lambda: looker.now() > 0)
    os.kill(pid, signal.SIGTERM)
    eventually(lambda: ready.get("/readyz")[0] == 503)
    assert looker.json("/clock")["mode"] == "manual"
    status, body = late.get("/clock/advance?by=1", "POST")
    assert status == 503 and b"draining" in body, body
    assert json.loads(waits[0].answer()[1]) == {"delay": 5, "elapsed": 5}
    status, body = control.answer()
    assert status == 200 and json.loads(body)["now"] == 100, body
    drinker.join()
    waits[1].close()


def bodies():
    control = Client(WHERE)
    draws = "max_delay=10&seed=7"
    requests = [
        f"/wait?{draws}",
        f"/wait?{draws}&format=text",
        "/wait?delay=3",
        f"/measure?n=20&{draws}&mode=both&limit=2,5",
        f"/wait_n?n=20&{draws}&order=index",
        f"/wait_n?n=20&{draws}&timeout=5",
        f"/wait_n?n=20&{draws}&return_when=3&buffer=true",
        f"/wait_n?n=20&{draws}&fail_rate=0.3",
        f"/wait_n?n=2000&{draws}&limit=100&format=ndjson",
        f"/wait_n?n=20&{draws}&return_when=first",
        f"/wait_n?n=20&{draws}&on_error=cancel&fail_rate=0.3",
        f"/wait_n?n=20&{draws}&load_factor=10ms",
        f"/wait?{draws}&at=body",
        f"/wait?{draws}&at=body&timeout=1",
        f"/wait?{draws}&chunks=5&jitter=0.5",
        f"/wait?{draws}&status=503",
        "/wait_n?n=20&seed=7&profile=p99-heavy-api",
    ] + [
        f"{path}{draws}&dist={dist}"
        for path in ("/wait?", "/wait_n?n=20&", "/measure?n=20&mode=both&")
        for dist in ("normal&mean=5&stddev=2", "lognormal&median=2&p99=9", "exponential&mean=3",
                     "choice&choice=1:3,2,5:0.5", "percentiles&p50=2&p95=6&max=10")
    ] + [
        f"/wait_n?n=20&{draws}&{more}&format={form}"
        for form in ("json", "ndjson", "sse", "text")
        for more in ("limit=3", "heartbeat=1")
    ]
    clients = held(control, requests)
    bodies = {}

    def read(path, client):
        bodies[path] = client.answer()

    threads = [
        threading.Thread(target=read, args=pair) for pair in zip(requests, clients)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        control.advance(13)
    for path in requests:
        status, body = bodies[path]
        print(path, status)
        sys.stdout.flush()
        sys.stdout.buffer.write(body)


if __name__ == "__main__":
    what, WHERE = sys.argv[1], sys.argv[2]
    globals()[what](*map(int, sys.argv[3:]))

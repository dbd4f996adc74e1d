"""coordination.py: the long checks of events, semaphores, barriers, latches and queues.

Latencies are seen by a client in Python: from before the send of what serves to after the
receive of who was served. Beside them stands the round trip of a byte to a bare echo, measured
by the same client in the same minute.
"""

import os
import socket
import statistics
import subprocess
import sys
import time

from harness import HTTP, RUNS, Server, bare_timerfd, row, spread
from raw import Raw, client_on, message, metrics, name_at, until

TRIES = 200
OBJECTS = 100000
MS = 1e3


class Echo:
    """A process that sends back what it gets."""

    def __enter__(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.pid = os.fork()
        if self.pid == 0:
            peer, _ = listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := peer.recv(64):
                peer.send(data)
            os._exit(0)
        self.socket = socket.create_connection(listener.getsockname())
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.close()
        return self

    def __exit__(self, *_):
        self.socket.close()
        os.waitpid(self.pid, 0)

    def round_trip(self):
        start = time.perf_counter()
        self.socket.send(b".")
        self.socket.recv(64)
        return (time.perf_counter() - start) * MS


def wakes(port, kind):
    """Of one that waits on worker 1 for what is at home and served on worker 0, in ms."""
    served, waits, name = client_on(port, 0, 2), client_on(port, 1, 2), name_at(0, 2)
    path = f"/{kind}s/{name}"
    lease = served.ask("POST", f"{path}/acquire?ttl=1h").json() if kind == "semaphore" else None
    taken = []
    for i in range(TRIES):
        if kind == "event":
            ask = message("GET", f"{path}?generation={i}&timeout=60")
            serve = message("PUT", path)
        elif kind == "semaphore":
            ask = message("POST", f"{path}/acquire?ttl=1h")
            serve = message("POST", f"{path}/release?lease={lease['lease']}")
        else:
            ask = message("POST", f"{path}/get")
            serve = message("POST", path, "Content-Length: 4", body=b"item")
        waits.send(ask)
        assert served.ask("GET", f"{path}?waiting=1&wait=10").json()["waiting"] == 1
        start = time.perf_counter()
        served.send(serve)
        waits.more()
        taken.append((time.perf_counter() - start) * MS)
        answer, done = waits.answer(), served.answer()
        assert answer.status == 200 and done.status in (200, 201), (answer, done)
        if kind == "semaphore":
            lease = answer.json()
    return statistics.median(taken)


def expiries(port):
    """From the end of a lease of 5 ms to the next in line, at most, in ms: it is reckoned from
    before its request was sent."""
    first, second = Raw(port), Raw(port)
    late = []
    for i in range(TRIES):
        path = f"/semaphores/expiry-{i}"
        start = time.perf_counter()
        assert first.ask("POST", f"{path}/acquire?ttl=5ms").status == 200
        second.send(message("POST", f"{path}/acquire?ttl=5ms"))
        second.more()
        late.append((time.perf_counter() - start - 0.005) * MS)
        assert second.answer().status == 200
    return statistics.median(late)


def check_wakes():
    """release to wake on another worker, and the end of a lease to the next in line"""
    bare, ping, medians = [], [], {}
    for _ in range(RUNS):
        with Server("--workers", "2") as waitd, Echo() as echo:
            bare.append(bare_timerfd() / MS)
            ping.append(statistics.median(echo.round_trip() for _ in range(TRIES)))
            for kind in ("event", "semaphore", "queue"):
                medians.setdefault(kind, []).append(wakes(waitd.port, kind))
            medians.setdefault("lease", []).append(expiries(waitd.port))
            waitd.end("wakes")
    row("a byte to a bare echo and back", "-", spread(ping, "ms"), True)
    row("lateness of a bare timerfd", "-", spread(bare, "ms"), True)
    for kind in ("event", "semaphore", "queue"):
        median = statistics.median(medians[kind])
        row(f"{kind}: served on one worker, awake on another", "<= 0.5 ms",
            f"{spread(medians[kind], 'ms')}, {median / statistics.median(ping):.1f} echoes",
            median <= 0.5)
    median = statistics.median(medians["lease"])
    row("a lease that ends: the next has it", "<= 1 ms", spread(medians["lease"], "ms"),
        median <= 1)


def make_objects(port, request):
    """In batches that are pipelined: the last answer of each tells of all."""
    raw = Raw(port)
    for begin in range(0, OBJECTS, 500):
        raw.send(b"".join(request(i) for i in range(begin, begin + 500)))
        for _ in range(500):
            assert raw.answer().status < 300
    raw.socket.close()


IDLE = {
    "latch": lambda i: message("POST", f"/latches/latch-{i}"),
    "event": lambda i: message("PUT", f"/events/event-{i}"),
    "barrier": lambda i: message("POST", f"/barriers/barrier-{i}/abort"),
    "queue": lambda i: message("GET", f"/queues/queue-{i}?waiting=1&wait=0"),
    "semaphore": lambda i: message("POST", f"/semaphores/semaphore-{i}/acquire?ttl=1ms"),
}


def check_idle_objects():
    """100,000 idle objects: bytes of each, and gone after --idle-ttl"""
    for kind, request in IDLE.items():
        with Server("--idle-ttl", "20s", "--max-objects", "1000000") as waitd:
            raw = Raw(waitd.port)
            for i in range(1000):  # what the first requests cost is no object's
                raw.ask("GET", f"/latches/none-{i}")
            before = waitd.resident()
            make_objects(waitd.port, request)
            time.sleep(0.1)
            each = (waitd.resident() - before) / OBJECTS
            row(f"idle {kind}: bytes of each of 100,000", "<= 512", f"{each:.0f}", each <= 512)
            if kind == "latch":
                assert objects(raw) == OBJECTS
                until(lambda: objects(raw) == 0, 40, 0.2)
                left = objects(raw)
                row("idle objects that are left after --idle-ttl", "0", str(left), left == 0)
            waitd.end(f"idle {kind}")


def objects(raw):
    return metrics(raw)["waitd_objects"]


def check_storms():
    """clients that leave at the moment at which they are served, and long lines"""
    for workers in (1, 2, 5):
        for what, count in (("queue", 10000), ("leases", 10000), ("held", 10000),
                            ("barrier", 50), ("line", 1000), ("chaos", 100000)):
            with Server("--workers", str(workers), "--retention", "1h") as waitd:
                done = subprocess.run(
                    [sys.executable, HTTP / "storm.py", str(waitd.port), what, str(count), "1"],
                    capture_output=True, text=True, timeout=600, check=False)
                said = (done.stdout + done.stderr).strip().splitlines()[-1:]
                row(f"storm of {what}, {workers} workers", "none lost or twice",
                    "".join(said).split(": ", 1)[-1], done.returncode == 0)
                waitd.end(f"storm of {what}")

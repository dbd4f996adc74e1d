"""leaving.py: the long checks of clients that leave."""

import socket
import statistics
import subprocess
import time

from harness import CLIENT, Server, client, row
from process import CELLS_KEPT
from raw import until


def check_task_runs_on():
    """A task outlives the client that made it."""
    tries, done = 20, 0
    with Server() as server:
        for i in range(tries):
            sock = socket.create_connection(("127.0.0.1", server.port))
            body = b'{"delay":0.3}'
            sock.sendall(
                b"PUT /tasks/orphan%d HTTP/1.1\r\nHost: l\r\nContent-Type: "
                b"application/json\r\nContent-Length: %d\r\n\r\n%s" % (i, len(body), body)
            )
            if i % 2 == 0:  # gone before or after it has read the answer
                sock.recv(4096)
            sock.close()
        time.sleep(0.5)
        for i in range(tries):
            status, task = server.ask("GET", f"/tasks/orphan{i}")
            done += status == 200 and task["state"] == "done"
        row("tasks that run on without their client", str(tries), str(done), done == tries)
        server.end("POST /tasks")


def kill_curls(server, target, idle, tries):
    """Kills curl after 0.5 s; how long until its wait and its descriptor were gone."""
    listed, closed = [], []
    keep = server.send("/version")  # makes the cell, too
    keep.recv(65536)
    base = server.descriptors()
    if not idle:
        keep.close()
        base -= 1
    for i in range(tries):
        curl = subprocess.Popen(
            ["curl", "-sN", f"http://127.0.0.1:{server.port}{target}"],
            stdout=subprocess.DEVNULL,
        )
        time.sleep(0.5)
        if server.pending() != 1:
            raise RuntimeError("the wait is not listed")
        curl.kill()
        begin = time.monotonic()
        curl.wait()
        # Asking for the list wakes the server: every other try only looks.
        if i % 2:
            until(lambda: server.pending() == 0, 5)
            listed.append(time.monotonic() - begin)
        until(lambda: server.descriptors() <= base, 5)
        closed.append(time.monotonic() - begin)
        if i % 2 == 0:
            until(lambda: server.pending() == 0, 5)
            listed.append(time.monotonic() - begin)
    if idle:
        keep.close()
    return [1e3 * statistics.median(times) for times in (listed, closed)], max(closed)


def check_killed():
    """curl killed after 0.5 s of a 60 s wait."""
    stream = "/wait_n?n=2000&max_delay=60"
    with Server() as server:
        for name, target, idle in (
            ("/wait", "/wait?delay=60", False),
            ("/wait_n", stream, False),
            ("/wait, older idle connection", "/wait?delay=60", True),
            ("/wait_n, older idle connection", stream, True),
        ):
            (listed, closed), worst = kill_curls(server, target, idle, 20)
            row(f"curl killed in {name}: gone from the list", "<= 100 ms",
                f"{listed:.2g} ms", listed <= 100)
            row(f"curl killed in {name}: descriptor closed", "<= 100 ms",
                f"{closed:.2g} ms, worst {1e3 * worst:.2g} ms", closed <= 100)
        server.end("curl killed")


def check_killed_at_once():
    """1,000 waits and streams whose client is killed, 5 rounds."""
    count, resident, left, gone = 1000, [], [], []
    with Server() as server:
        base = server.descriptors()
        for _ in range(5):
            held = subprocess.Popen(
                [CLIENT, str(server.port), "held", str(count)], stdout=subprocess.PIPE
            )
            held.stdout.readline()
            if until(lambda: server.pending() == count, 20) is None:
                raise RuntimeError(f"{server.pending()} are listed")
            time.sleep(0.5)
            held.kill()
            begin = time.monotonic()
            held.wait()
            held.stdout.close()
            until(lambda: server.descriptors() <= base + CELLS_KEPT, 10)
            gone.append(1e3 * (time.monotonic() - begin))
            if server.pending() != 0:
                left.append(f"{server.pending()} listed")
            # The question's own connection goes, too.
            until(lambda: server.descriptors() <= base + CELLS_KEPT, 1)
            left.append(server.descriptors() - base)
            resident.append(server.resident())
        row("1,000 killed at once, 5 rounds: descriptors above base", "<= 2",
            f"{left}, {statistics.median(gone):.0f} ms after the kill",
            all(isinstance(more, int) and more <= CELLS_KEPT for more in left))
        growth = resident[4] / resident[2]
        row("1,000 killed at once: RSS after round 5 / round 3", "<= 1.05",
            f"{growth:.3f} ({resident[2] >> 10} -> {resident[4] >> 10} KiB)",
            growth <= 1.05)
        server.end("1,000 killed at once")


def check_resets():
    """20,000 requests that end with resets at random moments."""
    with Server() as server:
        base = server.descriptors()
        server.ask("POST", "/tasks", {"n": 50, "delay": 0, "group": "watched"})
        server.ask("POST", "/tasks", {"n": 50, "delay": 299, "group": "watched"})
        found = client(server.port, "resets", 20_000, 200, "watched")
        until(lambda: server.descriptors() <= base + CELLS_KEPT, 5)
        more = server.descriptors() - base
        server.ask("DELETE", "/tasks?group=watched")
        pending = server.pending()
        row("20,000 resets: descriptors above base", "<= 2", str(more),
            more <= CELLS_KEPT and found["resets"] == 20_000)
        row("20,000 resets: pending afterwards", "0", str(pending), pending == 0)
        status, got = server.ask("GET", "/wait?delay=10ms")
        server.end("20,000 resets")
        row("20,000 resets: answers afterwards, exit code", "200, 0",
            f"{status}, {server.process.returncode}",
            (status, server.process.returncode) == (200, 0))

"""slow.py: the long checks of clients that are slow on purpose, or greedy, and of how those fare
meanwhile that are neither.
"""

import os
import socket
import statistics
import subprocess
import tempfile
import threading
import time

from harness import RUNS, Server, client, row, script, until

CONNECTIONS = 1000
LIMIT = 20  # seconds: so long the good clients are measured
ENDLESS = "/wait?delay=0&size=1GiB"
KIB = 1024
TAKEN = 256 * KIB


class Fares:
    """The lateness of waits of 5-20 ms, 20 at once, and of a bare timerfd just before; in us."""

    def __init__(self):
        self.p50, self.p99, self.bare = [], [], []

    def measure(self, server):
        for _ in range(RUNS):
            self.bare.append(client(0, "timerfd", 1000)["late_p99"])
            found = client(server.port, "waits", 2000, 20, 0.005, 0.02)
            self.p50.append(found["late_p50"])
            self.p99.append(found["late_p99"])
        return self

    def tell(self, what, idle):
        calm, p50 = statistics.median(idle.p50), statistics.median(self.p50)
        p99, bare = statistics.median(self.p99), statistics.median(self.bare)
        row(f"{what}: good clients' p50", "<= 2 x idle",
            f"{p50:.0f} us, idle {calm:.0f} us", p50 <= 2 * calm)
        row(f"{what}: good clients' p99", "<= bare timerfd + 5 ms",
            f"{p99 / 1e3:.2g} ms, bare {bare / 1e3:.2g} ms, "
            f"idle {statistics.median(idle.p99) / 1e3:.2g} ms", p99 <= bare + 5000)


def idle(server):
    return Fares().measure(server)


ATTACKS = {  # slowhttptest's modes, and what cuts them off, by which metric it shows
    "slow headers": (["-H", "-i", "1", "-u", "/wait?delay=0"],
                     ("waitd_problems_total", "request-timeout")),
    "slow body": (["-B", "-i", "1", "-s", "8192", "-u", "/tasks"],
                  ("waitd_problems_total", "request-timeout")),
    "range": (["-R", "-a", "5", "-b", "2000", "-u", "/wait?delay=0"], None),
    "slow read": (["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-u", ENDLESS],
                  ("waitd_stalled_total",)),
}


def attack(port, flags):
    *flags, path = flags
    return subprocess.Popen(
        ["slowhttptest", *flags, f"http://127.0.0.1:{port}{path}", "-c", str(CONNECTIONS),
         "-r", str(CONNECTIONS), "-l", str(3 * LIMIT), "-p", "60"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "dumb"})


def judge_cut(server, what, begin, counts):
    """All were cut off in time, and how much memory they took before."""
    peak = server.resident()
    # slowhttptest's probe is one more, while it is there.
    until(lambda: server.metric("waitd_connections") <= 2
          and server.metric(*counts) >= CONNECTIONS, 2 * LIMIT, 0.05)
    took = time.monotonic() - begin
    bar = LIMIT + (LIMIT / 8 if what == "slow read" else 0) + 1
    row(f"{what}: all cut off, from the last connect", f"<= {bar:g} s", f"{took:.1f} s",
        took <= bar)
    cut = server.metric(*counts)
    row(f"{what}: cut off for that", f">= {CONNECTIONS}", str(cut), cut >= CONNECTIONS)
    return peak


def check_attack(what, flags, counts, calm):
    limits = ("--header-timeout", f"{LIMIT}s", "--stall-timeout", f"{LIMIT}s")
    with Server(*limits, "--idle-timeout", "2s") as server:
        calm = calm or idle(server)
        base, accepted = server.resident(), server.metric("waitd_accepted_total")
        attacker = attack(server.port, flags)
        everybody = until(
            lambda: server.metric("waitd_accepted_total") > accepted + CONNECTIONS, 15, 0.05)
        begin = time.monotonic()
        try:
            if everybody is None:
                raise RuntimeError("slowhttptest did not come")
            during = Fares().measure(server)
            peak = judge_cut(server, what, begin, counts) if counts else server.resident()
        finally:
            attacker.kill()
            attacker.wait()
        each = (peak - base) / CONNECTIONS
        row(f"{what}: resident memory each", "<= 64 KiB", f"{each / KIB:.1f} KiB",
            each <= 64 * KIB)
        during.tell(what, calm)
        server.end(what)
        return calm


def check_attacks():
    """slowhttptest's four modes, 1,000 connections each."""
    calm = None
    for what, (flags, counts) in ATTACKS.items():
        calm = check_attack(what, flags, counts, calm)


def check_dribble():
    """300 connections that send a header a second."""
    with Server() as server:
        found = script("dribble.py", server.port, "headers", 10, 300)
        row("300 that send a header a second: closed with a 408", "300", str(found["told"]),
            found["told"] == 300)
        row("300 that send a header a second: closed after", "10 s to 11 s",
            f"{found['first']:.2f} to {found['last']:.2f} s",
            found["first"] >= 10 and found["last"] <= 11)
        server.end("headers")


class Deaf:
    """Connections that ask and then do not read, but for a quarter that takes something at first:
    how long until each was cut off."""

    def __init__(self, port, path, count):
        self.begin = time.monotonic()
        self.sockets = [self.ask(port, path, i) for i in range(count)]
        for sock in self.sockets[::4]:  # endless, over the unix socket
            sock.recv(TAKEN, socket.MSG_WAITALL)

    @staticmethod
    def ask(port, path, i):
        sock = socket.socket(socket.AF_INET if i % 2 else socket.AF_UNIX)
        sock.connect(("127.0.0.1", port) if i % 2 else path)
        target = ENDLESS if i % 4 < 2 else "/tasks?group=many&stream=true&format=sse"
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: l\r\n\r\n".encode())
        return sock


def check_deaf():
    """1,000 that never read their stream, half over TCP, half over a unix socket."""
    with tempfile.TemporaryDirectory() as folder, \
            Server("--unix", path := os.path.join(folder, "socket"),
                   "--retention", "1h") as server:
        server.ask("POST", "/tasks?n=10000&delay=0&group=many")
        calm, base = idle(server), server.resident()
        deaf = Deaf(server.port, path, CONNECTIONS)
        during = Fares().measure(server)
        each = (server.resident() - base) / CONNECTIONS
        cut = [until(lambda: server.metric("waitd_stalled_total") >= most, 60, 0.05)
               and time.monotonic() - deaf.begin for most in (1, CONNECTIONS)]
        row("1,000 that never read: cut off after", "30 s to 35 s",
            f"{cut[0]:.1f} to {cut[1]:.1f} s", 30 <= cut[0] and cut[1] <= 35)
        row("1,000 that never read: resident memory each", "<= 64 KiB",
            f"{each / KIB:.1f} KiB", each <= 64 * KIB)
        waits = server.metric("waitd_waits")
        row("1,000 that never read: waits held after", "0", str(waits), waits == 0)
        during.tell("1,000 that never read", calm)
        server.end("deaf")


# ---- greedy ---------------------------------------------------------------------------


class Greedy(threading.Thread):
    """Asks the same again and again over one connection, many at once, and reads all."""

    def __init__(self, port, target, at_once):
        super().__init__(daemon=True)
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.requests = f"GET {target} HTTP/1.1\r\nHost: l\r\n\r\n".encode() * at_once
        self.over = False
        self.start()

    def run(self):
        asking = threading.Thread(target=self.ask, daemon=True)
        asking.start()
        try:
            while not self.over and self.sock.recv(1 << 20):
                continue
        except ConnectionResetError:  # it was stopped while there was more
            pass
        asking.join()

    def ask(self):
        try:
            while not self.over:
                self.sock.sendall(self.requests)
        except OSError:
            pass

    def stop(self):
        self.over = True
        self.sock.shutdown(socket.SHUT_RDWR)
        self.join()


def check_greedy():
    """A client that takes all it can get: a pipeline, lists, an endless body."""
    with Server() as server:
        server.ask("POST", "/tasks?n=1000&delay=300&group=many")
        calm = idle(server)
        for what, target, at_once in (("a pipeline", "/wait?delay=0", 100),
                                      ("pages of 1,000", "/tasks?limit=1000", 4),
                                      ("a group of 1,000", "/tasks?group=many&wait=0", 4),
                                      ("what it can do", "/openapi.json", 4),
                                      ("an endless body", ENDLESS, 1)):
            greedy = Greedy(server.port, target, at_once)
            time.sleep(0.5)
            Fares().measure(server).tell(f"a greedy client, {what}", calm)
            greedy.stop()
        server.end("greedy")

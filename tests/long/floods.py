"""floods.py: the long check of floods in a machine that has little memory."""

import collections
import itertools
import json
import os
import re
import socket
import threading
import time

import cgroup
from harness import Server, row
from raw import Closed, Raw, message, until

MIB = 1024 * 1024
LABEL = "l" * 128
PATIENCE = 10  # seconds


# ---- clients -------------------------------------------------------------------------


def tally(raw):
    """What the first answer in those bytes says."""
    if not raw:
        return "closed"
    head, _, body = raw.partition(b"\r\n\r\n")
    status = head.split(b" ")[1].decode()
    slug = re.search(rb'"type":"/problems/([a-z-]+)"', body)
    return f"{status} {slug[1].decode()}" if slug else status


def first_bytes(sock, seconds):
    sock.settimeout(seconds)
    try:
        return sock.recv(4096)
    except TimeoutError:
        return None
    except OSError:
        return b""


class Crowd:
    """Connections that ask and do not read until the end, however it comes."""

    def __init__(self, port):
        self.port, self.socks, self.seen = port, [], collections.Counter()

    def send(self, data):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            sock.settimeout(PATIENCE)
            sock.connect(("127.0.0.1", self.port))
            sock.settimeout(2)
            sock.sendall(data)
        except OSError:
            pass  # refused or cut: what it was told is looked at below
        self.socks.append(sock)

    def ask(self, target):
        self.send(f"GET {target} HTTP/1.1\r\nHost: l\r\n\r\n".encode())

    def look(self, patience=0):
        """What those were told who were told something, in so many seconds together."""
        end = time.monotonic() + patience
        for sock in self.socks:
            raw = first_bytes(sock, max(end - time.monotonic(), 0.0005))
            self.seen["held" if raw is None else tally(raw)] += 1

    def close(self):
        for sock in self.socks:
            sock.close()


def repeat(port, requests, seen, until_refused, ahead=50):
    """One connection, so many requests ahead, until so many were refused."""
    raw, refused = Raw(port), 0
    while refused < until_refused and (batch := list(itertools.islice(requests, ahead))):
        try:
            raw.send(b"".join(batch))
            for _ in batch:
                answer = raw.answer()
                seen[answer.in_short()] += 1
                refused += answer.status >= 400
        except (OSError, Closed):
            seen["closed"] += 1
            raw = Raw(port)
    raw.socket.close()


def requests(count, method, target, body=b"", kind=None):
    headers = (f"Content-Type: {kind}", f"Content-Length: {len(body)}") if kind else ()
    for i in range(count):
        yield message(method, target.replace("{i}", str(i)), *headers, body=body)


def creates(count, **body):
    return requests(count, "POST", "/tasks", json.dumps(body).encode(), "application/json")


# ---- the floods ----------------------------------------------------------------------


def flood_connections(port):
    crowd = Crowd(port)
    for _ in range(10_000):
        crowd.ask("/wait?delay=60&label=" + LABEL)
    crowd.look()
    return crowd


def flood_creates(port):
    crowd = Crowd(port)
    threads = [threading.Thread(target=repeat, args=(
        port, creates(50_000, delay=60, label=LABEL), crowd.seen, 500)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return crowd


def flood_groups(port):
    crowd = Crowd(port)
    repeat(port, creates(30, n=100_000, delay=60, label=LABEL), crowd.seen, 20, 1)
    repeat(port, creates(1000, n=1000, delay=60, label=LABEL), crowd.seen, 20, 1)
    return crowd


def flood_bodies(port):
    """1 MiB each, of which the last byte does not come."""
    crowd, body = Crowd(port), b" " * (MIB - 1)
    for i in range(300):
        head = "Transfer-Encoding: chunked" if i % 2 else f"Content-Length: {MIB}"
        size = b"%x\r\n" % MIB if i % 2 else b""
        crowd.send(b"POST /tasks HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\n"
                   + head.encode() + b"\r\n\r\n" + size + body)
    time.sleep(5)
    for i, sock in enumerate(crowd.socks):  # who was not kept is told when it comes
        try:
            sock.sendall(b" \r\n0\r\n\r\n" if i % 2 else b" ")
        except OSError:
            pass
    crowd.look(PATIENCE)
    return crowd


def flood_json(port):
    """What a parser makes most of."""
    crowd = Crowd(port)
    for count in (60_000, 340_000):
        values = b"[" + b"{}," * count + b"0]"
        repeat(port, requests(20, "PUT", "/events/{i}", values, "application/json"),
               crowd.seen, 500, 1)
    return crowd


def flood_items(port):
    crowd = Crowd(port)
    for count, size, ahead in ((50_000, 100, 50), (10_000, 60_000, 1), (1000, MIB - 1, 1)):
        repeat(port, requests(count, "POST", "/queues/q", b"x" * size, "text/plain"),
               crowd.seen, 100, ahead)
    return crowd


def flood_labels(port):
    """Each is kept a while, the oldest goes: nobody is refused."""
    crowd = Crowd(port)
    repeat(port, requests(50_000, "GET", "/wait?delay=0&label=" + LABEL), crowd.seen, 1)
    return crowd


def flood_objects(port):
    crowd = Crowd(port)
    repeat(port, requests(200_000, "PUT", "/events/" + "e" * 50 + "{i}"), crowd.seen, 100)
    return crowd


def flood_batches(port):
    crowd = Crowd(port)
    for _ in range(200):
        crowd.ask("/wait_n?n=1000000&max_delay=60")
    for _ in range(300):
        crowd.ask("/wait_n?n=100000&delay=0")
    time.sleep(1)
    crowd.look()
    return crowd


def flood_answers(port):
    """Long ones, that are not read."""
    repeat(port, creates(1, n=2000, delay=60, label=LABEL), collections.Counter(), 1)
    crowd = Crowd(port)
    for i in range(3000):
        crowd.ask(("/tasks?limit=1000", "/wait?delay=0&size=10000000", "/openapi.json")[i % 3])
    crowd.look()
    return crowd


def flood_unread(port):
    """Requests ahead of the one that waits."""
    crowd = Crowd(port)
    ahead = b"GET /version HTTP/1.1\r\nHost: l\r\n\r\n" * 1000
    for _ in range(6000):
        crowd.send(b"GET /wait?delay=60 HTTP/1.1\r\nHost: l\r\n\r\n" + ahead[:30_000])
    crowd.look()
    return crowd


FLOODS = (flood_connections, flood_creates, flood_groups, flood_bodies, flood_json,
          flood_items, flood_labels, flood_objects, flood_batches, flood_answers, flood_unread)
REFUSED = "503 too-much-memory"
SPARED = 8 * MIB  # an eighth of the budget may stay in the heap


def settled(server, most):
    """After the flood: its memory once nothing is held."""
    server.ask("POST", "/reset")
    until(lambda: status_of_wait(server) == 200 and server.resident() <= most, 30, 0.2)
    return status_of_wait(server), server.resident()


def status_of_wait(server):
    return server.ask("GET", "/wait?delay=0")[0]


class Peak:
    """The most that the cgroup takes meanwhile, seen every 5 ms."""

    def __init__(self, group):
        self.group, self.usage, self.sockets, self.over = group, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.over.wait(0.005):
            usage = self.group.usage()
            if usage > self.usage:
                self.usage, self.sockets = usage, self.group.sockets()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def flood_all(group):
    flags = ("--workers", "2", "--max-memory", "48MiB", "--max-body", "1MiB", "--max-n",
             "1000000", "--max-tasks", "10000000", "--max-waits", "1000000000",
             "--max-objects", "10000000", "--max-object-bytes", "4GiB")
    with Server(*flags, before=group.enter) as server:
        base = server.resident()
        most = 0
        for flood in FLOODS:
            with Peak(group) as peak:
                crowd = flood(server.port)
            held, most = group.usage(), max(most, peak.usage)
            alive = server.process.poll() is None
            crowd.close()
            status, after = settled(server, base + SPARED) if alive else (0, 0)
            name = flood.__name__.removeprefix("flood_")
            told = ", ".join(f"{what} {times}" for what, times in sorted(crowd.seen.items()))
            wanted = {"labels": 0}.get(name, 1)
            row(f"64 MiB, flood of {name}: refused, alive, 200 afterwards", "yes",
                f"{held / MIB:.0f} MiB held, {peak.usage / MIB:.0f} at most, of it "
                f"{peak.sockets / MIB:.0f} of sockets; {after / MIB:.1f} RSS after; {told}",
                alive and status == 200 and (crowd.seen[REFUSED] >= wanted))
            if not alive:
                break
        kills = group.kills()
        row("64 MiB: OOM kills, most that was seen", "0, <= 64 MiB",
            f"{kills}, {most / MIB:.1f} MiB with sockets (cgroup version {group.version})",
            kills == 0 and most <= 64 * MIB)
        row("64 MiB: RSS after the floods", f"<= {(base + SPARED) / MIB:.0f} MiB",
            f"{server.resident() / MIB:.1f} MiB, {base / MIB:.1f} before",
            server.resident() <= base + SPARED)
        server.end("64 MiB")


def check_memory():
    """Floods in a cgroup of 64 MiB, with --max-memory 48MiB."""
    try:
        with cgroup.Cgroup(64 * MIB) as group:
            flood_all(group)
    except cgroup.Missing as missing:
        row("64 MiB: floods", "run", f"skipped: {missing}",
            os.environ.get("WAITD_CLIENTS") != "required")

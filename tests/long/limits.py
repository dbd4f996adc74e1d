"""limits.py: the long checks of what waitd does when it has no room: memory, descriptors.

Each gets the Server of checks.py, which starts the program.
"""

import collections
import http.client
import json
import os
import re
import resource
import socket
import threading
import time

import cgroup

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


def repeat(port, requests, seen, until_refused):
    """One connection, one request after the other, until so many were refused."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    refused = 0
    for method, target, body, headers in requests:
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            seen["closed"] += 1
            connection.close()
            continue
        slug = f" {json.loads(text)['type'].rpartition('/')[2]}" if answer.status >= 400 else ""
        seen[f"{answer.status}{slug}"] += 1
        refused += answer.status >= 400
        if refused >= until_refused:
            break
    connection.close()


def requests(count, method, target, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    for i in range(count):
        yield method, target.replace("{i}", str(i)), body, headers


# ---- the floods ----------------------------------------------------------------------


def flood_connections(port):
    crowd = Crowd(port)
    for _ in range(10_000):
        crowd.ask("/wait?delay=60&label=" + LABEL)
    crowd.look()
    return crowd


def flood_creates(port):
    crowd = Crowd(port)
    body = json.dumps({"delay": 60, "label": LABEL})
    threads = [threading.Thread(target=repeat, args=(
        port, requests(50_000, "POST", "/tasks", body, Content_Type="application/json"),
        crowd.seen, 500)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return crowd


def flood_groups(port):
    crowd = Crowd(port)
    body = json.dumps({"n": 100_000, "delay": 60, "label": LABEL})
    repeat(port, requests(30, "POST", "/tasks", body, Content_Type="application/json"),
           crowd.seen, 20)
    body = json.dumps({"n": 1000, "delay": 60, "label": LABEL})
    repeat(port, requests(1000, "POST", "/tasks", body, Content_Type="application/json"),
           crowd.seen, 20)
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
    values = b"[" + b"{}," * 65_000 + b"0]"
    for count in (60, 350_000 // 65_000):
        repeat(port, requests(count, "PUT", "/events/{i}", values,
                              Content_Type="application/json"), crowd.seen, 500)
        values = b"[" + b"{}," * 340_000 + b"0]"
    return crowd


def flood_items(port):
    crowd = Crowd(port)
    for size in (1, 100, 60_000, MIB - 1):
        repeat(port, requests(100_000, "POST", "/queues/q", b"x" * size,
                              Content_Type="text/plain"), crowd.seen, 100)
    return crowd


def flood_labels(port):
    """Each is kept a while, the oldest goes: nobody is refused."""
    crowd = Crowd(port)
    repeat(port, requests(100_000, "GET", "/wait?delay=0&label=" + LABEL), crowd.seen, 1)
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
    body = json.dumps({"n": 2000, "delay": 60, "label": LABEL})
    repeat(port, requests(1, "POST", "/tasks", body, Content_Type="application/json"),
           collections.Counter(), 1)
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


def settled(server):
    """After the flood: its memory once nothing is held, as /metrics and as the system tell."""
    server.ask("POST", "/reset")
    end = time.monotonic() + 30
    while time.monotonic() < end:
        status, answer = server.ask("GET", "/wait?delay=0")
        if status == 200 and server.resident() < 24 * MIB:
            break
        time.sleep(0.2)
    return status, server.resident()


def check_memory(Server, row):
    """Floods in a cgroup of 64 MiB, with --max-memory 56MiB."""
    try:
        group = cgroup.Cgroup(64 * MIB)
    except cgroup.Missing as missing:
        print(f"  skip {missing}", flush=True)
        return
    flags = ("--workers", "2", "--max-memory", "56MiB", "--max-body", "1MiB", "--max-n",
             "1000000", "--max-tasks", "10000000", "--max-waits", "1000000000",
             "--max-objects", "10000000", "--max-object-bytes", "4GiB")
    with Server(*flags, before=group.enter) as server:
        base = server.resident()
        for flood in FLOODS:
            crowd = flood(server.port)
            held, used = group.usage(), server.resident()
            alive = server.process.poll() is None
            counted = server.metric("waitd_memory_bytes") if alive and not crowd.socks else 0
            crowd.close()
            status, after = settled(server) if alive else (0, 0)
            name = flood.__name__.removeprefix("flood_")
            told = ", ".join(f"{what} {times}" for what, times in sorted(crowd.seen.items()))
            wanted = {"labels": 0}.get(name, 1)
            row(f"64 MiB, flood of {name}: refused, alive, 200 afterwards", "yes",
                f"{held / MIB:.0f} MiB held (RSS {used / MIB:.0f}, counted "
                f"{counted / MIB:.0f}), {after / MIB:.1f} MiB after; {told}",
                alive and status == 200 and (crowd.seen[REFUSED] >= wanted))
            if not alive:
                break
        kills = group.kills()
        row("64 MiB: OOM kills", "0", f"{kills}; peak {group.peak() / MIB:.1f} MiB, "
            f"cgroup version {group.version}", kills == 0)
        row("64 MiB: RSS after the floods", f"<= {(base + 12 * MIB) / MIB:.0f} MiB",
            f"{server.resident() / MIB:.1f} MiB, {base / MIB:.1f} before",
            server.resident() <= base + 12 * MIB)
        server.end("64 MiB")
    group.close()

#!/usr/bin/env python3
"""Many connections at once, for tests that curl is too slow or too polite for.

connections.py leave PORT PID N ROUNDS   N waits and streams at once, left at once; after
                                         each round prints how many descriptors PID has
connections.py drain PORT PID N          N waits pending, half of them short, some of them
                                         streams; SIGTERM; prints what became of them
connections.py backlog PORT PID N        N connections that wait in the backlog when
                                         SIGTERM comes, half of which ask only after it
connections.py crowd PORT PID N          N connections, more than PID has descriptors for,
                                         that ask when all are there
connections.py exhaust PORT PID N        N connections that ask and stay, more than PID has
                                         descriptors for; prints how many were answered, of
                                         a second in which none is the CPU share and how
                                         often accepting was tried, and after how many
                                         seconds the place of one that leaves is another's
connections.py flood PORT PID N          N connections with a wait each; prints what those
                                         were told that do not wait
"""
import collections
import json
import os
import resource
import select
import signal
import socket
import sys
import time
import urllib.request

import process
from process import descriptors
from raw import eventually

PATIENCE = 30


def connect(port):
    client = socket.create_connection(("127.0.0.1", port))
    client.settimeout(PATIENCE)
    return client


def ask(client, path):
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


def total(port, query):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/tasks?{query}") as answer:
        return json.load(answer)["total"]


def leave(port, pid, count, rounds):
    for _ in range(rounds):
        clients = [connect(port) for _ in range(count)]
        for i, client in enumerate(clients):
            ask(client, ("/wait?delay=60", "/wait_n?n=9&delay=60",
                         "/measure?n=2&delay=60", "/wait_n?n=2&delay=60&format=sse")[i % 4])
        eventually(lambda: total(port, "state=pending") == count)
        for client in clients:
            client.close()
        start = time.monotonic()
        eventually(lambda: total(port, "") == 0)
        if time.monotonic() - start > 2:
            sys.exit(f"{count} clients that left were noticed after more than 2 s")
        # the last of this script's own connections, and the cells' stopping
        steady = [descriptors(pid), 0]
        while steady[1] < 10:
            time.sleep(0.01)
            now = descriptors(pid)
            steady = [now, steady[1] + 1] if now == steady[0] else [now, 0]
        print(steady[0])


def chunks(body):
    """The body of a chunked answer, whole to its last chunk."""
    out = b""
    while True:
        size, body = body.split(b"\r\n", 1)
        length = int(size, 16)
        if length == 0:
            assert body == b"\r\n", body
            return out
        out += body[:length]
        assert body[length:length + 2] == b"\r\n", body
        body = body[length + 2:]


def answer(client):
    """What came of a request: a status, with the error of a stream where it has one."""
    data = b""
    try:
        while part := client.recv(65536):
            data += part
    except ConnectionResetError:
        return "reset"
    if not data:
        return "closed"
    head, body = data.split(b"\r\n\r\n", 1)
    status = head.split(b" ", 2)[1].decode()
    closes = b"\r\nConnection: close" in head
    if b"\r\nTransfer-Encoding: chunked" in head:
        document = json.loads(chunks(body))
        return f"{status} stream {document.get('error', {}).get('status', 'whole')}"
    document = json.loads(body)
    if "type" in document:
        return f"{status} {document['type'].rpartition('/')[2]}" + (" close" if closes else "")
    assert document.get("elapsed", 0) >= document.get("delay", 0), document
    return status


def drain(port, pid, count):
    paths = ("/wait?delay=60", "/wait?delay=4", "/wait_n?n=3&delay=60", "/wait_n?n=3&delay=4")
    clients = [connect(port) for _ in range(count)]
    for i in range(0, count, 2):
        ask(clients[i], paths[i % 4])
    eventually(lambda: total(port, "state=pending") == count // 2)
    for i in range(1, count, 2):  # the short ones last
        ask(clients[i], paths[i % 4])
    eventually(lambda: total(port, "state=pending") == count)
    os.kill(pid, signal.SIGTERM)
    seen = collections.Counter()
    for i, client in enumerate(clients):
        seen[f"{paths[i % 4]} {answer(client)}"] += 1
    for what, times in sorted(seen.items()):
        print(times, what)


def backlog(port, pid, count):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as well:
        well.read()
    os.kill(pid, signal.SIGSTOP)
    clients = [connect(port) for _ in range(count)]
    for client in clients[::2]:
        ask(client, "/healthz")
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    for client in clients[1::2]:
        ask(client, "/healthz")
    seen = collections.Counter(answer(client) for client in clients)
    for what, times in sorted(seen.items()):
        print(times, what)


def crowd(port, pid, count):
    clients = [connect(port) for _ in range(count)]
    steady = 0
    while steady < 10:  # it accepts no more
        before = descriptors(pid)
        time.sleep(0.02)
        steady = steady + 1 if descriptors(pid) == before else 0
    for client in clients:
        client.sendall(b"GET /wait?delay=0.3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    seen = collections.Counter(answer(client) for client in clients)
    for what, times in sorted(seen.items()):
        print(times, what)


def pauses(client):
    """How often the server could take no connection, asked by one that it has."""
    ask(client, "/metrics")
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += client.recv(65536)
    size = int(data[:end].partition(b"Content-Length: ")[2].split()[0])
    while len(data) < end + 4 + size:
        data += client.recv(65536)
    return sum(int(line.split()[-1]) for line in data.decode().splitlines()
               if line.startswith("waitd_accept_pauses_total"))


def readable(clients, seconds):
    """Those to whom something has come, once none comes for so long."""
    poll, by_fd, found = select.poll(), {c.fileno(): c for c in clients}, []
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while ready := poll.poll(seconds * 1000):
        for fd, _ in ready:
            poll.unregister(fd)
            found.append(by_fd[fd])
    return found


def first_readable(clients):
    poll, by_fd = select.poll(), {c.fileno(): c for c in clients}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    ready = poll.poll(PATIENCE * 1000)
    return by_fd[ready[0][0]] if ready else sys.exit("never: a place that is free is taken")


def exhaust(port, pid, count):
    clients = [connect(port) for _ in range(count)]
    for client in clients:
        ask(client, "/wait?delay=0")
    inside = readable(clients, 1)
    inside[0].recv(65536)
    before, cpu, begin = pauses(inside[0]), process.cpu(pid), time.monotonic()
    time.sleep(1)
    seconds = time.monotonic() - begin
    share = (process.cpu(pid) - cpu) / seconds
    tries = (pauses(inside[0]) - before) / seconds
    outside = [client for client in clients if client not in set(inside)]
    taken = []
    for client in inside[1:21]:  # who is inside is answered, and the place of who leaves taken
        client.recv(65536)
        ask(client, "/wait?delay=0.01")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        begin = time.monotonic()
        client.close()
        outside.remove(first_readable(outside))
        taken.append(time.monotonic() - begin)
    print(len(inside), f"{share:.4f}", f"{tries:.1f}", f"{max(taken):.4f}")


def flood(port, _, count):
    clients = [connect(port) for _ in range(count)]
    for client in clients:
        try:
            client.sendall(b"GET /wait?delay=60 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        except ConnectionError:
            pass  # it is told what follows
    told = readable(clients, 2)
    seen = collections.Counter(answer(client) for client in told)
    for what, times in sorted(seen.items()):
        print(times, what)


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    jobs = {"leave": leave, "drain": drain, "backlog": backlog, "crowd": crowd,
            "exhaust": exhaust, "flood": flood}
    jobs[sys.argv[1]](*map(int, sys.argv[2:]))


main()

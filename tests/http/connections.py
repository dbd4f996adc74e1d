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
import os
import resource
import select
import signal
import sys
import time

import process
from process import descriptors
from raw import Raw, Reset, eventually, message, metrics, tasks

PATIENCE = 30


def connect(port):
    return Raw(port, PATIENCE)


def total(port, query):
    return tasks(port, query)["total"]


def leave(port, pid, count, rounds):
    for _ in range(rounds):
        clients = [connect(port) for _ in range(count)]
        for i, client in enumerate(clients):
            path = ("/wait?delay=60", "/wait_n?n=9&delay=60", "/measure?n=2&delay=60",
                    "/wait_n?n=2&delay=60&format=sse")[i % 4]
            client.send(message("GET", path))
        eventually(lambda: total(port, "state=pending") == count)
        for client in clients:
            client.socket.close()
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


def answer(client):
    """What came of a request: a status, with the error of a stream where it has one."""
    try:
        client.read_all()
    except Reset:
        return "reset"
    if not client.buffer:
        return "closed"
    got = client.answer()
    client.assert_closed()
    document = got.json()
    if got.header("transfer-encoding") == "chunked":
        return f"{got.status} stream {document.get('error', {}).get('status', 'whole')}"
    assert document.get("elapsed", 0) >= document.get("delay", 0), document
    closes = got.status >= 400 and got.header("connection") == "close"
    return got.in_short() + " close" * closes


def tell(answers):
    for what, times in sorted(collections.Counter(answers).items()):
        print(times, what)


def drain(port, pid, count):
    paths = ("/wait?delay=60", "/wait?delay=4", "/wait_n?n=3&delay=60", "/wait_n?n=3&delay=4")
    clients = [connect(port) for _ in range(count)]
    for i in range(0, count, 2):
        clients[i].send(message("GET", paths[i % 4]))
    eventually(lambda: total(port, "state=pending") == count // 2)
    for i in range(1, count, 2):  # the short ones last
        clients[i].send(message("GET", paths[i % 4]))
    eventually(lambda: total(port, "state=pending") == count)
    os.kill(pid, signal.SIGTERM)
    tell(f"{paths[i % 4]} {answer(client)}" for i, client in enumerate(clients))


def backlog(port, pid, count):
    with connect(port) as well:
        well.ask("GET", "/healthz")
    os.kill(pid, signal.SIGSTOP)
    clients = [connect(port) for _ in range(count)]
    for client in clients[::2]:
        client.send(message("GET", "/healthz"))
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    for client in clients[1::2]:
        client.send(message("GET", "/healthz"))
    tell(map(answer, clients))


def crowd(port, pid, count):
    clients = [connect(port) for _ in range(count)]
    steady = 0
    while steady < 10:  # it accepts no more
        before = descriptors(pid)
        time.sleep(0.02)
        steady = steady + 1 if descriptors(pid) == before else 0
    for client in clients:
        client.send(message("GET", "/wait?delay=0.3", "Connection: close"))
    tell(map(answer, clients))


def pauses(client):
    """How often the server could take no connection, asked by one that it has."""
    return metrics(client)["waitd_accept_pauses_total"]


def readable(clients, seconds):
    """Those to whom something has come, once none comes for so long."""
    poll, by_fd, found = select.poll(), {c.socket.fileno(): c for c in clients}, []
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while ready := poll.poll(seconds * 1000):
        for fd, _ in ready:
            poll.unregister(fd)
            found.append(by_fd[fd])
    return found


def first_readable(clients):
    poll, by_fd = select.poll(), {c.socket.fileno(): c for c in clients}
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    ready = poll.poll(PATIENCE * 1000)
    return by_fd[ready[0][0]] if ready else sys.exit("never: a place that is free is taken")


def exhaust(port, pid, count):
    clients = [connect(port) for _ in range(count)]
    for client in clients:
        client.send(message("GET", "/wait?delay=0"))
    inside = readable(clients, 1)
    inside[0].answer()
    before, cpu, begin = pauses(inside[0]), process.cpu(pid), time.monotonic()
    time.sleep(1)
    seconds = time.monotonic() - begin
    share = (process.cpu(pid) - cpu) / seconds
    tries = (pauses(inside[0]) - before) / seconds
    outside = [client for client in clients if client not in set(inside)]
    taken = []
    for client in inside[1:21]:  # who is inside is answered, and the place of who leaves taken
        client.answer()
        assert client.ask("GET", "/wait?delay=0.01").status == 200
        begin = time.monotonic()
        client.socket.close()
        outside.remove(first_readable(outside))
        taken.append(time.monotonic() - begin)
    print(len(inside), f"{share:.4f}", f"{tries:.1f}", f"{max(taken):.4f}")


def flood(port, _, count):
    clients = [connect(port) for _ in range(count)]
    for client in clients:
        client.send_what_it_takes(message("GET", "/wait?delay=60", "Connection: close"))
    tell(map(answer, readable(clients, 2)))


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    jobs = {"leave": leave, "drain": drain, "backlog": backlog, "crowd": crowd,
            "exhaust": exhaust, "flood": flood}
    jobs[sys.argv[1]](*map(int, sys.argv[2:]))


main()

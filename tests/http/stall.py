"""stall.py PORT SOCKET LIMIT CASE: a client that takes nothing of its answer is cut off after
LIMIT seconds (--stall-timeout), over TCP and over the unix socket; who takes something, or has
nothing to take, is not.

stream      one that is pulled
asleep      one that has handed all out, which the client did not take, and waits for more
waits       one whose waits have not all ended: they are cancelled
answer      one that is sent from memory: a list, on the unix socket, which holds little
pipeline    many requests at once, whose answers nobody reads
slow        one that takes a little now and then, and one that takes all there is, so that the
            socket is filled up again to the same byte; until they stop
patient     one with nothing to take for longer than the limit, which then reads all
"""

import socket
import sys
import time

from raw import Raw, eventually, message, metrics

PORT, SOCKET, LIMIT, CASE = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
ENDLESS = "/wait?delay=0&size=1GiB"
ROOM = 4096  # of the client's socket


def over_tcp():
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
    client.connect(("127.0.0.1", PORT))
    return client


def over_unix():
    client = socket.socket(socket.AF_UNIX)
    client.connect(SOCKET)
    return client


WAYS = {"tcp": over_tcp, "unix": over_unix}


def metric(name):
    with Raw(PORT) as raw:
        return metrics(raw)[name]


def held_by_system():
    """What the server's TCP sockets hold that was not sent, where that is much. The table tells
    of one more than once while others come and go: its inode is its name."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    queues = {row[9]: int(row[4].split(":")[0], 16) for row in rows
              if int(row[1].split(":")[1], 16) == PORT and row[3] == "01"}
    return [size for size in queues.values() if size > ROOM]


def stalled():
    return metric("waitd_stalled_total")


def cut_off(way, requests):
    """Asks and reads nothing; it is cut off once, and not before the limit."""
    before = stalled()
    client = WAYS[way]()
    begin = time.monotonic()
    client.sendall(requests)
    eventually(lambda: stalled() > before, LIMIT * 20 + 10)
    took = time.monotonic() - begin
    assert stalled() == before + 1
    assert took >= LIMIT, f"{way}: cut off after {took} s"
    eventually(lambda: metric("waitd_connections") == 1)  # this question's
    client.close()


def asking(way, path):
    client = WAYS[way]()
    client.settimeout(30)
    client.sendall(message("GET", path))
    return client


def case_stream():
    for way in WAYS:
        cut_off(way, message("GET", ENDLESS))


def case_asleep():
    cut_off("tcp", message("GET", "/wait_n?n=2000&dist=choice&choice=0,60&format=ndjson"))


def case_waits():
    path = "/wait_n?n=100000&dist=choice&choice=0,60&format=sse&label="
    for way in WAYS:
        cut_off(way, message("GET", path + way))
        with Raw(PORT) as raw:
            entry = raw.ask("GET", f"/tasks?label={way}").json()["tasks"][0]
        assert (entry["state"], entry["cancel_reason"]) == ("cancelled", "disconnect"), entry


def case_answer():
    with Raw(PORT) as raw:
        assert raw.ask("POST", "/tasks?n=1000&delay=60").status == 201
    cut_off("unix", message("GET", "/tasks?limit=1000"))


def case_pipeline():
    for way in WAYS:
        cut_off(way, message("GET", "/openapi.json") * 100)


def case_slow():
    little = [asking(way, ENDLESS) for way in WAYS]
    bursts = [asking(way, ENDLESS) for way in WAYS]
    for i in range(40):
        for client in little + (bursts if i % 2 == 0 else []):
            assert client.recv(ROOM // 4 if client in little else 1 << 24), f"{client}: cut off"
        time.sleep(LIMIT / 16)
    assert stalled() == 0
    held = held_by_system()
    assert len(held) == 2 and max(held) < 1 << 18, held
    eventually(lambda: stalled() == len(little + bursts), LIMIT * 20 + 10)


def case_patient():
    path = f"/wait_n?n=50&dist=choice&choice=0,{LIMIT * 3}&format=ndjson"
    clients = [asking(way, path) for way in WAYS]
    time.sleep(LIMIT * 3.5)
    for client in clients:
        data = b""
        while b"\r\n0\r\n" not in data:
            got = client.recv(65536)
            assert got, f"{client}: cut off: {data}"
            data += got
    assert stalled() == 0


globals()["case_" + CASE]()

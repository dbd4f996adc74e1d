#!/usr/bin/env python3
"""shapes.py PORT WHAT: the shapes of /wait's answers by the byte, and by the clock of who
reads them.

at        at=body: the head at once, the body when the delay is over
chunks    each chunk on time: where Python's random says it is, never earlier
sizes     bodies of exactly so many bytes, over one connection
large     a body of 1 GiB that nobody reads to its end costs no memory (PID)
aborts    how each abort looks to a socket: a FIN or a RST, and what comes before
"""

import random
import sys
import time

from process import resident
from raw import Raw, message

PORT = int(sys.argv[1])
LATE = 1.5  # seconds, on a busy machine; what is early is asserted exactly


class Timed(Raw):
    """Knows when it has asked, before the server can have."""

    def get(self, target):
        self.asked = time.monotonic()
        self.send(message("GET", target))

    def since(self):
        return time.monotonic() - self.asked

    def head(self):
        return self.until(b"\r\n\r\n").decode()


def on_time(got, want):
    assert want <= got <= want + LATE, f"after {got} s, not {want}"


def digits(size):
    return (b"0123456789" * (size // 10 + 1))[:size]


def head_at_once(target):
    """Of an answer that takes a minute."""
    with Timed(PORT) as raw:
        raw.get(target)
        raw.head()
        assert raw.since() < 30, f"{target}: the head came after {raw.since()} s"


def at():
    for query in ("", "&size=5", "&status=503", "&format=text"):
        head_at_once(f"/wait?delay=60&at=body{query}")
        with Timed(PORT) as raw:
            raw.get(f"/wait?delay=0.3&at=body{query}")
            raw.head()
            raw.more()
            on_time(raw.since(), 0.3)


def schedule(seed, delay, chunks, jitter):
    generator = random.Random(seed + 2**63)
    generator.random()
    return [delay * (i + jitter * (generator.random() - 0.5)) / chunks
            for i in range(1, chunks)] + [delay]


def check_chunks(raw, seed, delay, chunks, jitter, size):
    raw.get(f"/wait?delay={delay}&seed={seed}&chunks={chunks}&jitter={jitter}&size={size}")
    assert f"Content-Length: {size}" in raw.head().split("\r\n")
    got = b""
    for i, due in enumerate(schedule(seed, delay, chunks, jitter), 1):
        begin, end = size * (i - 1) // chunks, size * i // chunks
        got += raw.exactly(end - begin)
        # One that comes late may come with the next; but none is early.
        on_time(raw.since(), due)
    assert got == digits(size) and raw.buffer == b""


def chunks():
    head_at_once("/wait?delay=60&chunks=6")
    with Timed(PORT) as raw:
        check_chunks(raw, 42, 1.5, 10, 0.2, 10)
        check_chunks(raw, 7, 1, 7, 1, 100)
        check_chunks(raw, 0, 1, 50, 0.999, 100_003)
        check_chunks(raw, 2**63 - 1, 0.5, 1, 1, 1)
        check_chunks(raw, 1, 0.2, 1000, 0.5, 1000)


def sizes():
    with Raw(PORT) as raw:
        for size in (1, 2, 9, 10, 11, 4095, 4096, 4097, 16383, 16384, 16385, 100_000, 1 << 20,
                     12_345_678):
            for query in ("delay=0", "delay=0.01&at=body", "delay=0.01&chunks=1",
                          "delay=0.01&status=500"):
                answer = raw.ask("GET", f"/wait?size={size}&{query}")
                assert answer.status == (500 if "500" in query else 200), answer
                assert answer.header("content-type") == "application/octet-stream"
                assert answer.header("content-length") == str(size)
                assert answer.body == digits(size), (size, query)
        assert raw.buffer == b""


def large():
    pid = sys.argv[3]
    with Raw(PORT) as raw:
        raw.ask("GET", "/wait?delay=0&size=1MiB")
    before = resident(pid)
    readers = [Raw(PORT) for _ in range(20)]
    for raw in readers:
        raw.send(message("GET", "/wait?delay=0&size=1GiB&chunks=10"))
        raw.until(b"\r\n\r\n")
        for _ in range(200):
            raw.more()
            raw.buffer = b""
    grown = resident(pid) - before
    assert grown < 100 << 20, f"{grown} bytes more"  # a sanitizer's own, mostly
    for raw in readers:
        raw.socket.close()


# ---- aborts -------------------------------------------------------------------------


def what_came(raw):
    """All the bytes till the end, and how that was."""
    data = raw.buffer
    try:
        while piece := raw.socket.recv(65536):
            data += piece
        return data, "FIN"
    except ConnectionResetError:
        return data, "RST"


def aborts():
    for delay in (0, 0.2):
        for kind, query, end, bodies in (
            ("before_headers", "", "FIN", [None]),
            ("before_headers", "&size=100", "FIN", [None]),
            ("after_headers", "&size=100", "FIN", [0]),
            ("after_headers", "&size=100&at=body", "FIN", [0]),
            ("after_headers", "", "FIN", [0]),
            ("mid_body", "&size=101", "FIN", [50]),
            ("mid_body", "&size=101&at=body", "FIN", [50]),
            ("mid_body", "&size=100&chunks=10&jitter=0.5", "FIN", [50]),
            ("mid_body", "&size=1", "FIN", [0]),
            ("mid_body", "&size=3000001", "FIN", [1500000]),
            ("mid_body", "&size=200&status=503", "FIN", [100]),
            ("reset", "", "RST", [None]),
            ("reset", "&size=100", "RST", [None]),
            ("reset", "&size=100&at=body", "RST", [0, None]),
            # It may overtake what was sent just before.
            ("reset", "&size=100&chunks=10", "RST", [None, *range(0, 100, 10)]),
        ):
            with Timed(PORT) as raw:
                raw.get(f"/wait?delay={delay}&abort={kind}{query}")
                data, how = what_came(raw)
                case = (delay, kind, query, how, data[:300])
                assert raw.since() >= delay, case
                assert how == end, case
                head, _, body = data.partition(b"\r\n\r\n")
                assert (len(body) if head else None) in bodies, case
                if "size=" in query and head:
                    size = query.partition("size=")[2].partition("&")[0].encode()
                    assert b"\r\nContent-Length: " + size in head, case
                    assert digits(3_000_001).startswith(body), case
                if "status=503" in query:
                    assert head.startswith(b"HTTP/1.1 503 "), case


globals()[sys.argv[2]]()

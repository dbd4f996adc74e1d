#!/usr/bin/env python3
"""stream.py PORT WHAT: reads streams of /wait_n from a raw socket, with the time of each
piece.

first   the first byte is there long before the only wait has ended
rows    each row comes after its delay, and they do not all come at the end
head    HEAD answers headers alone, and the connection is closed
http10  HTTP/1.0: no chunks, and the connection is closed behind the body
"""

import json
import socket
import sys
import time


def ask(port, request):
    """Sends it; yields (seconds since it was sent, bytes) until the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        sent = time.monotonic()
        connection.sendall(request)
        while piece := connection.recv(65536):
            yield time.monotonic() - sent, piece


def get(path, version=b"1.1", method=b"GET"):
    return b"%s %s HTTP/%s\r\nHost: a\r\n\r\n" % (method, path, version)


def close(path):
    return get(path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def first(port):
    pieces = list(ask(port, close(b"/wait_n?n=1&delay=1.5")))
    begun, ended = pieces[0][0], pieces[-1][0]
    assert pieces[0][1].startswith(b"HTTP/1.1 200 "), pieces[0]
    assert ended >= 1.5, ended
    assert ended - begun > 0.75, f"begun at {begun}, ended at {ended}"
    before = b"".join(piece for at, piece in pieces if at < 1)
    assert b'{"n":1,"delays":[\n' in before, before


def rows(port):
    """One after another, every 0.1 s."""
    path = b"/wait_n?n=12&limit=1&delay=0.1&format=ndjson"
    text, seen = b"", []
    for at, piece in ask(port, close(path)):
        text += piece
        count = sum(line.startswith(b'{"rank"') for line in text.split(b"\n")[:-1])
        seen += [at] * (count - len(seen))
    assert len(seen) == 12, (len(seen), text)
    for rank, at in enumerate(seen):
        assert at >= 0.1 * (rank + 1) - 1e-6, (rank, at)
    assert len(set(seen)) >= 4, f"they came together: {seen}"
    assert seen[-1] - seen[0] > 0.5, f"they came at the end: {seen}"


def head(port):
    pieces = list(ask(port, get(b"/wait_n?n=3&delay=60", method=b"HEAD")))
    text = b"".join(piece for _, piece in pieces)
    assert text.startswith(b"HTTP/1.1 200 "), text
    assert text.endswith(b"\r\n\r\n") and text.count(b"\r\n\r\n") == 1, text
    assert b"\r\nconnection: close\r\n" in text.lower(), text


def http10(port):
    path = b"/wait_n?n=3&delay=0.05&format=ndjson"
    text = b"".join(piece for _, piece in ask(port, get(path, version=b"1.0")))
    top, _, body = text.partition(b"\r\n\r\n")
    assert b" 200 " in top.split(b"\r\n")[0], text
    assert b"transfer-encoding" not in top.lower(), top
    lines = [json.loads(line) for line in body.splitlines()]
    assert len(lines) == 4 and lines[3]["done"] == 3, body


{"first": first, "rows": rows, "head": head, "http10": http10}[sys.argv[2]](int(sys.argv[1]))

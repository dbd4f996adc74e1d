#!/usr/bin/env python3
"""hostile.py PORT HOW: every raw request of raw/, sent whole, in two pieces or byte by byte:
the answers, the end of the connection, and whether the hidden request was run."""

import random
import sys
import time

from corpus import corpus
from raw import Closed, Raw, tasks

PORT, HOW = int(sys.argv[1]), sys.argv[2]
PIECES_LEAST = 5000  # larger ones do not go byte by byte
PAUSE = 0.001        # so that what follows mostly comes by another read


def cuts(data):
    if HOW == "whole":
        return []
    if HOW == "bytes" and len(data) < PIECES_LEAST:
        return range(1, len(data))
    return [random.randrange(1, len(data))]


def send(raw, data):
    begin = 0
    for cut in [*cuts(data), len(data)]:
        raw.send_what_it_takes(data[begin:cut])
        begin = cut
        if HOW == "halves":
            time.sleep(PAUSE)


def answers(raw, payload):
    """Those that come, of those that are expected; 100 is none."""
    head = payload.send.startswith(b"HEAD ")
    for expected in payload.statuses:
        try:
            status = "100"
            while status == "100":
                status = str(raw.answer(head=head).status)
        except Closed:
            status = "-"
        assert status in expected, f"{status}, expected {expected}"
        if status == "-":
            return


def ends(raw, payload):
    if payload.end == "open":
        again = raw.ask("GET", "/healthz")
        assert again.status == 200 and again.body == b'{"status":"ok"}\n', f"{again}"
        return
    # A page of libmicrohttpd's own may come twice; nothing but a refusal may.
    rest = raw.rest()
    assert all(line[9:10] in b"45" for line in rest.split(b"\r\n")
               if line.startswith(b"HTTP/")), f"{rest}"


def waits(raw, payload):
    """Nothing comes, until the client leaves."""
    raw.socket.settimeout(0.05)
    try:
        raw.more()
        raise AssertionError(f"{raw.buffer}")
    except TimeoutError:
        raw.socket.settimeout(20)
    raw.half_close()
    rest = raw.rest()
    assert not rest.startswith(b"HTTP/1.1 2"), f"{rest}"


def talk(payload, label):
    with Raw(PORT, timeout=20) as raw:
        send(raw, payload.data(label))
        if payload.end == "waits":
            waits(raw, payload)
        else:
            answers(raw, payload)
            ends(raw, payload)


def check(payload, label):
    """What is wrong, all of it."""
    try:
        talk(payload, label)
    except (AssertionError, OSError, Closed) as error:
        yield f"{type(error).__name__} {error}"
    runs = tasks(PORT, f"label={label}")["total"]
    if runs != payload.seen:
        yield f"the hidden request was run {runs} times"


def main():
    random.seed(HOW)
    payloads = corpus()
    wrong = [f"{payload}: {what}"
             for number, payload in enumerate(payloads)
             for what in check(payload, f"hidden-{number:04}-{HOW}")]
    assert not wrong, "\n".join(wrong)


main()

#!/usr/bin/env python3
"""junk.py PORT EVERY: sends junk in every string that a client can send, or a part of that, and
looks at the heads of the answers; prints how many requests it has made.

    junk.py logs FORMAT REQUESTS LOG ACCESS-LOG    looks at the lines that came of it

Of a line that came through as one nothing is left to a reader to guess: no byte of the junk
that ends a line, or that a terminal obeys, stands in it as it was sent."""

import json
import re
import sys
from urllib.parse import quote_from_bytes

from raw import Closed, Raw

EVIL = b"Evil: 1"
FORGED = "2026-01-01T00:00:00.000Z"
JUNK = [
    b"a\r\n" + EVIL, b"a\n" + EVIL, b"a\r" + EVIL, b"a\r\n\r\nHTTP/1.1 200 OK\r\n" + EVIL,
    b"a\0b", b"\x1b[31mred\x1b[0m", b"\x1b]0;title\x07", b"\x9b31m", b"\xc2\x9b31m", b"\x08\x7f",
    b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\xe2\x80\xa8x", b"\xc2\x85x",
    b"\xe2\x80\xae\xe2\x81\xa6x", b"\xef\xbb\xbfx", b'"},{"level":"error"', b"\\", b"%n%s%x", b"= x=y",
    b"a\n" + FORGED.encode() + b" error forged", b"x" * 900,
]
HEADERS = {
    "connection", "date", "content-type", "content-length", "cache-control", "server-timing",
    "transfer-encoding", "x-accel-buffering", "waitd-id", "allow", "location", "retry-after",
    "preference-applied",
}
FIELDS = ["Host", "Origin", "Sec-Fetch-Site", "Authorization", "Accept", "Content-Type", "Prefer",
          "Last-Event-ID", "User-Agent", "Cookie", "Expect", "Connection", "X-Junk"]


def head(method, target, *lines):
    names = [line.split(b":")[0].lower() for line in lines]
    host = [] if b"host" in names else [b"Host: a"]
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", *host, *lines]) + b"\r\n\r\n"


def with_body(method, target, body, media=b"application/json"):
    return head(method, target, b"Content-Type: " + media,
                b"Content-Length: %d" % len(body)) + body


def as_json(junk):
    """As a string of JSON: escaped where there is a character for it, and as it is."""
    yield json.dumps(junk.decode("latin-1")).encode()
    yield b'"' + junk.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def requests():
    for junk in JUNK:
        quoted = quote_from_bytes(junk, safe="").encode()
        for value in (quoted, junk.replace(b" ", b"+")):
            for name in [b"label", b"delay", b"seed", b"event", b"key", b"format", b"profile"]:
                yield head(b"GET", b"/wait?delay=0&" * (name != b"delay") + b"/wait?" *
                           (name == b"delay") + name + b"=" + value)
            yield head(b"GET", b"/wait?delay=0&" + value + b"=1")
            yield head(b"GET", b"/" + value)
            for path in [b"/tasks/%s", b"/events/%s", b"/latches/%s", b"/queues/%s", b"/keys/%s",
                         b"/problems/%s", b"/semaphores/%s", b"/barriers/%s"]:
                yield head(b"GET", path % value)
            yield head(b"PUT", b"/tasks/" + value + b"?delay=0")
            yield head(b"POST", b"/tasks?n=1&delay=0&group=" + value)
            yield head(b"GET", b"/tasks?label=" + value)
            yield head(b"GET", b"/tasks?group=%s&stream=true" % value)
            yield head(b"GET", b"/tasks?cursor=" + value)
            yield head(b"POST", b"/semaphores/s/release?lease=" + value)
        for string in as_json(junk):
            yield with_body(b"POST", b"/wait", b'{"delay":0,"label":%s}' % string)
            yield with_body(b"POST", b"/tasks", b'{"delay":0,"label":%s}' % string)
            yield with_body(b"POST", b"/tasks", b'{"n":2,"delay":0,"group":%s}' % string)
            yield with_body(b"POST", b"/wait", b'{%s:1}' % string)
            yield with_body(b"POST", b"/wait_n", b'{"n":1,"delay":0,"label":%s}' % string)
            yield with_body(b"PUT", b"/events/e", string)
        yield head(b"GET", b"/events/e")
        yield with_body(b"POST", b"/queues/q", junk, b"text/plain")
        yield with_body(b"POST", b"/queues/q/get", b"{}")
        yield with_body(b"POST", b"/queues/q", b"x", junk)
        yield head(b"POST", b"/queues/q/get?timeout=0")
        for name in FIELDS:
            yield head(b"GET", b"/wait?delay=0", name.encode() + b": " + junk)
            yield head(b"POST", b"/wait?delay=0", name.encode() + b": " + junk)
        yield head(b"GET", b"/wait?delay=0", junk + b": x")
        yield head(junk, b"/wait?delay=0")


def ask(port, request):
    """The one answer, or that it was closed."""
    with Raw(port, timeout=20) as raw:
        raw.send_what_it_takes(request)
        try:
            answer = raw.answer()
        except Closed:
            return
        extra = {name for name, _ in answer.headers} - HEADERS
        # A refusal of libmicrohttpd's own has a page.
        assert not extra and "evil" not in str(answer.headers).lower(), (request, answer)
        if "json" in (answer.header("content-type") or "") and answer.status != 200:
            answer.json()


def send_all(port, every):
    made = list(requests())[::every]
    for request in made:
        ask(port, request)
    print(len(made))


def lines_of(path):
    with open(path, "rb") as file:
        text = file.read()
    assert text.endswith(b"\n"), text[-200:]
    return text[:-1].split(b"\n")


def harmless(line):
    """No byte and no character that ends a line somewhere, or that a terminal obeys."""
    text = line.decode("utf-8")
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", text), line
    return text


def logs(form, requests_made, log, access):
    for line in lines_of(log):
        text = harmless(line)
        if form == "json":
            assert {"time", "level", "event"} <= json.loads(text).keys(), line
        else:
            assert re.match(r"\d{4}-\d\d-\d\dT[0-9:.]+Z (debug|info|warn|error) [a-z]", text), line
            assert not text.startswith(FORGED), line
    entries = [json.loads(harmless(line)) for line in lines_of(access)]
    keys = {"time", "worker", "method", "target", "status", "bytes", "elapsed", "delay", "lateness"}
    assert all(entry.keys() <= keys for entry in entries)
    # What libmicrohttpd refused itself, or could not read, was no request.
    assert 0.5 * requests_made < len(entries) <= requests_made, (len(entries), requests_made)


if __name__ == "__main__":
    if sys.argv[1] == "logs":
        logs(sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
    else:
        send_all(int(sys.argv[1]), int(sys.argv[2]))

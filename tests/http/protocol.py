#!/usr/bin/env python3
"""protocol.py PORT WHAT: HTTP/1.1 by the byte: what is ambiguous is refused and the
connection closed, what is not is answered, in order."""

import json
import os
import struct
import socket
import subprocess
import sys
import time

from raw import Closed, Raw, eventually, message, tasks

PORT = int(sys.argv[1])
SMUGGLED = message("POST", "/tasks?delay=60&label=smuggled", "Content-Length: 0")
HEALTHZ = message("GET", "/healthz")
OK_BODY = b'{"status":"ok"}\n'


def post(*headers, body=b"", version="HTTP/1.1"):
    return message("POST", "/wait?delay=0", *headers, body=body, version=version)


def refused(name, request, statuses=(400,), closes=True):
    """The first answer refuses it; behind an ambiguous message nothing is heard."""
    with Raw(PORT, timeout=20) as raw:
        raw.send_what_it_takes(request + SMUGGLED * closes)
        try:
            answer = raw.answer()
        except Closed:
            assert None in statuses, f"{name}: closed without an answer"
            return
        assert answer.status in statuses, f"{name}: {answer}"
        if answer.status == 400 and answer.header("content-type") == "application/problem+json":
            assert answer.json()["type"] == "/problems/bad-request", f"{name}: {answer}"
        if closes and answer.header("content-type"):
            raw.assert_closed()
        elif closes:
            # libmicrohttpd's own page: 0.9.75 may send its head twice.
            rest = answer.body + raw.rest()
            assert all(line[9:10] in b"45" for line in rest.split(b"\r\n")
                       if line.startswith(b"HTTP/")), f"{name}: {rest}"
        else:
            again = raw.ask("GET", "/healthz")
            assert again.status == 200 and again.body == OK_BODY, f"{name}: {again}"


def nothing_smuggled():
    assert tasks(PORT, "label=smuggled")["total"] == 0, "a smuggled request was run"


# ---- the guard ----------------------------------------------------------------------


def framing():
    end = b"0\r\n\r\n"
    chunked = "Transfer-Encoding: chunked"
    cases = {
        "length, then chunked": post("Content-Length: 5", chunked, body=end),
        "chunked, then length": post(chunked, "Content-Length: 5", body=end),
        "chunked and a length of the whole": post(
            chunked, f"Content-Length: {len(end + SMUGGLED)}", body=end),
        "a length of 0 and chunked": post("Content-Length: 0", chunked, body=end),
        "two lengths": post("Content-Length: 0", f"Content-Length: {len(SMUGGLED)}"),
        "two lengths, the other way": post(f"Content-Length: {len(SMUGGLED)}", "Content-Length: 0"),
        "two equal lengths": post("Content-Length: 0", "Content-Length: 0"),
        "a list of lengths": post("Content-Length: 0, 0"),
        "a blank before the colon": post(f"Content-Length : {len(SMUGGLED)}"),
        "a tab before the colon": post(f"Content-Length\t: {len(SMUGGLED)}"),
        "a blank before the colon of the other": post("Transfer-Encoding : chunked", body=end),
        "two encodings": post(chunked, "Transfer-Encoding: identity", body=end),
        "two encodings, the other way": post("Transfer-Encoding: identity", chunked, body=end),
        "chunked twice": post(chunked, chunked, body=end),
        "gzip": post("Transfer-Encoding: gzip"),
        "gzip, chunked": post("Transfer-Encoding: gzip, chunked", body=end),
        "chunked, gzip": post("Transfer-Encoding: chunked, gzip", body=end),
        "chunked, chunked": post("Transfer-Encoding: chunked, chunked", body=end),
        "identity": post("Transfer-Encoding: identity"),
        "xchunked": post("Transfer-Encoding: xchunked", body=end),
        "no encoding": post("Transfer-Encoding:", body=end),
        "chunked on HTTP/1.0": post(chunked, body=end, version="HTTP/1.0"),
        "a list of lengths that differ": post(f"Content-Length: 0, {len(SMUGGLED)}"),
    }
    for name, request in cases.items():
        refused(name, request)
    for length in ["+5", "-5", "-0", "0x5", "5 5", "5;", "5,", "abc", "5.0", "1e1", "", "\"5\""]:
        refused(f"Content-Length: {length}", post(f"Content-Length: {length}", body=b"12345"))
    for length in [2**63, 2**64, 2**64 + 5, 10**30]:
        refused(f"Content-Length: {length}", post(f"Content-Length: {length}", body=b"12345"),
                (400, 413))
    nothing_smuggled()


def bad_chunks():
    for size in [b"x", b"-1", b"+1", b"0x1", b"", b" ", b"1g", b"FFFFFFFFFFFFFFFFF", b"1" * 30]:
        request = post("Transfer-Encoding: chunked", "Content-Type: application/json",
                       body=size + b"\r\n{\r\n0\r\n\r\n")
        refused(f"chunk size {size}", request, (400, 413, None))
    for trailers in [b"X: y\r\n: x\r\n", b"X: y\r\n\r\n", b"X: y\r\n\0\r\n", b"X: y\n\n", b"X: y\r\r"]:
        with Raw(PORT) as raw:  # where they end is in doubt
            raw.send(post("Transfer-Encoding: chunked", body=b"0\r\n" + trailers) + SMUGGLED)
            assert raw.answer().status in (200, 400), trailers
            raw.assert_closed()
    for body in [b"2\r\n{}0\r\n\r\n", b"1\r\n{}\r\n0\r\n\r\n", b"2\r\n{}X\r\n0\r\n\r\n"]:
        request = post("Transfer-Encoding: chunked", "Content-Type: application/json", body=body)
        refused(f"chunks {body}", request, (400, None))
    nothing_smuggled()


def hosts():
    get = lambda *headers, **more: message("GET", "/healthz", *headers, **more)
    refused("no Host", get(host=False))
    refused("two Hosts", get("Host: b"))
    refused("two equal Hosts", get("Host: a"))
    refused("no Host, absolute form", message("GET", "http://a/healthz", host=False))
    refused("a blank before the colon", get("Host : a", host=False))
    with Raw(PORT) as raw:  # needs none
        raw.send(get(version="HTTP/1.0", host=False))
        assert raw.answer().status == 200
    refused("two Hosts on HTTP/1.0", get("Host: b", version="HTTP/1.0"))
    nothing_smuggled()


def request_lines():
    for version in ["HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/1.10", "HTTP/11", "http/1.1",
                    "HTTP/1", "HTTP/1.1.1", "HTTPS/1.1", "FOO/1.1"]:
        refused(version, message("GET", "/healthz", version=version), (400, 505, None))
    for method in ["G@T", "GE{T", "G(T)", "GÉT", "G\"T", "G/T", "G:T", "G\x01T"]:
        refused(method, message(method, "/healthz"))
    for request in [b"GET /wait?delay=60\0&x=y", b"GET\0 /wait?delay=60", b"GET /wait?delay=60\0",
                    b"GET /wait?delay=60&label=smuggled \0HTTP/1.1 x"]:
        refused(f"a NUL in {request}", request + b" HTTP/1.1\r\nHost: a\r\n\r\n", (400, 505, None))
    refused("no version", b"GET /healthz\r\nHost: a\r\n\r\n", (400, 505, None))
    refused("no target", b"GET\r\nHost: a\r\n\r\n", (400, 505, None))
    refused("a blank in the target", message("GET", "/healthz x"), (400, 505, None))
    refused("a blank before the first header",
            b"GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n", (400, None))
    nothing_smuggled()


def headers():
    def get(header):
        return b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + header + b"\r\n\r\n"

    for name in [b"Bad Name", b"Bad(", b"B@d", b"B\xe4d", b"B\x01d", b"Bad\x7f", b"\"Bad\"", b"X\t",
                 b"X ", b"X{}", b"X/Y", b"X=Y", b"X,Y", b"[X]"]:
        refused(f"a header called {name}", get(name + b": x"))
    refused("a header without a colon", get(b"junk"), (400, None))
    for value in [b"\x01", b"a\x08b", b"\x0b", b"\x0c", b"\x1b[31m", b"\x7f", b"a\x1fb"]:
        refused(f"a value {value}", get(b"X: a" + value + b"b"))
    for value in [b"foo", b"200-ok", b"100-continue, foo", b"100"]:
        refused(f"Expect: {value}", get(b"Expect: " + value), (400, 417))
    with Raw(PORT) as raw:  # all of these are fine
        for header in [b"X: a\tb", b"X: \xe4\xff", b"X:", b"X:\t a \t", b"!#$%&'*+-.^_`|~9: x"]:
            raw.send(get(header))
            assert raw.answer().status == 200, header
    nothing_smuggled()


def lines():
    """What one parser takes for the end of a line, or of the head, and another does not."""
    top = b"GET /healthz HTTP/1.1\r\nHost: a"
    for line in [b"\r\n: x\r\n", b"\r\n:\r\n", b"\r\n:x\r\nX: y\r\n", b"\r\n\0\r\n", b"\r\n\0x: y\r\n",
                 b"\r\nX: a\0b\r\nY: c\r\n", b"\r\nX: a\0\r\n", b"\r\nX\0: a\r\n",
                 b"\nX: a\r\n", b"\r\nX: a\n", b"\rX: a\r\n", b"\r\nX: a\r", b"\n", b"\r",
                 b"\r\n b\r\n", b"\r\nX: a\r\n b\r\nY: c\r\n", b"\r\nX: a\r\n\tb\r\n",
                 b"\r\nX:\r\n b\r\n", b"\r\nTransfer-Encoding:\r\n chunked\r\n",
                 b"\r\nX: a\nTransfer-Encoding: chunked\r\n"]:
        # Both as the end of a head of its own, and with the next request as its lines.
        for end in (b"\r\n", b""):
            refused(f"{line} and {end}", top + line + end, (400, None))
    refused("LF alone", HEALTHZ.replace(b"\r\n", b"\n"))
    refused("CR alone", HEALTHZ.replace(b"\r\n", b"\r"), (400, None))
    refused("LF behind the request line", HEALTHZ.replace(b"\r\n", b"\n", 1))
    nothing_smuggled()


def targets():
    """Unambiguous, but wrong: refused, and the connection lives on."""
    for target in ["/%00", "/wait%00", "/%00wait?delay=0", "/tasks/%00", "/healthz#", "/healthz#x",
                   "/wait?delay=0#x", "healthz", "a:80", "*x", "http:/healthz", "ftp://a/healthz",
                   "/\xe4", "/wait?label=\xff", "/\x7f", "*"]:
        refused(target, message("GET", target), closes=False)
    for target in ["/nothing", "/wait/", "//wait", "/WAIT", "/wait%20", "/./wait", "/a/../wait",
                   "/%77ait/", "/tasks/a/b", "/" + "a" * 2000, "/problems/nothing"]:
        with Raw(PORT) as raw:
            answer = raw.ask("GET", target)
            assert answer.status == 404, (target, answer)
            assert answer.json()["type"] == "/problems/not-found", (target, answer)
            assert raw.ask("GET", "/healthz").status == 200, target


def absolute_form():
    with Raw(PORT) as raw:
        for target in ["http://a/healthz", "HTTP://a/healthz", "https://a:8443/healthz",
                       "http://user@[::1]:80/healthz"]:
            answer = raw.ask("GET", target)
            assert answer.status == 200 and answer.body == OK_BODY, (target, answer)
        answer = raw.ask("GET", "http://a/wait?delay=0.0125&format=text")
        assert answer.body == b"0.0125\n", answer
        for target in ["http://a", "http://a/"]:
            answer = raw.ask("GET", target)
            assert answer.json()["name"] == "waitd", (target, answer)
        answer = raw.ask("GET", "http://a?delay=0")
        assert answer.json()["type"] == "/problems/unknown-parameter", answer


# ---- what is in order ---------------------------------------------------------------


def pipeline():
    requests = [
        (message("GET", "/wait?delay=0.2&format=text"), b"0.2\n"),
        (HEALTHZ, OK_BODY),
        (message("GET", "/wait?delay=0.05&format=text"), b"0.05\n"),
        (message("POST", "/wait", "Content-Type: application/json", "Content-Length: 12",
                 body=b'{"delay":0 }').replace(b"/wait ", b"/wait?format=text "), b"0\n"),
        (message("POST", "/wait?format=text", "Content-Type: application/json",
                 "Transfer-Encoding: chunked", body=b"5\r\n{\"del\r\n6\r\nay\":0}\r\n0\r\n\r\n"), b"0\n"),
        (message("GET", "/wait_n?n=3&delay=0.1&format=text"), b"0.1\n0.1\n0.1\n"),
        (message("GET", "/wait_n?n=0&format=text"), b""),
        (HEALTHZ, OK_BODY),
    ]
    for _ in range(3):
        with Raw(PORT) as raw:
            raw.send(b"".join(request for request, _ in requests))
            for number, (_, expected) in enumerate(requests):
                answer = raw.answer()
                assert answer.status == 200 and answer.body == expected, (number, answer)
    with Raw(PORT) as raw:  # many
        raw.send(HEALTHZ * 200)
        for number in range(200):
            assert raw.answer().body == OK_BODY, number


def pieces():
    """A request that comes a byte at a time, and one with an empty line before it."""
    with Raw(PORT) as raw:
        request = message("POST", "/wait", "Content-Type: application/json", "Content-Length: 11",
                          body=b'{"delay":0}')
        for at in range(len(request)):
            raw.send(request[at:at + 1])
        assert raw.answer().status == 200
        raw.send(b"\r\n" + HEALTHZ)
        assert raw.answer().status == 200


def keep_alive():
    with Raw(PORT) as raw:
        for method, target, status in [
            ("GET", "/wait?delay=0", 200), ("GET", "/wait?delay=x", 400), ("GET", "/x", 404),
            ("PUT", "/wait", 405), ("GET", "/wait?delay=9&timeout=0.01", 504),
            ("OPTIONS", "/wait", 204), ("GET", "/wait_n?n=3&delay=0", 200),
            ("GET", "/wait_n?n=3&delay=9&timeout=0.01", 200), ("GET", "/tasks/nobody", 404),
            ("DELETE", "/tasks?group=nobody", 200), ("GET", "/measure?n=2&delay=0", 200),
        ] * 5:
            answer = raw.ask(method, target)
            assert answer.status == status, (method, target, answer)
        for target, status in [("/wait?delay=0", 200), ("/wait?delay=x", 400), ("/x", 404)]:
            assert raw.ask("HEAD", target, head=True).status == status, target
        answer = raw.ask("GET", "/healthz", "Connection: close")
        assert answer.status == 200 and answer.header("connection").lower() == "close", answer
        raw.assert_closed()


def http_1_0():
    with Raw(PORT) as raw:
        raw.send(message("GET", "/wait?delay=0.05&format=text", version="HTTP/1.0"))
        answer = raw.answer()
        assert answer.status == 200 and answer.body == b"0.05\n", answer
        assert answer.header("transfer-encoding") is None, answer
        raw.assert_closed()
    with Raw(PORT) as raw:
        for _ in range(3):
            raw.send(message("GET", "/healthz", "Connection: keep-alive", version="HTTP/1.0"))
            assert raw.answer().body == OK_BODY
    with Raw(PORT) as raw:  # a stream ends with the connection
        target = "/wait_n?n=3&delay=0.05&format=text"
        raw.send(message("GET", target, "Connection: keep-alive", version="HTTP/1.0"))
        answer = raw.answer()
        assert answer.header("transfer-encoding") is None, answer
        assert answer.body == b"0.05\n" * 3, answer
        raw.assert_closed()


def expect_continue():
    head = ("Content-Type: application/json", "Content-Length: 11", "Expect: 100-continue")
    with Raw(PORT) as raw:
        for _ in range(3):
            raw.send(message("POST", "/wait", *head))
            assert raw.answer().status == 100
            raw.send(b'{"delay":0}')
            answer = raw.answer()
            assert answer.status == 200 and answer.json()["delay"] == 0, answer
        raw.send(message("POST", "/wait", *head, body=b'{"delay":0}'))  # did not wait
        answer = raw.answer()
        assert (raw.answer() if answer.status == 100 else answer).status == 200
    with Raw(PORT) as raw:  # refused before the body is sent
        raw.send(message("POST", "/wait", "Content-Length: 100000", "Expect: 100-continue"))
        answer = raw.answer()
        assert answer.status == 413 and answer.json()["type"] == "/problems/content-too-large"
        raw.assert_closed()


def document():
    return json.loads(subprocess.check_output([os.environ["WAITD"], "--print-openapi"]))["paths"]



def options():
    every = {"OPTIONS"}
    with Raw(PORT) as raw:
        for path, methods in document().items():
            expected = {each.upper() for each in methods} | {"OPTIONS"}
            expected |= {"HEAD"} if "get" in methods else set()
            every |= expected
            target = path.replace("{id}", "a").replace("{slug}", "a")
            answer = raw.ask("OPTIONS", target)
            assert answer.status == 204 and answer.body == b"", (target, answer)
            assert set(answer.header("allow").split(", ")) == expected, (target, answer)
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "FOO", "get", "TRACE"} - expected:
                answer = raw.ask(method, target, "Content-Length: 0")
                assert answer.status == 405, (method, target, answer)
                assert answer.json()["type"] == "/problems/method-not-allowed", answer
                assert set(answer.header("allow").split(", ")) == expected, (target, answer)
        answer = raw.ask("OPTIONS", "*")
        assert answer.status == 204, answer
        assert set(answer.header("allow").split(", ")) == every, answer
        assert raw.ask("OPTIONS", "/nothing").status == 404
        assert raw.ask("FOO", "/nothing").status == 404


def head():
    """HEAD has the headers of GET and no body."""
    with Raw(PORT) as raw:
        for target in ["/", "/healthz", "/version", "/openapi.json", "/problems/timeout", "/tasks",
                       "/wait?delay=0&format=text", "/nothing"]:
            answer, same = raw.ask("GET", target), raw.ask("HEAD", target, head=True)
            assert same.status == answer.status, (target, same)
            for name in ("content-type", "content-length", "cache-control"):
                assert same.header(name) == answer.header(name), (target, name, same, answer)


# ---- limits -------------------------------------------------------------------------


def too_long():
    """libmicrohttpd's own answers, or a bare close; soon."""
    big = 300 * 1024
    statuses = (400, 413, 414, 431, None)
    cases = {
        "a target": message("GET", "/" + "a" * big),
        "a query": message("GET", "/wait?label=" + "a" * big),
        "a value": message("GET", "/healthz", "X: " + "a" * big),
        "a name": message("GET", "/healthz", "X" * big + ": a"),
        "many headers": message("GET", "/healthz", *(f"X{i}: a" for i in range(30_000))),
        "a method": message("G" * big, "/healthz"),
        "no end": b"a" * big,
    }
    for name, request in cases.items():
        begun = time.monotonic()
        refused(f"{name} of 300 KB", request, statuses + (505,))
        assert time.monotonic() - begun < 20, name
    with Raw(PORT) as raw:  # a head of 3 KiB is ours
        answer = raw.ask("GET", "/wait?delay=" + "x" * 2800)
        assert answer.status == 400 and answer.json()["param"] == "delay", answer
        answer = raw.ask("GET", "/wait?delay=x", "X: " + "a" * 2800)
        assert answer.status == 400 and answer.json()["param"] == "delay", answer
    nothing_smuggled()


def garbage():
    hello = bytes.fromhex("16030100f8010000f40303") + bytes(range(256))
    for data in [hello, b"\0" * 5000, os.urandom(5000), b"\r\n" * 3000, b"\n" * 100, b"PRI * HTTP/2.0"
                 b"\r\n\r\nSM\r\n\r\n", b"\xff" * 100]:
        with Raw(PORT) as raw:
            raw.send_what_it_takes(data)
            try:
                raw.half_close()
            except OSError:
                pass  # closed already
            answer = raw.rest()
            assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"HTTP/1.0 4",
                                                       b"HTTP/1.0 5")), (data[:50], answer)
    with Raw(PORT) as raw:
        assert raw.ask("GET", "/healthz").status == 200


def cut_off(raw, begun):
    """408 or a close, within 10 s."""
    rest = raw.rest()
    took = time.monotonic() - begun
    assert took < 10, took
    assert rest == b"" or rest.startswith(b"HTTP/1.1 408 "), rest
    if rest:
        problem = json.loads(rest.partition(b"\r\n\r\n")[2])
        assert problem["type"] == "/problems/request-timeout" and problem["status"] == 408
    return took, bool(rest)


def drip(data):
    """Sends a byte each 20 ms until the server closes; returns when it has begun."""
    begun = time.monotonic()
    raw = Raw(PORT)
    raw.socket.settimeout(0.02)
    for at in range(len(data)):
        try:
            raw.send(data[at:at + 1])
            raw.more()
        except TimeoutError:
            assert time.monotonic() - begun < 10, "it is never cut off"
        except (Closed, ConnectionError):
            break
    raw.socket.settimeout(20)
    return raw, begun


def slow():
    """Of a server with --header-timeout 0.5."""
    endless = "".join(f"X{i}: a\r\n" for i in range(200)).encode()
    for data in [
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + endless,  # a header at a time
        b"GET /" + b"a" * 1000,
        post("Content-Type: application/json", "Content-Length: 900", body=b" " * 900)[90:] * 9,
    ]:
        raw, begun = drip(data)
        with raw:
            took, _ = cut_off(raw, begun)
            assert took >= 0.5, took
    # The head at once, the body slowly.
    for framing_header, piece in [("Content-Length: 900", b" "),
                                  ("Transfer-Encoding: chunked", b"1\r\n \r\n")]:
        with Raw(PORT) as raw:
            begun = time.monotonic()
            raw.send(post("Content-Type: application/json", framing_header))
            try:
                while time.monotonic() - begun < 10:
                    raw.send(piece)
                    time.sleep(0.02)
            except ConnectionError:
                pass
            took, told = cut_off(raw, begun)
            assert took >= 0.5, took
    # Nothing at all, and half a line; a hundred of each, with a good client between.
    slow_ones = [Raw(PORT) for _ in range(200)]
    begun = time.monotonic()
    for raw in slow_ones[::2]:
        raw.send(b"GET /healthz HT")
    with Raw(PORT) as raw:
        assert raw.ask("GET", "/healthz").status == 200
    told = 0
    for raw in slow_ones:
        with raw:
            told += cut_off(raw, begun)[1]
    assert told > 0, "nobody was told 408"
    # The next request of a connection has its own deadline, a wait has none.
    with Raw(PORT) as raw:
        for _ in range(4):
            assert raw.ask("GET", "/wait?delay=0.2").status == 200
        assert raw.ask("GET", "/wait?delay=1.5").status == 200
        assert len(raw.ask("GET", "/wait_n?n=3&limit=1&delay=0.4").json()["delays"]) == 3
        # Bytes that are read in the turn that ends the last answer look like idleness.
        time.sleep(0.3)
        begun = time.monotonic()
        raw.send(b"GET /hea")
        cut_off(raw, begun)
    # ... also where its first bytes come while the last one waits.
    with Raw(PORT) as raw:
        raw.send(message("GET", "/wait?delay=1"))
        time.sleep(0.3)
        raw.send(b"GET /hea")
        assert raw.answer().status == 200
        cut_off(raw, time.monotonic())


def idle():
    """Of a server with --idle-timeout 1."""
    with Raw(PORT) as raw:
        assert raw.ask("GET", "/healthz").status == 200
        begun = time.monotonic()
        raw.assert_closed()
        assert 0.5 <= time.monotonic() - begun < 20, time.monotonic() - begun
    with Raw(PORT) as raw:
        assert raw.ask("GET", "/wait?delay=1.5").status == 200
        assert raw.ask("GET", "/wait_n?n=2&delay=1.5").status == 200


# ---- clients that leave -------------------------------------------------------------


def pending(label):
    return tasks(PORT, f"label={label}&state=pending")["total"]


def half_close():
    for request in [HEALTHZ, message("GET", "/nothing"), message("GET", "/wait?delay=x"),
                    message("POST", "/tasks?delay=0", "Content-Length: 0")]:
        with Raw(PORT) as raw:
            raw.send(request)
            raw.half_close()
            assert raw.answer().status in (200, 201, 400, 404), request
            raw.assert_closed()
    with Raw(PORT) as raw:
        raw.send(HEALTHZ * 3)
        raw.half_close()
        assert [raw.answer().status for _ in range(3)] == [200] * 3
        raw.assert_closed()
    for count in (1, 1, 1, 1, 1, 3, 60):  # on a connection that has been used
        with Raw(PORT) as raw:
            assert raw.ask("GET", "/healthz").status == 200
            raw.send(HEALTHZ * count)
            raw.half_close()
            assert [raw.answer().status for _ in range(count)] == [200] * count
            raw.assert_closed()
    for target in ["/wait?delay=60", "/wait_n?n=3&delay=60", "/measure?n=3&delay=60"]:
        label = "half" + target[1:5] + str(len(target))
        for at_once in (True, False):
            with Raw(PORT) as raw:
                raw.send(message("GET", f"{target}&label={label}{at_once}"))
                if not at_once:
                    eventually(lambda: pending(f"{label}{at_once}") == 1)
                raw.half_close()
                raw.rest()
            eventually(lambda: pending(f"{label}{at_once}") == 0)
            ended = tasks(PORT, f"label={label}{at_once}")
            for task in ended["tasks"]:
                assert task["cancel_reason"] == "disconnect", ended
            assert ended["total"] == 1 or at_once, ended


def leave():
    """In the middle of a stream, with an older idle connection about."""
    with Raw(PORT) as idle_one:
        assert idle_one.ask("GET", "/healthz").status == 200
        for number, how in enumerate(["close", "reset"] * 5):
            label = f"leave{number}"
            raw = Raw(PORT)
            target = f"/wait_n?n=3000&limit=1&delay=0.01&format=text&label={label}"
            raw.send(message("GET", target))
            while raw.buffer.count(b"0.01\n") < 3:
                raw.more()
            if how == "reset":
                raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.socket.close()
            eventually(lambda: pending(label) == 0)
            (task,) = tasks(PORT, f"label={label}")["tasks"]
            assert task["state"] == "cancelled" and task["cancel_reason"] == "disconnect", task
        assert idle_one.ask("GET", "/healthz").status == 200


TESTS = [framing, bad_chunks, hosts, request_lines, headers, lines, targets, absolute_form]
TESTS += [pipeline, pieces, keep_alive, http_1_0, expect_continue, options, head, too_long, garbage]
TESTS += [slow, idle, half_close, leave]
{test.__name__: test for test in TESTS}[sys.argv[2]]()

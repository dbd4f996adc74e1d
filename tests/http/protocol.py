#!/usr/bin/env python3
"""protocol.py PORT WHAT [PID]: HTTP/1.1 by the byte: what is in order is answered, in order.
What is ambiguous stands in raw/. PID is the server's, where WHAT stops it for a moment."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

from raw import Closed, Raw, eventually, message, tasks

PORT = int(sys.argv[1])
HEALTHZ = message("GET", "/healthz")
OK_BODY = b'{"status":"ok"}\n'


def post(*headers, body=b"", version="HTTP/1.1"):
    return message("POST", "/wait?delay=0", *headers, body=body, version=version)


def targets():
    """Unambiguous, but wrong: refused, and the connection lives on."""
    for target in ["/%00", "/wait%00", "/%00wait?delay=0", "/tasks/%00", "/healthz#", "/healthz#x",
                   "/wait?delay=0#x", "healthz", "a:80", "*x", "http:/healthz", "ftp://a/healthz",
                   "/\xe4", "/wait?label=\xff", "*"]:
        with Raw(PORT) as raw:
            answer = raw.ask("GET", target)
            assert answer.json()["type"] == "/problems/bad-request", (target, answer)
            assert raw.ask("GET", "/healthz").body == OK_BODY, target
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


def pipeline():
    requests = [
        (message("POST", "/wait?format=text", "Content-Type: application/json",
                 "Transfer-Encoding: chunked", body=b"5\r\n{\"del\r\n6\r\nay\":0}\r\n0\r\n\r\n"), b"0\n"),
        (message("GET", "/wait?delay=0.2&format=text"), b"0.2\n"),
        (HEALTHZ, OK_BODY),
        (message("GET", "/wait?delay=0.05&format=text"), b"0.05\n"),
        (message("POST", "/wait", "Content-Type: application/json", "Content-Length: 12",
                 body=b'{"delay":0 }').replace(b"/wait ", b"/wait?format=text "), b"0\n"),
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


def during_answer():
    """The next request comes while a long answer is being sent, to a connection that has had no
    other before."""
    for _ in range(50):
        with Raw(PORT) as raw:
            raw.send(message("GET", "/openapi.json"))
            raw.more()
            raw.send(message("GET", "/wait?delay=0&format=text"))
            assert raw.answer().json()["openapi"]
            assert raw.answer().body == b"0\n"


def slow_reader():
    """Gets all, also where the server is told by nothing but the socket that there is room."""
    for _ in range(2):
        with Raw(PORT) as raw:
            for _ in range(2):
                raw.send(message("GET", "/wait_n?n=500000&delay=0&format=text"))
                time.sleep(0.3)
                assert raw.answer().body == b"0\n" * 500000
            assert raw.ask("GET", "/healthz").body == OK_BODY


def left_early():
    """A client that ends in the middle of a request that came with the end is not waited for."""
    for piece in b"GET /hea", b"POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{":
        for _ in range(20):
            with Raw(PORT, timeout=10) as raw:
                raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                raw.send(piece)
                raw.half_close()
                raw.rest()


def urgent():
    """A byte that is sent out of band ends its connection, and no other one."""
    with Raw(PORT) as raw, Raw(PORT) as other:
        assert raw.ask("GET", "/healthz").body == OK_BODY
        other.send(message("GET", "/wait?delay=0.1&format=text"))
        raw.socket.send(b"!", socket.MSG_OOB)
        assert raw.rest() == b""
        assert other.answer().body == b"0.1\n"


def urgent_at_first(pid):
    """The same in the middle of a request that has come whole before anybody looks."""
    with Raw(PORT) as raw:
        os.kill(pid, signal.SIGSTOP)
        raw.send(HEALTHZ[:-2])
        raw.socket.send(b"!", socket.MSG_OOB)
        raw.send(HEALTHZ[-2:])
        os.kill(pid, signal.SIGCONT)
        assert raw.rest() == b""


def left_later(pid):
    """The end comes in one look with the last bytes, on a connection that was read before."""
    for before in (b"GET /heal", post("Content-Length: 9") + b"12", HEALTHZ):
        with Raw(PORT) as raw:
            raw.send(before)
            if before == HEALTHZ:
                assert raw.answer().status == 200
            else:
                time.sleep(0.1)
            os.kill(pid, signal.SIGSTOP)
            raw.send(b"3")
            raw.half_close()
            os.kill(pid, signal.SIGCONT)
            raw.assert_closed()


def urgent_behind():
    """While a request waits it is as any other byte, and what is behind it is answered whole."""
    with Raw(PORT) as raw:
        raw.send(message("GET", "/wait?delay=0.5&label=urgent"))
        eventually(lambda: pending("urgent") == 1)
        raw.socket.send(b"!", socket.MSG_OOB)
        raw.send(message("GET", "/wait?delay=0&size=20000000", "Connection: close"))
        assert raw.answer().status == 200
        assert len(raw.answer().body) == 20_000_000


def chunks_behind():
    """Chunks whose framing nobody could check: behind another request, in one read."""
    chunked = message("POST", "/wait?delay=0", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")
    with Raw(PORT) as raw:
        raw.send(HEALTHZ + chunked + HEALTHZ)
        assert raw.answer().status == 200
        answer = raw.answer()
        assert answer.status == 200 and answer.header("connection") == "close", answer
        raw.assert_closed()
    with Raw(PORT) as raw:
        for _ in range(3):
            raw.send(chunked)
            answer = raw.answer()
            assert answer.status == 200 and answer.header("connection") is None, answer


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


def too_long():
    """A body is read all the same, so that its client reads the answer."""
    with Raw(PORT) as raw:
        raw.send(message("POST", "/wait", "Content-Length: 1000000", body=b" " * 1000000))
        answer = raw.answer()
        assert answer.status == 413 and answer.json()["type"] == "/problems/content-too-large"
        assert raw.ask("GET", "/healthz").status == 200


def own_pages():
    """What libmicrohttpd refuses by itself is one answer, too."""
    for field, status in [("Content-Length: 5x", 400), ("Content-Length: " + "9" * 30, 413),
                          ("Cookie: " + "a;" * 200, 431)]:
        with Raw(PORT) as raw:
            answer = raw.ask("GET", "/healthz", field)
            assert answer.status == status and answer.body[:6] in (b"<html>", b'{"type'), answer
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


def long_head():
    """Of 3 KiB; what is too long stands in raw/overlong.txt."""
    with Raw(PORT) as raw:
        answer = raw.ask("GET", "/wait?delay=" + "x" * 2800)
        assert answer.status == 400 and answer.json()["param"] == "delay", answer
        answer = raw.ask("GET", "/wait?delay=x", "X: " + "a" * 2800)
        assert answer.status == 400 and answer.json()["param"] == "delay", answer


def trailers():
    """Either all is taken, or nothing is begun."""
    for head in [0, 1000, 3000]:
        statuses = []
        for count in range(80):
            for pause in [0, 0.005]:
                label = f"t{head}-{count}-{bool(pause)}"
                with Raw(PORT) as raw:
                    raw.send(message("POST", f"/tasks?delay=0&label={label}", "X: " + "a" * head,
                                     "Transfer-Encoding: chunked"))
                    time.sleep(pause)
                    raw.send(b"0\r\n" + b"T: 1\r\n" * count + b"\r\n")
                    statuses.append(raw.answer().status)
                begun = tasks(PORT, f"label={label}")["total"]
                assert begun == (statuses[-1] == 201), (head, count, statuses[-1], begun)
        assert set(statuses) == {201, 431} and statuses == sorted(statuses), (head, statuses)


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


def unfinished():
    """The line of a chunk's size that does not end, behind heads up to those that are too long.
    Of a server with --header-timeout 0.5."""
    for extension, status in [(250, b"408"), (1000, b"400")]:
        line = b"0" * 15 + b"1;" + b"e" * extension
        clients = []
        for size in range(2400, 4000, 20):
            head = message("POST", "/healthz", "Transfer-Encoding: chunked", "X: " + "a" * size)
            for pieces in [[head + line], [head, line], [head + line[:100], line[100:]]]:
                clients.append(Raw(PORT))
                for piece in pieces:
                    clients[-1].send_what_it_takes(piece)
                    time.sleep(0.002)
        statuses = [raw.rest()[9:12] for raw in clients]
        for raw in clients:
            raw.socket.close()
        assert set(statuses) == {status, b"431"} and statuses == sorted(statuses), statuses


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
                raw.reset()
            else:
                raw.socket.close()
            eventually(lambda: pending(label) == 0)
            (task,) = tasks(PORT, f"label={label}")["tasks"]
            assert task["state"] == "cancelled" and task["cancel_reason"] == "disconnect", task
        assert idle_one.ask("GET", "/healthz").status == 200


TESTS = [targets, absolute_form, during_answer, slow_reader, left_early, left_later, urgent]
TESTS += [urgent_at_first, urgent_behind, pipeline, chunks_behind, pieces, keep_alive, http_1_0]
TESTS += [expect_continue, too_long, own_pages, options, head, long_head, trailers, garbage, slow]
TESTS += [unfinished, idle, half_close, leave]
{test.__name__: test for test in TESTS}[sys.argv[2]](*map(int, sys.argv[3:]))

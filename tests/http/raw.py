"""raw.py: HTTP by the byte: a connection that sends anything and reads what comes."""

import collections
import json
import re
import socket
import struct
import time


class Closed(Exception):
    """The server has closed the connection."""


class Reset(Closed):
    """And has not waited until all was sent and read."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return dict(self.headers).get(name.lower())

    def json(self):
        return json.loads(self.body)

    def in_short(self):
        """Its status, with the slug of a problem."""
        slug = " " + self.json()["type"].rpartition("/")[2] if self.status >= 400 else ""
        return f"{self.status}{slug}"

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:500]!r}"


class Raw:
    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_what_it_takes(self, data):
        """The server may have closed before all of it was sent."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            pass

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionError as error:
            raise Reset from error
        if not piece:
            raise Closed
        self.buffer += piece

    def until(self, mark):
        while mark not in self.buffer:
            self.more()
        text, _, self.buffer = self.buffer.partition(mark)
        return text

    def exactly(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_all(self):
        """Into the buffer, until the server closes; Reset is raised."""
        try:
            while True:
                self.more()
        except Reset:
            raise
        except Closed:
            pass

    def rest(self):
        """All until the server closes."""
        try:
            self.read_all()
        except Reset:
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def chunk(self):
        """The next of a chunked body; the last is empty."""
        data = self.exactly(int(self.until(b"\r\n"), 16))
        assert self.exactly(2) == b"\r\n"
        return data

    def chunks(self):
        body = b""
        while data := self.chunk():
            body += data
        return body

    def answer(self, head=False):
        """The next one, whole; `head`: it is that of a HEAD."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), lines
        headers = [line.split(": ", 1) for line in lines[1:]]
        answer = Answer(int(status), [(name.lower(), value) for name, value in headers], b"")
        if head or answer.status in (204, 304) or answer.status < 200:
            return answer
        if answer.header("transfer-encoding") == "chunked":
            answer.body = self.chunks()
        elif answer.header("content-length") is not None:
            answer.body = self.exactly(int(answer.header("content-length")))
        else:
            answer.body = self.rest()
        return answer

    def assert_closed(self):
        rest = self.rest()
        assert rest == b"", f"more came before the end: {rest!r}"

    def reset(self):
        """Closes with a RST instead of a FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def ask(self, *request, **more):
        self.send(message(*request))
        return self.answer(**more)


def message(method, target, *headers, body=b"", version="HTTP/1.1", host=True):
    lines = [f"{method} {target} {version}"] + ["Host: a"] * host + list(headers)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def until(reached, seconds, pause=0.001):
    """Waits for reached(); how long it took, None where it did not come."""
    begin = time.monotonic()
    while not reached():
        if time.monotonic() - begin > seconds:
            return None
        time.sleep(pause)
    return time.monotonic() - begin


def eventually(check, seconds=30):
    assert until(check, seconds, 0.02) is not None, "never"


def all_is_read(port):
    """The server has taken all that was sent to it: for what is in no list while it waits."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table]
    return not any(row[1].endswith(f":{port:04X}") and not row[4].endswith(":00000000")
                   for row in rows)


def metrics(raw, label=""):
    """The sum of each over the workers and its labels, of which one matches."""
    sums = collections.Counter()
    answer = raw.ask("GET", "/metrics")
    assert answer.status == 200, answer
    series = rf"^(\w+){{.*(?:{label}).*}} (\S+)$"
    for name, value in re.findall(series, answer.body.decode(), re.M):
        sums[name] += json.loads(value)
    return sums


def tasks(port, query):
    with Raw(port) as raw:
        return raw.ask("GET", f"/tasks?{query}").json()


def home(name, workers):
    """The worker at which that name lives, as async/peers.c says."""
    value = 0xcbf29ce484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return (value ^ value >> 32) % 64 % workers


def name_at(worker, count, prefix="n"):
    """A name that is at home there."""
    return next(name for name in (f"{prefix}{i}" for i in range(10000))
                if home(name, count) == worker)


def client_on(port, worker, count, timeout=30):
    """The kernel chooses the worker; the id of a task that it makes tells which it was."""
    while True:
        raw = Raw(port, timeout)
        made = raw.ask("POST", "/tasks?delay=0").json()["id"]
        raw.ask("DELETE", f"/tasks/{made}")
        if home(made, count) == worker:
            return raw
        raw.socket.close()

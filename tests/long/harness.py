"""harness.py: what the long checks share: a server of their own, the client in C, and the rows of
the table. WAITD and CLIENT, the programs, are the first arguments of checks.py.
"""

import http.client
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile

WAITD, CLIENT = sys.argv[1:3]
HTTP = pathlib.Path(__file__).resolve().parent.parent / "http"
sys.path.append(str(HTTP))  # behind this folder, which has files of the same names

import process  # pylint: disable=wrong-import-position
from raw import Raw, metrics, until  # pylint: disable=wrong-import-position

RUNS = 5

rows = []


def row(check, bar, figure, held):
    rows.append((check, bar, figure, held))
    print(f"  {'ok  ' if held else 'MISS'} {check}: {figure} (bar: {bar})", flush=True)


def print_table():
    heads = ("check", "bar", "figure", "")
    lines = [heads] + [(*r[:2], r[2][:80], "pass" if r[3] else "FAIL") for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    print()
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


class Server:
    """A waitd of its own on a free port. `before` is called in its process first."""

    def __init__(self, *flags, environment=None, before=None, program=WAITD):
        self.folder = tempfile.TemporaryDirectory()
        port_file = os.path.join(self.folder.name, "port")
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        self.process = subprocess.Popen(
            [program, "--port", "0", "--port-file", port_file, *flags], stderr=self.log,
            env={**os.environ, **(environment or {})}, preexec_fn=before,
        )
        self.pid = self.process.pid
        until(lambda: os.path.exists(port_file) or self.process.poll() is not None, 20, 0.01)
        if not os.path.exists(port_file):
            raise RuntimeError("waitd did not start: " + self.log_text())
        with open(port_file) as file:
            self.port = int(file.read())

    def log_text(self):
        self.log.flush()
        with open(self.log.name) as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if kind:
            print(self.log_text()[-4000:], file=sys.stderr)
        self.log.close()
        self.folder.cleanup()

    def terminate(self):
        """Ends it as a user would; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            return "still running after 30 s"

    def end(self, what):
        code = self.terminate()
        if code != 0:
            print(self.log_text()[-8000:], file=sys.stderr)
            row(f"{what}: exit code after SIGTERM", "0", str(code), False)

    def descriptors(self):
        return process.descriptors(self.pid)

    def memory(self, what):
        return process.memory(self.pid, what)

    def resident(self):
        return process.resident(self.pid)

    def cpu(self):
        return process.cpu(self.pid)

    def switches(self):
        return process.switches(self.pid)

    def ask(self, method, target, body=None):
        """One request over a connection of its own: status and parsed body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def pending(self, **filters):
        query = "".join(f"&{name}={value}" for name, value in filters.items())
        return self.ask("GET", f"/tasks?state=pending&limit=1{query}")[1]["total"]

    def metric(self, name, label=""):
        with Raw(self.port, 60) as raw:
            return metrics(raw, label)[name]

    def send(self, target):
        """A connection that has asked for target, nothing read."""
        sock = socket.create_connection(("127.0.0.1", self.port))
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: l\r\n\r\n".encode())
        return sock


def pairs(text):
    """What client.c has found, by name."""
    return {name: float(value) for name, value in (pair.split("=") for pair in text.split())}


def client(port, *arguments):
    """Runs client.c; what it found, by name."""
    done = subprocess.run(
        [CLIENT, str(port), *map(str, arguments)],
        stdout=subprocess.PIPE, text=True, check=True, timeout=300,
    )
    return pairs(done.stdout)


def spread(values, unit="us"):
    return (
        f"{statistics.median(values):.3g} {unit} "
        f"({min(values):.3g}-{max(values):.3g} in {len(values)} runs)"
    )


def bare_timerfd():
    return client(0, "timerfd", 200)["late_p50"]


def script(name, *arguments):
    """Runs a script of tests/http; what it found, as JSON."""
    done = subprocess.run(
        [sys.executable, HTTP / name, *map(str, arguments)],
        stdout=subprocess.PIPE, text=True, check=True, timeout=300,
    )
    return json.loads(done.stdout)

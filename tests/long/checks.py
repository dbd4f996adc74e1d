"""checks.py: the long checks of waitd. Started by run.sh.

    checks.py WAITD CLIENT [NUMBER…]

Each check starts a server of its own and hands back rows for the table: what, bar,
figure, held or not. A time is the median of a run, and of the runs the median.
"""

import http.client
import json
import os
import random
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import coordination
import limits
import mutations

WAITD, CLIENT = sys.argv[1:3]
RUNS = 5
CELLS_KEPT = 2  # each is one descriptor, its epoll

rows = []


def row(check, bar, figure, held):
    rows.append((check, bar, figure, held))
    print(f"  {'ok  ' if held else 'MISS'} {check}: {figure} (bar: {bar})", flush=True)


class Server:
    """A waitd of its own on a free port. `before` is called in its process first."""

    def __init__(self, *flags, before=None):
        self.folder = tempfile.TemporaryDirectory()
        port_file = os.path.join(self.folder.name, "port")
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        self.process = subprocess.Popen(
            [WAITD, "--port", "0", "--port-file", port_file, *flags], stderr=self.log,
            preexec_fn=before,
        )
        self.pid = self.process.pid
        until = time.monotonic() + 20
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("waitd did not start: " + self.log_text())
            time.sleep(0.01)
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

    def proc(self, name):
        with open(f"/proc/{self.pid}/{name}") as file:
            return file.read()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident(self):
        return int(re.search(r"VmRSS:\s+(\d+)", self.proc("status"))[1]) * 1024

    def cpu(self):
        """Seconds of user and system time."""
        fields = self.proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def switches(self):
        total = 0
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            text = self.proc(f"task/{thread}/status")
            total += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", text)))
        return total

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

    def metric(self, name):
        """Its sum over the workers, and over its labels."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return sum(float(v) for v in re.findall(rf"^{name}{{.*}} (\S+)$", text, re.MULTILINE))

    def pending(self, **filters):
        query = "".join(f"&{name}={value}" for name, value in filters.items())
        return self.ask("GET", f"/tasks?state=pending&limit=1{query}")[1]["total"]

    def send(self, target):
        """A connection that has asked for target, nothing read."""
        sock = socket.create_connection(("127.0.0.1", self.port))
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: l\r\n\r\n".encode())
        return sock


def until(reached, seconds, pause=0.001):
    """Waits for reached(); how long it took, None where it did not come."""
    begin = time.monotonic()
    while not reached():
        if time.monotonic() - begin > seconds:
            return None
        time.sleep(pause)
    return time.monotonic() - begin


def client(port, *arguments):
    """Runs client.c; what it found, by name."""
    done = subprocess.run(
        [CLIENT, str(port), *map(str, arguments)],
        stdout=subprocess.PIPE, text=True, check=True, timeout=300,
    )
    return {
        name: float(value)
        for name, value in (pair.split("=") for pair in done.stdout.split())
    }


def spread(values, unit="us"):
    return (
        f"{statistics.median(values):.3g} {unit} "
        f"({min(values):.3g}-{max(values):.3g} in {len(values)} runs)"
    )


def bare_timerfd():
    return client(0, "timerfd", 200)["late_p50"]


# ---- the checks ----------------------------------------------------------------------


def check_never_early():
    """200,000 waits of 0-50 ms, 500 at once."""
    with Server() as server:
        found = client(server.port, "waits", 200_000, 500, 0, 0.05)
        early = int(found["early_elapsed"])
        row("200,000 waits: elapsed < delay", "0", str(early), early == 0)
        early = int(found["early_arrival"])
        row("200,000 waits: arrived before the delay", "0", str(early), early == 0)
        answered = int(found["answered"] - found["other_status"])
        row(
            "200,000 waits: answered 200", "200000",
            f"{answered}, {found['late_p50']:.0f} us late (median)", answered == 200_000,
        )
        server.end("200,000 waits")


def expected_order(seed, n, max_delay):
    random.seed(seed)
    delays = [random.uniform(0, max_delay) for _ in range(n)]
    return sorted((delay, index) for index, delay in enumerate(delays))


def wrong_in(text, seed, n, max_delay):
    """What is wrong with a stream in ndjson; None: nothing."""
    lines = text.splitlines()
    got = [json.loads(line) for line in lines[:-1]]
    summary = json.loads(lines[-1])
    if [(one["delay"], one["index"]) for one in got] != expected_order(seed, n, max_delay):
        return "order"
    if [one["rank"] for one in got] != list(range(n)):
        return "rank"
    if any(one["elapsed"] < one["delay"] for one in got):
        return "early"
    if (summary["done"], summary["n"], summary["seed"]) != (n, n, seed):
        return "summary"
    return None


def check_order():
    """The streamed order of /wait_n is that of (delay, index)."""
    seeds, n, wrong = 300, 10_000, {}
    with Server() as server:
        for seed in range(seeds):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request(
                "GET", f"/wait_n?n={n}&max_delay=50ms&seed={seed}&format=ndjson"
            )
            text = connection.getresponse().read().decode()
            connection.close()
            what = wrong_in(text, seed, n, 0.05)
            if what:
                wrong[seed] = what
        row(
            "/wait_n, n = 10,000 in 50 ms: seeds out of order, of 300", "0",
            f"{len(wrong)} {dict(list(wrong.items())[:3]) or ''}".strip(), not wrong,
        )
        server.end("/wait_n order")


def check_rows_late():
    """First byte and rows of a stream of 1,000 waits in a second; POST /tasks."""
    first, late, posts, bare, early = [], [], [], [], 0
    with Server() as server:
        for _ in range(RUNS):
            found = client(server.port, "rows", 1000, 1)
            late.append(found["late_p50"])
            early += found["early"]
            found = client(server.port, "first", 100, 1000, 1)
            first.append(found["first_p50"])
            early += found["early"]
            bare.append(bare_timerfd())
            found = client(server.port, "posts", 1000)
            posts.append(found["took_p50"])
            if found["other_status"]:
                row("POST /tasks: not 201", "0", str(found["other_status"]), False)
        row("/wait_n, n = 1,000: first byte", "<= 1000 us", spread(first),
            statistics.median(first) <= 1000)
        row("/wait_n, n = 1,000: each row late", "<= 1000 us",
            f"{spread(late)}; bare timerfd {statistics.median(bare):.3g} us",
            statistics.median(late) <= 1000)
        row("/wait_n, n = 1,000: rows early", "0", str(int(early)), early == 0)
        row("POST /tasks answers in", "< 1000 us", spread(posts),
            statistics.median(posts) < 1000)
        server.end("streams and POST /tasks")


def check_chunks_late():
    """The chunks of bodies of /wait, 300 in 3 s."""
    late, bare, early = [], [], 0
    with Server() as server:
        for _ in range(RUNS):
            found = client(server.port, "chunks", 300, 3)
            late.append(found["late_p50"])
            early += found["early"]
            bare.append(bare_timerfd())
        middle, bare_middle = statistics.median(late), statistics.median(bare)
        row("/wait in 300 chunks: each late", "<= 1000 us",
            f"{spread(late)}; {middle / bare_middle:.2g} x a bare timerfd's "
            f"{bare_middle:.3g} us", middle <= 1000)
        row("/wait in 300 chunks: early", "0", str(int(early)), early == 0)
        server.end("chunks")


def check_task_runs_on():
    """A task outlives the client that made it."""
    tries, done = 20, 0
    with Server() as server:
        for i in range(tries):
            sock = socket.create_connection(("127.0.0.1", server.port))
            body = b'{"delay":0.3}'
            sock.sendall(
                b"PUT /tasks/orphan%d HTTP/1.1\r\nHost: l\r\nContent-Type: "
                b"application/json\r\nContent-Length: %d\r\n\r\n%s" % (i, len(body), body)
            )
            if i % 2 == 0:  # gone before or after it has read the answer
                sock.recv(4096)
            sock.close()
        time.sleep(0.5)
        for i in range(tries):
            status, task = server.ask("GET", f"/tasks/orphan{i}")
            done += status == 200 and task["state"] == "done"
        row("tasks that run on without their client", str(tries), str(done), done == tries)
        server.end("POST /tasks")


def kill_curls(server, target, idle, tries):
    """Kills curl after 0.5 s; how long until its wait and its descriptor were gone."""
    listed, closed = [], []
    keep = server.send("/version")  # makes the cell, too
    keep.recv(65536)
    base = server.descriptors()
    if not idle:
        keep.close()
        base -= 1
    for i in range(tries):
        curl = subprocess.Popen(
            ["curl", "-sN", f"http://127.0.0.1:{server.port}{target}"],
            stdout=subprocess.DEVNULL,
        )
        time.sleep(0.5)
        if server.pending() != 1:
            raise RuntimeError("the wait is not listed")
        curl.kill()
        begin = time.monotonic()
        curl.wait()
        # Asking for the list wakes the server: every other try only looks.
        if i % 2:
            until(lambda: server.pending() == 0, 5)
            listed.append(time.monotonic() - begin)
        until(lambda: server.descriptors() <= base, 5)
        closed.append(time.monotonic() - begin)
        if i % 2 == 0:
            until(lambda: server.pending() == 0, 5)
            listed.append(time.monotonic() - begin)
    if idle:
        keep.close()
    return [1e3 * statistics.median(times) for times in (listed, closed)], max(closed)


def check_killed():
    """curl killed after 0.5 s of a 60 s wait."""
    stream = "/wait_n?n=2000&max_delay=60"
    with Server() as server:
        for name, target, idle in (
            ("/wait", "/wait?delay=60", False),
            ("/wait_n", stream, False),
            ("/wait, older idle connection", "/wait?delay=60", True),
            ("/wait_n, older idle connection", stream, True),
        ):
            (listed, closed), worst = kill_curls(server, target, idle, 20)
            row(f"curl killed in {name}: gone from the list", "<= 100 ms",
                f"{listed:.2g} ms", listed <= 100)
            row(f"curl killed in {name}: descriptor closed", "<= 100 ms",
                f"{closed:.2g} ms, worst {1e3 * worst:.2g} ms", closed <= 100)
        server.end("curl killed")


def check_killed_at_once():
    """1,000 waits and streams whose client is killed, 5 rounds."""
    count, resident, left, gone = 1000, [], [], []
    with Server() as server:
        base = server.descriptors()
        for _ in range(5):
            held = subprocess.Popen(
                [CLIENT, str(server.port), "held", str(count)], stdout=subprocess.PIPE
            )
            held.stdout.readline()
            if until(lambda: server.pending() == count, 20) is None:
                raise RuntimeError(f"{server.pending()} are listed")
            time.sleep(0.5)
            held.kill()
            begin = time.monotonic()
            held.wait()
            held.stdout.close()
            until(lambda: server.descriptors() <= base + CELLS_KEPT, 10)
            gone.append(1e3 * (time.monotonic() - begin))
            if server.pending() != 0:
                left.append(f"{server.pending()} listed")
            # The question's own connection goes, too.
            until(lambda: server.descriptors() <= base + CELLS_KEPT, 1)
            left.append(server.descriptors() - base)
            resident.append(server.resident())
        row("1,000 killed at once, 5 rounds: descriptors above base", "<= 2",
            f"{left}, {statistics.median(gone):.0f} ms after the kill",
            all(isinstance(more, int) and more <= CELLS_KEPT for more in left))
        growth = resident[4] / resident[2]
        row("1,000 killed at once: RSS after round 5 / round 3", "<= 1.05",
            f"{growth:.3f} ({resident[2] >> 10} -> {resident[4] >> 10} KiB)",
            growth <= 1.05)
        server.end("1,000 killed at once")


def hold(count, pace):
    """Holds count waits once: what the client found, bytes each, CPU share."""
    with Server() as server:
        before = server.resident()
        running = subprocess.Popen(
            [CLIENT, str(server.port), "waits", str(count), str(count), "5", "8", pace],
            stdout=subprocess.PIPE, text=True,
        )
        if until(lambda: server.pending() == count, 4.5, 0.05) is None:
            raise RuntimeError(f"only {server.pending()} are held")
        each = (server.resident() - before) / count
        cpu = server.cpu()
        time.sleep(0.2)
        cpu = (server.cpu() - cpu) / 0.2
        found = dict(pair.split("=") for pair in running.communicate()[0].split())
        server.end("5,000 waits held")
        return {name: float(value) for name, value in found.items()}, each, cpu


def check_held():
    """5,000 waits held at once."""
    # Asked for 100 us apart. In one burst they stand unread in their sockets first, for
    # 0.1 to 50 ms as the machine likes, and that is no lateness of a timer: such a run
    # is shown, and judged only by what is exact.
    count = 5000
    runs = [hold(count, "100") for _ in range(RUNS)]
    burst, *_ = hold(count, "0")
    all_found = [found for found, *_ in runs] + [burst]
    answered = [int(f["answered"] - f["other_status"]) for f in all_found]
    early = sum(int(f["early_elapsed"] + f["early_arrival"]) for f in all_found)
    row("5,000 waits held: answered in each of 6 runs, early", "5000, 0",
        f"{min(answered)}, {early}", (min(answered), early) == (count, 0))
    late = [found["late_p50"] for found, *_ in runs]
    served = [found["served_p50"] for found, *_ in runs]
    row("5,000 waits held: late (median)", "<= 1000 us",
        f"{spread(late)}; own clock {statistics.median(served):.3g} us",
        statistics.median(late) <= 1000)
    print(f"       (in one burst: {burst['late_p50']:.0f} us from sending, "
          f"{burst['served_p50']:.0f} us by waitd's own clock)", flush=True)
    each = max(each for _, each, _ in runs)
    row("5,000 waits held: resident memory each", "<= 6144 bytes",
        f"{each:.0f} bytes; CPU while held {max(cpu for *_, cpu in runs):.0%}",
        each <= 6144)


def body_of(raw):
    """Status and body of the only answer in raw; ValueError where it is not whole."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    length = re.search(rb"\r\nContent-Length: (\d+)", head)
    if length:
        if len(rest) != int(length[1]):
            raise ValueError(f"{len(rest)} bytes of {int(length[1])}")
        return status, rest.decode()
    if b"Transfer-Encoding: chunked" not in head:
        raise ValueError("neither a length nor chunked")
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        size = int(size, 16)
        body += rest[:size]
        if rest[size:size + 2] != b"\r\n":
            raise ValueError("a chunk without its end")
        rest = rest[size + 2:]
        if size == 0:
            if rest:
                raise ValueError("bytes after the end")
            return status, body.decode()


def judge_drained(raw):
    """How a request ended by a drain: a word for the tally."""
    try:
        status, body = body_of(raw)
        if status != 200:
            return f"{status} {json.loads(body)['type'].rpartition('/')[2]}"
        last = body.rstrip().splitlines()[-1]
        if last.startswith("#"):
            return "200 and error" if last == "# 503 draining" else last
        if last.startswith("data: "):
            last = last[6:]
        last = json.loads(body if body.startswith('{"n":') and "\n]" in body else last)
        error = last.get("error")
        if error:
            return "200 and error" if error["status"] == 503 else f"200 and {error}"
        return "200"
    except (ValueError, KeyError, IndexError) as error:
        return f"{type(error).__name__} {error}: {raw[:60]!r}…{raw[-60:]!r}"


def read_all(sock):
    raw = b""
    sock.settimeout(10)
    try:
        while got := sock.recv(65536):
            raw += got
    except OSError as error:
        raw += f" {error}".encode()
    sock.close()
    return raw


DRAINED = (  # how many, target, how each ends
    (300, "/wait?delay={soon}", "200"),
    (100, "/wait_n?n=20&delay={soon}&format=ndjson", "200"),
    (250, "/wait?delay=60", "503 draining"),
    (50, "/measure?n=2&delay=60", "503 draining"),
    (100, "/wait_n?n=20&max_delay=60&min_delay=30", "200 and error"),
    (100, "/wait_n?n=20&max_delay=60&format=ndjson", "200 and error"),
    (50, "/wait_n?n=20&max_delay=60&format=sse", "200 and error"),
    (50, "/wait_n?n=20&max_delay=60&format=text", "200 and error"),
)


def refused_after(port, begin):
    """When the listener first refused, and for good."""
    while time.monotonic() - begin < 5:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            return time.monotonic() - begin
        except OSError:
            pass
        time.sleep(0.001)
    return 5.0


def check_drain():
    """SIGTERM with 1,000 waits pending."""
    with Server("--drain", "2s") as server:
        held = []
        for count, target, end in DRAINED:
            for _ in range(count):
                soon = f"{random.uniform(1, 2):.6f}"
                held.append((end, target, server.send(target.format(soon=soon))))
        idle = [server.send("/version") for _ in range(2)]
        for sock in idle:
            sock.recv(65536)
        if until(lambda: server.pending() == len(held), 1) is None:
            raise RuntimeError(f"{server.pending()} of {len(held)} are pending")
        cpu, begin = server.cpu(), time.monotonic()
        server.process.terminate()
        refused = refused_after(server.port, begin)
        told = []
        for sock, target in zip(idle, ("/readyz", "/wait?delay=0")):
            sock.sendall(f"GET {target} HTTP/1.1\r\nHost: l\r\n\r\n".encode())
            raw = read_all(sock)
            told.append(raw.split(b" ")[1] == b"503" and b"Connection: close" in raw)
        time.sleep(1)
        cpu_share = (server.cpu() - cpu) / (time.monotonic() - begin)
        try:
            code = server.process.wait(20)
        except subprocess.TimeoutExpired:
            code = "none after 20 s"
        took = time.monotonic() - begin
        wrong = {}
        for end, target, sock in held:
            got = judge_drained(read_all(sock))
            if got != end:
                key = f"{target}: {got}"
                wrong[key] = wrong.get(key, 0) + 1
        row("SIGTERM with 1,000 pending: listener refuses", "<= 100 ms",
            f"{1e3 * refused:.1f} ms", refused <= 0.1)
        row("SIGTERM: 400 200s, 300 503s, 300 in-band errors: others", "0",
            str(wrong or 0), not wrong)
        row("SIGTERM: 503 on open connections (/readyz, new /wait)", "both", str(told),
            all(told))
        row("SIGTERM: exit code, seconds with --drain 2s", "0, <= 2.5",
            f"{code}, {took:.2f}; CPU {cpu_share:.0%}", code == 0 and took <= 2.5)


def check_resets():
    """20,000 requests that end with resets at random moments."""
    with Server() as server:
        base = server.descriptors()
        server.ask("POST", "/tasks", {"n": 50, "delay": 0, "group": "watched"})
        server.ask("POST", "/tasks", {"n": 50, "delay": 299, "group": "watched"})
        found = client(server.port, "resets", 20_000, 200, "watched")
        until(lambda: server.descriptors() <= base + CELLS_KEPT, 5)
        more = server.descriptors() - base
        server.ask("DELETE", "/tasks?group=watched")
        pending = server.pending()
        row("20,000 resets: descriptors above base", "<= 2", str(more),
            more <= CELLS_KEPT and found["resets"] == 20_000)
        row("20,000 resets: pending afterwards", "0", str(pending), pending == 0)
        status, got = server.ask("GET", "/wait?delay=10ms")
        server.end("20,000 resets")
        row("20,000 resets: answers afterwards, exit code", "200, 0",
            f"{status}, {server.process.returncode}",
            (status, server.process.returncode) == (200, 0))


def check_idle():
    """An idle server sleeps."""
    with Server() as server:
        keep = server.send("/version")
        keep.recv(65536)
        client(server.port, "waits", 2000, 50, 0, 0.02)
        client(server.port, "rows", 100, 0.1)
        time.sleep(1)
        before, cpu = server.switches(), server.cpu()
        time.sleep(10)
        switches, cpu = server.switches() - before, server.cpu() - cpu
        row("idle for 10 s: context switches", "0", f"{switches}, CPU {cpu:.2f} s",
            switches == 0)
        # The same while waits are held, with a client that reads nothing.
        held = [server.send("/wait?delay=60") for _ in range(50)]
        held.append(server.send("/wait_n?n=100000&delay=0.1&format=ndjson"))
        time.sleep(2)
        before, cpu = server.switches(), server.cpu()
        time.sleep(5)
        switches, cpu = server.switches() - before, server.cpu() - cpu
        row("50 held and one that does not read, 5 s: context switches", "0",
            f"{switches}, CPU {cpu:.2f} s", switches == 0)
        for sock in held + [keep]:
            sock.close()
        server.end("idle")


def beside(check, *with_what):
    """One of coordination.py, limits.py or mutations.py."""
    def run():
        check(*with_what)

    run.__doc__ = check.__doc__
    return run


FOR_COORDINATION = (Server, row, spread, bare_timerfd)
CHECKS = {
    1: check_never_early,
    2: check_order,
    3: check_rows_late,
    4: check_task_runs_on,
    5: check_killed,
    6: check_killed_at_once,
    7: check_held,
    8: check_drain,
    9: check_resets,
    10: check_idle,
    11: beside(coordination.check_wakes, *FOR_COORDINATION),
    12: beside(coordination.check_idle_objects, *FOR_COORDINATION),
    13: beside(coordination.check_storms, *FOR_COORDINATION),
    14: check_chunks_late,
    15: beside(limits.check_memory, Server, row),
    16: beside(limits.check_descriptors, Server, row),
    17: beside(mutations.check_mutations, *FOR_COORDINATION),
}


def print_table():
    heads = ("check", "bar", "figure", "")
    lines = [heads] + [(*r[:2], r[2][:80], "pass" if r[3] else "FAIL") for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    print()
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for number in map(int, sys.argv[3:]) if sys.argv[3:] else CHECKS:
        begin = time.monotonic()
        print(f"{number}. {CHECKS[number].__doc__}", flush=True)
        try:
            CHECKS[number]()
        except Exception as error:  # the others are still worth knowing
            row(f"check {number}", "it runs", f"{type(error).__name__}: {error}", False)
        print(f"  {time.monotonic() - begin:.0f} s", flush=True)
    print_table()
    return 0 if all(held for *_, held in rows) else 1


sys.exit(main())

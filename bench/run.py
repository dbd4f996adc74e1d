"""run.py: starts the servers, puts load on them, and keeps what the load maker says.

Called by script/bench, which has built everything. Rounds are interleaved: in each one every
server has its turn, in a process of its own, so that a slow minute hits all of them. A server
runs on one core and the load maker on another, where there are two.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import report

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
READY_S = 15
LOAD_LIMIT_S = 120

FULL = {
    "zero": {"rounds": 9, "seconds": 2},
    "held": {"rounds": 5, "connections": 18000, "spread": 2.5, "min": 3, "max": 6},
    "steady": {"rounds": 5, "seconds": 3, "rate": 6000, "held": [100, 2000, 18000]},
    "churn": {"rounds": 5, "seconds": 5, "rate": 2000},
    "stream": {"rounds": 5, "rows": 1000000},
    "workers": {"rounds": 9, "seconds": 2},
    "syscalls": {"seconds": 3},
    "idle": {"seconds": 10},
}
QUICK = {
    "zero": {"rounds": 1, "seconds": 0.5},
    "held": {"rounds": 1, "connections": 2000, "spread": 0.4, "min": 0.7, "max": 1.4},
    "steady": {"rounds": 1, "seconds": 1, "rate": 3000, "held": [100, 2000]},
    "churn": {"rounds": 1, "seconds": 1, "rate": 1000},
    "stream": {"rounds": 1, "rows": 1000000},
    "workers": {"rounds": 1, "seconds": 0.5},
    "syscalls": {"seconds": 1},
    "idle": {"seconds": 3},
}


def text_of(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip()


def first_line(*command):
    return text_of(*command).split("\n")[0]


def children_of(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def context_switches(pid):
    """Of all threads of a process."""
    count = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if "ctxt_switches" in line:
                count += int(line.split()[1])
    return count


def busy_ns(pid):
    """CPU time of each thread of a process, the busiest first."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sorted((int((task / "schedstat").read_text().split()[0]) for task in tasks),
                  reverse=True)


class Pins:
    """Which core whose: the server's is the last one, the load maker's the first."""

    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))
        two = len(cores) > 1 and shutil.which("taskset")
        self.load = ["taskset", "-c", str(cores[0])] if two else []
        self.server = ["taskset", "-c", str(cores[-1])] if two else []
        self.text = f"server on core {cores[-1]}, load on core {cores[0]}" if two else "not pinned"


class Peer:
    """One kind of server: how it is started, and what its paths are."""

    def __init__(self, name, command, version, wait="/wait?delay={}", zero="/wait?delay=0"):
        self.name, self.command, self.version = name, command, version
        self.wait, self.zero = wait, zero


class Server:
    """A running peer; leaves nothing behind."""

    def __init__(self, bench, peer, pinned=True):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.peer = peer
        command = (bench.pins.server if pinned else []) + peer.command(self.port)
        with open(bench.out / "servers.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def __enter__(self):
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_until_ready(self):
        end = time.monotonic() + READY_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
                continue
            self.pid = self.process.pid
            if self.peer.name != "nginx":
                return
            workers = children_of(self.pid)
            if workers:
                self.pid = int(workers[0])
                return
        raise RuntimeError(f"{self.peer.name} does not start: see servers.log")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            for child in children_of(self.process.pid):
                os.kill(int(child), signal.SIGKILL)
            self.process.kill()
            self.process.wait()


class Bench:
    def __init__(self, options):
        self.out = options.out
        self.waitd = str(options.waitd.resolve())
        self.note = options.note
        self.commit = options.commit or first_line(
            "git", "-C", str(ROOT), "describe", "--always", "--dirty")
        self.load_maker = str(self.out / "load")
        self.pins = Pins()
        self.sizes = QUICK if options.quick else FULL
        self.results = {"quick": options.quick, "sizes": self.sizes}
        peers = [peer for peer in self.all_peers() if peer]
        if options.peers:
            peers = [peer for peer in peers if peer.name in options.peers]
        self.peers = {peer.name: peer for peer in peers}

    # ---- the peers ----

    def all_peers(self):
        yield Peer("floor", lambda port: [str(self.out / "floor"), str(port)], "")
        yield self.waitd_peer("waitd")
        yield self.nginx_peer()
        yield self.go_peer()
        if shutil.which("node"):
            script = str(BENCH / "peers/node.mjs")
            yield Peer("node", lambda port: ["node", script, str(port)], first_line("node", "-v"))
        yield self.aiohttp_peer()

    def waitd_peer(self, name, *flags, workers=1):
        fixed = ("--log-level", "warn", "--drain", "0", "--workers", str(workers))
        return Peer(name, lambda port: [self.waitd, "--port", str(port), *fixed, *flags],
                    first_line(self.waitd, "--version"))

    def nginx_peer(self):
        about = text_of("nginx", "-V")
        modules = re.search(r"--modules-path=(\S+)", about)
        if not modules or not pathlib.Path(modules[1], "ngx_http_echo_module.so").exists():
            return None
        template = (BENCH / "peers/nginx.conf").read_text()

        def command(port):
            text = template.replace("@PORT@", str(port)).replace("@MODULES@", modules[1])
            conf = self.out / "nginx.conf"
            conf.write_text(text.replace("@RUN@", str(self.out)))
            return ["nginx", "-e", str(self.out / "nginx.log"), "-c", str(conf)]

        return Peer("nginx", command, about.split("\n")[0].split(": ")[-1], "/sleep/{}", "/zero")

    def go_peer(self):
        program = self.out / "go-peer"
        if not program.exists():
            return None
        return Peer("go", lambda port: [str(program), str(port)], first_line("go", "version"))

    @staticmethod
    def aiohttp_peer():
        script = str(BENCH / "peers/aiohttp_peer.py")
        ask = "import aiohttp, sys; print('aiohttp', aiohttp.__version__, 'Python', sys.version)"
        for python in (sys.executable, "/usr/bin/python3"):
            version = first_line(python, "-c", ask)
            if version.startswith("aiohttp"):
                return Peer("aiohttp", lambda port, python=python: [python, script, str(port)],
                            version.split(" (")[0])
        return None

    # ---- the measurements ----

    def fresh_load(self, mode, peer, path=None, **settings):
        with Server(self, peer) as server:
            return self.load(mode, server, path, **settings)

    def load(self, mode, server, path=None, pinned=True, **settings):
        settings |= {"port": server.port, "pid": server.pid, "path": path or server.peer.wait}
        command = [*(self.pins.load if pinned else []), self.load_maker, mode]
        command += [f"{name}={value}" for name, value in settings.items()]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=LOAD_LIMIT_S, check=True)
        result = json.loads(done.stdout)
        if result["failed"] or result["refused"]:
            print(f"    {server.peer.name}: {result['failed']} failed,"
                  f" {result['refused']} refused", file=sys.stderr)
        return result

    def rounds(self, section, peers, measure):
        """Every peer once, and that again and again; measure(peer, round) gives a result."""
        for index in range(self.sizes[section]["rounds"]):
            print(f"{section}: round {index + 1}", file=sys.stderr)
            for peer in peers:
                result = measure(peer, index)
                self.results.setdefault(section, {}).setdefault(peer.name, []).append(result)

    def zero(self):
        size = self.sizes["zero"]
        self.rounds("zero", self.peers.values(),
                    lambda peer, _: self.fresh_load("zero", peer, peer.zero,
                                                    seconds=size["seconds"]))

    def with_small_pool(self):
        peers = list(self.peers.values())
        if "waitd" in self.peers:
            peers.append(self.waitd_peer("waitd-2KiB", "--connection-memory", "2KiB"))
        return peers

    def held(self):
        size = {name: self.sizes["held"][name] for name in ("connections", "spread", "min", "max")}
        self.rounds("held", self.with_small_pool(),
                    lambda peer, index: self.fresh_load("held", peer, seed=index, **size))

    def steady(self):
        """The same number of completions a second, whatever number is held."""
        size = self.sizes["steady"]

        def measure(peer, index):
            results = {}
            for held in size["held"]:
                if peer.name == "waitd-2KiB" and held < size["held"][-1]:
                    continue
                mean = held / size["rate"]
                results[held] = self.fresh_load(
                    "steady", peer, connections=held, min=mean * 2 / 3, max=mean * 4 / 3,
                    spread=mean, warm=mean * 7 / 3 + 0.5, seconds=size["seconds"], seed=index)
            return results

        self.rounds("steady", self.with_small_pool(), measure)

    def churn(self):
        size = self.sizes["churn"]
        self.rounds("churn", self.peers.values(),
                    lambda peer, index: self.fresh_load("churn", peer, rate=size["rate"],
                                                        seconds=size["seconds"], seed=index))

    def stream(self):
        """One big /wait_n beside small waits; the floor has the small waits only."""
        rows = self.sizes["stream"]["rows"]
        peers = [self.peers[name] for name in ("floor",) if name in self.peers]
        if "waitd" in self.peers:
            peers.append(self.waitd_peer("waitd", "--max-n", str(rows)))
        path = f"/wait_n?n={rows}&max_delay=1"

        def measure(peer, index):
            if peer.name == "floor":
                return self.fresh_load("steady", peer, connections=16, seconds=2, seed=index)
            return self.fresh_load("stream", peer, stream=path, rows=rows, seed=index)

        self.rounds("stream", peers, measure)

    def workers(self):
        """Zero delay with one worker and with two, all of them and the load maker on any core."""
        if "waitd" not in self.peers:
            return
        seconds = self.sizes["workers"]["seconds"]

        def measure(peer, _):
            with Server(self, peer, pinned=False) as server:
                result = self.load("zero", server, peer.zero, pinned=False, seconds=seconds)
                return result | {"threads_ns": busy_ns(server.pid)}

        self.rounds("workers", [self.waitd_peer(f"waitd-{count}", workers=count)
                                for count in (1, 2)], measure)

    def syscalls(self):
        """Counted by strace, which slows the server down: no times are taken from here."""
        if not shutil.which("strace"):
            return
        seconds = self.sizes["syscalls"]["seconds"]
        loads = {
            "zero": {"seconds": seconds},
            "keepalive": {"connections": 100, "min": 0.05, "max": 0.15, "warm": 0,
                          "seconds": seconds},
            "churn": {"rate": 1000, "seconds": seconds},
        }
        modes = {"zero": "zero", "keepalive": "steady", "churn": "churn"}
        for peer in self.peers.values():
            print(f"syscalls: {peer.name}", file=sys.stderr)
            for name, settings in loads.items():
                with Server(self, peer) as server:
                    counted = self.traced(server, modes[name], name == "zero", settings)
                self.results.setdefault("syscalls", {}).setdefault(peer.name, {})[name] = counted

    def traced(self, server, mode, zero, settings):
        path = self.out / "strace.txt"
        command = ["strace", "-f", "-c", "-qq", "-o", str(path), "-p", str(server.pid)]
        tracer = subprocess.Popen([*self.pins.server, *command], stderr=subprocess.DEVNULL)
        status = pathlib.Path(f"/proc/{server.pid}/status")
        end = time.monotonic() + READY_S
        while "TracerPid:\t0" in status.read_text() and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.2)
        try:
            result = self.load(mode, server, server.peer.zero if zero else None, **settings)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(READY_S)
        calls = {}
        for line in path.read_text().splitlines():
            fields = line.split()
            if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
                calls[fields[-1]] = int(fields[3]) / result["answered"]
        return {"each": sum(calls.values()), "calls": calls, "answered": result["answered"]}

    def idle(self):
        """Context switches of a server that has answered once and is left alone."""
        seconds = self.sizes["idle"]["seconds"]
        print("idle", file=sys.stderr)
        for peer in self.peers.values():
            with Server(self, peer) as server:
                self.load("held", server, connections=1, spread=0, min=0.01, max=0.01)
                time.sleep(2)
                before = context_switches(server.pid)
                time.sleep(seconds)
                switches = context_switches(server.pid) - before
            self.results.setdefault("idle", {})[peer.name] = {
                "switches": switches, "seconds": seconds}

    # ---- the whole ----

    def about(self):
        cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
        memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
        system = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
        libraries = ("libmicrohttpd", "libuv", "jansson")
        self.results["machine"] = {
            "cpu": cpu[1] if cpu else platform.machine(),
            "cores": os.cpu_count(),
            "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
            "system": system[1] if system else "",
            "kernel": platform.release(),
            "pins": self.pins.text,
            "load_before": os.getloadavg()[0],
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "commit": self.commit,
            "note": self.note,
            "libraries": {name: first_line("pkg-config", "--modversion", name)
                          for name in libraries},
        }
        self.results["versions"] = {peer.name: peer.version for peer in self.peers.values()}

    def run(self, sections):
        steal = cpu_times()
        started = time.monotonic()
        self.about()
        for section in sections:
            getattr(self, section)()
            (self.out / "results.json").write_text(json.dumps(self.results))
        now = cpu_times()
        spent = [after - before for after, before in zip(now, steal)]
        self.results["machine"]["steal_percent"] = 100 * spent[7] / max(1, sum(spent[:8]))
        self.results["machine"]["minutes"] = (time.monotonic() - started) / 60
        (self.out / "results.json").write_text(json.dumps(self.results))


def cpu_times():
    line = pathlib.Path("/proc/stat").read_text().split("\n")[0]
    return [int(number) for number in line.split()[1:]]


def main():
    parser = argparse.ArgumentParser(prog="script/bench")
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: a trial")
    parser.add_argument("--only", type=words, metavar="A,B", default=list(FULL),
                        help="of " + ",".join(FULL))
    parser.add_argument("--peers", type=words, metavar="A,B",
                        help="of floor,waitd,nginx,go,node,aiohttp")
    parser.add_argument("--report", action="store_true", help="the last results again")
    parser.add_argument("--commit", help="name of what is measured (default: git's)")
    parser.add_argument("--note", help="what else is to be known of this run")
    parser.add_argument("--waitd", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out = options.out.resolve()
    wrong = set(options.only) - set(FULL)
    if wrong:
        parser.error("--only: " + ",".join(wrong))

    # A signal leaves through every "finally" on the way, and so stops the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not options.report:
        Bench(options).run(options.only)
    results = json.loads((options.out / "results.json").read_text())
    whole = not results["quick"] and all(section in results for section in FULL)
    report.write(results, options.out, ROOT / "docs" if whole else None)


if __name__ == "__main__":
    main()

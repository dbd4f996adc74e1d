"""descriptors.py: the long check of many more clients than there are descriptors."""

import resource
import subprocess
import sys

from harness import HTTP, Server, row

DESCRIPTORS, CLIENTS, ROUNDS = 256, 2000, 5


def few_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


def check_descriptors():
    """ulimit -n 256 and 2,000 clients, 5 rounds."""
    shares, taken = [], []
    with Server("--workers", "2", "--max-connections", "100000",
                before=few_descriptors) as server:
        told = server.ask("GET", "/")[1]["descriptors"]
        logged = f" descriptors={DESCRIPTORS} " in server.log_text()
        for _ in range(ROUNDS):
            done = subprocess.run(
                [sys.executable, HTTP / "connections.py", "exhaust", str(server.port),
                 str(server.pid), str(CLIENTS)], stdout=subprocess.PIPE, text=True, check=True)
            inside, share, _, seconds = done.stdout.split()
            shares.append(float(share))
            taken.append(float(seconds))
        row("256 descriptors: told at / and in the log", "256, yes", f"{told}, {logged}",
            told == DESCRIPTORS and logged)
        row(f"256 descriptors, 2,000 clients, {inside} inside: CPU of a second", "< 5 %",
            f"{100 * max(shares):.1f} %", max(shares) < 0.05)
        row("256 descriptors: a place that is free is taken", "<= 1 s",
            f"{max(taken):.3f} s, the worst of {20 * ROUNDS}", max(taken) <= 1)
        status, _ = server.ask("GET", "/wait?delay=0")
        row("256 descriptors: afterwards", "200", str(status), status == 200)
        server.end("256 descriptors")

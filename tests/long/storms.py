"""storms.py: the long checks of what must be back to where it was: after crowds that are reset, and
after millions of requests.
"""

import subprocess
import time

from harness import CLIENT, Server, client, row
from process import CELLS_KEPT
from raw import until

CROWD, ROUNDS = 15_000, 100
REQUESTS, PARTS = 2_000_000, 5


class Crowd:
    def __init__(self, port):
        self.process = subprocess.Popen(
            [CLIENT, str(port), "storm", str(CROWD)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def order(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        if not self.process.stdout.readline():
            raise RuntimeError("the crowd has left")

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def check_reset_at_once():
    """15,000 waits held, all reset at once, 100 rounds."""
    above, waits, resident, took = [], [], [], []
    with Server("--retention", "0") as server:  # a quarter of them has a label
        base, crowd = server.descriptors(), Crowd(server.port)
        for _ in range(ROUNDS):
            crowd.order("h")
            if until(lambda: server.pending() == CROWD, 20, 0.05) is None:
                raise RuntimeError(f"{server.pending()} are listed")
            begin = time.monotonic()
            crowd.order("r")
            until(lambda: server.descriptors() <= base + CELLS_KEPT, 5, 0.005)
            took.append(time.monotonic() - begin)
            waits.append(server.metric("waitd_waits") + server.pending())
            # The question's own connection goes, too.
            until(lambda: server.descriptors() <= base + CELLS_KEPT, 1)
            above.append(server.descriptors() - base)
            resident.append(server.resident())
        crowd.end()
        row("15,000 reset at once, 100 rounds: descriptors above base", "<= 2",
            f"{max(above)}, {max(took):.2f} s after at most", max(above) <= CELLS_KEPT)
        row("15,000 reset at once: waits held after", "0", str(max(waits)), max(waits) == 0)
        growth = resident[-1] / resident[2]
        row("15,000 reset at once: RSS after round 100 / round 3", "<= 1.05",
            f"{growth:.3f} ({resident[2] >> 10} -> {resident[-1] >> 10} KiB)", growth <= 1.05)
        server.end("15,000 reset at once")


def check_growth():
    """2,000,000 requests of all kinds."""
    resident, data, found = [], [], []
    with Server("--retention", "1s", "--idle-ttl", "1s") as server:
        base = server.descriptors()
        for _ in range(PARTS):
            found.append(client(server.port, "mix", REQUESTS // PARTS, 100))
            until(lambda: server.metric("waitd_objects") == 0, 10, 0.1)
            time.sleep(1.5)  # what is retained goes
            resident.append(server.resident())
            data.append(server.memory("VmData"))
        until(lambda: server.descriptors() <= base + CELLS_KEPT, 1)
        above = server.descriptors() - base
        answered = sum(int(part["answered"]) for part in found)
        left = sum(int(part["left"]) for part in found)
        seconds = sum(part["seconds"] for part in found)
        row("2,000,000 requests: answered, or left before", str(REQUESTS),
            f"{answered} + {left}, {REQUESTS / seconds:.0f} a second",
            answered + left == REQUESTS)
        for what, sizes in (("RSS", resident), ("data", data)):
            growth = sizes[-1] / sizes[1]
            row(f"2,000,000 requests: {what} after the last / the second fifth", "<= 1.05",
                f"{growth:.3f} ({' '.join(str(size >> 10) for size in sizes)} KiB)",
                growth <= 1.05)
        row("2,000,000 requests: descriptors above base", "<= 2", str(above),
            above <= CELLS_KEPT)
        failed = server.metric("waitd_problems_total", "out-of-memory|too-much-memory")
        row("2,000,000 requests: that failed for want of anything", "0", str(failed), failed == 0)
        server.end("2,000,000 requests")

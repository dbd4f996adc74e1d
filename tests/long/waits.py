"""waits.py: the long checks of waits: when they end, in what order, and what many cost."""

import http.client
import json
import random
import statistics
import subprocess
import time

from harness import CLIENT, RUNS, Server, bare_timerfd, client, pairs, row, spread
from raw import until


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
        found = pairs(running.communicate()[0])
        server.end("5,000 waits held")
        return found, each, cpu


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
        row("50 held and one that does not read, 5 s: context switches",
            "<= 2, looks at it", f"{switches}, CPU {cpu:.2f} s", switches <= 2)
        for sock in held + [keep]:
            sock.close()
        server.end("idle")

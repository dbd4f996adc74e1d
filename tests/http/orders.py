#!/usr/bin/env python3
"""orders.py URL SEED TIMES: three ways to run the same waits, where --time-scale is 0.

/wait_n, /wait_n with Prefer, and the tasks of a group end them in one order, at the times of a
model that counts in ns. Delays lie far more, and far less, than a ns apart. It takes a long
--retention, for much time passes.
"""

import heapq
import json
import math
import random
import sys
import urllib.request

from asking import OPEN, URL, ask


def ns_of(delay):
    """The least ns that read back as no less."""
    ns = math.ceil(delay * 1e9)
    return ns - 1 if ns and (ns - 1) / 1e9 >= delay else ns + (ns / 1e9 < delay)


def model(delays, limit):
    """(end in ns, index) of each, in order; without a limit what was drawn decides."""
    if not limit or limit >= len(delays):
        order = sorted(range(len(delays)), key=lambda index: (delays[index], index))
        return [(ns_of(delays[index]), index) for index in order]
    running, ended = [], []
    for index, delay in enumerate(delays):
        if index >= limit:
            ended.append(heapq.heappop(running))
        at_ns = ended[-1][0] if index >= limit else 0
        heapq.heappush(running, (at_ns + ns_of(delay), index))
    return ended + sorted(running)


def plain(query):
    *rows, _ = map(json.loads, ask(f"/wait_n?{query}&format=ndjson").splitlines())
    return [(round(row["elapsed"] * 1e9), row["index"]) for row in rows]


def preferred(query):
    request = urllib.request.Request(f"{URL}/wait_n?{query}", headers={"Prefer": "wait=300"})
    with OPEN(request, timeout=60) as answer:
        assert answer.headers["Preference-Applied"] == "wait=300", answer.status
        return json.load(answer)["delays"]


def tasks(query):
    """In the order of completion; and the delays, by index."""
    group = json.loads(ask(f"/tasks?{query}", {}))
    index = {task["id"]: at for at, task in enumerate(group["tasks"])}
    ended = json.loads(ask(f"/tasks?group={group['group']}&return_when=all"))
    assert not ended["pending"], len(ended["pending"])
    delays = [task["delay"] for task in group["tasks"]]
    done = [task for task in ended["done"] if task["state"] == "done"]
    return [(round(task["result"]["elapsed"] * 1e9), index[task["id"]]) for task in done], delays


def compare(query, limit):
    ended, delays = tasks(query)
    expected = model(delays, limit)
    assert plain(query) == expected, query
    assert preferred(query) == [delays[index] for _, index in expected], query
    assert ended == sorted(expected), query  # within a ns by index


def compare_first(query, limit, most):
    """Only so many end, the same ones."""
    _, delays = tasks(query)
    expected = model(delays, limit)[:most]
    query += f"&return_when={most}"
    assert plain(query) == expected, query
    assert preferred(query) == [delays[index] for _, index in expected], query
    assert tasks(query)[0] == expected, query


def draw_query(draw):
    n = draw.choice((2, 4, 20, 300, 700))
    limit = draw.choice((0, 1, 2, 3, 10, n - 1, n, n + 1))
    delays = draw.choice((
        "max_delay=100ms", "max_delay=100us", "max_delay=1us", "max_delay=2e-9", "max_delay=1e-12",
        "dist=choice&choice=0.1,0.15,0.2", "dist=choice&choice=5e-7:1,1e-10:50",
        "dist=exponential&mean=1e-9", "delay=0.1", "delay=0"))
    drawn = "" if delays.startswith("delay") else f"&seed={draw.randrange(2**53)}"
    return f"n={n}&{delays}{drawn}" + (f"&limit={limit}" if limit else ""), n, limit


def main():
    seed, times = int(sys.argv[2]), int(sys.argv[3])
    print(f"seed {seed}", flush=True)
    draw = random.Random(seed)
    compare("n=2000&limit=10&max_delay=100us&seed=3", 10)
    compare("n=4&limit=2&dist=choice&choice=0.1,0.15,0.2&seed=72", 2)
    compare_first("n=4&limit=2&dist=choice&choice=0.1,0.15,0.2&seed=72", 2, 3)
    for _ in range(times):
        query, n, limit = draw_query(draw)
        compare(query, limit)
        if 0 < limit < n:
            compare_first(query, limit, draw.randrange(1, n))
    print(f"{times + 2} of them")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""oracle.py URL WHAT: compares endpoints with Python's random and asyncio.

The exercises are those that waitd grew from, run by a real event loop. Where only the
order matters, the loop has a clock of its own that jumps to the next timer.
"""

import asyncio
import json
import random
import sys
import time
import urllib.request

URL = sys.argv[1]
SEEDS = [0, 1, 2, 7, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**53 - 1, 2**53, 2**63 - 1]
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def ask(path, body=None):
    request = urllib.request.Request(URL + path)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with OPEN(request, timeout=60) as answer:
        return answer.read().decode()


def same(got, expected, what):
    assert got == expected, f"{what}:\ngot      {got!r}\nexpected {expected!r}"


def draw(seed, count, low, high):
    random.seed(seed)
    return [random.uniform(low, high) for _ in range(count)]


# ---- random -------------------------------------------------------------------------


def wait():
    spread = [random.Random(99).getrandbits(63) for _ in range(20)]
    for seed in SEEDS + spread:
        for low, high in [(0, 0.01), (0.004, 0.0125), (0.01, 0.01)]:
            path = f"/wait?seed={seed}&min_delay={low}&max_delay={high}"
            (expected,) = draw(seed, 1, low, high)
            result = json.loads(ask(path))
            same(result["delay"], expected, path)
            same(result["seed"], seed, path)
            assert result["elapsed"] >= result["delay"], (path, result)
            # Its text is the shortest that reads back as the same double.
            same(ask(path + "&format=text"), f"{expected!r}\n", path)


def wait_n():
    for seed in SEEDS:
        # 1,500 pass the 624 words of the generator's state more than four times.
        for count, low, high in [(1500, 0, 0.1), (100, 0.01, 0.0625), (3, 0, 0)]:
            path = f"/wait_n?n={count}&seed={seed}&min_delay={low}&max_delay={high}"
            delays = draw(seed, count, low, high)
            order = sorted(range(count), key=lambda index: (delays[index], index))
            *rows, last = map(json.loads, ask(path + "&format=ndjson").splitlines())
            same([row["index"] for row in rows], order, path)
            same([row["rank"] for row in rows], list(range(count)), path)
            same([row["delay"] for row in rows], sorted(delays), path)
            same((last["n"], last["done"], last["seed"]), (count, count, seed), path)
            assert all(row["elapsed"] >= row["delay"] for row in rows), path
        same(json.loads(ask(path))["delays"], sorted(delays), path)


def group():
    for seed in SEEDS:
        body = {"n": 1000, "seed": seed, "min_delay": 5, "max_delay": 60}
        made = json.loads(ask("/tasks", body))
        same(made["seed"], seed, "seed")
        same([task["delay"] for task in made["tasks"]], draw(seed, 1000, 5, 60), seed)
        (expected,) = draw(seed, 1, 5, 60)
        del body["n"]
        same(json.loads(ask("/tasks", body))["delay"], expected, seed)
    ask("/reset", {})


# ---- the exercises ------------------------------------------------------------------


async def wait_random(max_delay=10):
    delay = random.uniform(0, max_delay)
    await asyncio.sleep(delay)
    return delay


async def wait_n_of(count, max_delay):
    waits = [wait_random(max_delay) for _ in range(count)]
    return [await done for done in asyncio.as_completed(waits)]


def measure_time(count, max_delay):
    begun = time.perf_counter()
    asyncio.run(wait_n_of(count, max_delay))
    return (time.perf_counter() - begun) / count


def task_wait_random(max_delay):
    return asyncio.create_task(wait_random(max_delay))


async def task_wait_n(count, max_delay):
    tasks = [task_wait_random(max_delay) for _ in range(count)]
    return [await done for done in asyncio.as_completed(tasks)]


def far_apart(count, high, gap):
    """The first seed whose delays a busy machine cannot mix up."""
    for seed in range(100_000):
        delays = sorted(draw(seed, count, 0, high))
        if all(b - a > gap for a, b in zip([0, *delays], delays)):
            return seed
    raise AssertionError("no seed")


def exercise_0():
    for seed in SEEDS:
        random.seed(seed)
        expected = asyncio.run(wait_random(0.05))
        result = json.loads(ask(f"/wait?seed={seed}&max_delay=0.05"))
        same(result["delay"], expected, seed)


def exercise_1():
    seed = far_apart(5, 1, 0.1)
    random.seed(seed)
    expected = asyncio.run(wait_n_of(5, 1))
    result = json.loads(ask(f"/wait_n?n=5&seed={seed}&max_delay=1"))
    same(result["delays"], expected, seed)


def exercise_2():
    seed = far_apart(5, 1, 0.1)
    random.seed(seed)
    expected = measure_time(5, 1)
    longest = max(draw(seed, 5, 0, 1))
    result = json.loads(ask(f"/measure?n=5&seed={seed}&max_delay=1"))["concurrent"]
    for average in (expected, result["average"]):
        assert longest / 5 <= average < (longest + 1) / 5, (longest, expected, result)


def exercise_3():
    async def run(high):
        task = task_wait_random(high)
        assert isinstance(task, asyncio.Task)
        return await task

    for seed in SEEDS[:4]:
        random.seed(seed)
        expected = asyncio.run(run(0.1))
        task = json.loads(ask("/tasks", {"seed": seed, "max_delay": 0.1}))
        same(task["kind"], "task", seed)
        result = json.loads(ask(f"/tasks/{task['id']}/result"))
        same(result["delay"], expected, seed)
        assert result["elapsed"] >= expected, result


def exercise_4():
    seed = far_apart(5, 1, 0.1)
    random.seed(seed)
    expected = asyncio.run(task_wait_n(5, 1))
    body = {"n": 5, "seed": seed, "max_delay": 1, "group": "exercise"}
    made = json.loads(ask("/tasks", body))
    same(len(made["tasks"]), 5, "tasks")
    streamed = json.loads(ask("/tasks?group=exercise&stream=true"))
    same([task["delay"] for task in streamed["tasks"]], expected, seed)
    ended = json.loads(ask("/tasks?group=exercise&wait=30"))
    same([task["delay"] for task in ended["done"]], expected, seed)
    same(ended["pending"], [], seed)


# ---- asyncio with a clock that jumps ------------------------------------------------


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its clock stands still but for jumps to the next timer."""

    def __init__(self):
        super().__init__()
        self._now = 0.0
        self._clock_resolution = 1e-12
        select = self._selector.select

        def jump(timeout):
            if timeout:
                self._now += timeout
            return select(0)

        self._selector.select = jump

    def time(self):
        return self._now


def completion_order(delays, limit):
    order = []

    async def one(semaphore, index):
        async with semaphore:
            await asyncio.sleep(delays[index])
            order.append(index)

    async def every():
        semaphore = asyncio.Semaphore(limit)
        await asyncio.gather(*(one(semaphore, i) for i in range(len(delays))))

    loop = JumpingLoop()
    try:
        loop.run_until_complete(every())
        return order, loop.time()
    finally:
        loop.close()


def run_jumping(coroutine):
    loop = JumpingLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


async def started(delays):
    """A task for each, and the list that their indexes are added to as they end."""
    order = []

    async def one(index):
        await asyncio.sleep(delays[index])
        order.append(index)
        return delays[index]

    return [asyncio.ensure_future(one(i)) for i in range(len(delays))], order


async def first_completed(delays):
    """asyncio.wait(return_when=FIRST_COMPLETED), then cancel() of the pending ones."""
    tasks, order = await started(delays)
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return order, sum(task.cancelled() for task in tasks)


async def first_of(delays, count):
    """So many of as_completed(), then cancel() of the rest."""
    tasks, order = await started(delays)
    for done in list(asyncio.as_completed(tasks))[:count]:
        await done
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return order, sum(task.cancelled() for task in tasks)


async def gathered(delays):
    tasks, _ = await started(delays)
    return await asyncio.gather(*tasks)


def compare_ends(path, expected):
    *rows, last = map(json.loads, ask(path + "&format=ndjson").splitlines())
    same(([row["index"] for row in rows], last["cancelled"]), expected, path)
    same(last["done"] + last["cancelled"], last["n"], path)
    assert "error" not in last, (path, last)


def return_when():
    for seed, count in [(1, 2), (2, 10), (3, 300)]:
        delays = draw(seed, count, 0, 0.3)
        path = f"/wait_n?n={count}&seed={seed}&max_delay=0.3&return_when="
        compare_ends(path + "first", run_jumping(first_completed(delays)))
        for some in (1, count // 2, count):
            compare_ends(f"{path}{some}", run_jumping(first_of(delays, some)))


def gather():
    for seed, count in [(1, 1), (2, 10), (3, 300)]:
        expected = run_jumping(gathered(draw(seed, count, 0, 0.2)))
        path = f"/wait_n?n={count}&seed={seed}&max_delay=0.2&order=index"
        same(json.loads(ask(path))["delays"], expected, path)


def semaphore():
    for seed, count, limit in [(1, 12, 1), (2, 40, 3), (3, 200, 7), (4, 200, 199), (5, 500, 50)]:
        delays = draw(seed, count, 0, 0.05)
        order, total = completion_order(delays, limit)
        path = f"/wait_n?n={count}&limit={limit}&seed={seed}&max_delay=0.05&format=ndjson"
        *rows, last = map(json.loads, ask(path).splitlines())
        same([row["index"] for row in rows], order, path)
        same([row["delay"] for row in rows], [delays[i] for i in order], path)
        assert last["elapsed"] >= total - 1e-6, (path, last, total)


CHECKS = (wait, wait_n, group, semaphore, return_when, gather)
CHECKS += (exercise_0, exercise_1, exercise_2, exercise_3, exercise_4)
{check.__name__: check for check in CHECKS}[sys.argv[2]]()

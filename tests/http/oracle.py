#!/usr/bin/env python3
"""oracle.py URL WHAT: compares endpoints with Python's random and asyncio.

The exercises are those that waitd grew from, run by a real event loop. Where only the
order matters, the loop has a clock of its own that jumps to the next timer.
"""

import asyncio
import concurrent.futures
import itertools
import json
import random
import sys
import time
import urllib.error
import urllib.request

from asking import OPEN, URL, ask

SEEDS = [0, 1, 2, 7, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**53 - 1, 2**53, 2**63 - 1]


def status_of(path):
    try:
        with OPEN(URL + path, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def same(got, expected, what):
    assert got == expected, f"{what}:\ngot      {got!r}\nexpected {expected!r}"


def draw(seed, count, low, high):
    random.seed(seed)
    return [random.uniform(low, high) for _ in range(count)]


def draw_failures(seed, count, rate):
    """Beside the delays, which stay what they are without them."""
    failures = random.Random(seed + 2**63)
    return [failures.random() < rate for _ in range(count)]


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


def failures():
    for seed in SEEDS:
        for rate in (0, 0.1, 0.5, 1):
            fails = draw_failures(seed, 1000, rate)
            delays = draw(seed, 1000, 0, 0.05)
            told = f"seed={seed}&max_delay=0.05&fail_rate={rate}&fail_status=418"
            rows = [json.loads(row) for row in ask(f"/wait_n?n=1000&format=ndjson&{told}").splitlines()]
            last = rows.pop()
            same({row["index"]: row["delay"] for row in rows}, dict(enumerate(delays)), told)
            got = {row["index"] for row in rows if "state" in row}
            same(got, {i for i in range(1000) if fails[i]}, told)
            assert all(row["error"]["status"] == 418 for row in rows if "state" in row), told
            same((last["done"], last["failed"]), (1000 - sum(fails), sum(fails)), told)
            same(status_of(f"/wait?{told}"), 418 if fails[0] else 200, told)
            # A fixed delay draws none, and its failures stay the same.
            path = f"/wait_n?n=1000&seed={seed}&delay=0&fail_rate={rate}&order=index"
            got = json.loads(ask(path))
            same(got["delays"], [None if fail else 0 for fail in fails], path)
        made = json.loads(ask("/tasks", {"n": 300, "seed": seed, "delay": 0, "fail_rate": 0.3}))
        ended = json.loads(ask(f"/tasks?group={made['group']}&wait=30"))["done"]
        state = {task["id"]: task["state"] for task in ended}
        same([state[task["id"]] == "failed" for task in made["tasks"]],
             draw_failures(seed, 300, 0.3), seed)
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


# ---- asyncio with failures ----------------------------------------------------------


class Failure(Exception):
    pass


class Story:
    """n coroutines, at most `limit` at once, of which some raise; what became of each, in
    which order."""

    def __init__(self, seed, count, rate, limit, low=0.0, high=0.3):
        self.delays = draw(seed, count, low, high)
        self.fails = draw_failures(seed, count, rate)
        self.limit = limit
        self.order = []  # (index, state) of those that ended by themselves
        self.error = False  # the whole raised
        self.asked = {"n": count, "seed": seed, "min_delay": low, "max_delay": high,
                      "fail_rate": rate} | ({"limit": limit} if limit else {})

    async def one(self, semaphore, index):
        async with semaphore:
            await asyncio.sleep(self.delays[index])
            self.order.append((index, "failed" if self.fails[index] else "done"))
            if self.fails[index]:
                raise Failure(index)
            return self.delays[index]

    def coroutines(self):
        semaphore = asyncio.Semaphore(self.limit or len(self.delays))
        return [self.one(semaphore, i) for i in range(len(self.delays))]

    def run(self, line):
        """What the line of Python leads to."""
        async def whole():
            await line(self)

        self.order, self.error = [], False
        run_jumping(whole())
        return self

    def path(self, more):
        return "/wait_n?" + "&".join(f"{key}={value}" for key, value in (self.asked | more).items())


def tasks_of(story):
    return [asyncio.ensure_future(each) for each in story.coroutines()]


async def cancel_rest(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def wait_for_the(return_when):
    async def line(story):
        tasks = tasks_of(story)
        _, pending = await asyncio.wait(tasks, return_when=return_when)
        await cancel_rest(pending)
        await asyncio.gather(*tasks, return_exceptions=True)

    return line


def as_completed(count):
    async def line(story):
        tasks = tasks_of(story)
        for task in itertools.islice(asyncio.as_completed(tasks), count):
            try:
                await task
            except Failure:
                pass
        await cancel_rest(tasks)

    return line


async def gather_exceptions(story):
    story.results = await asyncio.gather(*story.coroutines(), return_exceptions=True)


async def task_group(story):
    try:
        async with asyncio.TaskGroup() as group:
            for each in story.coroutines():
                group.create_task(each)
    except* Failure:
        story.error = True


LINES = [
    ({}, gather_exceptions),
    ({"on_error": "collect"}, gather_exceptions),
    ({"on_error": "cancel"}, task_group),
    ({"return_when": "first"}, wait_for_the(asyncio.FIRST_COMPLETED)),
    ({"return_when": "first_error"}, wait_for_the(asyncio.FIRST_EXCEPTION)),
    ({"return_when": "all"}, wait_for_the(asyncio.ALL_COMPLETED)),
    ({"return_when": 1}, as_completed(1)),
    ({"return_when": 7}, as_completed(7)),
    ({"return_when": 10**4}, as_completed(10**4)),
]
STORIES = [(seed, count, rate, limit)
           for seed, count, limit in [(1, 1, 0), (2, 10, 0), (3, 300, 0), (4, 20, 3), (5, 30, 1),
                                      (6, 100, 99)]
           for rate in (0, 0.15, 1)]


def compare_rows(story, more):
    """Event by event, as ndjson has them; and json and the text, which sort them out."""
    path = story.path(more)
    *rows, last = map(json.loads, ask(path + "&format=ndjson").splitlines())
    order = [(row["index"], row.get("state", "done")) for row in rows]
    same(order, story.order, path)
    done = [index for index, state in order if state == "done"]
    cancelled = len(story.delays) - len(order)
    counts = (len(done), len(order) - len(done), cancelled)
    same((last["done"], last["failed"], last["cancelled"]), counts, path)
    same(last.get("error"), rows[-1]["error"] if story.error else None, path)
    assert all(row["elapsed"] >= row["delay"] for row in rows), path
    delays = [story.delays[index] for index in done]
    whole = json.loads(ask(path))
    same(whole["delays"], delays, path)
    same([row["index"] for row in whole.get("failures", [])],
         [index for index, state in order if state == "failed"], path)
    lines = [repr(delay) for delay in delays] + ["# 503 simulated-failure"] * story.error
    same(ask(path + "&format=text").splitlines(), lines, path)
    status = 503 if story.error else 200
    same(status_of(path + "&buffer=true"), status, path)


def at_once(compare):
    """Most of the time is spent waiting."""
    stories = [(Story(*numbers, high=0.05).run(line), more)
               for numbers in STORIES for more, line in LINES]
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        for done in [pool.submit(compare, *story) for story in stories]:
            done.result()


def orchestration():
    at_once(compare_rows)


def compare_groups(stories):
    """All at once, each as a group: those that ended by themselves in that order, the rest
    cancelled."""
    made = [json.loads(ask("/tasks", story.asked | more)) for story, more, _ in stories]
    for (story, more, line), group in zip(stories, made):
        what = story.asked | more
        story.run(line)
        answer = json.loads(ask(f"/tasks?group={group['group']}&wait=30"))
        index = {task["id"]: i for i, task in enumerate(group["tasks"])}
        ended = [(index[task["id"]], task["state"]) for task in answer["done"]]
        same([each for each in ended if each[1] != "cancelled"], story.order, what)
        same(sorted(index for index, _ in ended), list(range(len(index))), what)
        assert all(task["cancel_reason"] == "cancel" for task in answer["done"]
                   if task["state"] == "cancelled"), what
        for task in answer["done"][:20]:
            failed = task["state"] == "failed"
            assert (task["error"] or {}).get("status") == (503 if failed else None), task
            status = {"done": 200, "failed": 503, "cancelled": 409}[task["state"]]
            same(status_of(f"/tasks/{task['id']}/result"), status, task)
        streamed = json.loads(ask(f"/tasks?group={group['group']}&stream=true"))
        same([streamed[state] for state in ("done", "failed", "cancelled")],
             [[state for _, state in ended].count(each) for each in ("done", "failed", "cancelled")],
             what)


def groups():
    compare_groups([(Story(*numbers), more, line) for numbers in STORIES for more, line in LINES])
    ask("/reset", {})


def ask_preferring(path):
    request = urllib.request.Request(URL + path, headers={"Prefer": "wait=30"})
    with OPEN(request, timeout=60) as answer:
        return answer.headers["Location"], json.loads(answer.read())


def compare_forms(story, more):
    _, got = ask_preferring(story.path(more))
    expected = json.loads(ask(story.path(more)))
    for one in (got, expected):
        del one["elapsed"]
        for row in one.get("failures", []):
            assert row.pop("elapsed") >= row["delay"], row
    same(got, expected, story.path(more))


def prefer():
    """/wait_n that has become a group says what /wait_n says."""
    at_once(compare_forms)


def gather_raises():
    """gather() without return_exceptions: it raises at the first failure, and the rest runs on:
    losers=keep."""
    async def line(story):
        tasks = tasks_of(story)
        try:
            await asyncio.gather(*tasks)
        except Failure:
            story.then = list(story.order)
        await asyncio.gather(*tasks, return_exceptions=True)

    for seed, limit in [(1, 0), (2, 0), (3, 4)]:
        story = Story(seed, 20, 0.3, limit, 0.3, 0.9).run(line)
        more = {"return_when": "first_error", "losers": "keep", "group": f"gather{seed}"}
        made = json.loads(ask("/tasks", story.asked | more))
        index = {task["id"]: i for i, task in enumerate(made["tasks"])}
        answer = json.loads(ask(f"/tasks?group=gather{seed}&return_when=first_error"))
        same([(index[task["id"]], task["state"]) for task in answer["done"]], story.then, seed)
        answer = json.loads(ask(f"/tasks?group=gather{seed}&return_when=all"))
        same([(index[task["id"]], task["state"]) for task in answer["done"]], story.order, seed)
        same(answer["pending"], [], seed)
        del more["group"]
        where, got = ask_preferring(story.path(more))
        same(got["done"] + got["failed"], len(story.then), seed)
        same(([row["index"] for row in got["failures"]], got["cancelled"]),
             ([story.then[-1][0]], 0), seed)
        answer = json.loads(ask(where + "&wait=30"))
        same([task["state"] for task in answer["done"]], [state for _, state in story.order], seed)
    ask("/reset", {})


CHECKS = (wait, wait_n, group, semaphore, return_when, gather)
CHECKS += (failures, orchestration, groups, prefer, gather_raises)
CHECKS += (exercise_0, exercise_1, exercise_2, exercise_3, exercise_4)
{check.__name__: check for check in CHECKS}[sys.argv[2]]()

#!/usr/bin/env python3
"""models.py URL WHAT: the distributions against Python's random, and against what they
are said to be: a Kolmogorov-Smirnov test of 100,000 draws of each."""

import bisect
import json
import math
import random
import sys
import urllib.error

import asking

SEEDS = [0, 1, 7, 2**32, 2**53 - 1, 2**63 - 1]
Z99 = 2.3263478740408408


def ask(path, body=None):
    return json.loads(asking.ask(path, body))


def refusal(path, body=None):
    try:
        answer = ask(path, body)
    except urllib.error.HTTPError as error:
        assert error.code == 400, (path, error.code)
        return json.loads(error.read())
    raise AssertionError(f"{path} {body}: taken: {answer}")


# ---- what Python draws --------------------------------------------------------------


def percentile(points):
    u = random.random()
    i = min(bisect.bisect_right([q for _, q in points], u), len(points) - 1)
    (a, q), (b, r) = points[i - 1], points[i]
    return a + (b - a) * ((u - q) / (r - q))


CHOICES, WEIGHTS = [0.1, 2.0, 0.25, 7.5], [0.9, 0.1, 0, 2.5]
POINTS = [(0.01, 0), (0.05, 0.5), (0.3, 0.95), (1.0, 0.99), (3.0, 1)]
CHOICE = "choice=" + ",".join(f"{value}:{weight}" for value, weight in zip(CHOICES, WEIGHTS))

# parameters, one draw as Python makes it, how far off it may be
DRAWS = [
    ("dist=uniform&min_delay=0.5&max_delay=9.7", lambda: random.uniform(0.5, 9.7), 0),
    ("dist=" + CHOICE.replace("choice=", "choice&choice="),
     lambda: random.choices(CHOICES, WEIGHTS)[0], 0),
    ("dist=choice&choice=100ms,2s,3", lambda: random.choices([0.1, 2.0, 3.0])[0], 0),
    ("dist=normal&mean=20&stddev=3", lambda: random.normalvariate(20, 3), 1e-12),
    ("dist=lognormal&median=80ms&sigma=0.4",
     lambda: random.lognormvariate(math.log(0.08), 0.4), 1e-12),
    ("dist=lognormal&median=10ms&p99=1s",
     lambda: random.lognormvariate(math.log(0.01), math.log(1 / 0.01) / Z99), 1e-12),
    ("dist=exponential&mean=200ms", lambda: random.expovariate(1 / 0.2), 1e-12),
    ("dist=percentiles&min_delay=10ms&p50=50ms&p95=300ms&p99=1s&max=3s",
     lambda: percentile(POINTS), 1e-12),
    ("dist=percentiles&p95=1&max=2", lambda: percentile([(0, 0), (1, 0.95), (2, 1)]), 1e-12),
    # Windows: what is outside is drawn again.
    ("dist=normal&mean=1&stddev=1&min_delay=0.5&max_delay=1.25",
     lambda: inside(lambda: random.normalvariate(1, 1), 0.5, 1.25), 1e-12),
    ("dist=exponential&mean=10&max_delay=200ms",
     lambda: inside(lambda: random.expovariate(1 / 10), 0, 0.2), 1e-12),
    ("dist=percentiles&p50=1&max=2&max_delay=1.5",
     lambda: inside(lambda: percentile([(0, 0), (1, 0.5), (2, 1)]), 0, 1.5), 1e-12),
    ("dist=choice&choice=1,2,3,4&min_delay=2&max_delay=3",
     lambda: inside(lambda: random.choices([1.0, 2.0, 3.0, 4.0])[0], 2, 3), 0),
    # Without spread.
    ("dist=normal&mean=2&stddev=0", lambda: 2.0, 0),
    ("dist=lognormal&median=2&sigma=0", lambda: 2.0, 0),
    ("dist=lognormal&median=2&p99=2", lambda: 2.0, 0),
    ("dist=exponential&mean=0", lambda: 0.0, 0),
]


def inside(draw, low, high):
    while True:
        value = draw()
        if low <= value <= high:
            return value


def near(got, expected, off, what):
    for i, (a, b) in enumerate(zip(got, expected, strict=True)):
        assert abs(a - b) <= off * abs(b), f"{what}: number {i} is {a!r}, Python's is {b!r}"


def python():
    for parameters, draw, off in DRAWS:
        for seed in SEEDS:
            random.seed(seed)
            expected = [draw() for _ in range(1000)]
            told = f"{parameters}&seed={seed}&dry_run=true"
            got = ask(f"/wait_n?n=1000&order=index&{told}")
            assert got["seed"] == seed and "elapsed" not in got, got
            near(got["delays"], expected, off, told)
            # In order of completion.
            got = ask(f"/wait_n?n=1000&{told}")["delays"]
            near(got, sorted(expected), off, told)
            near([ask(f"/wait?{told}")["delay"]], expected[:1], off, told)


def lazily():
    """A batch that is drawn as it is reached for draws the same."""
    for parameters, draw, off in DRAWS[:13]:
        random.seed(7)
        expected = sorted(draw() for _ in range(20_000))
        got = ask(f"/wait_n?n=20000&seed=7&dry_run=true&{parameters}")["delays"]
        near(got, expected, off, parameters)


def everywhere():
    """/wait, /wait_n, /measure, POST /tasks and PUT /tasks/ID draw the same, for real."""
    body = {"dist": "choice", "choice": ["10ms:1", "20ms:3", "0.015"], "seed": 3}
    random.seed(3)
    expected = random.choices([0.01, 0.02, 0.015], [1, 3, 1], k=1) + random.choices(
        [0.01, 0.02, 0.015], [1, 3, 1], k=5)
    result = ask("/wait", body)
    assert result["delay"] == expected[0] <= result["elapsed"], result
    assert ask("/wait_n", {**body, "n": 6})["delays"] == sorted(expected)
    total = ask("/measure", {**body, "n": 6, "mode": "both"})
    assert total["concurrent"]["total"] >= max(expected), total
    assert total["sequential"]["total"] >= sum(expected) - 1e-9, total
    dry = ask("/measure", {**body, "n": 6, "mode": "both", "limit": [2], "dry_run": True})
    assert dry["concurrent"]["total"] == 0.02, dry
    assert dry["sequential"]["total"] == 0.11, dry
    assert dry["sequential"]["total"] / 2 <= dry["limited"][0]["total"] < dry["sequential"]["total"]
    made = ask("/tasks", {**body, "n": 6})
    assert [task["delay"] for task in made["tasks"]] == expected, made
    assert ask("/tasks", body)["delay"] == expected[0]


# ---- Kolmogorov and Smirnov ---------------------------------------------------------


def phi(x):
    return math.erfc(-x / math.sqrt(2)) / 2


def truncated(cdf, low, high):
    below, within = cdf(low), cdf(high) - cdf(low)
    return lambda x: (cdf(x) - below) / within


def linear(points):
    def cdf(x):
        for (a, q), (b, r) in zip(points, points[1:]):
            if x < b:
                return q + (r - q) * max(0, x - a) / (b - a)
        return 1

    return cdf


CDFS = [
    ("dist=uniform&min_delay=1&max_delay=3", lambda x: (x - 1) / 2),
    ("dist=normal&mean=100&stddev=10", lambda x: phi((x - 100) / 10)),
    ("dist=normal&mean=1&stddev=1&min_delay=0.5&max_delay=1.5",
     truncated(lambda x: phi(x - 1), 0.5, 1.5)),
    ("dist=lognormal&median=80ms&sigma=0.4", lambda x: phi(math.log(x / 0.08) / 0.4)),
    ("dist=lognormal&median=10ms&p99=1s", lambda x: phi(math.log(x / 0.01) * Z99 / math.log(100))),
    ("profile=p99-heavy-api", lambda x: phi(math.log(x / 0.01) * Z99 / math.log(100))),
    ("dist=exponential&mean=200ms", lambda x: -math.expm1(-x / 0.2)),
    ("dist=exponential&mean=10&max_delay=200ms",
     truncated(lambda x: -math.expm1(-x / 10), 0, 0.2)),
    ("dist=percentiles&min_delay=10ms&p50=50ms&p95=300ms&p99=1s&max=3s", linear(POINTS)),
]
DRAWN = 100_000
# The distance is above that once in 10,000 runs; the seeds are fixed.
CRITICAL = 2.2253 / math.sqrt(DRAWN)


def smirnov():
    for parameters, cdf in CDFS:
        delays = ask(f"/wait_n?n={DRAWN}&seed=1&dry_run=true&{parameters}")["delays"]
        assert len(delays) == DRAWN
        distance = max(
            max((i + 1) / DRAWN - cdf(x), cdf(x) - i / DRAWN) for i, x in enumerate(delays)
        )
        assert distance < CRITICAL, f"{parameters}: {distance} of {CRITICAL}"
        print(f"{parameters}: {distance * math.sqrt(DRAWN):.3f}")


def discrete():
    """A choice has steps: chi squared with 2 degrees of freedom, 18.4 once in 10,000."""
    for seed in (1, 2):
        delays = ask(f"/wait_n?n={DRAWN}&seed={seed}&dry_run=true&dist=choice&{CHOICE}")["delays"]
        total = sum(WEIGHTS)
        assert 0.25 not in delays
        chi = sum(
            (delays.count(value) - DRAWN * weight / total) ** 2 / (DRAWN * weight / total)
            for value, weight in zip(CHOICES, WEIGHTS) if weight
        )
        assert chi < 18.4, chi


# ---- what must be refused -----------------------------------------------------------

MODELS = {
    "normal": {"needs": ["mean", "stddev"]},
    "lognormal": {"needs": ["median"], "one": ["sigma", "p99"]},
    "exponential": {"needs": ["mean"]},
    "choice": {"needs": ["choice"]},
    "percentiles": {"needs": ["max"], "one": ["p50", "p95", "p99"]},
    "fixed": {"needs": ["delay"]},
    "uniform": {"needs": []},
}
GOOD = {"mean": "1", "stddev": "1", "median": "1", "sigma": "1", "p99": "3", "choice": "1",
        "max": "4", "p50": "1", "p95": "2", "delay": "1"}
ENDPOINTS = ["/wait?", "/wait_n?n=3&", "/measure?n=3&"]


def query(dist, names):
    return "&".join([f"dist={dist}"] * bool(dist) + [f"{name}={GOOD[name]}" for name in names])


def parameters():
    for dist, model in MODELS.items():
        needs, one = model["needs"], model.get("one", [])
        enough = needs + one[:1]
        for endpoint in ENDPOINTS:
            ask(f"{endpoint}dry_run=true&{query(dist, enough)}")
            for missing in needs:
                got = refusal(endpoint + query(dist, [n for n in enough if n != missing]))
                assert got["param"] == missing and "value" not in got, got
            if one:
                got = refusal(endpoint + query(dist, needs))
                assert got["param"] in one and all(name in got["detail"] for name in one), got
            for strange in GOOD:
                if strange in needs + one:
                    continue
                got = refusal(endpoint + query(dist, enough + [strange]))
                assert {got["param"], got["conflicts_with"]} == {strange, "dist"}, got
    for name in GOOD:
        if name != "delay":
            got = refusal("/wait?" + query(None, [name]))
            assert got["param"] == name and "dist=" in got["detail"], got
    for name in set(GOOD) - {"delay"}:
        got = refusal("/wait?" + query(None, [name, "delay"]))
        assert {got["param"], got["conflicts_with"]} == {name, "delay"}, got


# query, param, conflicts_with
CONTRADICTING = [
    ("dist=lognormal&median=1&sigma=1&p99=2", "sigma", "p99"),
    ("dist=lognormal&median=2&p99=1", "median", "p99"),
    ("dist=percentiles&p50=2&p95=1&max=3", "p50", "p95"),
    ("dist=percentiles&p95=2&p99=1&max=3", "p95", "p99"),
    ("dist=percentiles&p50=4&max=3", "p50", "max"),
    ("dist=percentiles&min_delay=2&p50=1&max=3", "min_delay", "p50"),
    ("dist=percentiles&min_delay=2&p50=2&max=3&max_delay=1", "min_delay", "max_delay"),
    ("dist=normal&mean=1&stddev=0.1&max_delay=0.5", "max_delay", "dist"),
    ("dist=normal&mean=1&stddev=0.1&min_delay=1.5", "min_delay", "dist"),
    ("dist=normal&mean=2&stddev=0&max_delay=1", "max_delay", "dist"),
    ("dist=exponential&mean=100&max_delay=1", "max_delay", "dist"),
    ("dist=exponential&mean=1&min_delay=5", "min_delay", "dist"),
    ("dist=lognormal&median=1&sigma=1&max_delay=10ms", "max_delay", "dist"),
    ("dist=choice&choice=1,2&max_delay=0.5", "max_delay", "dist"),
    ("dist=choice&choice=1:1000,2:1&min_delay=2", "min_delay", "dist"),
    ("dist=percentiles&p99=1&max=2&max_delay=5ms", "max_delay", "dist"),
    ("dist=choice&choice=1:0,2:0", "choice", None),
    ("dist=choice&choice=1:1e308,2:1e308", "choice", None),
    ("dist=choice&choice=1:NaN", "choice", None),
    ("dist=choice&choice=1:-1", "choice", None),
    ("dist=choice&choice=1:1e309", "choice", None),
    ("dist=choice&choice=301:1", "choice", None),
    ("dist=choice&choice=" + ",".join(["1"] * 65), "choice", None),
    ("dist=lognormal&median=0&sigma=1", "median", None),
    ("dist=lognormal&median=1&sigma=11", "sigma", None),
    ("dist=normal&mean=301&stddev=1", "mean", None),
    ("dist=gamma&mean=1", "dist", None),
    ("dist=fixed&delay=1&max_delay=2", "delay", "max_delay"),
    ("dist=fixed&delay=1&seed=1", "delay", "seed"),
    ("profile=3g&seed=1", "profile", "seed"),
    ("profile=3g&delay=1", "profile", "delay"),
    ("profile=3g&max_delay=1", "profile", "max_delay"),
    ("profile=p99-heavy-api&dist=lognormal", "profile", "dist"),
    ("profile=p99-heavy-api&p99=2s", "profile", "p99"),
    ("profile=nowhere", "profile", None),
    ("dry_run=true&timeout=1", "dry_run", "timeout"),
    ("dry_run=true&label=x", "dry_run", "label"),
    ("dry_run=true&status=500", "dry_run", "status"),
    ("dry_run=true&fail_rate=1", "dry_run", "fail_rate"),
    ("dry_run=true&event=go", "dry_run", "event"),
]


def contradictions():
    for told, param, other in CONTRADICTING:
        got = refusal("/wait?" + told)
        assert (got["param"], got.get("conflicts_with")) == (param, other), (told, got)
    # Not as JSON either; 10,000 choices fit into a body, as a string and as a list.
    for path in ("/wait", "/wait_n?n=1", "/measure?n=1", "/tasks"):
        for choices in (",".join(["1:1"] * 10_000), ["1"] * 10_000):
            got = refusal(path, {"dist": "choice", "choice": choices})
            assert got["param"] == "choice" and "at most 64" in got["detail"], got
    # What is odd, and taken.
    for told in ["dist=choice&choice=1:0,2:1e308", "dist=percentiles&p50=1&p95=1&max=1",
                 "dist=choice&choice=" + ",".join(["1"] * 64), "dist=exponential&mean=300"]:
        ask("/wait?dry_run=true&" + told)


TESTS = (python, lazily, everywhere, smirnov, discrete, parameters, contradictions)
{test.__name__: test for test in TESTS}[sys.argv[2]]()

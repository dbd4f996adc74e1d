#!/usr/bin/env python3
"""decimals.py PORT SEED STEPS: a manual clock against a model that counts in decimals.

Tasks, groups with a limit and PATCH get delays of up to 6 decimals, in any unit. The model adds
them up without rounding. So must the server: at each time it has ended what is due, and of the
rest it tells what remains, to the last digit.
"""

import heapq
import json
import random
import sys
from decimal import Decimal

from clock import Client

UNITS = (("", 1), ("s", 1), ("ms", 1000), ("us", 1000000))


class Model:
    def __init__(self, port, seed):
        self.control, self.random = Client(port), random.Random(seed)
        self.now, self.ends, self.started = Decimal(0), {}, 0

    def ask(self, path, method="GET"):
        status, body = self.control.get(path, method)
        assert status in (200, 201), (path, status, body)
        return json.loads(body, parse_float=Decimal, parse_int=Decimal)

    def draw(self, most):
        count = self.random.randrange(1, most * 1000)
        return Decimal(count) / self.random.choice((100, 1000, 10000, 1000000))

    def written(self, seconds):
        unit, per_second = self.random.choice(UNITS)
        return f"{(seconds * per_second).normalize():f}{unit}"

    def start_one(self):
        self.started += 1
        delay, name = self.draw(5), f"one-{self.started}"
        task = self.ask(f"/tasks/{name}?delay={self.written(delay)}", "PUT")
        assert task["delay"] == delay, (delay, task)
        self.ends[name] = self.now + delay

    def start_group(self):
        delay, limit = self.draw(2), self.random.randrange(1, 4)
        path = f"/tasks?n={limit * 2 + 1}&limit={limit}&delay={self.written(delay)}"
        running = [self.now] * limit
        for task in self.ask(path, "POST")["tasks"]:
            end = heapq.heapreplace(running, running[0] + delay)
            self.ends[task["id"]] = end + delay

    def put_off(self):
        alone = [name for name, end in self.ends.items()
                 if name.startswith("one-") and end > self.now]
        if alone:
            name, by = self.random.choice(alone), self.draw(1)
            self.ask(f"/tasks/{name}?add={self.written(by)}", "PATCH")
            self.ends[name] += by

    def advance(self):
        left = [end for end in self.ends.values() if end > self.now]
        to_next = left and self.random.random() < 0.5
        by = min(left) - self.now if to_next else self.draw(1)
        answer = self.ask(f"/clock/advance?by={self.written(by)}", "POST")
        self.now += by
        assert answer["now"] == self.now, (answer, self.now)

    def compare(self):
        for name, end in self.ends.items():
            task = self.ask(f"/tasks/{name}")
            over = task["state"] == "done"
            assert over == (end <= self.now), (task, end, self.now)
            assert task["state"] == "queued" or task["remaining"] == max(end - self.now, 0), (
                task, end, self.now)
        self.ends = {name: end for name, end in self.ends.items() if end > self.now}


def main():
    port, seed, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(f"seed {seed}", flush=True)
    model = Model(port, seed)
    for _ in range(steps):
        for act in model.random.sample((model.start_one, model.start_group, model.put_off), 2):
            act()
        model.advance()
        model.compare()
    print(f"{steps} steps, to {model.now} s")


if __name__ == "__main__":
    main()

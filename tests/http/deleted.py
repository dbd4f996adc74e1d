#!/usr/bin/env python3
"""deleted.py PORT N: a group of N tasks is deleted, or one of it is, while the two lists of
asyncio.wait() are made slice by slice: each task is in one of them, once.
"""

import random
import sys
import time

from raw import Raw, message

PORT, N = int(sys.argv[1]), int(sys.argv[2])
PATIENCE = 60
TRIES = 15


def ids_of(tasks):
    return [task["id"] for task in tasks]


def ask_and_delete(reader, deleter):
    expected = ids_of(deleter.ask("POST", f"/tasks?n={N}&delay=60&group=g").json()["tasks"])
    what = random.choice(("?group=g", f"/{random.choice(expected)}"))
    reader.send(message("GET", "/tasks?group=g&wait=0"))
    time.sleep(random.uniform(0, 0.006))
    assert deleter.ask("DELETE", f"/tasks{what}").status in (200, 204), what
    answer = reader.answer()
    if answer.status != 404:  # it was read after the group had gone
        lists = answer.json()
        told = ids_of(lists["done"]) + ids_of(lists["pending"])
        assert len(told) == len(set(told)), "twice"
        gone = {what[1:]}  # that one may have gone before it was asked
        assert set(expected) - set(told) <= gone, (what, len(told))
    deleter.ask("DELETE", "/tasks?group=g")


with Raw(PORT, PATIENCE) as one, Raw(PORT, PATIENCE) as other:
    for _ in range(TRIES):
        ask_and_delete(one, other)

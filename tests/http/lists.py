#!/usr/bin/env python3
"""lists.py PORT N: lists of a group of N tasks, made slice by slice while its tasks end, others
come and go, and clients leave in the middle of their lists.

Whoever reads all pages finds each of the N once, in order; the two lists of asyncio.wait()
have each in one of them, and in `done` only what has ended.
"""

import random
import sys
import threading
import time

from raw import Raw, message

PORT, N = int(sys.argv[1]), int(sys.argv[2])
PATIENCE = 60
SPAN = 1.5  # seconds, in which the tasks of the group end
ENDED = {"done", "failed", "cancelled"}

over = threading.Event()
failures = []


def told(client, method, path):
    answer = client.ask(method, path)
    assert answer.status < 300, (method, path, answer)
    return answer.json()


def read_pages(client):
    ids, query = [], ""
    while query is not None:
        page = told(client, "GET", f"/tasks?group=race&limit={random.randint(300, 1000)}{query}")
        assert page["total"] == N, page["total"]
        ids += [task["id"] for task in page["tasks"]]
        query = page["next"] and f"&cursor={page['next']}"
    assert ids == expected, "pages"


def read_lists(client):
    lists = told(client, "GET", "/tasks?group=race&wait=0.001")
    done = [task["id"] for task in lists["done"]]
    pending = [task["id"] for task in lists["pending"]]
    assert sorted(done + pending) == sorted(expected), (len(done), len(pending))
    assert all(task["state"] in ENDED for task in lists["done"])
    assert lists["timed_out"] == bool(pending)
    left = set(pending)
    assert pending == [name for name in expected if name in left], "order of creation"
    ends = [task["finished_at"] for task in lists["done"]]
    assert ends == sorted(ends), "order of completion"


def read():
    client = Raw(PORT, PATIENCE)
    while not over.is_set():
        read_pages(client)
        read_lists(client)


def churn():
    client = Raw(PORT, PATIENCE)
    while not over.is_set():
        told(client, "POST", "/tasks?n=50&delay=60&group=churn")
        told(client, "DELETE", "/tasks?group=churn")


def leave():
    while not over.is_set():
        raw = Raw(PORT, PATIENCE)
        raw.send(message("GET", random.choice(("/tasks?limit=1000", "/metrics",
                                               "/tasks?group=race&wait=0.001"))))
        time.sleep(random.uniform(0, 0.004))
        raw.reset()


def guarded(work):
    try:
        work()
    except Exception as error:  # pylint: disable=broad-except
        failures.append(f"{work.__name__}: {error!r}")


control = Raw(PORT, PATIENCE)
expected = [task["id"] for task in
            told(control, "POST", f"/tasks?n={N}&max_delay={SPAN}&group=race")["tasks"]]
threads = [threading.Thread(target=guarded, args=(work,))
           for work in (read, read, churn, leave)]
for thread in threads:
    thread.start()
told(control, "GET", "/tasks?group=race&return_when=all")
over.set()
for thread in threads:
    thread.join()
read_pages(control)
read_lists(control)
assert not failures, failures

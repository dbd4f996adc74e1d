#!/usr/bin/env python3
"""workers.py PORT WHAT: clients on every worker, and names that are at home on every other.

names     a task is the same for all clients, wherever it lives
awaiters  a cancel on any worker wakes who awaits the task on any other
streams   a row that a request at the home causes comes to a client elsewhere, at once
slow      a client that reads a stream late gets all of it
leave     a client that leaves while another worker answers it leaves nothing behind
pages     each task stands on one page, in the order in which they were listed
reset     everywhere or nowhere, though its client leaves while others are asked before it
kept      of the ended tasks as many are kept as --max-tasks (10) says, whoever ended them
"""

import json
import sys
import time

from raw import Raw, all_is_read, client_on, eventually, message, name_at, tasks

PORT = int(sys.argv[1])
SOON = 5  # seconds; what is forgotten would come never


def workers():
    with Raw(PORT) as raw:
        return raw.ask("GET", "/").json()["flags"]["workers"]


COUNT = workers()


def name_here(worker, prefix):
    return name_at(worker, COUNT, prefix)


def client_here(worker):
    return client_on(PORT, worker, COUNT, SOON)


CLIENTS = [client_here(worker) for worker in range(COUNT)]


def pairs():
    return [(client, lives) for client in range(COUNT) for lives in range(COUNT)]


def names():
    for asks, lives in pairs():
        task = f"/tasks/{name_here(lives, f'names-{asks}-')}"
        mine, other = CLIENTS[asks], CLIENTS[(asks + 1) % COUNT]
        assert mine.ask("PUT", f"{task}?delay=60").status == 201
        assert other.ask("PUT", f"{task}?delay=60").status == 200
        assert other.ask("PUT", f"{task}?delay=61").status == 409
        assert mine.ask("GET", task).json()["state"] == "pending"
        assert other.ask("GET", f"{task}/result?timeout=0.05").status == 504
        assert other.ask("PATCH", f"{task}?delay=0").json()["state"] == "done"
        assert mine.ask("GET", f"{task}/result").status == 200
        assert mine.ask("POST", f"{task}/cancel").json()["cancelled"] is False
        assert other.ask("DELETE", task).status == 204
        assert mine.ask("GET", task).status == 404


def awaiters():
    for asks, lives in pairs():
        task = f"/tasks/{name_here(lives, f'awaited-{asks}-')}"
        assert CLIENTS[asks].ask("PUT", f"{task}?delay=60").status == 201
        waiting = [client_here(worker) for worker in range(COUNT)]
        for client in waiting:
            client.send(message("GET", f"{task}/result"))
        eventually(lambda: all_is_read(PORT))
        assert CLIENTS[asks].ask("POST", f"{task}/cancel").json()["cancelled"] is True
        for client in waiting:
            assert client.answer().status == 409
            client.socket.close()


def streams():
    for reads, lives in pairs():
        group = name_here(lives, f"streamed-{reads}-")
        made = [CLIENTS[lives].ask("POST", f"/tasks?delay=60&group={group}").json()["id"]
                for _ in range(3)]
        reader = client_here(reads)
        reader.send(message("GET", f"/tasks?group={group}&stream=true&format=ndjson"))
        reader.until(b"\r\n\r\n")
        time.sleep(0.05)  # nothing shows that the home knows it
        for each in made:
            assert CLIENTS[lives].ask("POST", f"/tasks/{each}/cancel").status == 200
            assert json.loads(reader.chunk().splitlines()[0])["id"] == each
        reader.until(b"0\r\n\r\n")
        reader.socket.close()


def slow():
    for reads, lives in pairs():
        group = name_here(lives, f"slow-{reads}-")
        made = CLIENTS[reads].ask("POST", f"/tasks?n=3000&delay=0.01&group={group}")
        assert made.status == 201 and len(made.json()["tasks"]) == 3000
        reader = client_here(reads)
        reader.send(message("GET", f"/tasks?group={group}&stream=true&format=ndjson"))
        time.sleep(0.3)  # it is late on purpose
        *rows, last = reader.answer().body.splitlines()
        assert len(rows) == 3000 and json.loads(last)["done"] == 3000, last
        assert CLIENTS[lives].ask("DELETE", f"/tasks?group={group}").json()["removed"] == 3000
        reader.socket.close()


def leave():
    for leaves, lives in pairs():
        task = f"/tasks/{name_here(lives, f'left-{leaves}-')}"
        assert CLIENTS[leaves].ask("PUT", f"{task}?delay=60").status == 201
        for path in (f"{task}/result", f"{task}?wait=30"):
            reader = client_here(leaves)
            reader.send(message("GET", path))
            eventually(lambda: all_is_read(PORT))
            reader.socket.close()
        assert CLIENTS[leaves].ask("GET", task).json()["state"] == "pending"
        assert CLIENTS[lives].ask("DELETE", task).status == 204


def pages():
    expected = []
    for i in range(60):
        name = f"page-{i}"
        CLIENTS[i % COUNT].ask("PUT", f"/tasks/{name}?delay=60&label=page")
        expected.append(name)
    seen, cursor = [], None
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        page = tasks(PORT, f"label=page&limit=7{more}")
        assert page["total"] == 60, page
        seen += [task["id"] for task in page["tasks"]]
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["tasks"]) == 7, page
    assert seen == expected, seen


def reset():
    whole = 1000 * COUNT
    for _ in range(5):
        CLIENTS[0].ask("POST", "/reset")
        for each in CLIENTS:
            assert each.ask("POST", "/tasks?n=1000&delay=60").status == 201
        others = [Raw(PORT) for _ in range(40)]
        for other in others:
            other.send(message("GET", "/tasks?limit=1000"))
        with Raw(PORT) as raw:
            raw.send(message("POST", "/reset"))
            time.sleep(0.002)
        for other in others:
            with other:
                assert other.answer().status == 200
        eventually(lambda: tasks(PORT, "limit=1")["total"] in (0, whole))
    CLIENTS[0].ask("POST", "/reset")


def kept():
    for each in CLIENTS:
        each.ask("POST", "/reset")
    last = COUNT - 1
    assert CLIENTS[0].ask("PUT", f"/tasks/{name_here(last, 'oldest-')}?delay=0").status == 201
    group = name_here(0, "kept-")
    for _ in range(3):
        CLIENTS[0].ask("POST", f"/tasks?n=10&delay=0.05&group={group}")
        eventually(lambda: tasks(PORT, "state=pending")["total"] == 0)
        eventually(lambda: tasks(PORT, "")["total"] == 10)


CHECKS = (names, awaiters, streams, slow, leave, pages, reset, kept)
{check.__name__: check for check in CHECKS}[sys.argv[2]]()

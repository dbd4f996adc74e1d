#!/usr/bin/env python3
"""storm.py PORT WHAT N SEED: clients that leave at the moment at which they are served.

queue    N rounds: one waits for an item and leaves while another puts it
leases   N rounds: one waits for a lease and leaves while another releases it
held     the same with hold=connection
barrier  N rounds of 8 parties, of which one is killed: the others end as on_loss says
line     N waiters on each kind of object are served in the order of arrival
chaos    N requests of all sorts on a few names, from clients that come and go: nothing is held
         in the end

What was *delivered* is what the server says: its journal keeps, under the label of each
round, whether the answer was sent whole before it saw the client leave. A client that leaves
in the same microseconds cannot know; so of a thing that was delivered to one that has not
read it nothing is asked but that nobody else has it. Of all things together:

    put = read by one client + delivered to one that left and read nothing + still there

each thing in one of the three, once. The last line tells how many were in each.
"""

import os
import random
import resource
import signal
import sys
import time

from raw import Closed, Raw, message, metrics, until

PORT, WHAT, N, SEED = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
PATIENCE = 60
NAMES = 8  # at home on all workers
random.seed(SEED)


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def some_microseconds():
    """Mostly the time in which a request is handled, now and then much more."""
    return random.choice((0, random.expovariate(1 / 60e-6), random.uniform(0, 500e-6)))


class Control:
    """A client that stays."""

    def __init__(self):
        self.raw = Raw(PORT, PATIENCE)

    def ask(self, method, path, status=200, body=b"", kind=None):
        headers = [f"Content-Type: {kind}"] if kind else []
        headers += [f"Content-Length: {len(body)}"] if body else []
        self.raw.send(message(method, path, *headers, body=body))
        answer = self.raw.answer()
        assert status in (answer.status, None), (method, path, answer)
        return answer

    def json(self, *request, **more):
        return self.ask(*request, **more).json()

    def settled(self, others):
        """Nobody is connected but so many: what has become of the last one is known, and in
        the mail of all workers before what is asked from now on."""
        settled = until(lambda: metrics(self.raw)["waitd_connections"] == 1 + others, PATIENCE, 0)
        assert settled is not None, "never settled"

    def journal(self, label):
        """What the server says of the request that has ended. What was reset before it was
        read, nobody has heard of."""
        found = self.json("GET", f"/tasks?label={label}")["tasks"] or [{"state": "unheard"}]
        assert len(found) == 1 and found[0]["state"] != "pending", found
        return found[0]

    def blocked(self, path, count):
        state = self.json("GET", f"{path}?waiting={count}&wait={PATIENCE}")
        assert state["waiting"] >= count, state


# ---- those who leave ----------------------------------------------------------------


class Victim:
    """Asks, and leaves in its own way; then `read` is what it has read of an answer."""

    read = None

    def __init__(self, path):
        self.raw = Raw(PORT, PATIENCE)
        self.raw.send(message("POST", path))

    def look(self):
        """What has come by now, where it is a whole answer."""
        self.raw.socket.setblocking(False)
        try:
            self.read = self.raw.answer()
        except (BlockingIOError, Closed):
            pass

    def leave(self):
        raise NotImplementedError

    def gone(self):
        self.raw.socket.close()


class Closes(Victim):
    def leave(self):
        self.look()
        self.raw.socket.close()


class Resets(Victim):
    def leave(self):
        self.raw.reset()


class HalfCloses(Victim):
    """Whatever still comes, it reads."""

    def leave(self):
        self.raw.half_close()

    def gone(self):
        try:
            self.read = self.raw.answer()
        except (Closed, ValueError):
            pass
        self.raw.socket.close()


class Killed(Victim):
    def __init__(self, path):
        ready, told = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            super().__init__(path)
            os.write(told, b".")
            signal.pause()
        os.close(told)
        os.read(ready, 1)
        os.close(ready)

    def leave(self):
        os.kill(self.pid, signal.SIGKILL)

    def gone(self):
        os.waitpid(self.pid, 0)


def any_victim(path):
    return random.choices((Closes, Resets, HalfCloses, Killed), (4, 4, 4, 1))[0](path)


def at_once(one, other):
    """Both, with microseconds between them, whichever is first."""
    first, second = random.sample((one, other), 2)
    first()
    spin(some_microseconds())
    second()


class Tally(dict):
    def add(self, what):
        self[what] = self.get(what, 0) + 1

    def tell(self):
        print(WHAT, N, "rounds:", ", ".join(f"{key} {self[key]}" for key in sorted(self)))


def outcome(victim, said, delivered):
    if victim.read:
        return "read"
    if delivered:
        return "delivered-unread"
    return "unheard" if said["state"] == "unheard" else "still-there"


# ---- items --------------------------------------------------------------------------


def queue():
    control, producer, tally = Control(), Control(), Tally()
    for i in range(N):
        path, kind = f"/queues/storm-{i % NAMES}", f"x/{i}"
        victim = any_victim(f"{path}/get?label={WHAT}-{i}")
        if random.random() < 0.7:
            control.blocked(path, 1)
        at_once(victim.leave, lambda: producer.raw.send(
            message("POST", path, f"Content-Type: {kind}", "Content-Length: 4", body=b"item")))
        assert producer.raw.answer().status == 201
        victim.gone()
        control.settled(1)
        said = control.journal(f"{WHAT}-{i}")
        delivered = said["state"] == "done" and said["result"]["content_type"] is not None
        assert not delivered or said["result"]["content_type"] == kind, said
        rest = control.ask("POST", f"{path}/get?timeout=0", status=None)
        there = rest.status == 200
        assert rest.status in (200, 504), rest
        assert not there or (rest.header("content-type"), rest.body) == (kind, b"item"), rest
        assert there != delivered, (i, type(victim), said, rest)
        if victim.read:
            assert victim.read.status == 200 and victim.read.header("content-type") == kind
            assert delivered, (i, type(victim), said)
        tally.add(outcome(victim, said, delivered))
    for i in range(NAMES):
        state = control.json("GET", f"/queues/storm-{i}")
        assert (state["size"], state["waiting"]) == (0, 0), state
    assert sum(tally.values()) == N
    tally.tell()


# ---- leases -------------------------------------------------------------------------


class Leases:
    """What is known of a semaphore: never more leases than its limit, tokens that rise."""

    def __init__(self, control, path):
        self.control, self.path = control, path
        self.limit = random.randint(1, 3)
        self.held, self.token = [], 0
        for _ in range(self.limit):
            self.acquired(control.json("POST", f"{path}/acquire?limit={self.limit}&ttl=1h"))

    def acquired(self, lease):
        assert lease["token"] > self.token, (lease, self.token)
        self.token = lease["token"]
        self.held.append(lease["lease"])
        assert len(self.held) <= self.limit

    def release(self):
        lease = self.held.pop(0)
        return message("POST", f"{self.path}/release?lease={lease}")


def finish(control, semaphores, tally):
    for each in semaphores:
        state = control.json("GET", each.path)
        assert (state["available"], state["waiting"]) == (0, 0), state
        while each.held:
            control.ask("POST", f"{each.path}/release?lease={each.held.pop()}")
        each.__init__(control, each.path)  # all can be acquired again
    tally.tell()


def leases():
    control, other, tally = Control(), Control(), Tally()
    semaphores = [Leases(control, f"/semaphores/storm-{i}") for i in range(NAMES)]
    for i in range(N):
        each = semaphores[i % NAMES]
        victim = any_victim(f"{each.path}/acquire?ttl=1h&label={WHAT}-{i}")
        if random.random() < 0.7:
            control.blocked(each.path, 1)
        at_once(victim.leave, lambda: other.raw.send(each.release()))
        assert other.raw.answer().status == 200
        victim.gone()
        control.settled(1)
        said = control.journal(f"{WHAT}-{i}")
        delivered = said["state"] == "done" and "available" in said["result"]
        free = control.json("GET", each.path)["available"]
        assert free == (0 if delivered else 1), (i, type(victim), said, free)
        if victim.read:
            assert delivered and victim.read.status == 200, (i, type(victim), said)
            assert victim.read.json()["lease"] == said["result"]["lease"]
        if delivered:
            each.acquired(said["result"])
        else:
            each.acquired(control.json("POST", f"{each.path}/acquire?ttl=1h"))
        tally.add(outcome(victim, said, delivered))
    finish(control, semaphores, tally)


def held():
    """A lease that a connection holds never survives it."""
    control, other, tally = Control(), Control(), Tally()
    semaphores = [Leases(control, f"/semaphores/held-{i}") for i in range(NAMES)]
    for i in range(N):
        each = semaphores[i % NAMES]
        victim = any_victim(f"{each.path}/acquire?hold=connection&label={WHAT}-{i}")
        if random.random() < 0.7:
            control.blocked(each.path, 1)
        at_once(victim.leave, lambda: other.raw.send(each.release()))
        assert other.raw.answer().status == 200
        each.acquired(control.json("POST", f"{each.path}/acquire?ttl=1h"))
        victim.gone()
        control.settled(1)
        said = control.journal(f"{WHAT}-{i}")
        assert said.get("cancel_reason", "disconnect") == "disconnect", said
        tally.add("begun" if said.get("bytes_sent") else "not-begun")
    finish(control, semaphores, tally)


# ---- barriers -----------------------------------------------------------------------


def barrier():
    """The one that is killed has waited or comes to wait; the others come before and after."""
    control, tally, parties = Control(), Tally(), 8
    for i in range(N):
        path = f"/barriers/storm-{i % NAMES}"
        breaks = random.random() < 0.5
        query = f"wait?parties={parties}&timeout={PATIENCE}"
        others = [Raw(PORT, PATIENCE) for _ in range(parties - 1)]
        before = random.randint(0, parties - 2)
        for each in others[:before]:
            each.send(message("POST", f"{path}/{query}"))
        control.blocked(path, before) if before else None
        loss = "break" if breaks else "withdraw"
        victim = Killed(f"{path}/{query}&on_loss={loss}&label={WHAT}-{i}")
        control.blocked(path, before + 1)
        victim.leave()
        victim.gone()
        control.settled(parties - 1)
        said = control.journal(f"{WHAT}-{i}")
        assert said["cancel_reason"] == "disconnect", said
        for each in others[:before] if breaks else ():
            answer = each.answer()
            assert (answer.status, answer.json()["type"]) == (409, "/problems/barrier-broken")
        again = before if breaks else 0
        waiting = others[again:] + [Raw(PORT, PATIENCE) for _ in range(again + 1)]
        for each in waiting[before - again:]:
            each.send(message("POST", f"{path}/{query}"))
        ranks = []
        for each in waiting:
            answer = each.answer()
            assert answer.status == 200, answer
            ranks.append(answer.json()["rank"])
            assert answer.json()["generation"] == i // NAMES + 1, answer
        assert sorted(ranks) == list(range(parties)), ranks
        for each in others + waiting:
            each.socket.close()
        tally.add(loss)
    tally.tell()


# ---- lines --------------------------------------------------------------------------


def in_line(control, path, request):
    """N clients that have come one after the other."""
    clients = []
    for i in range(N):
        clients.append(Raw(PORT, PATIENCE))
        clients[-1].send(message(*request))
        control.blocked(path, i + 1)
    return clients


def answers(clients):
    got = [each.answer() for each in clients]
    for each in clients:
        each.socket.close()
    assert all(each.status == 200 for each in got), [each for each in got if each.status != 200]
    return got


def line():
    control = Control()
    clients = in_line(control, "/queues/line", ("POST", "/queues/line/get"))
    for i in range(N):
        control.ask("POST", "/queues/line", 201, body=b"%d" % i)
    assert [int(each.body) for each in answers(clients)] == list(range(N))

    lease = control.json("POST", "/semaphores/line/acquire")["lease"]
    clients = in_line(control, "/semaphores/line", ("POST", "/semaphores/line/acquire"))
    tokens = []
    for each in clients:
        control.ask("POST", f"/semaphores/line/release?lease={lease}")
        got = each.answer().json()
        lease = got["lease"]
        tokens.append(got["token"])
    assert tokens == sorted(set(tokens))

    clients = in_line(control, "/barriers/line",
                      ("POST", f"/barriers/line/wait?parties={N + 1}"))
    last = control.json("POST", f"/barriers/line/wait?parties={N + 1}")
    assert last["rank"] == N
    assert [each.json()["rank"] for each in answers(clients)] == list(range(N))

    clients = in_line(control, "/events/line", ("GET", "/events/line?timeout=60"))
    assert control.json("PUT", "/events/line")["released"] == N
    assert all(each.json()["generation"] == 1 for each in answers(clients))

    clients = in_line(control, "/latches/line", ("GET", "/latches/line?at_least=1&timeout=60"))
    assert control.json("POST", "/latches/line") == {"value": 1, "waiting": 0}
    assert all(each.json()["value"] == 1 for each in answers(clients))
    print("line", N, "waiters on each kind")


# ---- all at once --------------------------------------------------------------------


def any_request():
    """Of the coordination endpoints, and of those that end what waits there."""
    name = f"chaos-{random.randrange(6)}"
    more = random.choice(("", "", "&timeout=0", "&timeout=3ms", "&timeout=100ms"))
    more += random.choice(("", "", "&label=chaos"))
    get = f"?{random.choice(('wait', 'timeout'))}={random.choice((0, '2ms', '100ms'))}"
    return random.choice((
        ("PUT", f"/events/{name}"), ("DELETE", f"/events/{name}"), ("GET", f"/events/{name}{get}"),
        ("GET", f"/events/{name}{get}&generation={random.randrange(9)}"),
        ("POST", f"/semaphores/{name}/acquire?ttl={random.choice((1, 5, 50))}ms{more}"),
        ("POST", f"/semaphores/{name}/acquire?hold=connection&heartbeat=10ms{more}"),
        ("POST", f"/semaphores/{name}/release?lease={LEASES[name]}"),
        ("POST", f"/barriers/{name}/wait?parties={random.randint(1, 4)}"
                 f"&on_loss={random.choice(('break', 'withdraw'))}{more}"),
        ("POST", f"/barriers/{name}/abort"), ("DELETE", f"/barriers/{name}"),
        ("POST", f"/latches/{name}"), ("GET", f"/latches/{name}{get}&at_least=50"),
        ("POST", f"/queues/{name}?maxsize={random.randint(1, 2)}{more}"),
        ("POST", f"/queues/{name}/get?{more[1:]}"), ("POST", f"/queues/{name}/get?{more[1:]}"),
        ("GET", f"/{random.choice(('queue', 'event', 'barrier', 'semaphore'))}s/{name}{get}"
                f"&waiting={random.randint(1, 4)}"),
        ("GET", f"/wait?delay=1ms&event={name}&timeout=100ms"),
        ("CANCEL", random.choice(("cancel", "DELETE", "PATCH"))),
        ("POST", "/reset") if random.random() < 0.1 else ("GET", "/tasks"),
    ))


LEASES = {f"chaos-{i}": "none" for i in range(6)}


def end_one(control, how):
    """Ends one of those that wait, in one of the ways."""
    listed = control.json("GET", "/tasks?state=pending&limit=20")["tasks"]
    if not listed:
        return
    path = f"/tasks/{random.choice(listed)['id']}"
    method, path = {"cancel": ("POST", f"{path}/cancel"), "DELETE": ("DELETE", path),
                    "PATCH": ("PATCH", f"{path}?delay=0")}[how]
    control.ask(method, path, status=None)


def half_close_and_read(client):
    try:
        client.half_close()
    except OSError:  # closed already
        pass
    client.rest()


def chaos():
    control, clients, tally = Control(), [], Tally()
    for _ in range(N):
        method, path = any_request()
        if method == "CANCEL":
            end_one(control, path)
            continue
        if len(clients) < 40:
            clients.append(Raw(PORT, PATIENCE))
        client = random.choice(clients)
        client.send_what_it_takes(message(method, path))
        if random.random() < 0.4:
            clients.remove(client)
            random.choice((Closes.leave, Resets.leave))(Lost(client))
        elif random.random() < 0.1:
            clients.remove(client)
            half_close_and_read(client)
        tally.add(path.split("/")[1].split("?")[0])
    for client in clients:
        client.socket.close()
    control.settled(0)
    control.ask("POST", "/reset")
    sums = metrics(control.raw)
    held = {name: sums[name] for name in ("waitd_waits", "waitd_tasks", "waitd_objects")}
    assert not any(held.values()), held
    tally.tell()


class Lost(Victim):
    """One whose connection is there already."""

    def __init__(self, raw):
        self.raw = raw


soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
{check.__name__: check for check in (queue, leases, held, barrier, line, chaos)}[WHAT]()

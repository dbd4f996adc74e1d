"""scenarios.py: what real clients do, as stories: each a function of a Story. Where a call
of the server fails, a step of a story may be refused or cut off, but it ends; so no step
counts on the one before it, and whatever waits has a timeout of its own."""

import json
import socket

from raw import Closed, Raw, message

LATE = 10  # seconds: a request that takes so long is stuck
# What may be answered beside what was expected: it has failed, or what it asks about has.
OTHERS = (200, 404, 408, 409, 503, 504)


class Panicked(Exception):
    """A library could not go on, and the program has said so and ended."""


class Story:
    def __init__(self, server, strict):
        self.server, self.strict = server, strict
        self.held = []

    def connect(self):
        try:
            raw = Raw(self.server.port, timeout=LATE)
        except (ConnectionRefusedError, ConnectionResetError):
            if not self.strict and self.server.has_panicked():
                raise Panicked from None
            raise
        self.held.append(raw)
        return raw

    def send(self, method, target, *headers, body=None, raw=None):
        """Its connection, whose answer is taken later."""
        raw = raw or self.connect()
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if body is not None:
            headers += (f"Content-Length: {len(data)}",)
        if body is not None and not any(header.startswith("Content-Type") for header in headers):
            headers += ("Content-Type: application/json",)
        raw.send_what_it_takes(message(method, target, *headers, body=data))
        return raw

    def take(self, raw, *expected, head=False):
        """The answer, or None where there is none: then a call has failed."""
        expected = expected or (200,)
        try:
            answer = raw.answer(head=head)
        except socket.timeout:
            raise AssertionError("a request is stuck") from None
        except (Closed, ConnectionError):
            assert not self.strict or None in expected, "closed without an answer"
            return None
        if answer.status >= 400:
            assert answer.header("content-type") == "application/problem+json", answer
            assert head or answer.json()["status"] == answer.status, answer
        wanted = expected if self.strict else (*expected, *OTHERS)
        assert answer.status in wanted, f"expected one of {wanted}: {answer}"
        return answer

    def ask(self, method, target, *headers, expect=200, **more):
        expected = expect if isinstance(expect, tuple) else (expect,)
        return self.take(self.send(method, target, *headers, **more), *expected)

    def leave(self, *raws):
        for raw in raws or self.held:
            raw.socket.close()


def wait(story):
    raw = story.connect()
    for _ in range(2):
        story.take(story.send("GET", "/wait?delay=10ms&label=a", raw=raw))
        raw = raw if story.strict else story.connect()
    story.ask("POST", "/wait", body={"max_delay": 0.01, "seed": "7", "label": "ä"})
    story.ask("GET", "/wait?delay=5&timeout=10ms", expect=504)
    story.ask("GET", "/wait?delay=0&format=text")
    story.ask("GET", "/wait?dist=lognormal&median=1ms&p99=5ms&seed=1")
    story.ask("GET", "/wait?dist=choice&choice=1ms:0.5,2ms")
    story.ask("GET", "/wait?delay=0" + "&" * 2000)


def wait_n(story):
    for form in ("json", "ndjson", "sse", "text"):
        story.ask("GET", f"/wait_n?n=40&max_delay=20ms&seed=1&format={form}")
    story.ask("GET", "/wait_n?n=20&max_delay=20ms&limit=3&order=index&buffer=true")
    story.ask("GET", "/wait_n?n=9&max_delay=20ms&return_when=3&heartbeat=10ms")
    story.ask("GET", "/wait_n?n=9&max_delay=20ms&fail_rate=0.5&on_error=cancel&buffer=true&seed=1",
              expect=(200, 502, 503))


def group(story):
    story.ask("POST", "/tasks?n=20&max_delay=30ms&group=g&limit=5", expect=201)
    stream = story.send("GET", "/tasks?group=g&stream=true")
    first = story.send("GET", "/tasks?group=g&return_when=first&timeout=1")
    story.take(stream)
    story.take(first)
    story.ask("DELETE", "/tasks?group=g")
    story.ask("POST", "/tasks?n=3&max_delay=20ms&return_when=first&losers=keep", expect=201)


def tasks(story):
    story.ask("PUT", "/tasks/a", body={"delay": 5, "label": "x"}, expect=201)
    result = story.send("GET", "/tasks/a/result?timeout=1")
    poll = story.send("GET", "/tasks/a?wait=1")
    post = story.send("POST", "/tasks/a/result", body={"timeout": 0.01, "cancel_on_timeout": False})
    story.take(post, 504)
    story.ask("POST", "/tasks/a/cancel", expect=(200, 202))
    story.take(result, 409)
    story.take(poll)
    story.ask("DELETE", "/tasks/a", expect=(200, 204))
    story.ask("POST", "/tasks", body={"delay": 0.01, "status": 404}, expect=201)


def patch(story):
    story.ask("PUT", "/tasks/p", body={"delay": 5}, expect=201)
    result = story.send("GET", "/tasks/p/result?timeout=1")
    for change in ({"add": 1}, {"deadline": "2099-01-02T03:04:05Z"}, {"delay": 0.01}):
        story.ask("PATCH", "/tasks/p", body=change, expect=(200, 400))
    story.take(result)


def prefer(story):
    story.ask("GET", "/wait?delay=20ms", "Prefer: respond-async", expect=202)
    story.ask("GET", "/wait?delay=10ms", "Prefer: respond-async, wait=1")
    story.ask("GET", "/wait?delay=0.1", "Prefer: wait=0", expect=202)
    story.ask("GET", "/tasks?state=pending,queued,done")


def measure(story):
    story.ask("GET", "/measure?n=5&max_delay=5ms&mode=both&limit=1,2&seed=1")
    story.ask("POST", "/measure", body={"n": 3, "delay": 0.005, "mode": "concurrent"})


def events(story):
    waits = [story.send("GET", "/events/e?timeout=1") for _ in range(3)]
    story.ask("GET", "/events/e?wait=50ms&waiting=3")
    story.ask("PUT", "/events/e", "Content-Type: application/json", body={"port": 1}, expect=(200, 201))
    for raw in waits:
        story.take(raw, 200, 504)
    story.ask("GET", "/events/e?wait=10ms&generation=1")
    story.ask("DELETE", "/events/e", expect=(200, 204))


def semaphores(story):
    one = story.ask("POST", "/semaphores/s/acquire?limit=1&ttl=1")
    two = story.send("POST", "/semaphores/s/acquire?limit=1&timeout=1")
    lease = one.json()["lease"] if one and one.status == 200 else "none"
    story.ask("POST", "/semaphores/s/renew", body={"lease": lease, "ttl": 5}, expect=(200, 409))
    story.ask("POST", "/semaphores/s/release", body={"lease": lease}, expect=(200, 204, 409))
    story.take(two, 200)
    story.ask("GET", "/semaphores/s")
    held = story.send("POST", "/semaphores/t/acquire?hold=connection&heartbeat=10ms")
    next_one = story.send("POST", "/semaphores/t/acquire?timeout=50ms")
    story.take(next_one, 200, 504)
    story.leave(held)
    story.ask("DELETE", "/semaphores/s", expect=(200, 204))


def barriers(story):
    three = [story.send("POST", "/barriers/b/wait?parties=3&timeout=1") for _ in range(3)]
    for raw in three:
        story.take(raw)
    lost = story.send("POST", "/barriers/c/wait?parties=2&on_loss=break&timeout=50ms")
    story.take(lost, 409, 504)
    abort = story.send("POST", "/barriers/c/wait?parties=2&timeout=1")
    story.ask("POST", "/barriers/c/abort", expect=(200, 204))
    story.take(abort, 200, 409, 504)
    story.ask("DELETE", "/barriers/c", expect=(200, 204))


def latches(story):
    waits = story.send("GET", "/latches/l?at_least=2&timeout=1")
    story.ask("POST", "/latches/l?by=1")
    story.ask("POST", "/latches/l", body={"by": 1})
    story.take(waits)
    story.ask("DELETE", "/latches/l", expect=(200, 204))


def queues(story):
    get = story.send("POST", "/queues/q/get?timeout=1")
    for text in (b"one", b"two" * 500):
        story.ask("POST", "/queues/q?maxsize=1&timeout=1", "Content-Type: text/plain", body=text,
                  expect=(200, 201))
    full = story.send("POST", "/queues/q?maxsize=1&timeout=1", "Content-Type: a/b", body=b"x")
    story.take(get, 200, 504)
    story.ask("POST", "/queues/q/get?timeout=50ms", expect=(200, 504))
    story.take(full, 200, 201, 504)
    story.ask("DELETE", "/queues/q", expect=(200, 204))


def gate(story):
    waits = [story.send("GET", "/wait?delay=10ms&event=go&timeout=1"),
             story.send("GET", "/wait?event=go&timeout=1")]
    story.ask("PUT", "/tasks/gated", body={"event": "go", "timeout": 1}, expect=201)
    story.ask("PUT", "/events/go", expect=(200, 201))
    for raw in waits:
        story.take(raw)
    story.ask("GET", "/tasks/gated/result?timeout=1")


def leaving(story):
    for target in ("/wait?delay=5", "/wait_n?n=9&delay=5", "/wait_n?n=9&delay=5&format=sse",
                   "/measure?n=2&delay=5", "/events/e?timeout=5", "/wait?delay=5&event=x",
                   "/wait?delay=5&chunks=9"):
        story.send("GET", target)
    half = story.send("GET", "/wait?delay=5")
    story.ask("GET", "/healthz")
    try:
        half.half_close()
    except OSError:
        assert not story.strict
    story.take(half, None)
    story.leave()


def pipelining(story):
    raw = story.connect()
    targets = ("/wait?delay=5ms", "/nothing", "/wait_n?n=3&delay=1ms&format=ndjson", "/version",
               "/problems/timeout")
    raw.send_what_it_takes(b"".join(message("GET", target) for target in targets))
    for target in targets:
        story.take(raw, 404 if target == "/nothing" else 200)
    story.take(story.send("HEAD", "/wait?delay=5ms"), head=True)
    story.ask("OPTIONS", "*", expect=204)
    story.ask("PUT", "/wait", expect=405)
    story.ask("GET", "/wait?max_dealy=3", expect=400)
    story.ask("POST", "/wait", body=b'{"n":', expect=400)


def faults(story):
    for _ in range(3):
        story.ask("GET", "/wait?delay=1ms&fail_first=2&key=k&retry_after=2", expect=(200, 503))
    story.ask("GET", "/wait?delay=1ms&fail_rate=1&fail_status=500", expect=500)
    story.ask("GET", "/keys")
    story.ask("GET", "/keys/k")
    story.ask("DELETE", "/keys/k", expect=204)


def shapes(story):
    for end in ("before_headers", "after_headers", "mid_body", "reset"):
        story.ask("GET", f"/wait?delay=5ms&size=10KiB&abort={end}", expect=(200, None))
    story.ask("GET", "/wait?delay=20ms&chunks=5&size=10KiB&jitter=0.5&seed=1")
    story.ask("GET", "/wait?delay=5ms&at=body")
    story.ask("GET", "/wait?delay=0&size=100KiB")


def overload(story):
    target = "/wait?delay=30ms&key=k&inflight_limit=2&over=429"
    raws = [story.send("GET", target) for _ in range(4)]
    for raw in raws:
        story.take(raw, 200, 429)


def errands(story):
    """About names at home anywhere; with bodies, streams and clients that leave."""
    for name in ("a", "b", "c", "d"):
        story.ask("POST", "/tasks", body={"delay": 0.02, "group": name}, expect=201)
        stream = story.send("GET", f"/tasks?group={name}&stream=true")
        story.ask("POST", f"/queues/{name}", "Content-Type: text/plain", body=b"x" * 2000,
                  expect=(200, 201))
        story.send("GET", f"/events/{name}?timeout=5")
        story.take(stream)
        story.ask("POST", f"/queues/{name}/get?timeout=50ms")
    story.leave()


def lists(story):
    story.ask("POST", "/tasks?n=5&delay=5&group=l&label=many", expect=201)
    page = story.ask("GET", "/tasks?limit=2")
    cursor = page and page.status == 200 and page.json()["next"]
    story.ask("GET", f"/tasks?limit=2&cursor={cursor or '1.1.0'}")
    for target in ("/metrics", "/", "/openapi.json", "/readyz", "/profiles", "/clock"):
        story.ask("GET", target)
    story.ask("POST", "/reset")


def manual_clock(story):
    waits = [story.send("GET", "/wait?delay=5"),
             story.send("GET", "/wait_n?n=5&max_delay=5&format=ndjson")]
    story.ask("POST", "/tasks", body={"delay": 3}, expect=201)
    for _ in range(3):
        story.ask("POST", "/clock/advance", body={"by": 4})
    # One that has failed to advance is made up for.
    if not story.strict:
        story.server.control.disarm()
        story.ask("POST", "/clock/advance", body={"by": 10})
    for raw in waits:
        story.take(raw)
    story.ask("GET", "/clock")


def new_clients(story):
    """More than a cell has room for, at once, then none: cells come and go."""
    for _ in range(2):
        raws = [story.send("GET", "/wait?delay=1ms") for _ in range(40)]
        for raw in raws:
            story.take(raw)
        story.leave(*raws)


SCENARIOS = {
    story.__name__: (story, flags)
    for story, flags in (
        (wait, ("--workers", "1", "--header-timeout", "30")),  # later than LATE
        (wait_n, ()),
        (group, ("--workers", "2")),
        (tasks, ("--workers", "2")),
        (patch, ()),
        (prefer, ()),
        (measure, ()),
        (events, ("--workers", "2")),
        (semaphores, ()),
        (barriers, ("--workers", "2")),
        (latches, ()),
        (queues, ("--workers", "2")),
        (gate, ("--workers", "2")),
        (leaving, ()),
        (pipelining, ("--access-log", "FOLDER/access")),
        (faults, ()),
        (shapes, ()),
        (overload, ("--workers", "2")),
        (errands, ("--workers", "3")),
        (lists, ("--workers", "2")),
        (manual_clock, ("--workers", "1", "--clock", "manual")),
        (new_clients, ()),
    )
}

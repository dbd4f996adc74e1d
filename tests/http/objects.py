"""objects.py: how the checks of events, semaphores, barriers, latches and queues ask their
server, PORT. The clients take turns on several connections, so that with several workers
each object is asked for where it is at home and elsewhere.

A script of checks is called with PORT, the name of one, and what that needs; the tests in the
.bats files say what each holds.
"""

import itertools
import sys

from raw import Raw, eventually, message

PORT = int(sys.argv[1])
PATIENCE = 30


class Client(Raw):
    def __init__(self):
        super().__init__(PORT, PATIENCE)

    def start(self, method, path, body=None, kind=None, version="HTTP/1.1"):
        headers = [f"Content-Type: {kind}"] if kind else []
        headers += [f"Content-Length: {len(body)}"] if body is not None else []
        self.send(message(method, path, *headers, body=body or b"", version=version))
        return self


CLIENTS = itertools.cycle([Client() for _ in range(5)])


def ask(method, path, body=None, kind=None, status=200):
    """One request; its answer, whose status must be that."""
    answer = next(CLIENTS).start(method, path, body, kind).answer()
    assert answer.status == status, (method, path, answer)
    return answer


def text(method, path, *more, **with_status):
    return ask(method, path, *more, **with_status).body.decode()


def state(*request, **more):
    return ask(*request, **more).json()


def problem(status, slug, *request, **members):
    """The answer is that problem, with these members."""
    return is_problem(ask(*request, status=status), slug, **members)


def is_problem(answer, slug, **members):
    said = answer.json()
    assert said["type"] == f"/problems/{slug}" and said["status"] == answer.status, answer
    assert answer.header("content-type") == "application/problem+json", answer
    assert all(said.get(key) == value for key, value in members.items()), (said, members)
    if answer.status in (429, 503):
        assert answer.header("retry-after").isdigit(), answer
    return said


def block(path, *request, count=1, **more):
    """A client whose request is in the line of the object at that path."""
    client = Client().start(*request, **more)
    waits(path, count)
    return client


def waits(path, count):
    assert state("GET", f"{path}?waiting={count}&wait={PATIENCE}")["waiting"] >= count


def idle(path):
    eventually(lambda: state("GET", path)["waiting"] == 0)


def answered(client, status=200):
    answer = client.answer()
    assert answer.status == status, answer
    return answer


def put_json(path, body, **more):
    return text("PUT", path, body.encode(), "application/json", **more)


def in_flight(kind):
    """The one that waits, or holds, of that kind, as /tasks lists it."""
    listed = state("GET", f"/tasks?kind={kind}&state=pending")
    assert listed["total"] == 1, listed
    return listed["tasks"][0]


def first_chunk(client):
    """Of a stream that has begun just now."""
    head = client.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return client.chunk()


# What each says that never was.
UNUSED = {
    "/events": '{"set":false,"generation":0,"payload":null,"waiting":0}\n',
    "/semaphores": '{"available":null,"limit":null,"waiting":0}\n',
    "/barriers": '{"parties":null,"generation":0,"broken":false,"waiting":0}\n',
    "/latches": '{"value":0,"waiting":0}\n',
    "/queues": '{"size":0,"maxsize":null,"waiting":0}\n',
}


def run(*checks):
    """The one that the script was called for, on a server that knows nothing yet."""
    ask("POST", "/reset")
    {check.__name__: check for check in checks}[sys.argv[2]]()

#!/usr/bin/env python3
"""reach.py PORT WHAT [FILE…]: who may reach the server: hosts, pages, tokens."""

import os
import re
import signal
import sys
import threading
import time

from raw import Raw, eventually, message

PORT = int(sys.argv[1])
FILES = sys.argv[3:]

# ---- hosts and pages ----------------------------------------------------------------

# Of a server with --allow-host localhost,waitd.test:8080,*.lab.test,[::1]
# --cors-origin http://app.test:3000,https://app.test
ALLOWED, MISDIRECTED, FORBIDDEN = 200, 421, 403
MATRIX = """
    method host                    origin                   site         answer
    GET    localhost               -                        -            ALLOWED
    GET    localhost:1             -                        -            ALLOWED
    GET    LocalHost               -                        -            ALLOWED
    GET    waitd.test:8080         -                        -            ALLOWED
    GET    a.lab.test              -                        -            ALLOWED
    GET    a.b.LAB.test:99         -                        -            ALLOWED
    GET    [::1]:8080              -                        -            ALLOWED
    GET    evil.test               -                        -            MISDIRECTED
    GET    waitd.test              -                        -            MISDIRECTED
    GET    waitd.test:8081         -                        -            MISDIRECTED
    GET    waitd.test:80800        -                        -            MISDIRECTED
    GET    lab.test                -                        -            MISDIRECTED
    GET    .lab.test               -                        -            MISDIRECTED
    GET    evil-lab.test           -                        -            MISDIRECTED
    GET    a.lab.test.evil.test    -                        -            MISDIRECTED
    GET    localhost.evil.test     -                        -            MISDIRECTED
    GET    127.0.0.1               -                        -            MISDIRECTED
    GET    empty                   -                        -            MISDIRECTED
    GET    localhost               http://evil.test         cross-site   ALLOWED
    GET    localhost               -                        cross-site   ALLOWED
    GET    evil.test               http://evil.test         same-origin  MISDIRECTED
    POST   localhost               -                        -            ALLOWED
    POST   localhost:8080          http://localhost:8080    -            ALLOWED
    POST   localhost:8080          http://localhost:8080    same-origin  ALLOWED
    POST   localhost               https://LOCALHOST:443    -            ALLOWED
    POST   localhost:80            http://localhost         none         ALLOWED
    POST   localhost               http://app.test:3000     cross-site   ALLOWED
    POST   localhost               https://app.test         same-site    ALLOWED
    POST   localhost:8080          http://localhost:3000    -            FORBIDDEN
    POST   localhost:8080          http://localhost         same-site    FORBIDDEN
    POST   localhost               http://localhost.evil    -            FORBIDDEN
    POST   localhost               http://evil.test         -            FORBIDDEN
    POST   localhost               http://evil.test         same-origin  FORBIDDEN
    POST   localhost               http://app.test          cross-site   FORBIDDEN
    POST   localhost               http://app.test:3000/    -            FORBIDDEN
    POST   localhost               ftp://localhost          -            FORBIDDEN
    POST   localhost               null                     -            FORBIDDEN
    POST   localhost               empty                    -            FORBIDDEN
    POST   localhost               -                        cross-site   FORBIDDEN
    POST   localhost               -                        same-site    FORBIDDEN
    POST   localhost               http://localhost         cross-site   FORBIDDEN
    POST   evil.test               http://evil.test         -            MISDIRECTED
    POST   evil.test               http://app.test:3000     cross-site   MISDIRECTED
    PUT    localhost               http://evil.test         -            FORBIDDEN
    PATCH  localhost               http://evil.test         -            FORBIDDEN
    DELETE localhost               http://evil.test         -            FORBIDDEN
"""
TARGETS = {"GET": "/wait?delay=0&label={0}", "POST": "/wait?delay=0&label={0}",
           "PUT": "/tasks/{0}?delay=0&label={0}", "PATCH": "/tasks/kept?delay=1",
           "DELETE": "/tasks/kept"}
SLUGS = {MISDIRECTED: "misdirected", FORBIDDEN: "forbidden-origin"}


def header(name, value):
    return [] if value == "-" else [f"{name}: {'' if value == 'empty' else value}"]


def ask(raw, method, target, *headers, **more):
    raw.send(message(method, target, *headers, host=False, **more))
    return raw.answer()


def check(answer, wanted, case):
    assert answer.status == wanted, (case, answer)
    if wanted != ALLOWED:
        assert answer.json()["type"] == f"/problems/{SLUGS[wanted]}", (case, answer)


def matrix():
    rows = [line.split() for line in MATRIX.strip().splitlines()][1:]
    assert len(rows) >= 40, len(rows)
    with Raw(PORT) as raw:
        kept = ask(raw, "PUT", "/tasks/kept?delay=60", "Host: localhost")
        assert kept.status == 201, kept
        for number, (method, host, origin, site, wanted) in enumerate(rows):
            label = f"case{number}"
            answer = ask(raw, method, TARGETS[method].format(label), *header("Host", host),
                         *header("Origin", origin), *header("Sec-Fetch-Site", site))
            check(answer, globals()[wanted], rows[number])
            total = ask(raw, "GET", f"/tasks?label={label}", "Host: localhost").json()["total"]
            assert total == (wanted == "ALLOWED"), (rows[number], total)
        assert ask(raw, "GET", "/tasks/kept", "Host: localhost").json()["delay"] == 60


def forms_of_targets():
    """Of the same server: what is asked for is the target's host, where it has one."""
    with Raw(PORT) as raw:
        for target, wanted in [("http://localhost/wait?delay=0", ALLOWED),
                               ("http://a@localhost:1/wait?delay=0", ALLOWED),
                               ("http://evil.test/wait?delay=0", MISDIRECTED),
                               ("http://localhost@evil.test/wait?delay=0", MISDIRECTED),
                               ("http://evil.test?localhost", MISDIRECTED)]:
            check(ask(raw, "GET", target, "Host: localhost"), wanted, target)
            if wanted == ALLOWED:
                check(ask(raw, "GET", target, "Host: evil.test"), wanted, target)
        for path in ["/healthz", "/readyz", "http://evil.test/healthz"]:
            assert ask(raw, "GET", path, "Host: evil.test").status == 200, path
        for path in ["/version", "/metrics", "/", "/nowhere", "/healthz/"]:
            check(ask(raw, "GET", path, "Host: evil.test"), MISDIRECTED, path)
        twice = ask(raw, "POST", "/wait?delay=0", "Host: localhost",
                    "Origin: http://localhost", "Origin: http://evil.test")
        assert twice.status == 400, twice
    for host, wanted in [("-", MISDIRECTED), ("evil.test", MISDIRECTED), ("localhost", ALLOWED)]:
        with Raw(PORT) as raw:
            check(ask(raw, "GET", "/wait?delay=0", *header("Host", host), version="HTTP/1.0"),
                  wanted, host)


def blanks_behind():
    """Of the same server: they are no part of a value."""
    with Raw(PORT) as raw:
        for method, *headers in [
            ("GET", "Host: localhost "), ("GET", "Host: [::1]:80\t \t"),
            ("POST", "Host: localhost ", "Origin: http://localhost\t"),
            ("POST", "Host: localhost", "Origin: http://app.test:3000 "),
            ("POST", "Host: localhost", "Sec-Fetch-Site: same-origin \t"),
        ]:
            check(ask(raw, method, "/wait?delay=0", *headers), ALLOWED, headers)
        for host in ["Host: evil.test ", "Host:  \t "]:
            check(ask(raw, "GET", "/wait?delay=0", host), MISDIRECTED, host)


def every_host():
    """Of a server without the flags."""
    with Raw(PORT) as raw:
        for host in ["evil.test", "localhost", "[::1]:1", "1.2.3.4", "empty", "a_b"]:
            check(ask(raw, "GET", "/wait?delay=0", *header("Host", host)), ALLOWED, host)
        check(ask(raw, "POST", "/wait?delay=0", "Host: a.test:8080",
                  "Origin: http://a.test:8080"), ALLOWED, "own")
        check(ask(raw, "POST", "/wait?delay=0", "Host: a.test:8080",
                  "Origin: http://b.test:8080"), FORBIDDEN, "not own")
        # A refusal costs neither the connection nor the body behind it.
        refused = ask(raw, "POST", "/wait", "Host: a", "Origin: http://b",
                      "Content-Type: application/json", "Content-Length: 60000",
                      body=b" " * 60000)
        check(refused, FORBIDDEN, "a body")
        check(ask(raw, "GET", "/wait?delay=0", "Host: a"), ALLOWED, "after it")
    with Raw(PORT) as raw:
        check(ask(raw, "GET", "/wait?delay=0", version="HTTP/1.0"), ALLOWED, "HTTP/1.0")


# ---- what a form can send -----------------------------------------------------------


def media_types():
    """Every route that changes something refuses the types of a form, but a queue's."""
    with Raw(PORT) as raw:
        routes = raw.ask("GET", "/openapi.json").json()["paths"]
        tried = 0
        for path, method in [(path, method.upper()) for path, item in routes.items()
                             for method in item if method in ("post", "put", "patch")]:
            for media in ["text/plain", "application/x-www-form-urlencoded",
                          "multipart/form-data; boundary=x", "application/jsonp", ""]:
                body = b'{"delay":0}'
                answer = ask(raw, method, re.sub("{.*}", "x", path), "Host: a",
                             f"Content-Type: {media}", f"Content-Length: {len(body)}", body=body)
                wanted = 201 if (method, path) == ("POST", "/queues/{id}") else 415
                assert answer.status == wanted, (method, path, media, answer)
                tried += 1
        assert tried >= 5 * 15, tried


# ---- tokens -------------------------------------------------------------------------

ONE, TWO, THREE = "one-" + "1" * 28, "two~" + "+/" * 8 + "==", "3" * 256


def bearer(token):
    return f"Authorization: Bearer {token}"


def challenge(raw, *headers, method="GET", target="/wait?delay=0"):
    answer = raw.ask(method, target, *headers)
    return answer.status, answer.header("www-authenticate")


def tokens():
    """Of a server whose file has ONE, TWO and THREE."""
    none = (401, 'Bearer realm="waitd"')
    wrong = (401, 'Bearer realm="waitd", error="invalid_token"')
    with Raw(PORT) as raw:
        for token in (ONE, TWO, THREE):
            for authorization in (bearer(token), bearer(" " + token + " \t"),
                                  "authorization: bEARER " + token):
                assert challenge(raw, authorization) == (200, None), authorization
        for authorization in ["X: y", "Authorization:", "Authorization: Basic b25lOm9uZQ==",
                              f"Authorization: {ONE}", f"Authorization: Bearer{ONE}",
                              f"Authorization: Token {ONE}", f"Cookie: {ONE}"]:
            assert challenge(raw, authorization) == none, authorization
        for token in ["", ONE[:-1], ONE + "1", ONE[1:], ONE.upper(), "0" + ONE[1:], ONE[:-1] + "0",
                      TWO[:-1], TWO + "=", THREE + "3", THREE[:255], f"{ONE} {TWO}", f"{ONE},{TWO}",
                      f'"{ONE}"', "#", "x" * 1000, "\xff" * 16]:
            assert challenge(raw, bearer(token)) == wrong, token
        assert raw.ask("GET", "/wait", bearer(ONE), bearer(ONE)).status == 400
        for target in ["/", "/version", "/metrics", "/openapi.json", "/nowhere", "/healthz/", "/%00",
                       "/healthz?x=1&", "/problems/timeout", "*"]:
            wanted = 400 if target.startswith("/healthz?") else 401
            assert challenge(raw, target=target)[0] == wanted, target
        for method in ["POST", "PUT", "PATCH", "DELETE", "FOO"]:
            assert challenge(raw, method=method)[0] == 401, method
        for target in ["/healthz", "/readyz", "http://a/healthz"]:
            assert challenge(raw, target=target) == (200, None), target
            assert challenge(raw, bearer("wrong"), target=target) == (200, None), target
        assert raw.ask("OPTIONS", "/wait").status == 204
        assert raw.ask("HEAD", "/wait?delay=0", head=True).status == 401
        # It is another's turn, on another worker.
        assert raw.ask("GET", f"/tasks?label={ONE[:8]}", bearer(ONE)).json()["total"] == 0


def rewrite(path, *lines):
    with open(path + ".new", "w") as file:
        file.write("\n".join(lines) + "\n")
    os.chmod(path + ".new", 0o600)
    os.replace(path + ".new", path)


class Asker(threading.Thread):
    """Asks with one token all the time, and counts the answers by status."""

    def __init__(self, token):
        super().__init__(daemon=True)
        self.token, self.counts, self.stopped = token, {}, False
        self.start()

    def run(self):
        with Raw(PORT) as raw:
            while not self.stopped:
                status = challenge(raw, bearer(self.token))[0]
                self.counts[status] = self.counts.get(status, 0) + 1

    def stop(self):
        self.stopped = True
        self.join(30)
        return self.counts


def status_on_all(token):
    """So many connections that each worker has some."""
    found = set()
    for _ in range(12):
        with Raw(PORT) as raw:
            found.add(challenge(raw, bearer(token))[0])
    return found


def reload_under_load():
    path, pid, log = FILES
    pid = int(pid)

    def hangup(said):
        before = open(log).read().count("\n")
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: open(log).read().count("\n") > before)
        line = open(log).read().splitlines()[before:]
        assert len(line) == 1 and said in line[0], line
        time.sleep(0.01)  # the letters are on their way

    askers = [Asker(ONE) for _ in range(4)]
    for turn in range(10):
        new, old = (TWO, THREE) if turn % 2 else (THREE, TWO)
        rewrite(path, ONE, new)
        hangup("tokens read again")
        eventually(lambda: status_on_all(new) == {200} and status_on_all(old) == {401})
    rewrite(path, "# nobody")
    hangup("holds no token")
    rewrite(path, ONE, "short")
    hangup("line 2: a token of less than 16 bytes")
    os.unlink(path)
    hangup("No such file or directory")
    assert status_on_all(TWO) == {200} and status_on_all(THREE) == {401}
    for asker in askers:
        counts = asker.stop()
        assert set(counts) == {200} and counts[200] > 10, counts
    text = open(log).read()
    assert text.count(" error ") == 3 and text.count("tokens read again") == 10, text
    assert not any(token in text for token in (ONE, TWO, THREE)), "a token is in the log"


# ---- CORS ---------------------------------------------------------------------------

PAGE = "Origin: http://app.test:3000"
STREAM = "/wait_n?n=2&delay=0&format=ndjson"


def cors_headers(answer):
    return {name: value for name, value in answer.headers
            if name.startswith("access-control-") or name == "vary"}


def answers(raw, *headers):
    """One of each way to answer."""
    yield raw.ask("GET", "/wait?delay=0.001", *headers)
    yield raw.ask("GET", STREAM, *headers)
    yield raw.ask("GET", "/nowhere", *headers)
    yield raw.ask("FOO", "/wait", *headers)
    yield raw.ask("GET", "/wait?delay=-1", *headers)
    yield raw.ask("GET", "/tasks/a/result", *headers)
    yield raw.ask("GET", "/tasks/b/result", *headers)
    yield raw.ask("GET", "/tasks", *headers)
    yield raw.ask("HEAD", "/wait?delay=0", *headers, head=True)
    yield raw.ask("OPTIONS", "/wait", *headers)


def no_cors():
    with Raw(PORT) as raw:
        for answer in answers(raw, PAGE):
            assert cors_headers(answer) == {}, answer
        answer = raw.ask("OPTIONS", "/wait", PAGE, "Access-Control-Request-Method: POST")
        assert answer.status == 204 and cors_headers(answer) == {}, answer


def exposes(answer, origin):
    headers = cors_headers(answer)
    assert headers.pop("access-control-allow-origin") == origin, answer
    for name in ["Location", "Retry-After", "Server-Timing", "Waitd-Id", "Preference-Applied"]:
        assert name in headers["access-control-expose-headers"].split(", "), (name, answer)
    assert headers.pop("vary", None) == (None if origin == "*" else "Origin"), answer
    assert list(headers) == ["access-control-expose-headers"], answer


def preflight(raw, origin):
    answer = raw.ask("OPTIONS", "/tasks/x", PAGE, "Access-Control-Request-Method: PATCH",
                     "Access-Control-Request-Headers: content-type,x-evil\xff")
    headers = cors_headers(answer)
    assert answer.status == 204 and answer.header("allow"), answer
    assert headers["access-control-allow-origin"] == origin, answer
    assert "PATCH" in headers["access-control-allow-methods"].split(", "), answer
    for name in ["Authorization", "Content-Type", "Prefer", "Last-Event-ID"]:
        assert name in headers["access-control-allow-headers"].split(", "), (name, answer)
    assert headers["access-control-max-age"] == "600" and "xff" not in repr(headers), answer


def cors():
    """Of a server with --cors-origin http://app.test:3000,HTTPS://App.test"""
    with Raw(PORT) as raw:
        for answer in answers(raw, PAGE):
            exposes(answer, "http://app.test:3000")
        for answer in answers(raw, "Origin: https://app.test"):
            exposes(answer, "https://app.test")
        for page in ["Origin: http://evil.test", "Origin: null", "X: y"]:
            for answer in answers(raw, page):
                assert cors_headers(answer) == {"vary": "Origin"}, (page, answer)
        preflight(raw, "http://app.test:3000")
        answer = raw.ask("POST", "/wait?delay=0", "Origin: http://evil.test")
        assert answer.status == 403 and cors_headers(answer) == {"vary": "Origin"}, answer
        exposes(raw.ask("POST", "/tasks?delay=0", PAGE), "http://app.test:3000")
        # The head of the longest answer has its room, or the request is refused.
        for size in range(2600, 3600, 100):
            answer = raw.ask("GET", STREAM, PAGE, "X: " + "y" * size)
            assert answer.status in (200, 431), answer
            if answer.status == 431:
                return
        assert False, "no head was too large"


def cors_for_all():
    """Of a server with --cors-origin *"""
    with Raw(PORT) as raw:
        for page in (PAGE, "Origin: null", "Sec-Fetch-Site: cross-site"):
            for answer in answers(raw, page):
                exposes(answer, "*")
        exposes(raw.ask("POST", "/wait?delay=0", "Origin: null", "Sec-Fetch-Site: cross-site"), "*")
        preflight(raw, "*")


TESTS = [matrix, forms_of_targets, blanks_behind, every_host, media_types, tokens, reload_under_load]
TESTS += [no_cors, cors, cors_for_all]
if __name__ == "__main__":
    {test.__name__: test for test in TESTS}[sys.argv[2]]()

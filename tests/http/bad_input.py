#!/usr/bin/env python3
"""bad_input.py HOST PORT WHAT: sends what must be refused to every parameter of every
route. The routes are those that the program itself prints ($WAITD --print-openapi), so an
endpoint that is added is tested too.

Each request goes over one connection that must stay usable, and after each the list of
tasks must be as empty as before.
"""

import http.client
import json
import os
import re
import subprocess
import sys

HOST, PORT = sys.argv[1], int(sys.argv[2])
DOCUMENT = json.loads(subprocess.check_output([os.environ["WAITD"], "--print-openapi"]))
WITH_BODY = {"POST", "PUT", "PATCH"}
JSON = "application/json"
LONG = "x" * 10_000
DEEP = '{"n":' + "[" * 1000 + "]" * 1000 + "}"


# ---- the routes ---------------------------------------------------------------------


class Parameter:
    def __init__(self, raw):
        self.name, self.required, self.schema = raw["name"], raw["required"], raw["schema"]
        self.kind = self.find_kind(self.schema)

    @staticmethod
    def find_kind(schema):
        if "oneOf" in schema:
            first = schema["oneOf"][0]
            return "duration" if first["type"] == "number" else "count"
        if schema["type"] == "number":
            return "number"
        if schema["type"] == "integer":
            return "integer" if "maximum" in schema else "seed"
        if schema["type"] == "array":
            items = schema["items"]
            return "words" if "enum" in items else "choices" if "pattern" in items else "integers"
        if schema["type"] == "boolean":
            return "flag"
        if schema.get("format") == "date-time":
            return "time"
        if "enum" in schema:
            return "word"
        return "name" if "pattern" in schema else "label"

    def words(self):
        """Of a word, words or count."""
        if self.kind == "count":
            return self.schema["oneOf"][0]["enum"]
        return (self.schema["items"] if self.kind == "words" else self.schema)["enum"]

    def limits(self):
        """Of a duration, number, integer, integers or count."""
        schema = self.schema
        if self.kind in ("duration", "count"):
            schema = schema["oneOf"][0 if self.kind == "duration" else 1]
        if self.kind == "integers":
            schema = schema["items"]
        low, high = schema["minimum"], schema["maximum"]
        return int(low) if low == int(low) else low, int(high)

    def good(self):
        """One that is taken: as a query has it, and as JSON has it."""
        if self.kind in ("word", "words", "count"):
            word = self.words()[0]
            return word, word
        if self.kind in ("integer", "integers"):
            number = max(1, self.limits()[0])
            return str(number), [number] if self.kind == "integers" else number
        if self.kind == "time":
            return ("2030-01-02T03:04:05Z",) * 2
        return {
            "duration": ("1", 1),
            "number": ("1", 1),
            "seed": ("1", 1),
            "flag": ("true", True),
            "name": ("a", "a"),
            "label": ("a", "a"),
            "choices": ("1:1", ["1:1"]),
        }[self.kind]


class Operation:
    def __init__(self, path, method, raw):
        self.method, self.path = method.upper(), path
        parameters = [(raw["in"], Parameter(raw)) for raw in raw["parameters"]]
        self.query = [each for place, each in parameters if place == "query"]
        self.in_path = [each for place, each in parameters if place == "path"]
        content = raw.get("requestBody", {}).get("content", {})
        self.data = next((kind for kind, body in content.items() if "schema" not in body), None)
        self.statuses = raw["responses"].keys()
        self.pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))

    def is_asked(self, method, path):
        """Whether such a request is for it; HEAD is for what GET has."""
        return self.method == method.replace("HEAD", "GET") and self.pattern.fullmatch(path)

    def target(self, *pairs, segment="nobody", needed=True):
        """With what is required, but for what the pairs (percent-encoded) name."""
        sent = {pair.partition("=")[0] for pair in pairs}
        rest = [
            f"{each.name}={each.good()[0]}"
            for each in self.query
            if needed and each.required and each.name not in sent
        ]
        path = self.path
        for each in self.in_path:
            path = path.replace("{" + each.name + "}", segment)
        return path + "?" * bool(rest or pairs) + "&".join([*rest, *pairs])


OPERATIONS = [
    Operation(path, method, raw)
    for path, methods in DOCUMENT["paths"].items()
    for method, raw in methods.items()
]


# ---- asking -------------------------------------------------------------------------


class Client:
    """One connection that is never opened anew by itself."""

    def __init__(self):
        self.count = 0
        self.open()
        self.before = self.total()

    def open(self):
        self.connection = http.client.HTTPConnection(HOST, PORT, timeout=30)
        self.connection.connect()
        self.connection.auto_open = 0

    def send(self, method, target, body=None, content_type=None, chunked=False):
        headers = {"Content-Type": content_type} if content_type else {}
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = iter([body])
        self.connection.request(method, target, body, headers, encode_chunked=chunked)
        answer = self.connection.getresponse()
        return answer, answer.read()

    def total(self):
        _, body = self.send("GET", "/tasks?limit=1")
        return json.loads(body)["total"]

    def refused(self, method, target, body=None, content_type=None, *, status=400, slug,
                param=None, value=None, detail=None, chunked=False, closes=False):
        """It is; `slug` may be a tuple of those that will do."""
        what = f"{method} {target[:300]} {repr(body)[:300]} {content_type or ''}"
        try:
            answer, got = self.send(method, target, body, content_type, chunked)
        except (OSError, http.client.HTTPException) as error:
            raise AssertionError(f"{what}: {error!r}") from error
        told = f"{what}\nanswered {answer.status} {got!r}"
        slugs = (slug,) if isinstance(slug, str) else slug
        assert answer.status == status, told
        asked = [each for each in OPERATIONS if each.is_asked(method, target.partition("?")[0])]
        assert all(str(status) in each.statuses for each in asked), f"not in OpenAPI: {told}"
        assert answer.getheader("Content-Type") == "application/problem+json", told
        if method != "HEAD":
            problem = json.loads(got)
            assert problem["type"] in [f"/problems/{each}" for each in slugs], told
            assert problem["status"] == status, told
            assert problem["title"] and problem["detail"], told
            if param is not None and problem["type"] != "/problems/invalid-json":
                assert problem.get("param") == param, told
            if value is not None:
                assert problem.get("value") == value[:100], told
            if detail is not None:
                assert detail in problem["detail"], told
        if closes:
            assert (answer.getheader("Connection") or "").lower() == "close", told
            self.open()
        try:
            assert self.total() == self.before, f"{told}\nand something was started"
        except (OSError, http.client.HTTPException) as error:
            raise AssertionError(f"{told}\nand the connection is gone") from error
        self.count += 1


# ---- what every kind refuses --------------------------------------------------------


def quote(text):
    return "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 or chr(byte) in "-._,:" else f"%{byte:02X}"
        for byte in text.encode()
    )


def bad_texts(each):
    """What is junk for the kind, negative, NaN and outside the limits."""
    common = ["junk", "-1", "NaN", "nan", " 1", "0x10", "1_0", "+1", "null", "[]", "{}"]
    if each.kind == "name":
        return ["-1", "_a", ".", "a b", "a/b", "é", "a\n", "a\r\nX: y", "a" * 65, "~"]
    if each.kind == "label":
        return ["a\nb", "\x01", "\x1b[31m", "a\x7f", "x" * 129, "é" * 65]
    if each.kind == "time":
        return common + ["2030-13-01T00:00:00Z", "2030-02-30T00:00:00Z", "2030-01-02", "1"]
    if each.kind == "flag":
        return common + ["TRUE", "yes", "2", "on", "01"]
    if each.kind == "seed":
        return common + [str(2**63), str(2**64 + 5), "1.0", "1e3", "9" * 400]
    if each.kind == "word":
        return common + [each.words()[0].upper(), each.words()[0] + ",", each.words()[0] * 2]
    if each.kind == "words":
        word = each.schema["items"]["enum"][0]
        return common + [word + ",", "," + word, f"{word},{word}", f"{word},junk", word.upper()]
    if each.kind == "choices":
        many = ",".join(["1:1"] * 65)
        return common + ["1:", ":1", "1:1,", ",1:1", "1::1", "1:NaN", "1:-1", "1:1s", "1:1:1",
                         "1e9:1", "1:1e999", "9" * 400, many, "1," * 999]
    low, high = each.limits()
    outside = [str(high + 1), str(10**18), "9" * 400, *map(str, below(low))]
    if each.kind == "duration":
        return common + outside + ["1s1", "1S", "5.", ".5", "-0.5", "1e999", "inf", f"{high}.1"]
    if each.kind == "number":
        return common + outside + ["1s", "5.", ".5", "-0.5", "1e999", "inf", f"{high}.1"]
    common += ["1.5", "1.0", "1e1", "1s"]
    if each.kind == "integers":
        many = ",".join(map(str, range(1, 18)))
        return common + outside + ["1,", ",1", "1,,2", "1,1", "1,junk", f"1,{high + 1}", many]
    return common + outside


def below(low):
    """A number below the limit, where there is one without a sign."""
    return [] if low == 0 else [low - 1 if low >= 1 else low / 2]


def bad_json(each):
    """JSON text of the wrong type, or with the wrong value."""
    bad = ["null", "{}", '{"a":1}', "[[]]", "[null]", '""', json.dumps(LONG)]
    if each.kind != "flag":
        bad += ["true", "false"]
    if each.kind not in ("integers", "words", "choices"):
        bad += ["[]", "[1]", '["a"]']
    if each.kind not in ("duration", "number"):
        bad += ["1.5", "2.0", "1e0", "-0.5"]
    if each.kind not in ("duration", "number", "integer", "seed", "count"):
        bad += ["0", "1", "-1"]
    if each.kind in ("duration", "number", "integer", "seed", "count"):
        bad += ["-1", str(-(2**63))]
    if each.kind in ("duration", "number", "integer", "count"):
        bad += [str(each.limits()[1] + 1), str(2**63 - 1)]
    if each.kind in ("integer", "number", "flag"):
        bad += ['"1"', '"true"']
    if each.kind == "integers":
        bad += ["[]", '["1"]', "[1.5]", "[true]", "[0]", "[-1]", "[1,1]", f"[{each.limits()[1] + 1}]"]
        bad += [json.dumps(list(range(1, 18)))]
    if each.kind == "choices":
        bad += ["[]", "[1]", '["junk"]', "[null]", json.dumps(["1:1"] * 65), json.dumps(["1:1"] * 10_000, separators=(",", ":"))]
    if each.kind == "words":
        bad += ["[]", '["junk"]', "[1]"]
    return bad + [json.dumps(text) for text in bad_texts(each)]


# ---- the tests ----------------------------------------------------------------------


def queries(client):
    for operation in OPERATIONS:
        for each in operation.query:
            query(client, operation, each)


def query(client, operation, each):
    method, name = operation.method, each.name

    def refused(pair, slug="invalid-parameter", **more):
        target = operation.target(*pair.split("&"))
        client.refused(method, target, slug=slug, param=name, **more)
        if method == "GET":
            client.refused("HEAD", target, slug=slug)

    is_list = each.kind in ("integers", "words", "choices")
    for text in bad_texts(each):
        shown = None if is_list or not text.isascii() else text
        refused(f"{name}={quote(text)}", value=shown)
    refused(f"{name}=", value="")
    refused(name, value="")
    refused(f"{name}=%00")
    refused(f"{name}=1%00")
    refused(f"{name}=%ff")
    refused(f"{name}=%c3%28")
    refused(f"{name}=%f")
    refused(f"{name}=%zz")
    refused(f"{name}=1%")
    if each.kind == "label":
        refused(f"{name}={'x' * 2500}", value="x" * 100)
    else:
        refused(f"{name}={'-' * 2500}", value="-" * 100)
    good = each.good()[0]
    refused(f"{name}={good}&{name}={good}", "duplicate-parameter")


def outside_limits(client):
    """Beyond its limits it is told what they are."""
    for operation in OPERATIONS:
        for each in operation.query:
            if each.kind not in ("duration", "number", "integer", "integers", "count"):
                continue
            low, high = each.limits()
            for number in [high + 1, *below(low)]:
                target = operation.target(f"{each.name}={number}")
                _, body = client.send(operation.method, target)
                problem = json.loads(body)
                shown = (problem.get("param"), problem.get("min"), problem.get("max"))
                assert shown == (each.name, low, high), (target, problem)
                assert problem["value"] == str(number), (target, problem)
                client.count += 1


def missing(client):
    for operation in OPERATIONS:
        for each in operation.query:
            if not each.required:
                continue
            target = operation.target(needed=False)
            bodies = [(None, None)]
            if operation.method in WITH_BODY:
                bodies.append(("{}", JSON))
            for body, kind in bodies:
                client.refused(operation.method, target, body, kind,
                               slug="invalid-parameter", param=each.name)
                _, got = client.send(operation.method, target, body, kind)
                assert "value" not in json.loads(got), got


def unknown(client):
    for operation in OPERATIONS:
        names = {each.name: each.name[:-1] for each in operation.query if len(each.name) > 2}
        missed = list(names.values())  # "p9" is as near to p95 as to p99
        names = {name: miss for name, miss in names.items() if missed.count(miss) == 1}
        near = {"did you mean " + name + "?": miss for name, miss in names.items()}
        wrong = [("no_such_parameter", None), ("MAX_DELAY", None), ("x" * 2500, None)]
        wrong += [(miss, detail) for detail, miss in near.items()]
        for name, detail in wrong:
            told = {"slug": "unknown-parameter", "param": name[:100], "detail": detail}
            target = operation.target(f"{name}=1")
            client.refused(operation.method, target, **told)
            if takes_parameters(operation):
                body = json.dumps({name: 1})
                client.refused(operation.method, operation.target(), body, JSON, **told)
        for name in ("%ff", "%00", "n%00", "%zz"):
            slugs = ("unknown-parameter", "invalid-parameter")
            client.refused(operation.method, operation.target(f"{name}=1"), slug=slugs)


def paths(client):
    for operation in OPERATIONS:
        for each in operation.in_path:
            for bad in ["-a", "_a", ".", "..", "a%20b", "%C3%A9", "%ff", "%2F", "~", "a" * 65,
                        "a" * 2500, "a%0d%0aX:y", "a:b", "%zz"]:
                target = operation.target(segment=bad)
                client.refused(operation.method, target, slug="invalid-parameter",
                               param=each.name, value=bad)
            for bad in ["%00", "a%00", "a%00b"]:
                target = operation.target(segment=bad)
                client.refused(operation.method, target, slug="bad-request")
            client.refused(operation.method, operation.target(segment=""), status=404,
                           slug="not-found")
        target = operation.target().partition("?")[0]
        if target != "/":
            client.refused(operation.method, target + "/", status=404, slug="not-found")
            client.refused(operation.method, "/" + target, status=404, slug="not-found")


def takes_parameters(operation):
    """Whether its body holds parameters, and is no data."""
    return operation.method in WITH_BODY and operation.data is None


def with_body():
    return [each for each in OPERATIONS if takes_parameters(each)]


def members(client):
    """What a member of a JSON body must not be."""
    for operation in with_body():
        for each in operation.query:
            method, name = operation.method, each.name
            target = operation.target(f"{name}=").replace(f"{name}=", "").rstrip("&?")

            def refused(body, slug="invalid-parameter", to=target, **more):
                client.refused(method, to, body, JSON, slug=slug, param=name, **more)

            for bad in bad_json(each):
                refused(f'{{"{name}":{bad}}}')
            # What the parser itself refuses.
            for bad in [b'"\xff"', b'"\\u0000"', b'"a\\u0000b"', b'"\xed\xa0\x80"', b"NaN",
                        b"Infinity", b"-Infinity", b"01", b"+1", b".5", b"5.", b"0x1",
                        b"'1'", b"tru", b"", b'"\n"']:
                refused(b'{"%s":%s}' % (name.encode(), bad), "invalid-json")
            # What it has no room for is the parameter's own.
            for bad in ["1e999", "-1e999", str(2**63), "-" + str(2**63 + 1), "9" * 400]:
                refused(f'{{"{name}":{bad}}}', value=bad)
                refused(f'{{"{name}" : \n\t{bad} }}', value=bad)
                refused(f'{{"{name}":[{bad}]}}', value=bad)
                refused(f'{{"{name}":{{"a":[1,{bad}]}}}}', value=bad)
            good = json.dumps(each.good()[1])
            refused(f'{{"{name}":{good},"{name}":{good}}}', "duplicate-parameter")
            refused(f'{{"{name}":{good}}}', "duplicate-parameter",
                    to=operation.target(f"{name}={each.good()[0]}"))


def bodies(client):
    """What a body must not be."""
    for operation in with_body() + [each for each in OPERATIONS if each.data == JSON]:
        method, target = operation.method, operation.target()
        for body in ["{", "}", "{]", "junk", '{"a"}', '{"a":}', "{a:1}", "{'a':1}", '{"a":1,}',
                     "{} x", "{}{}", "[", "NaN", "\0", "{\0}", " ", "{}\0", '{"a":"\n"}', DEEP,
                     "[" * 1000, "[" * 1000 + "]" * 1000, '{"a":' * 1000 + "1" + "}" * 1000]:
            client.refused(method, target, body, JSON, slug="invalid-json")
            client.refused(method, target, body.encode(), JSON, slug="invalid-json", chunked=True)
        for body in [b"\xff", b'{"\xff":1}', b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b'{"\0":1}']:
            client.refused(method, target, body, JSON, slug="invalid-json")
        client.refused(method, target, b"", JSON, slug="invalid-json")
        for kind in [None, "text/plain", "text/json", "application/x-www-form-urlencoded",
                     "multipart/form-data; boundary=x", "application/jsonx", "application",
                     "application/json-seq", "json", "junk", "*/*"]:
            client.refused(method, target, b"{}", kind, status=415,
                           slug="unsupported-media-type", detail="curl --json")
    for operation in with_body():
        for body in ["[]", '[{"n":1}]', "null", "true", "1", "1.5", '"{}"']:  # no object
            client.refused(operation.method, operation.target(), body, JSON, slug="invalid-json")
            client.refused(operation.method, operation.target(), body.encode(), JSON,
                           slug="invalid-json", chunked=True)


def sizes(client):
    """413: with a length that says so, and in chunks."""
    limit = 64 * 1024
    for operation in [each for each in OPERATIONS if each.method in WITH_BODY]:
        method, target = operation.method, operation.target()
        big = b'{"label":"' + b"x" * limit + b'"}'
        client.refused(method, target, big, JSON, status=413, slug="content-too-large")
        client.refused(method, target, big, JSON, status=413, slug="content-too-large",
                       chunked=True)
        # Read whole, and then found to be no JSON.
        if operation.data in (None, JSON):
            client.refused(method, target, b"x" * limit, JSON, slug="invalid-json")


def uninvited(client):
    """A body where none is taken."""
    for operation in OPERATIONS:
        if operation.method in WITH_BODY:
            continue
        methods = [operation.method] + ["HEAD"] * (operation.method == "GET")
        for method in methods:
            for body, kind in [(b"{}", JSON), (b"x", None), (b"n=2", "text/plain")]:
                client.refused(method, operation.target(), body, kind, slug="bad-request")
                client.refused(method, operation.target(), body, kind, slug="bad-request",
                               chunked=True)


def far_too_long(client):
    """10 KB in the query: libmicrohttpd may refuse it itself, and close."""
    for operation in OPERATIONS:
        for name in [each.name for each in operation.query] or ["x"]:
            alone = http.client.HTTPConnection(HOST, PORT, timeout=30)
            try:
                alone.request(operation.method, operation.target(f"{name}={LONG}"))
                status = alone.getresponse().status
                assert status in (400, 413, 414, 431), (operation.method, name, status)
            except (ConnectionError, http.client.RemoteDisconnected):
                pass  # a bare close
            alone.close()
            assert client.total() == client.before, (operation.method, name)
            client.count += 1


TESTS = (queries, outside_limits, missing, unknown, paths, members, bodies, sizes, uninvited)
TESTS += (far_too_long,)


def main():
    test = {test.__name__: test for test in TESTS}[sys.argv[3]]
    client = Client()
    test(client)
    assert client.send("GET", "/healthz")[0].status == 200
    least = int(sys.argv[4])
    assert client.count >= least, f"only {client.count} requests: the table is not whole"
    print(f"{client.count} refused")


main()

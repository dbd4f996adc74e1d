"""corpus.py: the raw requests of raw/*.txt, as raw/README.md describes them."""

import pathlib
import re

RAW = pathlib.Path(__file__).parent / "raw"
ESCAPE = re.compile(rb"\\(r|n|t|0|\\|x[0-9a-f]{2})")
CONTROLS = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
WORD = re.compile(rb"\{(post|get|json|chunked|hidden\.size|hidden\.hex|hidden)\}")
REPEATED = re.compile(rb"\{(.+)\*(\d+)\}")


def unescape(text):
    return ESCAPE.sub(lambda found: CONTROLS.get(found[1]) or bytes([int(found[1][1:], 16)]), text)


def hidden_request(label):
    return (f"POST /tasks?delay=60&label={label} HTTP/1.1\r\nHost: a\r\n"
            "Content-Length: 0\r\n\r\n").encode()


class Payload:
    """`data(label)` are its bytes, where the hidden request starts a task of that label."""

    def __init__(self, family, name, rule, send, expect):
        self.family, self.name, self.rule, self.send = family, name, rule, send.encode()
        *statuses, end = expect.removesuffix(" seen").split()
        self.statuses = [set(status.split("|")) for status in statuses]
        self.end, self.seen = end, expect.endswith(" seen")
        assert end in ("closed", "open", "waits"), f"{self}: {expect}"

    def __str__(self):
        return f"{self.family}: {self.name}"

    def data(self, label):
        hidden = hidden_request(label)
        words = {
            b"post": b"POST /wait?delay=0 HTTP/1.1\r\nHost: a\r\n",
            b"get": b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
            b"json": b"Content-Type: application/json\r\n",
            b"chunked": b"Transfer-Encoding: chunked\r\n",
            b"hidden": hidden,
            b"hidden.size": b"%d" % len(hidden),
            b"hidden.hex": b"%x" % len(hidden),
        }
        parts = re.split(rb"(\{[^{}]*\})", self.send)
        return b"".join(self.part(part, words) for part in parts)

    def part(self, part, words):
        if word := WORD.fullmatch(part):
            return words[word[1]]
        if repeated := REPEATED.fullmatch(part):
            return unescape(repeated[1]) * int(repeated[2])
        return unescape(part)


def parse(family, paragraph):
    fields = {}
    for line in paragraph.split("\n"):
        key, value = line[:8].strip(), line[8:]
        name = key or name
        fields[name] = fields.get(name, "") + value
    return Payload(family, **fields)


def corpus():
    return [parse(file.stem, paragraph)
            for file in sorted(RAW.glob("*.txt"))
            for paragraph in file.read_text().strip("\n").split("\n\n")]

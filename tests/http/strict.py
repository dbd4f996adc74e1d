"""strict.py: the requests that stand in the bytes of a connection, by RFC 9112 to the letter.
It stops at the first byte that is not in order; what it does not find, nobody may run."""

import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
REQUEST_LINE = re.compile(rb"(%s) ([^\x00-\x20\x7f]+) HTTP/1\.([01])\Z" % TOKEN)
FIELD = re.compile(rb"(%s):[ \t]*([\t -~\x80-\xff]*?)[ \t]*\Z" % TOKEN)
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t -~\x80-\xff]*)?\r\n")
TRAILERS = re.compile(rb"(?:%s:[\t -~\x80-\xff]*\r\n)*\r\n" % TOKEN)
# A LF alone, for its CR may be the last byte of a body before: it hides nothing.
EMPTY_LINES = re.compile(rb"(?:\r?\n)*")


class Wrong(Exception):
    """Not in order, or not whole."""


def need(condition):
    if not condition:
        raise Wrong


def fields_of(lines):
    fields = [FIELD.match(line) for line in lines]
    need(all(fields))
    return [(field[1].lower(), field[2].lower()) for field in fields]


def values(fields, name):
    return [value for key, value in fields if key == name]


def framing(fields, minor):
    """The length of the body, or "chunked"."""
    hosts, lengths = values(fields, b"host"), values(fields, b"content-length")
    encodings, expects = values(fields, b"transfer-encoding"), values(fields, b"expect")
    need(len(hosts) == 1 or minor == b"0" and not hosts)
    need(len(lengths) + len(encodings) <= 1 and set(expects) <= {b"100-continue"})
    need(encodings in ([], [b"chunked"]) and (not encodings or minor == b"1"))
    need(all(length.isdigit() for length in lengths))
    return "chunked" if encodings else int(lengths[0]) if lengths else 0


def skip_chunks(data, at):
    while True:
        chunk = CHUNK.match(data, at)
        need(chunk)
        size, at = int(chunk[1], 16), chunk.end()
        if size == 0:
            trailers = TRAILERS.match(data, at)
            need(trailers)
            return trailers.end()
        at += size + 2
        need(data[at - 2:at] == b"\r\n")


def skip_body(data, at, length):
    if length == "chunked":
        return skip_chunks(data, at)
    need(at + length <= len(data))
    return at + length


def ends_connection(fields, minor):
    options = b",".join(values(fields, b"connection")).replace(b" ", b"").split(b",")
    return b"close" in options or minor == b"0" and b"keep-alive" not in options


def requests(data):
    """The targets of the whole requests, in order."""
    at, begun = 0, False
    try:
        while True:
            at = EMPTY_LINES.match(data, at).end()
            end = data.find(b"\r\n\r\n", at)
            need(end >= 0)
            line, *lines = data[at:end].split(b"\r\n")
            first = REQUEST_LINE.match(line)
            need(first)
            fields = fields_of(lines)
            length = framing(fields, first[3])
            # Of chunks behind another request, waitd may not know how they are framed, and
            # closes behind the answer: ADR 6.
            unknown = begun and length == "chunked"
            if unknown:
                yield first[2].decode("latin-1")
            at = skip_body(data, end + 4, length)
            if not unknown:
                yield first[2].decode("latin-1")
            begun = True
            need(not ends_connection(fields, first[3]))
    except Wrong:
        return

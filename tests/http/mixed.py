#!/usr/bin/env python3
"""mixed.py PORT ROUNDS: small answers of many sizes and forms, many at once and two behind
each other on a connection: each has its own body, and the headers of its form alone.
"""

import json
import random
import sys

from raw import Raw, message

PORT, ROUNDS = int(sys.argv[1]), int(sys.argv[2])
CONNECTIONS = 48
draw = random.Random(7)

HEADERS = {"date", "content-type", "cache-control", "content-length"}


def json_wait():
    delay = draw.choice((0, 0, round(draw.random() / 100, draw.randint(2, 17))))

    def check(answer):
        result = json.loads(answer.body)
        assert result["delay"] == delay and result["elapsed"] >= delay, result

    return f"/wait?delay={delay:.17f}", "application/json", delay, check


def text_wait():
    delay = draw.choice((0, 0, round(draw.random() / 100, draw.randint(2, 17))))

    def check(answer):
        assert float(answer.body) == delay, answer.body

    return f"/wait?delay={delay:.17f}&format=text", "text/plain", delay, check


def dry():
    path, form, _, check = text_wait()
    return path + "&dry_run=true", form, None, check


def status():
    return "/healthz", None, None, lambda answer: None


def read(client, sent):
    path, form, waited, check = sent
    answer = client.answer()
    names = sorted(name for name, _ in answer.headers)
    expected = HEADERS if waited is None else HEADERS | {"server-timing"}
    assert answer.status == 200 and names == sorted(expected), (path, answer)
    assert not form or answer.header("content-type").startswith(form), (path, answer)
    if waited is not None:
        ms = float(answer.header("server-timing").removeprefix("wait;dur="))
        assert waited * 1000 - 0.001 <= ms < 60000, (path, answer)
    check(answer)


clients = [Raw(PORT) for _ in range(CONNECTIONS)]
for _ in range(ROUNDS):
    sent = {client: [draw.choice((json_wait, json_wait, text_wait, dry, status))()
                     for _ in range(2)] for client in clients}
    for client, requests in sent.items():
        client.send(b"".join(message("GET", path) for path, *_ in requests))
    for client, requests in sent.items():
        for request in requests:
            read(client, request)

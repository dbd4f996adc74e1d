#!/usr/bin/env python3
"""fronts.py FRONT PORT WAITD LOG FOLDER: every raw request of tests/http/raw through a proxy
on that port, in front of the waitd on the second, whose access log that is. waitd must see
nothing that the front did not send, and each client must get its own answer."""

import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "http"))

from corpus import corpus  # pylint: disable=wrong-import-position
from raw import Closed, Raw, eventually, metrics  # pylint: disable=wrong-import-position

FRONT, PORT, WAITD, LOG = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
FOLDER = pathlib.Path(sys.argv[5])
CLIENTS = 8
SILENCE = 0.3  # seconds, after which nothing more is waited for
# What starts each, and the signal at which it ends what it has begun, and writes its log.
COMMANDS = {
    "haproxy": (["haproxy", "-db", "-f"], signal.SIGUSR1),
    "nginx": (["nginx", "-p", str(FOLDER), "-c"], signal.SIGQUIT),
    "apache2": (["apache2", "-DFOREGROUND", "-f"], signal.SIGWINCH),
}
LABEL = re.compile(r"label=(hidden-\d+)")


def start():
    (template,) = HERE.glob(f"{FRONT}.c*")
    text = template.read_text()
    for word, value in [("PORT", PORT), ("WAITD", WAITD), ("FOLDER", FOLDER)]:
        text = text.replace(f"@{word}@", str(value))
    config = FOLDER / template.name
    config.write_text(text)
    output = open(FOLDER / "output.log", "w")
    process = subprocess.Popen([*COMMANDS[FRONT][0], config], stdout=output, stderr=output)
    eventually(lambda: process.poll() is not None or listens())
    assert process.poll() is None, (FOLDER / "output.log").read_text()
    return process


def listens():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


def send(data):
    """All that comes until the front closes or is silent."""
    with Raw(PORT, timeout=SILENCE) as raw:
        try:
            raw.send_what_it_takes(data)
            raw.rest()
        except TimeoutError:
            pass


def probe(number):
    """A client of its own, whose answer no other request has."""
    delay = (number + 1) / 1_000_000
    with Raw(PORT) as raw:
        answer = raw.ask("GET", f"/wait?delay={delay}&format=text", "Connection: close")
        assert answer.status == 200, answer
        assert float(answer.body) == delay, f"{answer}, expected {delay}"


def check(number, payload):
    send(payload.data(f"hidden-{number:04}"))
    try:
        probe(number)
    except (AssertionError, OSError, Closed) as error:
        return f"behind {payload}: {type(error).__name__} {error}"


def sent_by_front():
    """The request lines that went to waitd."""
    log = FOLDER / ("output.log" if FRONT == "haproxy" else "sent.log")
    lines = [line.partition(" ") for line in log.read_text(errors="replace").splitlines()]
    return [line for to, _, line in lines if to not in ("-", "<NOSRV>")]


def seen_by_waitd():
    """Their targets. One that was cut off within its body, and never run, has no answer or a
    413: apache2 does not count those."""
    with open(LOG) as log:
        seen = [json.loads(line) for line in log]
    return [each["target"] for each in seen
            if each["target"] != "/metrics"
            and (each["status"] not in (None, 413) or LABEL.search(each["target"]))]


def accepted():
    """The connections that waitd has accepted, this one included."""
    with Raw(WAITD) as raw:
        return metrics(raw)["waitd_accepted_total"]


def labels(lines):
    return Counter(found[1] for line in lines for found in [LABEL.search(line)] if found)


def main():
    before = accepted()
    process = start()
    payloads = corpus()
    try:
        with ThreadPoolExecutor(CLIENTS) as clients:
            wrong = [*filter(None, clients.map(check, *zip(*enumerate(payloads))))]
        process.send_signal(COMMANDS[FRONT][1])
        process.wait(30)
    finally:
        if process.poll() is None:
            process.terminate()
    connections, sent, seen = accepted() - before, sent_by_front(), seen_by_waitd()
    for label, count in (labels(seen) - labels(sent)).items():
        wrong.append(f"{payloads[int(label[7:])]}: {count} hidden requests")
    if len(seen) > len(sent):
        wrong.append(f"{len(seen)} requests seen, {len(sent)} sent")
    # A probe each, and at least those payloads that are sound; most by a used connection.
    assert len(sent) > len(payloads) and labels(sent), f"the front sent only {len(sent)}"
    assert connections < len(sent) / 2, f"{connections} connections for {len(sent)} requests"
    print(f"{FRONT}: {len(payloads)} payloads, {len(sent)} requests sent, {len(seen)} seen,"
          f" over {connections} connections,"
          f" of them hidden {sum(labels(sent).values())} and {sum(labels(seen).values())}")
    assert not wrong, "\n".join(wrong)


main()

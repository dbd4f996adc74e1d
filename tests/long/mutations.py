"""mutations.py: a long check, called by checks.py: the raw requests of tests/http/raw with bytes
changed at random, in pieces. waitd must answer nothing but what strict.py finds in them.

SEED in the environment changes others, ONLY=N sends the one of that number alone.
"""

import json
import os
import random
import re
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from harness import Server, row
import strict
from corpus import corpus
from raw import Raw

COUNT, CLIENTS = 20000, 8
SILENCE = 0.05  # seconds, after which nothing more is waited for
LARGEST = 5000
SHOWN = 5
REFUSED = (None, 400, 408, 413, 414, 431)
ODD = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"0", b"1", b"f", b"-", b"\"",
       b"\r\n\r\n", b"0\r\n\r\n", b"\x80", b"\x0b", b"Content-Length: 5\r\n",
       b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"Expect: 100-continue\r\n"]


def flip(data, chance):
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1:]


def insert(data, chance):
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(ODD) + data[at:]


def replace(data, chance):
    at = chance.randrange(len(data))
    return data[:at] + chance.choice(ODD) + data[at + 1:]


def delete(data, chance):
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randint(1, 4):] or data


def repeat(data, chance):
    begin, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[begin:]


def swap_lines(data, chance):
    lines = data.split(b"\r\n")
    one, other = (chance.randrange(len(lines)) for _ in range(2))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines) or data


CHANGES = [flip, insert, replace, delete, repeat, swap_lines]


class Mutation:
    def __init__(self, seed, number, payloads):
        chance = random.Random(f"{seed}-{number}")
        payload = chance.choice(payloads)
        self.name = f"{number}, of {payload}"
        self.data = payload.data(f"hidden-{number:05}")
        for _ in range(chance.randint(1, 4)):
            self.data = chance.choice(CHANGES)(self.data, chance)
        self.cuts = sorted(chance.randrange(len(self.data) + 1)
                           for _ in range(chance.choice([0, 0, 1, 3])))

    def send(self, port):
        with Raw(port, timeout=SILENCE) as raw:
            try:
                for begin, end in zip([0, *self.cuts], [*self.cuts, len(self.data)]):
                    raw.send_what_it_takes(self.data[begin:end])
                raw.rest()
            except TimeoutError:
                pass


def plain(target):
    """The log has U+FFFD for what is not UTF-8."""
    return "".join(each if each.isascii() else "?" for each in target)[:900]


def answered(log):
    with open(log) as lines:
        answers = [json.loads(line) for line in lines]
    return Counter(plain(each["target"]) for each in answers if each["status"] not in REFUSED)


def report(wrong, mutations):
    """Some of what was answered, and of what may have asked for it."""
    for target in [*wrong][:SHOWN]:
        print(f"answered, and not asked for: {target}; perhaps by one of")
        asking = [mutation for mutation in mutations
                  if f" {target} " in mutation.data.decode("latin-1")]
        for mutation in asking[:SHOWN]:
            print(f"  {mutation.name}: {mutation.data}, cut at {mutation.cuts}")


def check_mutations():
    """raw requests with bytes changed at random: nothing hidden is run, and waitd lives"""
    seed, only = os.environ.get("SEED", "1"), os.environ.get("ONLY")
    payloads = [payload for payload in corpus() if len(payload.data("hidden-00000")) < LARGEST]
    mutations = [Mutation(seed, number, payloads)
                 for number in ([int(only)] if only else range(COUNT))]
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "access")
        with Server("--access-log", log, program=os.path.join(os.environ["DEV"], "waitd")) as waitd:
            with ThreadPoolExecutor(CLIENTS) as clients:
                list(clients.map(lambda mutation: mutation.send(waitd.port), mutations))
            code = waitd.terminate()
            complaints = re.findall(r".*Sanitizer.*|.*runtime error.*", waitd.log_text())
        seen = answered(log)
    asked = Counter(plain(target) for mutation in mutations
                    for target in strict.requests(mutation.data))
    report(seen - asked, mutations)
    hidden = sum((seen - asked).values())
    row(f"{len(mutations)} mutations, seed {seed}: requests answered that nobody sent", "0",
        f"{hidden} of {sum(seen.values())}, {sum(asked.values())} in order", hidden == 0 and seen)
    row("mutations: exit code, complaints of sanitizers", "0, 0", f"{code}, {len(complaints)}",
        (code, complaints) == (0, []))

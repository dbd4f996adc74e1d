"""stopped.py PORT PID SECONDS N: N waits are held while the process is stopped (SIGSTOP) for so
many seconds: some end meanwhile, some later. Prints as JSON: how many were answered, how many of
them early; how late the latest was, beyond the time that it was stopped for; and what the second
after it cost, in which nothing is due: context switches, seconds of CPU.
"""

import json
import os
import selectors
import signal
import sys
import time

import process
from raw import Raw, message

PORT, PID, SECONDS, N = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
BEFORE, QUIET = 0.5, 6  # seconds: all have asked; nothing is due after it goes on


def delays():
    """A half is due while it is stopped, a half when all is quiet again."""
    for i in range(N):
        begin = BEFORE if i % 2 else BEFORE + SECONDS + QUIET
        yield begin + (SECONDS * 0.9 if i % 2 else 1) * i / N


def ask(poll):
    for delay in delays():
        client = Raw(PORT)
        client.send(message("GET", f"/wait?delay={delay:.6f}"))
        client.asked, client.delay = time.monotonic(), delay
        poll.register(client.socket, selectors.EVENT_READ, client)


def collect(poll, until, late, early):
    while poll.get_map() and time.monotonic() < until:
        ready = poll.select(max(0, until - time.monotonic()))
        arrived = time.monotonic()
        for key, _ in ready:
            took = arrived - key.data.asked
            answer = key.data.answer()
            poll.unregister(key.fileobj)
            early.append(answer.status != 200 or answer.json()["elapsed"] < key.data.delay)
            late.append(took - key.data.delay)


def main():
    poll, late, early = selectors.DefaultSelector(), [], []
    ask(poll)
    begin = time.monotonic()
    os.kill(PID, signal.SIGSTOP)
    time.sleep(SECONDS)
    os.kill(PID, signal.SIGCONT)
    stopped = time.monotonic() - begin
    collect(poll, time.monotonic() + 0.5, late, early)
    switches, cpu = process.switches(PID), process.cpu(PID)
    time.sleep(1)
    switches, cpu = process.switches(PID) - switches, process.cpu(PID) - cpu
    collect(poll, time.monotonic() + 30, late, early)
    print(json.dumps({
        "answered": len(late), "early": sum(early),
        "over": max(late, default=0) - stopped,
        "switches": switches, "cpu": cpu}))


main()

"""wall_clock.py: the long check of a wall clock that is set."""

import datetime
import os
import pathlib
import selectors
import socket
import subprocess
import tempfile
import threading
import time

from harness import Server, row

FAKETIME = pathlib.Path(f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketimeMT.so.1")
HERE = pathlib.Path(__file__).resolve().parent
YEARS = {"+10y": 10, "-10y": -10, "+0": 0}


class Wall:
    """A wall clock that a server sees, and that can be set while it runs."""

    def __init__(self, folder):
        self.file = os.path.join(folder, "faketime")
        shim = os.path.join(folder, "monotonic_timerfd.so")
        subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-O2", "-shared", "-fPIC",
                        "-o", shim, HERE / "monotonic_timerfd.c"], check=True)
        self.set("+0")
        self.environment = {
            "LD_PRELOAD": f"{shim} {FAKETIME}", "FAKETIME_TIMESTAMP_FILE": self.file,
            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set(self, offset):
        with open(self.file + ".new", "w", encoding="ascii") as file:
            file.write(offset + "\n")
        os.rename(self.file + ".new", self.file)


def year_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).year


class Held(threading.Thread):
    """Waits, a lease that the next in line gets, and a timeout; how late each was, in seconds."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.late = server, []
        self.poll = selectors.DefaultSelector()
        begun = time.monotonic()
        server.ask("POST", "/semaphores/s/acquire?ttl=4")
        self.hold(4, "POST", "/semaphores/s/acquire?ttl=1", begun)
        self.hold(3, "GET", "/events/never?timeout=3")
        for i in range(200):
            delay = 0.5 + 5 * i / 200
            self.hold(delay, "GET", f"/wait?delay={delay}")
        self.start()

    def hold(self, delay, method, target, begun=None):
        begun = begun or time.monotonic()
        sock = socket.create_connection(("127.0.0.1", self.server.port))
        sock.sendall(
            f"{method} {target} HTTP/1.1\r\nHost: l\r\nContent-Length: 0\r\n\r\n".encode())
        self.poll.register(sock, selectors.EVENT_READ, begun + delay)

    def run(self):
        while self.poll.get_map():
            ready = self.poll.select()
            arrived = time.monotonic()
            for key, _ in ready:
                self.late.append(arrived - key.data)
                self.poll.unregister(key.fileobj)
                key.fileobj.close()


def check_deadline(server, offset, wall):
    """PATCH with a time of the wall clock, which is what it is at that moment."""
    wall.set(offset)
    time.sleep(1.1)  # what is shown follows within a second
    task = server.ask("POST", "/tasks?delay=200")[1]
    shown = year_of(task["created_at"]) - datetime.datetime.now().year
    row(f"wall clock set by {offset}: created_at shows it", f"{YEARS[offset]} years",
        f"{shown} years", shown == YEARS[offset])
    created = datetime.datetime.fromisoformat(task["created_at"].replace("Z", "+00:00"))
    until = created + datetime.timedelta(seconds=100)
    changed = server.ask("PATCH", f"/tasks/{task['id']}",
                         {"deadline": until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")})[1]
    row(f"wall clock set by {offset}: a deadline 100 s later", "99 to 100 s remain",
        f"{changed['remaining']:.3f} s", 99 <= changed["remaining"] <= 100)


def check_wall_clock():
    """The wall clock is set by 10 years, ahead and back, while 200 waits are held."""
    with tempfile.TemporaryDirectory() as folder:
        wall = Wall(folder)
        with Server("--retention", "6s", environment=wall.environment) as server:
            kept = time.monotonic()
            server.ask("PUT", "/tasks/kept?delay=0")
            held = Held(server)
            for offset in ("+10y", "-10y", "+0"):
                check_deadline(server, offset, wall)
            wall.set("+10y")
            held.join(30)
            late, early = held.late, sum(one < 0 for one in held.late)
            row("wall clock set: 200 waits, a lease, a timeout: ended, early", "202, 0",
                f"{len(late)}, {early}", (len(late), early) == (202, 0))
            row("wall clock set: late at most", "<= 100 ms", f"{1e3 * max(late):.1f} ms",
                max(late) <= 0.1)
            stayed = server.ask("GET", "/tasks/kept")[0]
            while server.ask("GET", "/tasks/kept")[0] == 200 and time.monotonic() < kept + 20:
                time.sleep(0.01)
            gone = time.monotonic() - kept
            row("wall clock set: an ended task is kept for 6 s", "6 to 6.1 s", f"{gone:.3f} s",
                stayed == 200 and 6 <= gone <= 6.1)
            server.end("wall clock")

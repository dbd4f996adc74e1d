"""late_signal.py SIGNAL: sends SIGTERM to a waitd of its own, and that signal when the drain is
over and the process has not ended yet: what it logs then finds its pipe full. Prints its exit
code."""

import os
import signal
import subprocess
import sys
import tempfile

from raw import Raw, eventually, message, tasks


def read_until(log, mark):
    seen = b""
    while mark not in seen:
        seen += os.read(log, 65536)


def fill(log):
    """By a descriptor that does not block, unlike that of the program."""
    own = os.open(f"/proc/self/fd/{log}", os.O_WRONLY | os.O_NONBLOCK)
    for size in (4096, 1):
        try:
            while True:
                os.write(own, b"." * size)
        except BlockingIOError:
            pass
    os.close(own)


def loops_are_closed(pid):
    folder = f"/proc/{pid}/fd"
    try:
        return not any("eventpoll" in os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder))
    except FileNotFoundError:
        return False  # one was closed meanwhile


def drained(process, port, log, its_log):
    """A client holds the drain until the pipe is full, and then leaves."""
    with Raw(port) as client:
        client.send(message("GET", "/wait?delay=60"))
        eventually(lambda: tasks(port, "state=pending")["total"] == 1)
        process.send_signal(signal.SIGTERM)
        read_until(log, b"draining")
        fill(its_log)
    eventually(lambda: loops_are_closed(process.pid))


def main():
    log, its_log = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "port")
        process = subprocess.Popen([os.environ["WAITD"], "--port", "0", "--port-file", file,
                                    "--drain", "1h"], stderr=its_log)
        try:
            eventually(lambda: os.path.exists(file))
            with open(file, encoding="ascii") as port:
                drained(process, int(port.read()), log, its_log)
            process.send_signal(getattr(signal, sys.argv[1]))
            os.close(its_log)
            while os.read(log, 65536):
                pass
            print(process.wait(30))
        finally:
            process.kill()


main()

"""stopped.py: the long check of a process that was stopped, and goes on."""

from harness import Server, row, script

STOPPED = 20


def check_stopped():
    """SIGSTOP for 20 s while 1,000 waits are held."""
    with Server() as server:
        found = script("stopped.py", server.port, server.pid, STOPPED, 1000)
        row("stopped for 20 s: answered, early", "1000, 0",
            f"{found['answered']}, {found['early']}",
            (found["answered"], found["early"]) == (1000, 0))
        row("stopped for 20 s: late beyond that", "<= 10 ms", f"{1e3 * found['over']:.1f} ms",
            found["over"] <= 0.01)
        row("stopped for 20 s: context switches, CPU in a second after", "<= 5, <= 0.02 s",
            f"{found['switches']}, {found['cpu']:.2f} s",
            found["switches"] <= 5 and found["cpu"] <= 0.02)
        server.end("stopped")

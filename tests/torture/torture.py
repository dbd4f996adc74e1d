#!/usr/bin/env python3
"""torture.py: whatever call fails, nothing crashes, leaks or hangs.

    torture.py WAITD_TORTURE [--tries N] [--lasting N] [--memory] [SCENARIO…]
    torture.py --list

Each scenario is played with the first call of our code failing, the second, and so on,
until it comes to its end without a failure; with --tries only N of these, evenly. With
--lasting N so many calls in a row fail; with --memory only calls that allocate count.
After each: the process lives, every request has ended, what was held is given back, and
the same story without a failure goes well. --list prints the names of the scenarios.
"""

import argparse
import pathlib
import sys
import time

HTTP = pathlib.Path(__file__).resolve().parent.parent / "http"
sys.path.append(str(HTTP))  # for the modules here, too

# pylint: disable=wrong-import-position
from control import NEVER, PATIENCE, Server
from process import CELLS_KEPT
from raw import Closed, Raw, metrics, until
from scenarios import SCENARIOS, Panicked, Story

GAUGES = ("waitd_waits", "waitd_connections", "waitd_objects", "waitd_tasks")


def play(server, scenario, strict):
    story = Story(server, strict)
    try:
        scenario(story)
    finally:
        story.leave()


def gauges(server):
    with Raw(server.port, timeout=PATIENCE) as raw:
        held = metrics(raw)
    held["waitd_connections"] -= 1  # our own
    return {name: held[name] for name in GAUGES if held[name]}


def reset(server):
    with Raw(server.port, timeout=PATIENCE) as raw:
        assert raw.ask("POST", "/reset").status == 200


def settle(server, most):
    """Everything is given back, soon. A request that was left may be read after a reset."""
    took = until(lambda: holds_nothing(server), PATIENCE, 0.005)
    assert took is not None, f"still held: {gauges(server)}"
    if most is None:
        return
    took = until(lambda: server.descriptors() <= most, PATIENCE - took, 0.005)
    assert took is not None, f"{server.descriptors()} descriptors, not {most}"


def holds_nothing(server):
    reset(server)
    return not gauges(server)


def each_number(calls, tries):
    """1 … calls, or so many of these."""
    if tries is None or tries >= calls:
        return range(1, calls + 1)
    return sorted({1 + i * (calls - 1) // max(tries - 1, 1) for i in range(tries)})


def play_all(told, name):
    scenario, flags = SCENARIOS[name]
    server = Server(told, flags or ("--workers", "1"))
    seen = {}
    number, failed = 0, "nothing yet"
    try:
        play(server, scenario, strict=True)
        settle(server, None)
        server.control.arm(NEVER)
        play(server, scenario, strict=True)
        calls, _ = server.control.disarm()
        settle(server, None)
        workers = int((*flags, "--workers", "1")[(*flags, "--workers", "1").index("--workers") + 1])
        most = server.descriptors() + workers * CELLS_KEPT
        # Threads race: what was the last call in one run has others behind it in the next.
        for number in each_number(calls + calls // 10, told.tries):
            server.control.arm(number)
            try:
                play(server, scenario, strict=False)
            except Panicked:
                pass
            _, failed = server.control.disarm()
            seen[failed] = seen.get(failed, 0) + 1
            if server.has_panicked():
                server.end()
                server = Server(told, flags or ("--workers", "1"))
                continue
            assert server.alive(), "it has ended"
            settle(server, most)
            play(server, scenario, strict=True)
            settle(server, most)
        server.terminate()
        code, log = server.end()
        assert code == 0, f"exit code {code}: {log}"
    except (AssertionError, Closed, OSError, KeyError, TypeError, ValueError) as error:
        server.control.disarm()
        print(f"{name}: call {number} ({failed}): {type(error).__name__}: {error}")
        server.kill()
        print(server.log()[-6000:])
        return None
    return calls, seen


START_FLAGS = ("--workers", "2", "--unix", "FOLDER/socket", "--access-log", "FOLDER/access",
               "--profiles", str(HTTP / "profiles.json"))


def answers(server):
    try:
        with Raw(server.port, timeout=PATIENCE) as raw:
            return raw.ask("GET", "/wait?delay=1ms").status == 200
    except (Closed, ConnectionError):
        return False


def start(told, number):
    """A start says in one line why it has failed, or it serves. A thread is made after the
    port is told."""
    server = Server(told, START_FLAGS, first=number)
    try:
        if server.port is not None:
            answers(server)
        result = server.control.disarm()
        if server.port is not None and answers(server):
            server.terminate()
        code, log = server.end()
        if code != 0:
            lines = [line for line in log.splitlines() if " info " not in line]
            assert code in (1, 2, 70) and len(lines) == 1, f"{result}, exit code {code}: {log}"
            assert lines[0].startswith("waitd: "), log
        else:
            assert server.port is not None, f"{result}: {log}"
    except BaseException:
        server.kill()
        raise
    return result


def drain(told, number):
    """SIGTERM while much is held: all is answered or closed, and it ends well."""
    server = Server(told, ("--workers", "2"))
    story = Story(server, strict=number == NEVER)
    try:
        held = [story.send("GET", target) for target in
                ("/wait?delay=5", "/wait?delay=0.1", "/wait_n?n=5&delay=5&format=ndjson",
                 "/events/e?timeout=5", "/tasks?stream=true&group=g", "/wait?delay=5")]
        held.append(story.send("POST", "/queues/q/get?timeout=5"))
        silent = story.connect()
        with Raw(server.port, timeout=PATIENCE) as raw:
            raw.ask("GET", "/healthz")
        server.control.arm(number)
        server.terminate()
        for raw in held:
            story.take(raw, 200, 404, 503, None)
        silent.rest()
        code, log = server.end()
        assert code == 0, f"exit code {code}: {log}"
        result = server.control.disarm()
    except BaseException:
        server.kill()
        raise
    finally:
        story.leave()
    return result


def panic(told, _):
    """What a library cannot mend ends the program, which says so."""
    server = Server(told, ())
    with Raw(server.port, timeout=PATIENCE) as raw:
        server.control.break_library()
        raw.send_what_it_takes(b"GET /wait?delay=0 HTTP/1.1\r\nHost: a\r\n\r\n")
        raw.rest()
    code, log = server.end()
    assert code == 70 and " panic library=libmicrohttpd " in log, f"exit code {code}: {log}"
    return 0, None


def repeat(what, told):
    """A new process for each call that fails."""
    seen = {}
    number = NEVER
    try:
        calls, _ = what(told, number)
        for number in each_number(calls + calls // 10, told.tries):
            _, failed = what(told, number)
            seen[failed] = seen.get(failed, 0) + 1
    except (AssertionError, Closed, OSError) as error:
        print(f"{what.__name__}: call {number}: {type(error).__name__}: {error}")
        return None
    return calls, seen


ALONE = {"start": start, "drain": drain, "panic": panic}


def main():
    if sys.argv[1:] == ["--list"]:
        print(*SCENARIOS, *ALONE, sep="\n")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--tries", type=int)
    parser.add_argument("--lasting", type=int, default=1)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    told = parser.parse_intermixed_args()
    status = 0
    for name in told.scenarios or [*SCENARIOS, *ALONE]:
        begun = time.monotonic()
        if name in ALONE:
            result = repeat(ALONE[name], told)
        else:
            result = play_all(told, name)
        if result is None:
            status = 1
            continue
        calls, seen = result
        tried = ", ".join(f"{count} {what}" for what, count in sorted(
            seen.items(), key=lambda item: -item[1]) if what)
        print(f"{name}: {calls} calls; failed: {tried}; {time.monotonic() - begun:.1f} s", flush=True)
    sys.exit(status)


main()

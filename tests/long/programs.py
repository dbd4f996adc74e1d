"""programs.py: the long checks that are programs of their own, from builds of their own: run.sh
makes them, and names the folders in LONG and DEV.
"""

import os
import pathlib
import re
import subprocess
import sys

from harness import row

TORTURE = pathlib.Path(__file__).resolve().parent.parent / "torture/torture.py"


def run(*command):
    """What it prints; None where it fails, which then shows it."""
    print(" ", *command, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    print(done.stdout, done.stderr, sep="\n", flush=True)
    return None


def check_model():
    """the coordination objects against their model"""
    seeds, steps = "1000", "10000"
    test = os.path.join(os.environ["LONG"], "tests/model/test_model")
    same = run(test, "--seeds", seeds, "--steps", steps) is not None
    row(f"model test, {seeds} seeds of {steps} operations: differences", "0",
        "0" if same else "see above", same)


def check_idle_bytes():
    """the bytes that idle objects take"""
    test = os.path.join(os.environ["LONG"], "tests/unit/test_idle_objects")
    told = run(test)
    sizes = re.findall(r"(\d+) bytes", told or "")
    row("100,000 idle objects, bytes each", "<= 512", " ".join(sizes),
        len(sizes) == 5 and max(map(int, sizes)) <= 512)


def torture(name, *how):
    program = os.path.join(os.environ["DEV"], "tests/torture/waitd_torture")
    told = run(sys.executable, str(TORTURE), program, *how)
    stories = (told or "").splitlines()
    failed = sum(map(int, re.findall(r"(\d+) [a-z]", " ".join(
        story.partition("failed: ")[2].partition(";")[0] for story in stories))))
    row(f"{name}: no crash, leak or stuck request", "all stories",
        f"{len(stories)} stories, {failed} calls failed", bool(stories))


def check_torture():
    """each call of our code that can fail does, in each story of tests/torture"""
    tries = os.environ.get("TRIES", "100")
    torture(f"torture, up to {tries} calls a story", "--tries", tries)
    torture("torture, three allocations in a row at the start", "--tries", tries, "--memory",
            "--lasting", "3", "start")

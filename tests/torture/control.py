"""control.py: a waitd_torture and the file by which it is told what is to fail."""

import glob
import mmap
import os
import signal
import struct
import subprocess
import tempfile

import process
from raw import until

PATIENCE = 20  # seconds, for what takes milliseconds
HEADER = struct.Struct("=IIIIII48s")  # struct control of fail.c
NEVER = 2**32 - 1


class Control:
    def __init__(self, path, lasting=1, memory=False):
        self.lasting, self.memory_alone = lasting, memory
        with open(path, "wb") as file:
            file.write(bytes(HEADER.size))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), HEADER.size)

    def arm(self, first):
        """The call of that number from now on fails, and so many; NEVER: none does."""
        HEADER.pack_into(self.memory, 0, 0, self.lasting, 0, 0, self.memory_alone, 0, b"")
        struct.pack_into("=I", self.memory, 0, first)

    def disarm(self):
        """How many calls there were, and the name of the one that has failed, or None."""
        struct.pack_into("=I", self.memory, 0, 0)
        return HEADER.unpack_from(self.memory)[2], self.failed()

    def break_library(self):
        """libmicrohttpd panics at the end of the next answer."""
        struct.pack_into("=I", self.memory, 20, 1)

    def failed(self):
        _, _, _, failed, _, _, name = HEADER.unpack_from(self.memory)
        return name.rstrip(b"\0").decode() if failed else None


class Server:
    """Started with `first` armed, its start-up counted; port None: it has ended."""

    def __init__(self, told, flags, first=0):
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name
        self.control = Control(self.file("control"), told.lasting, told.memory)
        self.control.arm(first)
        options = {
            "WAITD_TORTURE": self.file("control"),
            "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        }
        flags = [flag.replace("FOLDER", self.path) for flag in flags]
        with open(self.file("log"), "wb") as log:
            self.process = subprocess.Popen(
                [told.program, "--port", "0", "--port-file", self.file("port"),
                 "--drain", "0.3", *flags],
                stdout=log, stderr=log, env={**os.environ, **options})
        self.port = self.started()

    def file(self, name):
        return os.path.join(self.path, name)

    def started(self):
        until(lambda: not self.alive() or os.path.exists(self.file("port")), PATIENCE, 0.002)
        if not self.alive():
            return None
        if not os.path.exists(self.file("port")):
            self.kill()
            raise AssertionError(f"it neither starts nor ends: {self.log()}")
        with open(self.file("port")) as file:
            return int(file.read())

    def log(self):
        with open(self.file("log"), errors="replace") as file:
            return file.read()

    def alive(self):
        return self.process.poll() is None

    def has_panicked(self):
        """It has said so, and ends, as it is to where a library cannot go on."""
        return " panic: " in self.log() and self.process.wait(PATIENCE) == 70

    def descriptors(self):
        return process.descriptors(self.process.pid)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)

    def end(self):
        """Its exit code and its log, which has no report of a sanitizer; nothing is left."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it does not end: {self.log()}") from None
        log = self.log()
        assert "Sanitizer" not in log and "runtime error" not in log, log
        assert "Assertion" not in log, log
        assert code >= 0, f"signal {-code}: {log}"
        left = glob.glob(self.file("port.*"))
        assert not left, f"left behind: {left}"
        self.folder.cleanup()
        return code, log

"""cgroup.py: a memory cgroup of one's own, of version 2 or 1."""

import os
import time


class Missing(Exception):
    """None can be made here."""


def own_path(controller):
    """Where this process is in that hierarchy; "": in version 2."""
    with open("/proc/self/cgroup") as file:
        for line in file:
            _, controllers, path = line.strip().split(":", 2)
            if controller in controllers.split(",") or controllers == controller:
                return path
    return "/"


def enable_memory(parent):
    """Version 2 has the files of a controller where the parent hands it down, which it
    cannot while it has processes, unless it is the root."""
    try:
        with open(f"{parent}/cgroup.subtree_control", "w") as file:
            file.write("+memory")
    except OSError:
        pass


class Cgroup:
    """Limited to so many bytes, swap included where it is counted."""

    def __init__(self, limit):
        self.path = None
        name = f"waitd-long-{os.getpid()}"
        for top, controller, file in (
            ("/sys/fs/cgroup", "", "memory.max"),
            ("/sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes"),
        ):
            for parent in (top + own_path(controller).rstrip("/"), top):
                if self.path is None and self.make(parent, name, file, limit):
                    self.version = 2 if file == "memory.max" else 1
        if self.path is None:
            raise Missing("no memory cgroup can be made here")

    def make(self, parent, name, file, limit):
        path = f"{parent}/{name}"
        if not os.path.exists(f"{parent}/cgroup.procs"):
            return False
        enable_memory(parent)
        try:
            os.mkdir(path)
        except OSError:
            return False
        try:
            with open(f"{path}/{file}", "r+") as limited:
                limited.write(str(limit))
        except OSError:
            os.rmdir(path)
            return False
        self.path = path
        try:  # in version 1 the memory of sockets counts apart, and once it is limited
            with open(f"{path}/memory.kmem.tcp.limit_in_bytes", "w") as tcp:
                tcp.write(str(2**40))
        except OSError:
            pass
        return True

    def enter(self):
        """This process, and what it starts."""
        with open(f"{self.path}/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))

    def read(self, name):
        with open(f"{self.path}/{name}") as file:
            return file.read()

    def usage(self):
        """With the memory of sockets, as version 2 counts it."""
        if self.version == 2:
            return int(self.read("memory.current"))
        return int(self.read("memory.usage_in_bytes")) + self.sockets()

    def sockets(self):
        if self.version == 2:
            return int(dict(line.split() for line in
                            self.read("memory.stat").splitlines()).get("sock", 0))
        return int(self.read("memory.kmem.tcp.usage_in_bytes"))

    def kills(self):
        text = self.read("memory.events" if self.version == 2 else "memory.oom_control")
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for _ in range(100):  # until who was in it is gone
            try:
                os.rmdir(self.path)
                return
            except OSError:
                time.sleep(0.05)

"""process.py: what the kernel tells of a server's process."""

import os
import re

CELLS_KEPT = 2  # by each worker of a server, empty; each is one descriptor, its epoll


def read(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="ascii") as file:
        return file.read()


def memory(pid, what):
    """Bytes of what its status calls so."""
    return int(re.search(rf"{what}:\s+(\d+)", read(pid, "status"))[1]) << 10


def resident(pid):
    """Its memory that is in use, in bytes."""
    return memory(pid, "VmRSS")


def descriptors(pid):
    """How many it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu(pid):
    """Seconds of user and system time."""
    fields = read(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def switches(pid):
    """Context switches of all its threads."""
    return sum(int(count) for thread in os.listdir(f"/proc/{pid}/task")
               for count in re.findall(r"ctxt_switches:\s+(\d+)",
                                       read(pid, f"task/{thread}/status")))

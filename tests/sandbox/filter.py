#!/usr/bin/env python3
"""filter.py GROUPS UNIT: the system calls that a unit's lines SystemCallFilter= allow, a name a
line. GROUPS is what `systemd-analyze syscall-filter` prints: a group and, indented, what is in it.
As in systemd.exec(5): the first line says what is allowed, each later one adds to that or, behind
a ~, takes away."""

import sys


def read_groups(path):
    groups, group = {}, None
    with open(path) as file:
        for line in file:
            word = line.strip()
            if word.startswith("#") or not word:
                continue
            if not line[0].isspace():
                group = groups.setdefault(word, set())
            elif group is not None:
                group.add(word)
    return groups


def expand(groups, name):
    if not name.startswith("@"):
        return {name}
    return set().union(*(expand(groups, member) for member in groups[name]))


def main():
    groups, allowed = read_groups(sys.argv[1]), set()
    with open(sys.argv[2]) as file:
        filters = [line.split("=", 1)[1].strip() for line in file if line.startswith("SystemCallFilter=")]
    assert filters and not filters[0].startswith("~"), filters
    for words in filters:
        names = set().union(*(expand(groups, name) for name in words.lstrip("~").split()))
        allowed = allowed - names if words.startswith("~") else allowed | names
    # It always is: what a unit starts needs it.
    print("\n".join(sorted(allowed | {"execve", "exit", "exit_group", "rt_sigreturn"})))


main()

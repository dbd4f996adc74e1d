#!/usr/bin/env python3
"""seccomp.py NAMES COMMAND…: runs it where no system call is allowed but those of the file, a
name a line; the others fail with EPERM, as under docker/seccomp.json or a systemd unit. Names
that this architecture does not know are passed over. Needs libseccomp.so.2, which apt brings."""

import ctypes
import errno
import os
import sys

ACT_ALLOW = 0x7FFF0000
ACT_ERRNO = 0x00050000 | errno.EPERM

library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
library.seccomp_init.restype = ctypes.c_void_p
library.seccomp_load.argtypes = [ctypes.c_void_p]
library.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]


def main():
    with open(sys.argv[1]) as file:
        names = file.read().split()
    context = library.seccomp_init(ctypes.c_uint32(ACT_ERRNO))
    known = 0
    for name in names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        # Those below zero belong to other architectures.
        if number >= 0:
            failed = library.seccomp_rule_add_array(context, ACT_ALLOW, number, 0, None)
            assert failed == 0, (name, failed)
            known += 1
    assert known > 20, f"only {known} names of {sys.argv[1]} are system calls"
    failed = library.seccomp_load(context)
    assert failed == 0, os.strerror(-failed)
    os.execvp(sys.argv[2], sys.argv[2:])


main()

"""What a process gives up before it reads a stranger's file. All of it holds on Linux, and elsewhere what there is."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import signal
import struct
import sys
import time
from typing import NamedTuple

_LIBRARIES = 16 * 1024**2
"""Of what `untouched` counts, this much may be touched later: the unread parts of Python and of the decoders."""


def untouched() -> int:
    """The bytes of address space that are mapped and not in memory, such as unread parts of libraries; 0 if unknown."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123  pathlib would take a tenth of the time to start
            size, resident = file.read().split()[:2]
    except (OSError, ValueError):
        return 0
    return (int(size) - int(resident)) * resource.getpagesize()


def share_one_arena() -> None:
    """Let all threads take their memory from the same place: each would reserve 64 MiB of address space otherwise.

    Before the first of them runs. What is reserved counts as `untouched`, and could be touched.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def confine(memory: int, cpu: float = 0, wall: float = 0) -> None:
    """Give up what decoding needs not.

    Args:
        memory: the most bytes that the process may ever have in memory, what it has already included.
        cpu: seconds of computing from here on; 0 without a bound, for a process that lasts.
        wall: seconds from here on by the clock, for a process that waits instead of computing; 0 without a bound.
    """
    signal.setitimer(signal.ITIMER_REAL, wall)
    signal.setitimer(signal.ITIMER_PROF, cpu)
    bounds = {
        "RLIMIT_AS": memory - _LIBRARIES + untouched(),
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": 3,  # stdin, stdout and stderr are open: nothing else can be
    }
    if cpu:
        # in whole seconds, for a decoder that undoes its timer
        bounds["RLIMIT_CPU"] = math.ceil(time.process_time() + cpu) + 1
    if not _forbid_processes():
        bounds["RLIMIT_NPROC"] = 0
    for name, bound in bounds.items():
        if hasattr(resource, name):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(getattr(resource, name), (bound, bound))


class _Calls(NamedTuple):
    """The numbers of a machine: its AUDIT_ARCH, and its calls that start processes and programs."""

    architecture: int
    clone: int
    clone3: int
    never: tuple[int, ...]  # fork and vfork where there are such, execve, execveat


_MACHINES = {
    "x86_64": _Calls(0xC000003E, 56, 435, (57, 58, 59, 322)),
    "aarch64": _Calls(0xC00000B7, 220, 435, (221, 281)),
}
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER, _CLONE_THREAD = 38, 22, 2, 0x10000
_ALLOW, _EPERM, _ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ARENA_MAX = -8


def _forbid_processes() -> bool:
    """Forbid to start processes and programs, and leave threads; return whether that is done.

    The decoder of HEIC works in a thread, always. RLIMIT_NPROC counts threads as processes, and for root it counts
    nothing; a filter of system calls tells them apart (seccomp, in Linux' userspace-api/seccomp_filter.rst).
    """
    calls = _MACHINES.get(os.uname().machine)
    if calls is None or not sys.platform.startswith("linux") or sys.maxsize < 2**32:
        return False
    rules = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, calls.architecture), (_RETURN, 0, 0, _EPERM), (_LOAD, 0, 0, 0)]
    rules += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _EPERM)]  # the calls of x32, by other numbers
    for call in calls.never:
        rules += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _EPERM)]
    # what clone3 is asked for cannot be seen; without it the C library asks clone
    rules += [(_EQUAL, 0, 1, calls.clone3), (_RETURN, 0, 0, _ENOSYS)]
    rules += [(_EQUAL, 1, 0, calls.clone), (_RETURN, 0, 0, _ALLOW)]
    rules += [(_LOAD, 0, 0, 16), (_ANY_BIT, 1, 0, _CLONE_THREAD), (_RETURN, 0, 0, _EPERM), (_RETURN, 0, 0, _ALLOW)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
    try:
        library = ctypes.CDLL(None)
        if library.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            return False
        told = struct.pack("@HP", len(rules), ctypes.addressof(program))
        return bool(library.prctl(_SET_SECCOMP, _FILTER, told, 0, 0) == 0)
    except (OSError, AttributeError):
        return False

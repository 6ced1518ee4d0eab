"""Watches another process' fsync and fdatasync by ptrace(2). Linux 5.3 or newer, for its PTRACE_GET_SYSCALL_INFO."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
import threading
from pathlib import Path

# include/uapi/linux/ptrace.h
SYSCALL = 24
SEIZE, INTERRUPT, GET_SYSCALL_INFO = 0x4206, 0x4207, 0x420E
TRACE_SYSGOOD, TRACE_CLONE, EXIT_KILL = 0x1, 0x8, 0x100000
INFO_ENTRY, INFO_EXIT = 1, 2
INFO_SIZE = 88
INFO_AT = 24
"""Where the union of struct ptrace_syscall_info begins."""
SYSCALL_STOP = signal.SIGTRAP | 0x80
ALL_THREADS = 0x40000000
"""waitpid's __WALL."""

# fsync and fdatasync: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h
NUMBERS = {"x86_64": (74, 75), "aarch64": (82, 83)}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request: int, thread: int, address: int, data: int) -> None:
    if _libc.ptrace(request, thread, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Fsyncs:
    """Follows all threads of `pid`, a descendant of this process, which dies with us from now on.

    Construct and `follow` in one thread: ptrace belongs to the thread that attached. `sizes` is by path
    the size in bytes that each file had when its last successful fsync began: so much is surely on the disk.
    `held` is set as soon as an fsync is held.
    """

    def __init__(self, pid: int) -> None:
        self.sizes: dict[Path, int] = {}
        self.held = threading.Event()
        self._holding = False
        self._last: Path | None = None
        self._pid = pid
        self._numbers = NUMBERS[platform.machine()]
        self._begun: dict[int, tuple[Path, int]] = {}
        self._info = ctypes.create_string_buffer(INFO_SIZE)
        seized: set[int] = set()
        # a thread that is started meanwhile is in the next list, or traced from its birth
        while new := {int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()} - seized:
            for thread in new:
                _ptrace(SEIZE, thread, 0, TRACE_SYSGOOD | TRACE_CLONE | EXIT_KILL)
                _ptrace(INTERRUPT, thread, 0, 0)
            seized |= new

    def hold(self) -> None:
        """From any thread: let one more fsync begin and end, and hold each one after it before it has begun."""
        self._holding = True

    def follow(self) -> None:
        """Until the process has ended."""
        while True:
            thread, status = os.waitpid(-1, ALL_THREADS)
            if os.WIFSTOPPED(status):
                self._stopped(thread, status)
            elif thread == self._pid:
                return

    def _stopped(self, thread: int, status: int) -> None:
        number = os.WSTOPSIG(status)
        try:
            if number == SYSCALL_STOP and self._look(thread):
                self.held.set()
                return
            # the higher bits tell one of ptrace's own stops from a signal that is to be passed on
            passed_on = 0 if number == SYSCALL_STOP or status >> 16 else number
            _ptrace(SYSCALL, thread, 0, passed_on)
        except (ProcessLookupError, FileNotFoundError):
            self._begun.pop(thread, None)  # it was killed while it stood

    def _look(self, thread: int) -> bool:
        """Tell whether it is to stand where it is."""
        _ptrace(GET_SYSCALL_INFO, thread, INFO_SIZE, ctypes.addressof(self._info))
        kind = self._info.raw[0]
        if kind == INFO_ENTRY:
            call, descriptor = struct.unpack_from("QQ", self._info, INFO_AT)
            if call in self._numbers:
                link = Path(f"/proc/{self._pid}/fd/{descriptor}")
                path = link.readlink()
                if self._last == path:
                    return True
                self._last = path if self._holding else None
                self._begun[thread] = path, link.stat().st_size
        elif kind == INFO_EXIT and (begun := self._begun.pop(thread, None)):
            (result,) = struct.unpack_from("q", self._info, INFO_AT)
            if result == 0:
                path, size = begun
                self.sizes[path] = max(size, self.sizes.get(path, 0))
        return False

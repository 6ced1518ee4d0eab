"""One process on one device: an flock that the kernel gives back when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path

POLL_SECONDS = 0.02
ELSEWHERE_SECONDS = 3.0
"""The most seconds to wait for a holder that serves another queue: it makes no room for us, unless it is ending now."""
_SERVES = ", which serves the queue "


class DeviceBusy(Exception):
    """Another process holds the device; the text is a sentence of what happened and one of what to do."""

    def __init__(self, device: str, holder: str, *, elsewhere: bool = False) -> None:
        self.device = device
        self.holder = holder
        mend = "Stop that one, or give this engine another device."
        if elsewhere:
            mend = "Set UNSTILL_REDIS__URL to that queue to have your clips made there, or stop that one."
        super().__init__(f"The device {device} is in use by {holder}. {mend}")


class DeviceLock:
    """The lock of one device among all processes that share the folder `state`.

    We never remove the file: a process that waits on a removed file would lock nothing. Where somebody
    else did, `keep` makes and locks it anew. The descriptor does not pass to programs that the holder starts.
    `queue` is where the queue is that the holder serves, which others are told.
    """

    def __init__(self, state: Path, device: str, queue: str = "") -> None:
        self.device = "cuda:0" if device == "cuda" else device
        self.path = state / f"{re.sub(r'[^A-Za-z0-9]+', '-', self.device)}.lock"
        self._file: int | None = None
        self._owner = ""
        self._queue = queue

    def acquire(self, owner: str, *, timeout: float) -> None:
        """Wait up to `timeout` seconds for the device; `owner` says to others what holds it.

        Raises:
            DeviceBusy: still held after that time, or for ELSEWHERE_SECONDS by one that serves another queue; names
                the holder.
            OSError: the lock file cannot be made or written.
        """
        began = time.monotonic()
        file = self._open()
        try:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    holder = self.holder()
                    elsewhere = _serves_another(holder, self._queue)
                    if time.monotonic() - began >= (min(timeout, ELSEWHERE_SECONDS) if elsewhere else timeout):
                        raise DeviceBusy(self.device, holder, elsewhere=elsewhere) from None
                    time.sleep(POLL_SECONDS)
                else:
                    if self._is_there(file):
                        break
                    os.close(file)
                    file = self._open()
            os.ftruncate(file, 0)
            serves = f"{_SERVES}{self._queue}" if self._queue else ""
            os.pwrite(file, f"process {os.getpid()} ({owner}){serves}".encode(), 0)
        except BaseException:
            os.close(file)
            raise
        self._file, self._owner = file, owner

    def keep(self) -> None:
        """Make and lock the file anew where somebody has removed it, so that the device goes on being ours alone.

        Raises:
            DeviceBusy: another process was faster, and has the device too.
            OSError: the file cannot be made.
        """
        file = self._file
        if file is not None and not self._is_there(file):
            self.acquire(self._owner, timeout=0)
            os.close(file)

    def _open(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _is_there(self, file: int) -> bool:
        """Whether others who open the path get that file."""
        try:
            return os.path.samestat(os.fstat(file), self.path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def holder(self) -> str:
        """Who took the lock last, in words."""
        try:
            text = self.path.read_text("utf-8", "replace").strip()
        except OSError:
            text = ""
        return text or "another process"


def _serves_another(holder: str, queue: str) -> bool:
    """Whether a holder says that it serves another queue. One of an older version says nothing."""
    _, serves, its = holder.partition(_SERVES)
    return bool(serves and queue) and its != queue

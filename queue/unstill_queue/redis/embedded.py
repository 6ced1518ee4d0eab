"""A Valkey server of our own, for one machine, the demo and the tests.

It listens on a unix socket, so no port is open. Its data folder has one server at a time: a second
process that starts on the folder joins the running server, and takes over when the first one ends.
The url depends on the folder alone, so clients only reconnect.

The lock on the folder is inherited by the server. It is free only when both the process that started
the server and the server are gone, so two servers never write to one append-only file.
"""

from __future__ import annotations

import asyncio
import atexit
import errno
import fcntl
import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import quote

import structlog

from unstill_queue.contract.errors import EmbeddedError
from unstill_queue.redis.server_process import START_WITHIN, ServerProcess, answers

WATCH_EVERY = 0.1
OWNER_WITHIN = 10.0
"""Seconds that the owner of a server has to make its deleted folder anew, before one that has joined does."""
LONGEST_PAUSE = 5.0
"""Seconds between two looks at a server that keeps dying, as it does on a full disk."""
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107
"""Bytes: sun_path, without its closing zero."""

log = structlog.get_logger(__name__)


class EmbeddedValkey:
    """A server on the folder `data`, which is made if need be. `options` are settings of valkey.conf besides ours.

    It ends with the process that started it, even by SIGKILL, unless another process has joined:
    that one starts it again on the same data in a fraction of a second. So is a server that dies.
    The owner may start children, but not by a bare fork, which would keep the server alive.

    For `with` and `async with` too.
    """

    def __init__(self, data: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.data = data.expanduser().resolve()
        self._options = dict(options or {})
        self._socket = _socket_path(self.data)
        self._lock: int | None = None
        self._server: ServerProcess | None = None
        self._listening = False
        self._missing_since: float | None = None
        self._ending = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def owner(self) -> bool:
        """Whether the server is this process' own, rather than one that it has joined."""
        return self._lock is not None

    @property
    def pid(self) -> int | None:
        """The server's, while it is our own."""
        return self._server.pid if self._server else None

    def start(self) -> str:
        """Start the server, or join the one that runs on the folder; return the url when it answers.

        Raises:
            EmbeddedError: the folder cannot be written, or the server does not start.
        """
        if self._watcher:
            return self.url
        ends = time.monotonic() + START_WITHIN
        while not self._take_lock() and not answers(self._socket):
            if time.monotonic() > ends and not answers(self._socket, loading=True):
                raise EmbeddedError(f"Another server holds {self.data} and does not answer. End it first.")
            time.sleep(0.01)
        if self.owner:
            try:
                self._launch().wait_until_ready()
            except BaseException:
                self._end()
                raise
        self._ending.clear()
        self._watcher = threading.Thread(target=self._watch, name="embedded-valkey", daemon=True)
        self._watcher.start()
        atexit.register(self.stop)
        return self.url

    def stop(self) -> None:
        """End the server if it is our own, else leave it. Doing so twice does no harm."""
        self._stop_watching()
        self._end()

    def kill(self) -> None:
        """End the server by SIGKILL, as a crash would, and leave it so. `start` may follow."""
        self._stop_watching()
        if self._server:
            self._server.kill()
        self._end()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def _stop_watching(self) -> None:
        atexit.unregister(self.stop)
        self._ending.set()
        if self._watcher:
            self._watcher.join()
            self._watcher = None

    def _watch(self) -> None:
        """Start the server again when it has died, or when the owner of one that we joined has gone."""
        pause = WATCH_EVERY
        while not self._ending.wait(pause):
            try:
                if self._server and self._server.alive:
                    pause = max(WATCH_EVERY, pause / 2)
                    self._look_after(self._server)
                    continue
                if self._lock is not None and not self._holds_lock():
                    # the server died with its folder
                    os.close(self._lock)
                    self._lock = None
                if not self.owner and (self._left_to_its_owner() or not self._take_lock()):
                    continue
                if self._server:
                    log.warning("the queue's server died and is started again", reason=self._server.last_words())
                    self._server.stop()
                    self._server = None
                    pause = min(LONGEST_PAUSE, pause * 4)
                self._launch()
            except (EmbeddedError, OSError) as error:
                pause = LONGEST_PAUSE
                log.error("the queue's server cannot be started", reason=str(error))

    def _look_after(self, server: ServerProcess) -> None:
        """Start our server anew where its folder or its socket was deleted, and nobody could reach it any more."""
        there = self._socket.exists()
        self._listening = self._listening or there
        server.keep_line()
        if not self._holds_lock():
            log.error("the folder of the queue's server was deleted and is made anew", folder=str(self.data))
            self._move(server)
        elif self._listening and not there:
            log.warning("the socket of the queue's server was deleted; the server is started again")
        else:
            return
        server.stop()
        self._server = None
        if self.owner:
            self._launch()

    def _move(self, server: ServerProcess) -> None:
        """Take the lock of a folder made anew, and have the server write there all that it holds.

        We own nothing any more where another process was faster.
        """
        former, self._lock = self._lock, None
        if former is not None:
            os.close(former)
        if self._take_lock() and not server.write_anew(self.data):
            log.error("what was queued could not be saved", folder=str(self.data))

    def _holds_lock(self) -> bool:
        """Whether others who open the lock's path get the file that we hold."""
        try:
            return self._lock is not None and os.path.samestat(os.fstat(self._lock), (self.data / "lock").stat())
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _left_to_its_owner(self) -> bool:
        """Whether the folder is gone, and its owner may still be about to make it anew."""
        if (self.data / "lock").exists():
            self._missing_since = None
            return False
        self._missing_since = self._missing_since or time.monotonic()
        return time.monotonic() - self._missing_since < OWNER_WITHIN

    def _take_lock(self) -> bool:
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmbeddedError(
                f"The folder {self.data} cannot be written ({error.strerror}). Set UNSTILL_REDIS__DATA to another one."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            if isinstance(error, BlockingIOError):
                return False
            raise EmbeddedError(
                f"The folder {self.data} cannot be locked ({error.strerror}). Set UNSTILL_REDIS__DATA to a local disk."
            ) from error
        self._lock = lock
        return True

    def _launch(self) -> ServerProcess:
        assert self._lock is not None  # noqa: S101
        try:
            if self._socket.parent != self.data:
                _make_private(self._socket.parent)
            # a stale one: whoever made it held the lock
            self._socket.unlink(missing_ok=True)
            # a server that was killed while it wrote its file anew leaves what it had written, and all that is in it
            for left in (*self.data.rglob("temp-*.aof"), *self.data.rglob("temp-*.rdb")):
                left.unlink(missing_ok=True)
        except OSError as error:
            raise EmbeddedError(
                f"Valkey cannot listen on {self._socket} ({error.strerror}). Set UNSTILL_REDIS__DATA to a shorter path."
            ) from error
        self._listening = False
        self._server = ServerProcess(self.data, self._socket, self._options, inherits=self._lock)
        return self._server

    def _end(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None
        if self._lock is not None:
            if self._socket.parent != self.data:
                shutil.rmtree(self._socket.parent, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def _socket_path(data: Path) -> Path:
    """In the data folder, or in a folder of /tmp named after it where the path is too long or no plain url.

    Not in TMPDIR, which may differ between two processes that must find each other.
    """
    path = data / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and quote(str(path)) == str(path):
        return path
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path("/tmp") / f"unstill-{os.getuid()}-{name}" / "valkey.sock"  # noqa: S108


def _make_private(folder: Path) -> None:
    """Raises PermissionError where somebody else made the folder before us."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise PermissionError(errno.EPERM, f"{folder} belongs to somebody else")

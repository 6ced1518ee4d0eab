"""The file of a backup: a tar with what it is, the owed files, the queue, and the checksums of all of that."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

import msgspec

from unstill_queue.backup.snapshot import Snapshot
from unstill_queue.contract.errors import QueueError
from unstill_queue.storage.base import is_key

FORMAT = 1
"""Raised with each change that an older program would read wrongly."""
HEAD, QUEUE, FILES, CHECKSUMS = "unstill-backup.json", "queue.msgpack", "files/", "checksums.json"

Why = Literal["no_backup", "damaged", "newer", "not_empty"]
T = TypeVar("T")


class BackupError(QueueError):
    """A backup cannot be restored. `what` is the file's name, or the server's address."""

    def __init__(self, why: Why, what: str) -> None:
        self.why = why
        self.what = what
        super().__init__(f"{what}: {why}")


class Head(msgspec.Struct, frozen=True):
    """The head of a backup, by which it says what it is; `version` is the program's.

    `tokens`: by platform, a name that only who has the same token can make: counted quotas are known by such names.
    """

    format: int
    version: str
    tokens: dict[str, str] = {}


class Writer:
    """Writes a backup front to back, so that it may go into a pipe. Raises OSError."""

    def __init__(self, out: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=_Forwards(out), mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed by `end`
        self._sums: dict[str, str] = {}

    def begin(self, head: Head) -> None:
        """Write what it is."""
        self._add(HEAD, msgspec.json.encode(head))

    def add_file(self, key: str, file: Path) -> None:
        """Write a file of the storage."""
        with file.open("rb") as data:
            self._sums[FILES + key] = hashlib.file_digest(data, "sha256").hexdigest()
            data.seek(0)
            info = _info(FILES + key, file.stat().st_size)
            self._tar.addfile(info, data)

    def end(self, snapshot: Snapshot) -> None:
        """Write the queue and the checksums. What has none is no whole backup."""
        self._add(QUEUE, msgspec.msgpack.encode(snapshot))
        self._add(CHECKSUMS, msgspec.json.encode(self._sums))
        self._tar.close()

    def _add(self, name: str, data: bytes) -> None:
        self._sums[name] = hashlib.sha256(data).hexdigest()
        self._tar.addfile(_info(name, len(data)), io.BytesIO(data))


class _Forwards(io.RawIOBase):
    """Writes to what cannot tell where it is, such as a pipe.

    tarfile's own stream (`w|`) writes once more when it is deleted, and fails there where writing has failed before.
    """

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._out.write(data)
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at


class Reader:
    """A backup in a file, all of which is checked before anything of it is given away.

    Raises:
        BackupError: it is none, it is damaged, or a newer program wrote it.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        self.head, self.snapshot, self.id = self._checked()

    def files(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Yield each file's storage key, and its bytes to read."""
        with tarfile.open(self._path, "r:") as tar:
            for member in tar:
                data = tar.extractfile(member)
                if member.name.startswith(FILES) and data is not None:
                    yield member.name.removeprefix(FILES), data

    def _checked(self) -> tuple[Head, Snapshot, str]:
        sums: dict[str, str] = {}
        small: dict[str, bytes] = {}
        try:
            with tarfile.open(self._path, "r:") as tar:
                for member in tar:
                    data = tar.extractfile(member) if member.isreg() else None
                    if data is None or not _may_be(member.name):
                        raise BackupError("no_backup", self._name)
                    if member.name.startswith(FILES):
                        sums[member.name] = hashlib.file_digest(data, "sha256").hexdigest()  # type: ignore[arg-type]
                        continue
                    small[member.name] = data.read()
                    sums[member.name] = hashlib.sha256(small[member.name]).hexdigest()
                    if member.name == HEAD and self._read(msgspec.json.decode, small[HEAD], Head).format > FORMAT:
                        raise BackupError("newer", self._name)
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise BackupError("damaged" if small else "no_backup", self._name) from error
        if HEAD not in small:
            raise BackupError("no_backup", self._name)
        said = self._read(msgspec.json.decode, small.get(CHECKSUMS, b""), dict[str, str])
        sums.pop(CHECKSUMS, None)
        if said != sums or QUEUE not in small:
            raise BackupError("damaged", self._name)
        head = self._read(msgspec.json.decode, small[HEAD], Head)
        snapshot = self._read(msgspec.msgpack.decode, small[QUEUE], Snapshot)
        return head, snapshot, hashlib.sha256(small[CHECKSUMS]).hexdigest()

    def _read(self, decode: Callable[..., T], data: bytes, kind: type[T]) -> T:
        try:
            value = decode(data, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BackupError("damaged", self._name) from error
        return value


def _may_be(name: str) -> bool:
    return name in (HEAD, QUEUE, CHECKSUMS) or (name.startswith(FILES) and is_key(name.removeprefix(FILES)))


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info

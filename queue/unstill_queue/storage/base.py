"""Pictures and clips, in a local folder or on S3, through obstore.

Keys are random and made here alone: `clips/20260930/<32 hex>.mp4`. Anything else is refused, and
never deleted, so a bucket may hold other things.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, ObjectStore

from unstill_config.settings import Storage as StorageSettings
from unstill_queue.contract.errors import NotFound, StorageError
from unstill_queue.storage.folder import Folder, Why, explain, why
from unstill_queue.storage.s3 import open_s3

Kind = Literal["pictures", "clips"]

SUFFIXES = {"pictures": ".png", "clips": ".mp4"}
CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".mp4": "video/mp4"}
SUFFIX = re.compile(r"\.[a-z0-9]{1,5}", re.ASCII)
KEY = re.compile(r"(pictures|clips)/[0-9]{8}/[0-9a-f]{32}\.[a-z0-9]{1,5}", re.ASCII)

CHUNK = 1 << 20
PARTS_AT_ONCE = 4
"""Of 5 MiB each: what one upload may hold in memory."""
LIST_AT_ONCE = 1000
PROBE = b"unstill"
MENDS: dict[Why, str] = {
    "full": "lower UNSTILL_STORAGE__KEEP_HOURS",
    "refused": "set UNSTILL_STORAGE__URL to another folder",
    "missing": "set UNSTILL_STORAGE__URL to another folder",
}


class Storage:
    """Every method raises StorageError when the bytes cannot be read or written, NotFound when they are not there."""

    def __init__(self, store: ObjectStore, where: str, folder: Folder | None = None) -> None:
        self._store = store
        self._where = where
        self._folder = folder

    @classmethod
    def open(cls, settings: StorageSettings) -> Self:
        """Make the folder if need be; S3 is not asked before the first use.

        Raises:
            StorageError: the folder cannot be made, or the settings of S3 make no sense.
        """
        if settings.folder is None:
            return cls(open_s3(settings), settings.url)
        folder = Folder(settings.folder)
        with _translated(str(folder.path)):
            folder.make()
            return cls(LocalStore(folder.path), str(folder.path), folder)

    def new_key(self, kind: Kind, suffix: str | None = None) -> str:
        """Return a random key, to be put on record before its bytes are stored."""
        suffix = suffix or SUFFIXES[kind]
        if not SUFFIX.fullmatch(suffix):
            raise ValueError(f"{suffix!r} is not a dot and up to five of a-z and 0-9")
        return f"{kind}/{datetime.now(UTC):%Y%m%d}/{uuid.uuid4().hex}{suffix}"

    async def put(
        self, data: bytes | Path, *, kind: Kind = "pictures", suffix: str | None = None, key: str | None = None
    ) -> str:
        """Store bytes, or a file's; return the key. What is stored is whole, and safe from a power cut.

        `key` is one of `new_key`'s that is on record already, under which a put may be repeated; without it a key
        is made from `kind` and `suffix`.
        """
        key = _checked(key or self.new_key(kind, suffix))
        if isinstance(data, Path) and not await asyncio.to_thread(os.access, data, os.R_OK):
            raise StorageError(f"The file {data} cannot be read.")
        with _translated(self._where):
            if self._folder:
                await asyncio.to_thread(self._folder.write, key, data)
            else:
                await obstore.put_async(
                    self._store,
                    key,
                    data,
                    attributes={"Content-Type": CONTENT_TYPES.get(Path(key).suffix, "application/octet-stream")},
                    max_concurrency=PARTS_AT_ONCE,
                )
        return key

    async def get(self, key: str) -> bytes:
        with _translated(self._where, _checked(key)):
            answer = await obstore.get_async(self._store, key)
            return bytes(await answer.bytes_async())

    async def read(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes from `start` on, or as many as there are."""
        with _translated(self._where, _checked(key)):
            return bytes(await obstore.get_range_async(self._store, key, start=start, length=length))

    async def fetch(self, key: str, to: Path) -> None:
        """Bring it into a file, a piece at a time; the file is there when it is whole."""
        part = to.with_name(f"{to.name}.{uuid.uuid4().hex}.part")
        try:
            with _translated(self._where, _checked(key)):
                answer = await obstore.get_async(self._store, key)
                with _translated(str(to.parent), local=True), part.open("wb") as out:
                    async for chunk in answer.stream(min_chunk_size=CHUNK):
                        await asyncio.to_thread(out.write, chunk)
            with _translated(str(to.parent), local=True):
                part.replace(to)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    async def size(self, key: str) -> int:
        """Bytes."""
        with _translated(self._where, _checked(key)):
            return (await obstore.head_async(self._store, key))["size"]

    async def delete(self, key: str) -> None:
        """Delete it, and what a writer has begun or left behind of it. What is not there needs no deleting."""
        with contextlib.suppress(NotFound), _translated(self._where, _checked(key)):
            if self._folder:
                await asyncio.to_thread(self._folder.drop, key)
            await obstore.delete_async(self._store, key)

    async def sweep(self, older_than_seconds: float) -> int:
        """Delete what was stored longer ago than that; return how many."""
        before = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        swept = 0
        with _translated(self._where):
            if self._folder:
                await asyncio.to_thread(self._folder.make)
            for kind in SUFFIXES:
                async for found in obstore.list(self._store, kind, chunk_size=LIST_AT_ONCE):
                    keys = [
                        meta["path"] for meta in found if meta["last_modified"] < before and KEY.fullmatch(meta["path"])
                    ]
                    await self._delete_all(keys)
                    swept += len(keys)
            if self._folder:
                await asyncio.to_thread(self._folder.tidy, before)
        return swept

    async def check(self) -> None:
        """Write, read and delete a few bytes. Raises StorageError with what is wrong."""
        key = await self.put(PROBE, kind="pictures")
        try:
            if await self.get(key) != PROBE:
                raise StorageError(
                    f"The storage {self._where} gives back other bytes than were written. Check its disk."
                )
        finally:
            await self.delete(key)

    async def _delete_all(self, keys: list[str]) -> None:
        if not keys:
            return
        try:
            await obstore.delete_async(self._store, keys)
        except FileNotFoundError:
            # another process sweeps too, and was faster
            for key in keys:
                await self.delete(key)


def is_key(text: str) -> bool:
    """Whether it is a key that a storage makes."""
    return KEY.fullmatch(text) is not None


def _checked(key: str) -> str:
    if not is_key(key):
        raise StorageError(f"{key[:80]!r} is not a key of this storage.")
    return key


@contextlib.contextmanager
def _translated(where: str, key: str | None = None, *, local: bool = False) -> Iterator[None]:
    """The errors of obstore and the system as ours, each one sentence and the mend.

    `local`: `where` is a folder that a file is brought to, and no storage.
    """
    try:
        yield
    except FileNotFoundError as error:
        if key:
            raise NotFound(key) from error
        if local:
            raise StorageError(explain(where, error), "disk_missing") from error
        text = f"The storage {where} is not there. Check UNSTILL_STORAGE__URL."
        raise StorageError(text, "storage_missing") from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        if not where.startswith("s3://"):
            refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            raise StorageError(explain(where, refused, MENDS["refused"]), "storage_refused") from error
        raise StorageError(
            f"The storage {where} refuses these keys. Check UNSTILL_STORAGE__S3_ACCESS_KEY_ID.", "storage_refused"
        ) from error
    except OSError as error:
        if local:
            raise StorageError(explain(where, error), f"disk_{why(error)}") from error
        mend = MENDS.get(why(error), "")
        raise StorageError(explain(where, error, mend), f"storage_{why(error)}") from error
    except (BaseError, ValueError) as error:
        reason = str(error).split("\n", 1)[0][:300]
        raise StorageError(f"The storage {where} does not work: {reason}. Run unstill doctor.") from error

"""Backs a queue up while it works, and restores it on another server."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Literal

import msgspec
from redis.asyncio import Redis

from unstill_config.settings import Settings
from unstill_queue.backup.archive import FORMAT, BackupError, Head, Reader, Writer
from unstill_queue.backup.snapshot import JOB, Snapshot, take, write
from unstill_queue.contract.errors import NotFound
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.ledger.pseudonyms import Pseudonyms
from unstill_queue.storage.base import Storage

Files = Literal["owed", "all", "none"]
RESTORING = "unstill:restoring"
MAY_BE_THERE = (b"unstill:healthcheck", b"unstill:probe", RESTORING.encode())
LOOKS = 3
"""Times that the queue is read anew where a file went between its being read and the file's being copied."""
CHUNK = 1 << 20


class Summary(msgspec.Struct, frozen=True):
    """Counts what is in a backup. `jobs` have a record, `open` are not answered yet, `files` were copied.

    `missing` files are named by the queue and not in the storage. `other_tokens`: platforms whose bot has another token
    now than it had then.
    """

    taken_at: int
    jobs: int
    open: int
    files: int
    missing: int = 0
    other_tokens: tuple[str, ...] = ()


def tokens_of(settings: Settings) -> dict[str, str]:
    """Return, by platform with a bot, the name that its token gives to a text that all know."""
    names = Pseudonyms.of(settings)
    return {
        name: names.name("account", f"{name}:unstill backup")
        for name, entry in settings.platforms().items()
        if getattr(entry, "token", None) is not None
    }


async def backup(
    redis: Redis, storage: Storage, out: IO[bytes], *, files: Files, version: str, tokens: Mapping[str, str]
) -> Summary:
    """Write the queue and files of its storage to `out`, while everything runs.

    The queue is read at one moment, and then the files. Raises RedisError, OSError and StorageError.
    """
    writer = Writer(out)
    writer.begin(Head(FORMAT, version, dict(tokens)))
    copied: set[str] = set()
    for _ in range(LOOKS):
        snapshot = await take(redis)
        wanted = {"owed": snapshot.owed, "all": snapshot.named, "none": set[str]}[files]()
        for key in sorted(wanted - copied):
            if await _copy(storage, key, writer):
                copied.add(key)
        # a file that went meanwhile was answered or deleted meanwhile: the queue knows
        if wanted <= copied:
            break
    writer.end(snapshot)
    return _summary(snapshot, len(copied), len(wanted - copied))


async def _copy(storage: Storage, key: str, writer: Writer) -> bool:
    """Return whether the file is still there."""
    with tempfile.TemporaryDirectory(prefix="unstill-backup-") as folder:
        try:
            await storage.fetch(key, Path(folder, "file"))
        except NotFound:
            return False
        await asyncio.to_thread(writer.add_file, key, Path(folder, "file"))
    return True


async def restore(redis: Redis, storage: Storage, reader: Reader, settings: Settings, *, server: str) -> Summary:
    """Put a backup onto an empty server and into a storage, while nothing else uses them.

    What ran is handed back at no cost, as its engine is not here. It may be repeated where it was killed.

    Raises:
        BackupError: the server is not empty; `server` is what it is called.
        RedisError, OSError, StorageError: what was done so far is done again by another restore of the same backup.
    """
    if await redis.get(RESTORING) != reader.id.encode():
        async for key in redis.scan_iter("unstill:*", count=1000):
            if key not in MAY_BE_THERE:
                raise BackupError("not_empty", server)
        await redis.set(RESTORING, reader.id)
    files = 0
    for key, data in reader.files():
        with tempfile.NamedTemporaryFile(prefix="unstill-restore-") as part:
            while piece := data.read(CHUNK):
                part.write(piece)
            part.flush()
            await storage.put(Path(part.name), key=key)
        files += 1
    await write(redis, reader.snapshot)
    ledger = Ledger(redis, settings.queue)
    for entry in reader.snapshot.open_jobs():
        if entry.fields.get(b"state") == b"running":
            id, owner = entry.key.removeprefix(JOB), entry.fields.get(b"owner", b"")
            await ledger.hand_back(id.decode(), owner.decode())
    await redis.delete(RESTORING)
    now = tokens_of(settings)
    # which token it is can only be told where one is set
    other = tuple(name for name, token in reader.head.tokens.items() if now.get(name, token) != token)
    return msgspec.structs.replace(_summary(reader.snapshot, files, 0), other_tokens=other)


def _summary(snapshot: Snapshot, files: int, missing: int) -> Summary:
    jobs = sum(entry.key.startswith(JOB) for entry in snapshot.entries)
    return Summary(snapshot.taken_at, jobs, sum(1 for _ in snapshot.open_jobs()), files, missing)

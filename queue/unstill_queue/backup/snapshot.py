"""Copies what stands in the queue's server, at one moment and by value, so that any Redis or Valkey can be given it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import resources

import msgspec
from redis.asyncio import Redis

from unstill_queue.ledger.script import awaited

LEFT_OUT = (
    # words and streams are made anew by the reaper, and the rest is said by whoever runs
    "arq:", "outbox:", "progress:", "engines?:", "leader:", "claim:", "rewrite", "audited$", "probe$", "healthcheck$",
    "restoring$",
)  # fmt: skip
"""Lua patterns, behind "unstill:", of what says only who runs now, or is said again by the ledger."""
DUE = b"unstill:due"
JOB = b"unstill:job:"
TRASH = (b"unstill:trash", b"unstill:thrown")
FILE = re.compile(rb"(?:pictures|clips)/[0-9]{8}/[0-9a-f]{32}\.[a-z0-9]{1,5}", re.ASCII)
WRITE_AT_ONCE = 500
FINAL = (b"sent", b"undeliverable")


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A key of the server. `ends_at` is when it goes, in milliseconds since 1970; 0: it stays.

    `value` is the bytes of a string; of all other kinds the list of its members, pairs one after another.
    """

    key: bytes
    kind: str
    ends_at: int
    value: bytes | list[bytes]

    @property
    def fields(self) -> dict[bytes, bytes]:
        """The pairs of a hash, or of a sorted set."""
        parts = self.value if isinstance(self.value, list) else []
        return dict(zip(parts[::2], parts[1::2], strict=True))

    @property
    def is_open(self) -> bool:
        """Whether it is the record of a job that is not final."""
        return self.key.startswith(JOB) and self.kind == "hash" and self.fields.get(b"state") not in FINAL

    def files(self) -> set[str]:
        """Return the storage keys that are named in it."""
        parts = [self.value] if isinstance(self.value, bytes) else self.value
        return {found.decode() for part in parts for found in FILE.findall(part)}


class Snapshot(msgspec.Struct, frozen=True):
    """All that was kept, at `taken_at`: the server's time in milliseconds since 1970."""

    taken_at: int
    entries: list[Entry]

    def open_jobs(self) -> Iterator[Entry]:
        """Yield the records of jobs that are not final."""
        return (entry for entry in self.entries if entry.is_open)

    def owed(self) -> set[str]:
        """Return the storage keys of what is still to be rendered or shown, thrown files aside.

        What was shown in a chat lies there. What the page shows, it shows out of the storage, so it is owed as well.
        """
        return (
            _files(entry for entry in self.entries if entry.is_open or not entry.key.startswith(JOB)) - self._thrown()
        )

    def named(self) -> set[str]:
        """Return the storage keys of all files that are named anywhere, thrown files aside."""
        return _files(self.entries) - self._thrown()

    def _thrown(self) -> set[str]:
        return _files(entry for entry in self.entries if entry.key in TRASH)


def _files(entries: Iterable[Entry]) -> set[str]:
    return {file for entry in entries for file in entry.files()}


async def take(redis: Redis) -> Snapshot:
    """Read all that is kept. The server does nothing else meanwhile. Raises RedisError, OSError."""
    script = (resources.files("unstill_queue") / "backup" / "snapshot.lua").read_text("utf-8")
    patterns = [f"^unstill:{one}" for one in LEFT_OUT]
    (seconds, micros), found = await awaited(redis.eval(script, 0, *patterns))
    now = int(seconds) * 1000 + int(micros) // 1000
    entries = [Entry(key, kind.decode(), now + ttl if ttl >= 0 else 0, value) for key, kind, ttl, value in found]
    return Snapshot(now, entries)


async def write(redis: Redis, snapshot: Snapshot) -> None:
    """Write all of it, in place of what has the same keys. What would have gone by now is left out.

    All that somebody must look at is due at once. It may be repeated. Raises RedisError, OSError.
    """
    seconds, micros = await redis.time()
    now = seconds * 1000 + micros // 1000
    # the index of what is due comes last: nobody acts on what is not there yet
    entries = sorted(snapshot.entries, key=lambda entry: entry.key == DUE)
    for start in range(0, len(entries), WRITE_AT_ONCE):
        async with redis.pipeline(transaction=True) as pipe:
            for entry in entries[start : start + WRITE_AT_ONCE]:
                if entry.ends_at and entry.ends_at <= now:
                    continue
                pipe.delete(entry.key)
                for command in _commands(entry, now):
                    pipe.execute_command(*command)
                if entry.ends_at:
                    pipe.pexpireat(entry.key, entry.ends_at)
            await pipe.execute()


def _commands(entry: Entry, now: int) -> Iterator[tuple[object, ...]]:
    value = entry.value
    if isinstance(value, bytes):
        yield "SET", entry.key, value
        return
    if entry.kind == "zset":
        due = str(now).encode() if entry.key == DUE else None
        value = [part for member, score in entry.fields.items() for part in (due or score, member)]
    verb = {"hash": "HSET", "zset": "ZADD", "set": "SADD", "list": "RPUSH"}[entry.kind]
    for start in range(0, len(value), 2 * WRITE_AT_ONCE):
        yield verb, entry.key, *value[start : start + 2 * WRITE_AT_ONCE]

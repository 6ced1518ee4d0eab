"""Tasks that any process does to the ledger from time to time."""

from __future__ import annotations

from collections.abc import Collection

import structlog

from unstill_queue.contract.codec import encode
from unstill_queue.contract.errors import UnknownJob, UnreadableRecord
from unstill_queue.ledger.outcomes import EXPIRED, INTAKE_FAILED, engine_lost
from unstill_queue.ledger.records import Reaped
from unstill_queue.ledger.script import ms, report
from unstill_queue.ledger.views import Views

log = structlog.get_logger(__name__)

TRASH_AT_ONCE = 200
"""Files that are deleted in one go."""


class Upkeep(Views):
    """Does what the reaper, the auditor, the trash and `unstill doctor` ask for."""

    async def reap(self, limit: int = 200) -> Reaped:
        """Look at what is due, and let engines hear again of the queued jobs among it."""
        reply = await self._run(
            "reap",
            limit,
            self.settings.attempts,
            encode(engine_lost(self.settings.attempts)),
            encode(EXPIRED),
            encode(INTAKE_FAILED),
        )
        looked, bad, rewrite = reply
        report(bad)
        return Reaped(int(looked), bool(rewrite))

    async def hand_back(self, id: str, owner: str) -> None:
        """Hand a job back whose engine is not to be had, without costing a try; `owner` is that engine's token."""
        await self._run("release", id, owner)

    async def trash(self) -> list[str]:
        """Return the storage keys of files to delete now; `trashed` reports that they are deleted."""
        return [key.decode() for key in await self._run("trash", TRASH_AT_ONCE)]

    async def trashed(self, keys: list[str]) -> None:
        """Report that the files under those storage keys are deleted."""
        await self._run("trashed", *keys)

    async def compact_streams(self, platforms: Collection[str]) -> None:
        """Write the streams of some platforms anew, each as `compact` does."""
        for platform in platforms:
            for name in ("outbox", "progress"):
                await self.compact(f"unstill:{name}:{platform}")

    async def compact(self, stream: str) -> None:
        """Write a stream anew, without what tells of jobs that are gone, and without the bytes of deleted entries."""
        await self._run("compact", stream)

    async def rewritten(self, asked: bytes) -> None:
        """Report that the server's file holds nothing any more that was deleted at `asked` or before."""
        await self._run("rewritten", asked)

    async def audit(self) -> list[str]:
        """Walk through all records; put back what the due index lost, and return it.

        One process does so in each period, whoever asks first.
        """
        # Shorter than the period: who asks once a period is not punctual, and would find every second one taken.
        if not await self.redis.set("unstill:audited", 1, nx=True, px=ms(0.9 * self.times.audit)):
            return []
        lost: list[str] = []
        cursor = 0
        while True:
            cursor, keys = await self.redis.scan(cursor, "unstill:job:*", count=500)
            ids = [key.decode().removeprefix("unstill:job:") for key in keys]
            if ids:
                found, bad = await self._run("index", *ids)
                lost += [id.decode() for id in found]
                report(bad)
            if cursor == 0:
                await self._run("recount")
                return lost

    async def set_aside(self, error: UnreadableRecord) -> None:
        """Take a record that cannot be decoded out of everybody's way. One of a newer version stays where it is."""
        if error.newer:
            log.warning("a record of a newer version is left for a newer program", job=error.job, wrong=error.wrong)
            return
        await self._run("set_aside", error.job, error.wrong)
        report([error.job.encode(), error.wrong.encode()])

    async def unreadable(self) -> dict[str, str]:
        """Return the ids of what was set aside, and what is wrong with each. Such records expire after three days."""
        reply = await self._run("unreadable")
        found = {}
        for id, wrong in zip(reply[::2], reply[1::2], strict=True):
            found[id.decode(errors="replace")] = wrong.decode(errors="replace")
            if not wrong:
                try:
                    await self.read(id.decode())
                except UnreadableRecord as error:
                    found[error.job] = error.wrong
                except UnknownJob:
                    pass
        return found

    async def drop_unreadable(self) -> list[str]:
        """Delete what was set aside, for good."""
        return [id.decode(errors="replace") for id in await self._run("drop_unreadable")]

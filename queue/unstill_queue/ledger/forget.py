"""Transitions that take a person's requests out of the server."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from unstill_queue.contract.codec import encode
from unstill_queue.contract.errors import UnknownJob, UnreadableRecord
from unstill_queue.contract.jobs import Cancelled
from unstill_queue.ledger.records import Forgotten
from unstill_queue.ledger.views import Views

FORGET_AT_ONCE = 500
"""Records that are forgotten by one call; Lua takes some thousand arguments."""


class Forget(Views):
    """Takes out of the server what a person asked for."""

    async def forget(self, person: str) -> Forgotten:
        """Cancel what a person asked for, and take it out of the server: at once what is answered, and the rest by
        itself when its end is shown. Their files are thrown away.

        That a request was here stays for two days, under a name that tells nobody: the same update is still not new.
        """
        found: list[str] = []
        files: list[str] = []
        ids = [id.decode() for id in await self.redis.zrange(f"unstill:mine:{person}", 0, -1)]
        while ids:
            now, ids = ids[:FORGET_AT_ONCE], ids[FORGET_AT_ONCE:]
            words: list[str | bytes] = []
            for id in now:
                try:
                    record = await self.read(id)
                except UnreadableRecord:
                    words += [id, "", self.names.name("request", id), ""]
                except UnknownJob:
                    continue
                else:
                    # without words and picture; the rest is needed to show that it is cancelled
                    bare = encode(msgspec.structs.replace(record.request, words="", source="", last_source=""))
                    older = record.job.pictures if record.job else ()
                    words += [id, bare, self.names.name("request", id), " ".join([*older, *record.clips])]
                found.append(id)
            left, thrown = await self._run("forget", person, encode(Cancelled(person)), *words)
            files += [key.decode() for key in thrown]
            ids += [id.decode() for id in left if id.decode() not in ids]
        return Forgotten(tuple(found), tuple(sorted(set(files))))

    async def forgetting(self, ids: Sequence[str]) -> list[str]:
        """Return those of the ids that are forgotten and whose end has still to be shown."""
        found: list[str] = []
        for start in range(0, len(ids), FORGET_AT_ONCE):
            found += [id.decode() for id in await self._run("forgetting", *ids[start : start + FORGET_AT_ONCE])]
        return found

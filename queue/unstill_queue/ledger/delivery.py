"""How an outcome is shown, once, and the status message before it."""

from __future__ import annotations

from typing import Literal

from unstill_queue.contract.codec import encode
from unstill_queue.contract.jobs import Job
from unstill_queue.ledger.records import (
    REFIT_LANE,
    REFITS_MOST,
)
from unstill_queue.ledger.script import Script, ms


class Delivery(Script):
    """What a front end does to deliver an outcome."""

    async def send(self, id: str, sender: str) -> bool:
        """Take the right to deliver the outcome. False: another has it, or it is delivered."""
        reply = await self._run("send", id, sender)
        return bool(reply[0] == b"ok")

    async def unsend(self, id: str, sender: str, *, delay: float) -> bool:
        """Not delivered, and surely nothing shown: try again after `delay` seconds."""
        reply = await self._run("unsend", id, sender, ms(delay))
        return bool(reply[0] == b"ok")

    async def refit(self, job: Job, sender: str) -> Literal["ok", "no", "lost"]:
        """The platform refused the clip's size: have it made again under the smaller limit that `job` now has.

        'no': it was made smaller often enough. 'lost': the right to deliver it is another's.
        """
        reply = await self._run("refit", job.id, sender, REFIT_LANE, encode(job), REFITS_MOST)
        answer: Literal["ok", "no", "lost", "unreadable"] = reply[0].decode()
        return "lost" if answer == "unreadable" else answer

    async def sent(self, id: str, sender: str, receipt: str = "") -> bool:
        reply = await self._run("sent", id, sender, "sent", receipt)
        return bool(reply[0] == b"ok")

    async def undeliverable(self, id: str, sender: str, reason: str) -> bool:
        reply = await self._run("sent", id, sender, "undeliverable", reason)
        return bool(reply[0] == b"ok")

    async def note_begin(self, id: str) -> Literal["go", "note", "unknown"]:
        """May the status message be sent? 'go' is said once; then report by `note_set` or `note_clear`."""
        reply = await self._run("note_begin", id)
        answer: Literal["go", "note", "unknown", "unreadable"] = reply[0].decode()
        return "unknown" if answer == "unreadable" else answer

    async def note_set(self, id: str, note: str) -> None:
        await self._run("note_set", id, note)

    async def note_clear(self, id: str) -> None:
        """The status message was surely not sent; it may be tried again."""
        await self._run("note_clear", id)

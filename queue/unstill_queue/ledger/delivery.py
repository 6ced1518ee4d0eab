"""Transitions that show an outcome, once, and the status message before it."""

from __future__ import annotations

from typing import Literal

from unstill_queue.contract.codec import encode
from unstill_queue.contract.jobs import Job
from unstill_queue.ledger.records import REFIT_LANE, REFITS_MOST
from unstill_queue.ledger.script import Script, ms


class Delivery(Script):
    """Gives the right to show an outcome, and keeps what was shown."""

    async def send(self, id: str, sender: str) -> bool:
        """Take, or renew, the right to deliver the outcome. False: another has it, or it is delivered."""
        reply = await self._run("send", id, sender)
        return bool(reply[0] == b"ok")

    async def unsend(self, id: str, sender: str, *, delay: float, reason: str = "other") -> bool:
        """Give the right to deliver back, as nothing was shown; it is tried again after `delay` seconds.

        `reason` is a word by which it is counted.
        """
        reply = await self._run("unsend", id, sender, ms(delay), reason)
        return bool(reply[0] == b"ok")

    async def refit(self, job: Job, sender: str) -> Literal["ok", "no", "lost"]:
        """Have a clip whose size its platform refused made again, under the smaller limit that `job` now has.

        'no': it was made smaller often enough. 'lost': the right to deliver it is another's.
        """
        reply = await self._run("refit", job.id, sender, REFIT_LANE, encode(job), REFITS_MOST)
        answer: Literal["ok", "no", "lost", "unreadable"] = reply[0].decode()
        return "lost" if answer == "unreadable" else answer

    async def sent(self, id: str, sender: str, receipt: str = "") -> bool:
        """Report that the outcome was shown, by the message that `receipt` names. False: another delivers it."""
        reply = await self._run("sent", id, sender, "sent", receipt)
        return bool(reply[0] == b"ok")

    async def undeliverable(self, id: str, sender: str, reason: str) -> bool:
        """Report that the outcome cannot be shown, and why. False: another delivers it."""
        reply = await self._run("sent", id, sender, "undeliverable", reason)
        return bool(reply[0] == b"ok")

    async def note_begin(self, id: str) -> Literal["go", "note", "unknown"]:
        """Ask whether the status message may be sent. 'go' is said once; `note_set` or `note_clear` reports it."""
        reply = await self._run("note_begin", id)
        answer: Literal["go", "note", "unknown", "unreadable"] = reply[0].decode()
        return "unknown" if answer == "unreadable" else answer

    async def note_set(self, id: str, note: str) -> None:
        """Report that the status message was sent, and its reference."""
        await self._run("note_set", id, note)

    async def note_clear(self, id: str) -> None:
        """Report that the status message was surely not sent; it may be tried again."""
        await self._run("note_clear", id)

"""Transitions by which a request comes in, and is withdrawn."""

from __future__ import annotations

from typing import Any, Literal

from unstill_config.settings import Quota as QuotaSettings
from unstill_queue.contract.abilities import kinds
from unstill_queue.contract.codec import encode
from unstill_queue.contract.errors import QuotaExceeded, TooManyRequests, UnknownJob
from unstill_queue.contract.jobs import Cancelled, Failed, Job, Request, Requester
from unstill_queue.ledger.gates import Gates, check_gate


class Intake(Gates):
    """Takes requests in, queues them as jobs, and withdraws them."""

    async def accept(self, request: Request, *, per_minute: int = 0) -> bool:
        """Write the request down; return whether it is new, or was here before.

        When this has returned, the request will be answered. `per_minute`: new ones of its account, 0 without limit.

        Raises:
            NotTaken: it is not written down: they ask too fast, or the host has shut the intake, or them out.
        """
        reply = await self._run("accept", *self._written(request), per_minute)
        _check_pace(reply, per_minute)
        return bool(reply[0] == b"accepted")

    async def notify(self, request: Request, outcome: Failed) -> bool:
        """Tell the requester something that nobody asked for, as the answer to `request`.

        It is told once for each id, over every kill, by whoever serves its platform. False: it was told before.
        """
        reply = await self._run("notify", *self._written(request), encode(outcome))
        return bool(reply[0] == b"ok")

    def _written(self, request: Request) -> tuple[str | bytes, ...]:
        """Return the arguments by which the script writes a request down."""
        who, name = request.requester, self.names.name
        return (
            request.id,
            request.reply_to.platform,
            who.person,
            name("place", who.place),
            name("account", who.account),
            name("request", request.id),
            encode(request),
        )

    async def pace(self, who: Requester, per_minute: int) -> None:
        """Count a request that `accept` is then given without a limit.

        Raises:
            NotTaken: there is no room for it in this minute; or as `gate`.
        """
        account, place = self.names.name("account", who.account), self.names.name("place", who.place)
        _check_pace(await self._run("pace", account, place, per_minute), per_minute)

    async def check(self, who: Requester, *, cost: float, quota: QuotaSettings, jobs: int = 1) -> None:
        """Check that so many jobs, of that cost in estimated GPU-seconds together, would be queued now; nothing is
        reserved.

        Raises:
            QuotaExceeded: it would not.
        """
        account, place = self.names.name("account", who.account), self.names.name("place", who.place)
        _check_quota(await self._run("afford", account, place, repr(cost), *_limits(quota), jobs))

    async def queue(self, job: Job, *, cost: float, quota: QuotaSettings) -> bool:
        """Queue an accepted request as `job`, which costs `cost` estimated GPU-seconds.

        Returns False if it had been queued or had ended before.

        Raises:
            QuotaExceeded: the request stays ACCEPTED; the caller answers it.
            UnknownJob: it was never accepted.
        """
        reply = await self._run(
            "queue",
            job.id,
            job.parameters.model,
            repr(cost),
            encode(job),
            *_limits(quota),
            " ".join(sorted(kinds(job))),
        )
        _check_quota(reply)
        if reply[0] == b"already" and reply[1] == b"none":
            raise UnknownJob(job.id)
        return bool(reply[0] == b"queued")

    async def refuse(self, id: str, outcome: Failed) -> bool:
        """Answer an accepted request at once, by `outcome`; its record is kept for an hour. False: it is too late."""
        reply = await self._run("refuse", id, encode(outcome))
        return bool(reply[0] == b"ok")

    async def picture(self, id: str, *keys: str) -> list[str] | None:
        """Put the keys of a request's pictures on record, before their bytes are stored.

        Returns as many keys to store them under, which are those of an earlier try where there was one. None: the
        request has ended or is being forgotten, and nothing of it may be stored.
        """
        reply = await self._run("picture", id, *keys)
        return reply[1].decode().split()[: len(keys)] if reply[0] == b"ok" else None

    async def cancel(self, id: str, by: str) -> Literal["cancelled", "cancelling", "late", "none"]:
        """Cancel a job in the name of `by`: one that waits ends at once, and of one that runs the engine is told.

        'late': it has ended. 'none': there is no such job.
        """
        reply = await self._run("cancel", id, encode(Cancelled(by)))
        if reply[0] == b"unreadable" or (reply[0] == b"late" and reply[1] == b"none"):
            return "none"
        answer: Literal["cancelled", "cancelling", "late"] = reply[0].decode()
        return answer


def _limits(quota: QuotaSettings) -> tuple[int, int, str, str]:
    return quota.person_jobs, quota.chat_jobs, repr(quota.person_seconds), repr(quota.chat_seconds)


def _check_quota(reply: list[Any]) -> None:
    """Raise QuotaExceeded if the script says so."""
    if reply[0] == b"quota":
        raise QuotaExceeded(reply[1].decode(), reply[2].decode(), float(reply[3]), float(reply[4]))


def _check_pace(reply: list[Any], per_minute: int) -> None:
    """Raise NotTaken if the script says so."""
    check_gate(reply)
    if reply[0] == b"fast":
        raise TooManyRequests(per_minute, float(reply[1]) / 1000)

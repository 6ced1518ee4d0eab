"""The host's pauses and blocks: of all requests, of the engines, of a person or a chat; and what was used today."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from unstill_queue.contract.errors import Blocked, Paused
from unstill_queue.contract.jobs import Requester
from unstill_queue.ledger.records import Shut, Spent
from unstill_queue.ledger.script import Script, awaited

SHUT, BLOCKED = "unstill:shut", "unstill:blocked"
DAY = 24 * 3600
KINDS: dict[str, Literal["account", "place"]] = {"p": "account", "c": "place"}


class Gates(Script):
    """Keeps requests out, and jobs from engines, for as long as the host wants that: over every restart."""

    async def gate(self, who: Requester) -> None:
        """Check that a request of theirs would be written down now, as far as the host has a say.

        Raises:
            Paused: nobody's would.
            Blocked: theirs would not; the first time it is raised, they are to be told so.
        """
        check_gate(
            await self._run("gate", self.names.name("account", who.account), self.names.name("place", who.place))
        )

    async def shut(self) -> Shut:
        """Return what the host has shut."""
        intake, engines = await awaited(self.redis.hmget(SHUT, ["intake", "engines"]))
        return Shut(float(intake) if intake else None, float(engines) if engines else None)

    async def pause(self, what: Literal["intake", "engines"]) -> bool:
        """Have new requests refused, or engines take no job. What is queued or in hand goes on. False: it was so."""
        return bool(await awaited(self.redis.hsetnx(SHUT, what, str(await self._seconds()))))

    async def resume(self) -> bool:
        """Open both again. False: neither was shut."""
        return bool(await self.redis.delete(SHUT))

    # -- blocks

    def names_of(self, id: str) -> tuple[str, str]:
        """Return the names under which a person or a chat is kept out: of the account that an id may be, and the place.

        `id` as `Requester.person` or `Requester.place`: "telegram:123".
        """
        return self.names.name("account", id), self.names.name("place", id)

    async def is_of(self, id: str, names: Iterable[str]) -> bool:
        """Return whether a request is of an account or a place that has one of these names."""
        found = await awaited(self.redis.hmget(f"unstill:job:{id}", ["account", "place"]))
        return not {(name or b"").decode() for name in found}.isdisjoint(names)

    async def block(self, names: Iterable[str]) -> bool:
        """Keep out whose name is one of these, which outlasts /forgetme. False: all of them were kept out before."""
        now, new = str(await self._seconds()), 0
        for name in names:
            new += int(await awaited(self.redis.hsetnx(BLOCKED, name, now)))
        return new > 0

    async def unblock(self, names: Iterable[str]) -> bool:
        """Let them in again. False: none of them was kept out."""
        return bool(await awaited(self.redis.hdel(BLOCKED, *names)))

    async def blocked(self) -> dict[str, float]:
        """Return the names that are kept out, each with the time since when, in seconds since the epoch."""
        raw: dict[bytes, bytes] = await awaited(self.redis.hgetall(BLOCKED))
        return {name.decode(): float(since.split()[0]) for name, since in raw.items()}

    # -- what was used

    async def spent(self) -> list[Spent]:
        """Return what each account and each place has used today, those that used most before the others."""
        day = (await self._seconds()) // DAY
        seconds = _numbers(await awaited(self.redis.hgetall(f"unstill:seconds:{day}")))
        counts = _numbers(await awaited(self.redis.hgetall(f"unstill:counts:{day}")))
        found = [
            Spent(name, KINDS[kind], int(counts.get(field, 0)), seconds.get(field, 0.0))
            for field in counts.keys() | seconds.keys()
            for kind, _, name in [field.partition("|")]
        ]
        return sorted(found, key=lambda one: (-one.seconds, -one.clips, one.name))

    async def _seconds(self) -> int:
        seconds, _ = await self.redis.time()
        return int(seconds)


def check_gate(reply: list[Any]) -> None:
    """Raise Paused or Blocked if the script says so."""
    if reply[0] == b"closed":
        raise Paused
    if reply[0] == b"blocked":
        raise Blocked(told=reply[1] == b"told")


def _numbers(raw: dict[bytes, bytes]) -> dict[str, float]:
    return {field.decode(): float(value) for field, value in raw.items()}

"""What has to outlive a restart besides the ledger: which messages were seen, and pictures that wait for words."""

from __future__ import annotations

import time
from collections.abc import Callable

from redis.asyncio import Redis

from unstill_bots.actions.open_forms import OpenForms
from unstill_bots.discord.media import Picture
from unstill_bots.discord.pending import PLATFORM, DiscordRequest
from unstill_bots.intake.waiting import DAY, WaitingPictures
from unstill_queue.ledger.pseudonyms import Pseudonyms

MOST_CHANNELS = 200
"""Channels that are read again after a time away: those in which the bot was addressed last."""
_CHANNELS, _MESSAGE = "unstill:discord:channels", "unstill:discord:message:"


class Memory(WaitingPictures[DiscordRequest]):
    """On the queue's Redis. `names`: under which a message is known to have been taken."""

    def __init__(self, redis: Redis, names: Pseudonyms | None = None) -> None:
        super().__init__(redis, PLATFORM, DiscordRequest)
        self._names = names or Pseudonyms()
        self.forms = OpenForms(redis, PLATFORM, Picture)

    # -- messages to us

    async def is_taken(self, message: int) -> bool:
        return bool(await self._redis.exists(self._taken(message), f"{_MESSAGE}{message}"))

    async def took(self, channel: int, message: int, direct_to: int | None = None) -> None:
        """It was written down, or answered. `direct_to`: in direct messages, with whom."""
        await self._redis.set(self._taken(message), b"", ex=2 * DAY)
        await self.spoken_to(channel, direct_to)

    def _taken(self, message: int) -> str:
        # it outlasts its person's being forgotten, as the platform may tell of the message again
        return f"{_MESSAGE}{self._names.name('message', f'{PLATFORM}:{message}')}"

    async def spoken_to(self, channel: int, direct_to: int | None = None) -> None:
        """The bot was addressed there just now. `direct_to`: in direct messages, by whom."""
        name = str(channel) if direct_to is None else f"{channel}:{direct_to}"
        if await self._redis.zadd(_CHANNELS, {name: time.time()}):
            await self._redis.zremrangebyrank(_CHANNELS, 0, -MOST_CHANNELS - 1)

    async def channels(self) -> list[int]:
        """Where the bot was addressed, the latest first."""
        names = await self._redis.zrevrange(_CHANNELS, 0, MOST_CHANNELS - 1)
        # an older version named direct messages as any channel
        return list(dict.fromkeys(int(name.partition(b":")[0]) for name in names))

    async def leave(self, channel: int) -> None:
        """Not to be read any more."""
        await self._leave(lambda name: name.partition(":")[0] == str(channel))

    async def _leave(self, is_it: Callable[[str], bool]) -> None:
        for name in await self._redis.zrange(_CHANNELS, 0, -1):
            if is_it(name.decode()):
                await self._redis.zrem(_CHANNELS, name)

    async def forget(self, user: str) -> None:
        """A person's pictures that wait for words, in every channel; their open forms; their direct messages."""
        await super().forget(user)
        await self.forms.forget(user)
        await self._leave(lambda name: name.partition(":")[2] == user)

"""What people and chats have set for themselves, in Redis."""

from __future__ import annotations

from typing import Literal

import msgspec
from redis.asyncio import Redis

from unstill_queue.contract.codec import decode_or, encode
from unstill_queue.contract.options import EXACT

KEPT_DAYS = 365
"""Preferences that nobody used for so long go."""


class Preferences(msgspec.Struct, frozen=True):
    """A person's or a chat's own; None and "" leave it to the host.

    `when`: what a group's bot answers: commands and mentions, every photo, or nothing. `who`: all, or admins only.
    `jobs`: most clips in the making at a time for the chat; 0 leaves it to the host. `thread`: the one topic that it
    answers in. `channels` and `roles`: ids of those of a server that may be used and may use it; empty for all.
    `spoiler`: whether clips are covered until they are pressed. `rating`: what is done with what is for adults only.
    `own`: only pictures of who asks are animated. `mine`: nobody else may animate this person's pictures, which is kept
    by `Consent` and not with the rest. `exact`: no language model makes a prompt of the words. `look`: whether early
    looks are shown; in a private chat the person's own counts.
    """

    language: str = ""
    preset: str = ""
    shape: str = ""
    resolution: int = 0
    when: Literal["addressed", "photos", "off"] = "addressed"
    who: Literal["all", "admins"] = "all"
    jobs: int = 0
    quiet: bool = False
    thread: str = ""
    channels: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    spoiler: bool = False
    rating: Literal["", "refuse", "spoiler", "allow"] = ""
    own: bool = False
    mine: bool = False
    exact: bool = False
    look: Literal["", "on", "off"] = ""

    @property
    def options(self) -> dict[str, str]:
        """The options of a caption that does not set them itself, as they are typed, by name."""
        given = {"preset": self.preset, "shape": self.shape, "resolution": self.resolution}
        typed = {name: f"--{name} {value}" for name, value in given.items() if value}
        return {**typed, EXACT: f"--{EXACT} yes"} if self.exact else typed


def language_of(own: Preferences, place: Preferences, app: str | None, host: str) -> str:
    """Return the language to answer in: the person's own choice, else the chat's, their app's, the host's."""
    return own.language or place.language or app or host


class InForce(msgspec.Struct, frozen=True):
    """Preferences that hold for one person in one chat: their own, and the chat's."""

    own: Preferences
    chat: Preferences


class PreferenceStore:
    """Keeps preferences by scope: 'telegram:123' for a person, 'telegram:-100123' for a chat."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get(self, scope: str) -> Preferences:
        """What was set, or the defaults; also where an older or newer program wrote what cannot be read."""
        return decode_or(await self._redis.get(_key(scope)), Preferences, Preferences())

    async def of(self, person: str, chat: str) -> InForce:
        """Get the preferences of a person's and of a chat's scope, each as `get` does, by one command."""
        own, place = await self._redis.mget(_key(person), _key(chat))
        return InForce(decode_or(own, Preferences, Preferences()), decode_or(place, Preferences, Preferences()))

    async def set(self, scope: str, preferences: Preferences) -> None:
        await self._redis.set(_key(scope), encode(preferences), ex=KEPT_DAYS * 24 * 3600)

    async def forget(self, scope: str) -> None:
        await self._redis.delete(_key(scope))

    async def move(self, old: str, new: str) -> None:
        """A chat got another id; what the new one has already set stays."""
        data = await self._redis.get(_key(old))
        if data is not None:
            await self._redis.set(_key(new), data, ex=KEPT_DAYS * 24 * 3600, nx=True)
            await self._redis.delete(_key(old))


def _key(scope: str) -> str:
    return f"unstill:preferences:{scope}"

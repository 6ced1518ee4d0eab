"""Pictures that wait for words, words that wait for a picture, and which words of a message came last: what has to
outlive a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
from redis.asyncio import Redis

from unstill_bots.actions.open_forms import Opened
from unstill_bots.actions.presses import LAST_PICTURE, Thing
from unstill_bots.intake.pending import PendingRequest
from unstill_queue.contract.codec import decode_or, encode

DAY = 24 * 3600
MOST_WAITING = 20
WORDS_WAIT = 120
"""Seconds for which words wait for the picture that they belong to."""

P = TypeVar("P", bound=PendingRequest)


class WaitingWords(msgspec.Struct, frozen=True):
    """Words that came without a picture. `id` is that of the request which their message would be, `note` the message
    that says so.
    """

    id: str
    words: str
    note: str = ""


class Offer(msgspec.Struct, Generic[P], frozen=True):
    """Words that may go with an older picture, which is that of `pending`, if their person says so."""

    pending: P
    words: str


class WaitingPictures(Generic[P]):
    """Keeps one platform's waiting pictures by chat and person, on the queue's Redis. All expires after some days.

    `offers` are those of one's last picture, each by the id of the request that it would be.
    """

    def __init__(self, redis: Redis, platform: str, kind: type[P]) -> None:
        self._redis = redis
        self._kind = kind
        self._prefix = f"unstill:{platform}:"
        offer = Offer[kind]  # type: ignore[valid-type]  # msgspec takes it
        self.offers: Opened[Offer[P]] = Opened(redis, f"{self._prefix}offer:", offer, LAST_PICTURE, _whose)

    async def waiting(self, chat: str, user: str) -> list[P]:
        """Return a person's pictures in a chat, the oldest first."""
        return decode_or(await self._redis.get(self._waiting(chat, user)), list[self._kind], [])  # type: ignore[name-defined]  # msgspec takes it

    async def let_wait(self, pendings: Sequence[P]) -> bool:
        """Keep pictures of one message beside those that wait already. False: the first of them waits already."""
        chat, user = pendings[0].chat, pendings[0].user
        known = await self.waiting(chat, user)
        others = [one for one in known if one.id not in {each.id for each in pendings}]
        await self._redis.set(self._waiting(chat, user), encode([*others, *pendings][-MOST_WAITING:]), ex=DAY)
        return all(one.id != pendings[0].id for one in known)

    async def no_longer(self, pendings: Sequence[P]) -> None:
        """Let go of pictures that got their words."""
        ids = {one.id for one in pendings}
        key = self._waiting(pendings[0].chat, pendings[0].user)
        left = [one for one in await self.waiting(pendings[0].chat, pendings[0].user) if one.id not in ids]
        if left:
            await self._redis.set(key, encode(left), ex=DAY)
        else:
            await self._redis.delete(key)

    async def together(self, pending: P) -> list[P]:
        """Return the pictures that one message's words are for: its own, and those of its album."""
        return [pending]

    # -- the question for words that stands in the chat

    async def asked(self, pending: P, note: str) -> None:
        """Keep which message asks for the words."""
        # it may have been forgotten since
        if any(one.id == pending.id for one in await self.waiting(pending.chat, pending.user)):
            await self._redis.set(self._asked(pending), note, ex=DAY)

    async def question(self, pending: P) -> str | None:
        """Return the message that asks for the words, to the first who wants it, or None."""
        # an older version's key, without the person
        old = await self._redis.getdel(f"{self._prefix}asked:{pending.id}")
        note: bytes | None = await self._redis.getdel(self._asked(pending)) or old
        return None if note is None else note.decode()

    # -- which request a message's words made last

    async def latest(self, pending: P, id: str = "") -> str:
        """Return the id of the request that a message's words made last. `id`: of another message of the same person's
        than that of `pending`.
        """
        id = id or pending.id
        # an older version's key, without the person
        latest, old = await self._redis.mget(self._latest(pending.user, id), f"{self._prefix}latest:{id}")
        found: bytes | None = latest or old
        return id if found is None else found.decode()

    async def revised(self, pending: P, latest: str) -> None:
        """Keep the id of the request that the newest words made."""
        await self._redis.set(self._latest(pending.user, pending.id), latest, ex=3 * DAY)

    # -- questions for other words

    async def reword(self, user: str, question: str, job: str) -> None:
        """Keep for which request a question asks a person for other words."""
        await self._redis.set(f"{self._prefix}reword:{user}:{question}", job, ex=DAY)

    async def reworded(self, user: str, question: str) -> str | None:
        """Return the id of the request that such a question is about, to the first who wants it, or None."""
        job: bytes | None = await self._redis.getdel(f"{self._prefix}reword:{user}:{question}")
        return None if job is None else job.decode()

    # -- words that wait for a picture

    async def keep_words(self, pending: P, words: str) -> None:
        """Keep a person's words in a chat, instead of earlier ones."""
        kept = WaitingWords(pending.id, words)
        await self._redis.set(self._words(pending.chat, pending.user), encode(kept), ex=WORDS_WAIT)

    async def words(self, chat: str, user: str) -> WaitingWords | None:
        """Return the words of a person in a chat that wait for a picture, or None."""
        return decode_or(await self._redis.get(self._words(chat, user)), WaitingWords, None)

    async def words_answered(self, pending: P, note: str) -> None:
        """Keep which message says that the words of `pending` lack a picture, where they wait still."""
        kept = await self.words(pending.chat, pending.user)
        if kept is not None and kept.id == pending.id:
            answered = encode(WaitingWords(kept.id, kept.words, note))
            await self._redis.set(self._words(pending.chat, pending.user), answered, xx=True, keepttl=True)

    async def edit_words(self, pending: P, words: str) -> bool:
        """Replace words that still wait, where they are of that message: by new ones. False: they are not."""
        kept = await self.words(pending.chat, pending.user)
        if kept is None or kept.id != pending.id:
            return False
        reworded = encode(msgspec.structs.replace(kept, words=words))
        await self._redis.set(self._words(pending.chat, pending.user), reworded, xx=True, keepttl=True)
        await self.edit_offer(pending, words)
        return True

    async def edit_offer(self, pending: P, words: str) -> None:
        """Replace the words of an offer that was made to that message, which outlasts words that wait."""
        offer = await self.offers.read(pending.id)
        if offer is not None:
            await self.offers.keep(pending.id, msgspec.structs.replace(offer, words=words))

    async def words_used(self, chat: str, user: str) -> None:
        """Let go of words that got their picture."""
        await self._redis.delete(self._words(chat, user))

    async def forget(self, user: str) -> None:
        """Delete what is kept of a person here, in whatever chat."""
        async for key in self._redis.scan_iter(f"{self._prefix}*", count=1000):
            if _is_of(key.decode().removeprefix(self._prefix), user, self._prefix.split(":")[1]):
                await self._redis.delete(key)
        await self.offers.forget(user)

    def _waiting(self, chat: str, user: str) -> str:
        return f"{self._prefix}waiting:{chat}:{user}"

    def _words(self, chat: str, user: str) -> str:
        return f"{self._prefix}words:{chat}:{user}"

    def _asked(self, pending: P) -> str:
        return f"{self._prefix}asked:{pending.user}:{pending.id}"

    def _latest(self, user: str, id: str) -> str:
        return f"{self._prefix}latest:{user}:{id}"


def _whose(offer: Offer[Any]) -> Thing:
    return Thing(offer.pending.user, offer.pending.chat)


def _is_of(key: str, user: str, platform: str) -> bool:
    """Return whether a key is about one person, or names their private chat, as one of an older version may."""
    kind, _, rest = key.partition(":")
    if kind in ("waiting", "words", "stale"):
        return rest.endswith(f":{user}")
    of_person = kind in ("asked", "latest", "reword", "call", "guest")
    return of_person and rest.startswith((f"{user}:", f"{platform}:{user}:"))

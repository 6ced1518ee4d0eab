"""Whose avatar and pictures others may not animate: of people who said so, and of all in chats that want it so."""

from __future__ import annotations

from redis.asyncio import Redis

from unstill_bots.actions.preferences import Preferences
from unstill_bots.text.replies import Replies
from unstill_queue.contract.jobs import Requester
from unstill_queue.ledger.pseudonyms import Pseudonyms

KEY = "unstill:unwilling:"


class Consent:
    """Keeps who said no, under names of which only who holds the bot's token can tell whose they are.

    What they said holds everywhere, until they say otherwise; /forgetme does not lift it.
    """

    def __init__(self, redis: Redis, names: Pseudonyms) -> None:
        self._redis = redis
        self._names = names

    def author(self, who: Requester, user: str) -> str:
        """Return `Request.author` of a picture that `user` posted, or whose avatar it is; empty where `who` is that."""
        return "" if user in ("", who.user) else self._name(f"{who.platform}:{user}")

    def asker(self, who: Requester) -> str:
        """Return `Request.author` of a picture that `who` asked for, where it is another who asks."""
        return self._name(who.person)

    async def given(self, person: str) -> bool:
        """Return whether others may animate a person's pictures; `person` as in `Requester`. Raises RedisError."""
        return not await self._redis.exists(KEY + self._name(person))

    async def give(self, person: str, *, given: bool) -> None:
        """Keep whether others may animate a person's pictures. Raises RedisError."""
        if given:
            await self._redis.delete(KEY + self._name(person))
        else:
            await self._redis.set(KEY + self._name(person), 1)

    async def objection(self, author: str, rules: Preferences, replies: Replies) -> str | None:
        """Return why pictures of `author`, as in `Request`, are not animated in a chat that has set `rules`, or None.

        Raises RedisError.
        """
        if not author:
            return None
        if rules.own:
            return replies.only_own_pictures()
        unwilling = await self._redis.exists(*(KEY + name for name in author.split()))
        return replies.unwilling() if unwilling else None

    def _name(self, person: str) -> str:
        return self._names.name("author", person)

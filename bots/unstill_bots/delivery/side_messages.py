"""Messages beside a job's one message: the call after a long wait, and refusals that others than the person read."""

from __future__ import annotations

import asyncio
import time

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from unstill_bots.delivery.chat import Chat, ChatError, ChatUnavailable, ChatUncertain, Dropped
from unstill_bots.host.lifecycle import rest
from unstill_queue.contract.jobs import ReplyAddress, Requester

log = structlog.get_logger(__name__)

DAY = 24 * 3600
CALLS_KEPT = 2 * DAY
"""Seconds for which it is known which message called. Telegram lets a bot delete no message that is older."""
LOOK_EVERY = 60.0
"""Seconds until a message is tried again that could not be deleted now."""


class SideMessages:
    """Takes messages away again: a call with the clip that it was about, a refusal that stands in public `stay` seconds
    after it was said, or when its person's next request is taken. `stay` 0: refusals stay.

    What is to be deleted outlives a restart; whose refusal it is does not, so that the server keeps nobody's name.
    """

    def __init__(self, redis: Redis, chat: Chat, stay: float) -> None:
        self._redis = redis
        self._chat = chat
        self._stay = stay
        self._key = f"unstill:{chat.platform}:withdraw"
        self._due: dict[str, float] | None = None
        self._whose: dict[str, tuple[str, str]] = {}
        self._changed = asyncio.Event()

    # -- calls

    async def called(self, who: Requester, job: str, ref: str) -> None:
        """Keep which message told `who` of the end of a job. Raises RedisError."""
        await self._redis.set(self._call(who, job), ref, ex=CALLS_KEPT)

    async def deleted(self, who: Requester, job: str) -> None:
        """Take the call away, as the clip that it was about is gone. Raises RedisError."""
        ref = await self._redis.getdel(self._call(who, job))
        if ref is not None and not await self._remove(ref.decode()):
            await self._remember(ref.decode(), LOOK_EVERY)

    def _call(self, who: Requester, job: str) -> str:
        # begins with the person, as `WaitingPictures.forget` wants it
        return f"unstill:{who.platform}:call:{who.user}:{job}"

    # -- refusals

    async def refused(self, to: ReplyAddress, ref: str, user: str = "") -> None:
        """Note that the message at `ref` refuses something to `user`, as in `Requester.user`. Raises RedisError."""
        if not self._stay or not self._chat.is_public(to):
            return
        self._whose[ref] = user, to.chat
        await self._remember(ref, self._stay)

    async def _remember(self, ref: str, seconds: float) -> None:
        due = await self._loaded()
        due[ref] = time.time() + seconds
        await self._redis.zadd(self._key, {ref: due[ref]})
        self._changed.set()

    async def kept(self, ref: str) -> None:
        """Leave a message alone which is no refusal any more: another request is shown by it. Raises RedisError."""
        if (await self._loaded()).pop(ref, None) is not None:
            self._whose.pop(ref, None)
            await self._redis.zrem(self._key, ref)

    async def taken(self, to: ReplyAddress, user: str) -> None:
        """Take away what was refused to `user` in a chat where a request of theirs was taken. Raises RedisError."""
        for ref in [ref for ref, whose in self._whose.items() if whose == (user, to.chat)]:
            await self._withdraw(ref)

    async def run(self) -> None:
        """Take refusals away when their time has come, until cancelled."""
        while True:
            self._changed.clear()
            wait = LOOK_EVERY
            try:
                due = await self._loaded()
                for ref in [ref for ref, at in due.items() if at <= time.time()]:
                    await self._withdraw(ref)
                wait = min([LOOK_EVERY, *(at - time.time() for at in due.values())])
            except (RedisError, OSError) as error:
                log.warning("refusals stay until the queue's server answers", error=str(error))
            await rest(self._changed, max(0.0, wait))

    async def _loaded(self) -> dict[str, float]:
        if self._due is None:
            stored = await self._redis.zrange(self._key, 0, -1, withscores=True)
            # another may have been faster
            self._due = {ref.decode(): at for ref, at in stored} if self._due is None else self._due
        return self._due

    async def _withdraw(self, ref: str) -> None:
        due = await self._loaded()
        if ref not in due:
            return
        if not await self._remove(ref):
            due[ref] = time.time() + LOOK_EVERY
            return
        due.pop(ref, None)
        self._whose.pop(ref, None)
        await self._redis.zrem(self._key, ref)

    async def _remove(self, ref: str) -> bool:
        """Delete a message. False: it may be possible later."""
        try:
            await self._chat.remove(ref)
        except (ChatUnavailable, ChatUncertain, Dropped) as error:
            log.info("a message could not be deleted yet", error=str(error))
            return False
        except ChatError as error:
            log.info("a message could not be deleted", error=str(error))
        return True

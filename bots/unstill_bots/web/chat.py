"""The page as the shared layers see it: a message is a card."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from redis.exceptions import RedisError

from unstill_bots.delivery.chat import ChatGone, ChatUnavailable, FetchError, MessageGone
from unstill_bots.delivery.message import Clip, Message, Urgency
from unstill_bots.web.cards import Card, CardClip, Cards
from unstill_bots.web.visitor import PLATFORM
from unstill_queue.contract.errors import NotFound, StorageError
from unstill_queue.contract.jobs import ReplyAddress, Request
from unstill_queue.storage.base import Storage

AGAIN_AFTER = 2.0


class WebChat:
    """The port's side of the page. A ref is a card's id, and `ReplyAddress.chat` its person."""

    platform = PLATFORM

    def __init__(self, cards: Cards, storage: Storage) -> None:
        self._cards = cards
        self._storage = storage

    async def fetch(self, request: Request) -> bytes:
        """Return the picture that was put into the storage when it came. Raises FetchError, ChatUnavailable."""
        try:
            return await self._storage.get(request.source)
        except NotFound as error:
            raise FetchError("picture_gone", str(error)) from error
        except StorageError as error:
            raise ChatUnavailable(str(error), AGAIN_AFTER) from error

    def has_room(self, to: ReplyAddress, urgency: Urgency) -> bool:
        return True

    async def post(self, to: ReplyAddress, message: Message, *, replaces: str | None = None) -> str:
        with _translated():
            if replaces is not None:
                raise ChatGone("its person has deleted the card")
            known = await self._cards.get(to.chat, message.job)
            await self._cards.put(to.chat, _card(message.job, message, known.at if known else time.time()))
        return message.job

    async def edit(self, to: ReplyAddress, ref: str, message: Message) -> str:
        with _translated():
            known = await self._cards.get(to.chat, ref)
            if known is None:
                raise MessageGone(ref)
            await self._cards.put(to.chat, _card(ref, message, known.at))
        return ref

    async def react(self, to: ReplyAddress) -> bool:
        return False

    async def ping(self, request: Request, ref: str, text: str) -> None:
        """Do nothing: the page itself calls, where it is open and out of sight."""

    async def remove(self, ref: str) -> None:
        with _translated():
            await self._cards.remove(ref.split(":", 2)[1], ref)

    def is_public(self, to: ReplyAddress) -> bool:
        return False

    async def tell(self, to: ReplyAddress, text: str) -> None:
        """Say nothing: who asks too fast is told in the answer to what they sent."""


def _card(id: str, message: Message, at: float) -> Card:
    return Card(
        id,
        message.job,
        at,
        message.language,
        message.text,
        message.phase,
        message.share,
        message.ready_at,
        message.buttons,
        _linked(message.clip) if message.clip else None,
        message.code,
        message.look.picture if message.look else b"",
    )


def _linked(clip: Clip) -> CardClip:
    shape = clip.width, clip.height
    return CardClip(clip.key, clip.size, *shape, clip.duration, clip.name, clip.alt, clip.poster, clip.fill)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Say of a server that is away what the port says of a platform that is."""
    try:
        yield
    except RedisError as error:
        raise ChatUnavailable(str(error), AGAIN_AFTER) from error

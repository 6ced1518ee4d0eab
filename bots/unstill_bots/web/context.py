"""The means that the page and the API share, and what both know of a person's requests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from msgspec.structs import replace

from unstill_bots.actions.forgetting import Forgetting
from unstill_bots.delivery.message import Clip, Phase
from unstill_bots.delivery.poster import Bounds, plain, poster
from unstill_bots.host.frontend import Services
from unstill_bots.intake.older_picture import OlderPicture, each_picture, stored_picture
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.waiting import WaitingPictures
from unstill_bots.text.page_replies import PageReplies
from unstill_bots.text.parts import Text
from unstill_bots.web import media
from unstill_bots.web.asking import Asking
from unstill_bots.web.cards import Card, CardClip, Cards
from unstill_bots.web.chat import WebChat
from unstill_bots.web.pending import id_of
from unstill_bots.web.uploads import Refused
from unstill_bots.web.visitor import Visitor, Visitors, split
from unstill_config.platforms import Web
from unstill_queue.contract.errors import NotFound
from unstill_queue.contract.jobs import Failed, Succeeded
from unstill_queue.contract.sizing import imagined
from unstill_queue.ledger.ledger import Record

EXPIRED = "clip_expired"
POSTER = Bounds(960, 200_000)


class WebContext:
    """What every handler works with. `stopping` ends what would go on for ever."""

    def __init__(
        self, own: Web, services: Services, pipeline: Pipeline, chat: WebChat, cards: Cards, visitors: Visitors
    ) -> None:
        self.own = own
        self.platform = chat.platform
        self.settings = services.settings
        self.catalog = services.catalog
        self.pipeline = pipeline
        self.storage = services.storage
        self.cards = cards
        self.visitors = visitors
        self.asking = Asking(pipeline, services.pictures, chat)
        self.stopping = asyncio.Event()

    # -- what is a person's

    async def card(self, visitor: Visitor, key: str) -> Card:
        """Return a person's card. Raises Refused where they have none of that key."""
        card = await self.cards.get(visitor.user, id_of(visitor.user, key))
        if card is None:
            raise Refused(404, "not_found")
        return card

    async def record(self, visitor: Visitor, key: str) -> Record:
        """Return the record of a person's request. Raises Refused where they have none of that key."""
        record = await self.pipeline.record(id_of(visitor.user, key))
        if record is None or record.forgotten:
            raise Refused(404, "not_found")
        return record

    async def asked(self, visitor: Visitor, key: str) -> tuple[Card | None, Record | None]:
        """Return the card of a person's request, which one that was just taken has not yet, and the record that it
        shows, which may be over before it. Raises Refused where there is neither, or where it was deleted.
        """
        id = id_of(visitor.user, key)
        card = await self.cards.get(visitor.user, id)
        if card is not None:
            return card, await self.pipeline.record(card.job)
        record = await self.record(visitor, key)
        if not record.note:
            return None, record
        # what has a message and no card had one, unless it got both just now
        return await self.card(visitor, key), record

    async def shown(self, visitor: Visitor, key: str) -> Record:
        """Return the record of the request that a person's card shows now. Raises Refused."""
        card = await self.card(visitor, key)
        record = await self.pipeline.record(card.job)
        if record is None or record.forgotten:
            raise Refused(404, "not_found")
        return record

    async def words(self, card: Card) -> str:
        """Return what a card's person wrote. A message quotes it only with what was made of it."""
        if card.text.words:
            return card.text.words
        record = await self.pipeline.record(card.job)
        if record is None or record.forgotten:
            return ""
        return record.job.words if record.job else record.request.words

    async def send_clip(self, request: web.Request, visitor: Visitor, key: str) -> web.StreamResponse:
        """Answer with the clip of a person's card. Raises Refused, StorageError."""
        card = await self.card(visitor, key)
        clip = card.clip
        if clip is None:
            raise Refused(404, "not_found")
        try:
            save = "save" in request.query
            return await media.send_clip(request, self.storage, clip.key, clip.size, clip.name, save=save)
        except NotFound:
            # a card stays for longer than its clip, and says so
            said = PageReplies(card.language).failed(Failed(EXPIRED, ""))
            text = Text(said, await self.words(card))
            await self.cards.put(visitor.user, replace(card, phase=Phase.FAILED, text=text, buttons=(), clip=None))
            raise Refused(404, "not_found") from None

    async def send_poster(self, visitor: Visitor, key: str) -> web.Response:
        """Answer with the still of a person's card: the photo, in the shape of its clip once there is one; in between,
        an early look. Raises Refused.
        """
        card = await self.card(visitor, key)
        if card.look:
            return web.Response(
                body=card.look, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"}
            )
        clip = card.clip
        shown = _still(clip) if clip else await self._photo(visitor, key)
        still = await poster(self.storage, shown, POSTER) if shown.poster else plain(shown, POSTER)
        if still is None:
            raise Refused(404, "not_found")
        return web.Response(body=still, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    async def _photo(self, visitor: Visitor, key: str) -> Clip:
        """Return the photo of a card without a clip, as one that stands still. Raises Refused."""
        record = await self.shown(visitor, key)
        if not each_picture(record.request):
            return Clip(Path(), 0, *imagined(record.request.aspect), 0.0)
        older = OlderPicture.of(record)
        stored = replace(record.request, stored=older.stored if older else "")
        picture = await stored_picture(self.storage, stored)
        if picture is None:
            raise Refused(404, "not_found")
        return Clip(Path(), 0, picture.width, picture.height, 0.0, poster=stored.stored)

    # -- forgetting

    async def forget_all(self, visitor: Visitor) -> str:
        """Delete everything of a person, and say what is gone. Raises RedisError."""
        replies, redis = PageReplies(visitor.language), self.pipeline.client.redis
        # who comes from a chat has it forgotten there too
        memory = WaitingPictures(redis, split(visitor.user)[0], PendingRequest)
        forgetting = Forgetting(self.pipeline.client, self.storage, self.pipeline.preferences, memory)
        await self.visitors.forget(visitor.user)
        said = replies.forgotten(await forgetting.finish(await forgetting.begin(visitor.person)))
        # what was shown meanwhile of what had to be ended first
        await self.cards.forget(visitor.user)
        return said


def _still(clip: CardClip) -> Clip:
    return Clip(Path(), clip.size, clip.width, clip.height, clip.duration, poster=clip.poster, fill=clip.fill)


def recipe_of(record: Record) -> dict[str, Any]:
    """Return how a clip was made, as its file says it. Raises Refused where there is none."""
    made, job = record.outcome, record.job
    if not isinstance(made, Succeeded) or job is None:
        raise Refused(404, "not_found")
    return {
        "made_by": "AI" if made.synthetic else "camera",
        "filled": made.filled,
        **msgspec.to_builtins(made.parameters),
        **msgspec.to_builtins(job.finish),
        **({"own_words": job.own_words} if job.own_words else {}),
        **({"before": msgspec.to_builtins(made.before)} if made.before else {}),
    }

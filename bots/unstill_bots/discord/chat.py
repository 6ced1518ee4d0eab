"""Discord as the shared layers see it."""

from __future__ import annotations

import base64
import hashlib
import time

import aiohttp
import discord
import structlog

from unstill_bots.delivery.chat import ChatError, ChatGone, ClipForbidden, FetchError, MessageGone
from unstill_bots.delivery.message import SEEN, Message, Urgency
from unstill_bots.delivery.presentation import received
from unstill_bots.delivery.talk import tell
from unstill_bots.discord.buttons import under
from unstill_bots.discord.errors import PermissionMissing, chat_error
from unstill_bots.discord.marks import Markdown, plain
from unstill_bots.discord.media import Picture, find
from unstill_bots.discord.message_ref import ClipRef, MessageRef
from unstill_bots.discord.pending import PLATFORM
from unstill_bots.discord.posting import Drawn, Posting
from unstill_bots.discord.send_limit import SendLimit
from unstill_bots.discord.status import status
from unstill_bots.intake.fetching import Expired, Fetcher
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_queue.contract.jobs import ReplyAddress, Request

log = structlog.get_logger(__name__)


class DiscordChat:
    """The port's Discord side.

    Where the bot may write into a channel, the status message is changed by its own token. Where it may not, that is
    done by the interaction's token for as long as that lives, and after that in the person's direct messages.
    """

    platform = PLATFORM

    def __init__(
        self,
        bot: discord.Client,
        fetcher: Fetcher,
        send_limit: SendLimit,
        catalog: Catalog,
    ) -> None:
        self.bot = bot
        self._fetcher = fetcher
        self._catalog = catalog
        self.posting = Posting(bot, send_limit)
        self.marks = Markdown()

    # -- the port

    async def fetch(self, request: Request) -> bytes:
        """The picture's bytes as they were sent. Raises FetchError, ChatUnavailable."""
        picture = Picture.of(request.source)
        try:
            return await self._fetcher.fetch(picture.url)
        except Expired:
            fresh = await self._fresh(picture)
        try:
            return await self._fetcher.fetch(fresh)
        except Expired as error:
            raise FetchError("picture_gone", "not found") from error

    def has_room(self, to: ReplyAddress, urgency: Urgency) -> bool:
        return self.posting.has_room(to, urgency)

    async def post(self, to: ReplyAddress, message: Message, *, replaces: str | None = None) -> str:
        """Send the status message, or make it of an interaction's first answer where that stands there already."""
        drawn = self._drawn(to, message)
        if replaces is None:
            standing = await self._original(to)
            if standing is not None:
                await self.posting.edit(to, standing, message.urgency, drawn)
                return str(standing)
        channel = await self._channel(to)
        # a message that was lost on the way is found again by its nonce; one that was deleted is another's
        nonce = nonce_of(f"{message.job} {replaces or ''}")
        sent = await self.posting.send(channel, to, message.urgency, drawn, nonce)
        return str(MessageRef(channel, sent.id))

    async def edit(self, to: ReplyAddress, ref: str, message: Message) -> str:
        shown_at, drawn = MessageRef.of(ref), self._drawn(to, message)
        try:
            shown = await self.posting.edit(to, shown_at, message.urgency, drawn)
        except PermissionMissing as error:
            if message.clip is not None or message.look is not None:
                raise ClipForbidden(str(error)) from error
            raise
        files = [str(attachment.id) for attachment in shown.attachments]
        return str(ClipRef(shown_at, files[0])) if message.clip and files else ref

    async def react(self, to: ReplyAddress) -> bool:
        if not to.message or "unseen" in to.extra:
            return False
        try:
            await self.posting.react(to.chat, int(to.message), SEEN)
        except ChatError as error:
            log.info("a message could not be marked", channel=to.chat, error=str(error))
            return False
        return True

    async def ping(self, request: Request, ref: str, text: str) -> str | None:
        """Reply to the clip with a short message that mentions the person."""
        to = request.reply_to
        if "unseen" in to.extra:
            return None
        user = to.extra.get("user", "")
        drawn = Drawn(None, None, content=f"<@{user}> {plain(text)}", ping=user)
        beside = MessageRef.of(ref).message
        sent = await self.posting.send(to.chat, to, Urgency.CALL, drawn, nonce_of(f"{ref} call"), reply_to=beside)
        return str(MessageRef(to.chat, sent.id))

    async def remove(self, ref: str) -> None:
        await self.posting.remove(MessageRef.of(ref))

    def is_public(self, to: ReplyAddress) -> bool:
        return "guild" in to.extra and "unseen" not in to.extra

    # -- what interactions and messages use besides

    async def respond(self, interaction: discord.Interaction, request: Request) -> MessageRef | None:
        """The first answer to an interaction, for all to see: the status message. None: it may stand there, or not."""
        to = request.reply_to
        drawn = self._drawn(to, received(request))
        try:
            shown = await interaction.response.send_message(**drawn.arguments())
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.info("an interaction could not be answered", job=request.id, error=str(chat_error(error)))
            return None
        if shown.message_id is None:
            return None
        return MessageRef(to.chat, shown.message_id, by_token="unseen" in to.extra)

    async def tell(self, to: ReplyAddress, text: str, view: discord.ui.View | None = None) -> str | None:
        """Reply with a text that is about no job, and return the last part's ref. Raises nothing."""

        async def send(part: str, number: int, last: bool) -> discord.Message:
            drawn = Drawn(None, view if last else None, content=part)
            nonce = nonce_of(f"{to.chat} {to.message} {number} {part}")
            return await self.posting.send(to.chat, to, Urgency.TALK, drawn, nonce)

        shown = await tell(self.marks.words(text), self._catalog.platforms[PLATFORM].text_length, send)
        return str(MessageRef(to.chat, shown.id)) if shown else None

    # -- below

    async def _fresh(self, picture: Picture) -> str:
        """A link that is valid again. Raises FetchError, ChatUnavailable."""
        if not picture.message:
            raise FetchError("picture_gone", "the link has expired")
        place = self.bot.get_partial_messageable(int(picture.channel))
        try:
            message = await place.fetch_message(int(picture.message))
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            meant = chat_error(error)
            if isinstance(meant, ChatGone | MessageGone):
                raise FetchError("picture_gone", str(meant)) from error
            raise meant from error
        found = find(message)
        for one in found if isinstance(found, list) else []:
            if one.file == picture.file:
                return one.url
        raise FetchError("picture_gone", "no longer in its message")

    async def _original(self, to: ReplyAddress) -> MessageRef | None:
        """The interaction's first answer, where one for all to see stands there."""
        message = await self.posting.original(to)
        if message is None or message.flags.ephemeral:
            return None
        return MessageRef(to.chat, message.id, by_token="unseen" in to.extra)

    async def _channel(self, to: ReplyAddress) -> str:
        """Where a new message goes."""
        return await self.posting.direct(to.extra["user"]) if "unseen" in to.extra else to.chat

    def _drawn(self, to: ReplyAddress, message: Message) -> Drawn:
        footer = self._footer(to, message.language) if message.phase.under_way else ""
        embed, view = status(message, footer=footer), under(message)
        return Drawn(embed, view, clip=message.clip, early=message.look, silent=message.silent)

    def _footer(self, to: ReplyAddress, language: str) -> str:
        token = "unseen" in to.extra and time.time() < float(to.extra.get("until", 0))
        return ChatReplies(language).comes_by_message() if token else ""


def nonce_of(text: str) -> str:
    """25 characters, Discord's most: the same message sent twice within minutes shows once."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:25]

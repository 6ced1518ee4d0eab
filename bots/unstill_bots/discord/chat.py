"""Discord as the studio and the courier see it."""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path

import aiohttp
import discord
import structlog

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.delivery.chat import ChatError, ChatGone, FetchError, NoteGone
from unstill_bots.discord.buttons import view_for
from unstill_bots.discord.errors import PermissionMissing, chat_error
from unstill_bots.discord.media import Picture, find
from unstill_bots.discord.message_ref import Note, Receipt
from unstill_bots.discord.pending import PLATFORM
from unstill_bots.discord.posting import Look, Posting
from unstill_bots.discord.send_limit import Calls, Dropped, Urgency
from unstill_bots.discord.status import plain, status
from unstill_bots.intake.fetching import Expired, Fetcher
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.splitting import split
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import UnknownJob
from unstill_queue.contract.jobs import ReplyAddress, Request, State, Succeeded
from unstill_queue.ledger.ledger import Ledger, Record

log = structlog.get_logger(__name__)

FILE_NAME = "unstill.mp4"


class DiscordChat:
    """The port's Discord side.

    Where the bot may write into a channel, the status message is changed by its own token. Where it may not, that is
    done by the interaction's token for as long as that lives, and after that in the person's direct messages.
    """

    platform = PLATFORM

    def __init__(
        self,
        bot: discord.Client,
        ledger: Ledger,
        preferences: PreferenceStore,
        fetcher: Fetcher,
        calls: Calls,
        catalog: Catalog,
    ) -> None:
        self.bot = bot
        self._ledger = ledger
        self._preferences = preferences
        self._fetcher = fetcher
        self._catalog = catalog
        self.posting = Posting(bot, calls)

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

    async def say(self, to: ReplyAddress, text: str) -> str:
        """A new message, a reply to the request's; returns its note.

        An interaction's first answer that stands there already is that message.
        """
        record = await self._record(to)
        look = await self._look(to, record, text)
        waits = record is not None and record.outcome is None
        urgency = Urgency.NOTE if waits else Urgency.ANSWER
        if record is None or record.note is None:
            standing = await self._original(to)
            if standing is not None:
                await self.posting.edit(to, standing, urgency, look)
                return str(standing)
        channel = await self._channel(to)
        # a note that was lost on the way is found again by its nonce; one that was deleted is another's
        nonce = nonce_of(f"{to.extra.get('job', to.message)} {(record.note if record else None) or ''}")
        message = await self.posting.send(channel, to, urgency, look, nonce)
        return str(Note(channel, message.id))

    async def revise(self, to: ReplyAddress, note: str, text: str) -> None:
        """Change what the note says; progress that finds no room is dropped."""
        record = await self._record(to)
        under_way = record is not None and record.outcome is None
        look = await self._look(to, record, text)
        try:
            await self.posting.edit(to, Note.of(note), Urgency.PROGRESS if under_way else Urgency.ANSWER, look)
        except Dropped:
            return

    async def deliver(self, to: ReplyAddress, note: str, clip: Path, about: Succeeded, text: str) -> str:
        """Turn the note into the clip. Returns the receipt to keep."""
        record = await self._record(to)
        look = await self._look(to, record, text)
        rules = await self._preferences.get(f"{PLATFORM}:{to.extra.get('guild') or to.chat}")
        look = look.with_file(clip, FILE_NAME, spoiler=rules.spoiler)
        try:
            shown = await self.posting.edit(to, Note.of(note), Urgency.ANSWER, look)
        except PermissionMissing:
            # text may be shown there, and no clips
            said = ChatReplies(record.request.requester.language if record else "en").cannot_speak_there()
            await self.posting.edit(to, Note.of(note), Urgency.ANSWER, Look(status(said, None, None), None))
            return note
        files = [str(attachment.id) for attachment in shown.attachments]
        return str(Receipt(Note.of(note), files[0])) if files else note

    async def call(self, to: ReplyAddress, text: str) -> None:
        """A short message that mentions the person, beside the clip."""
        guild = to.extra.get("guild")
        if "unseen" in to.extra or (guild and (await self._preferences.get(f"{PLATFORM}:{guild}")).quiet):
            return
        record = await self._record(to)
        user = to.extra.get("user", "")
        nonce = nonce_of(f"{to.extra.get('job', to.message)} call")
        beside = Note.of(record.note).message if record and record.note else None
        look = Look(None, None, content=f"<@{user}> {plain(text)}", ping=user)
        try:
            await self.posting.send(to.chat, to, Urgency.CALL, look, nonce, reply_to=beside)
        except Dropped:
            return

    # -- what interactions and messages use besides

    async def respond(self, interaction: discord.Interaction, request: Request) -> Note | None:
        """The first answer to an interaction, for all to see: the status message. None: it may stand there, or not."""
        to = request.reply_to
        text = ChatReplies(request.requester.language).received()
        look = Look(status(text, None, None, footer=self._footer(to, request.requester.language)), None)
        try:
            shown = await interaction.response.send_message(**look.arguments())
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.info("an interaction could not be answered", job=request.id, error=str(chat_error(error)))
            return None
        if shown.message_id is None:
            return None
        return Note(to.chat, shown.message_id, by_token="unseen" in to.extra)

    async def tell(self, to: ReplyAddress, text: str, view: discord.ui.View | None = None) -> Note | None:
        """Talk that is no job's, a reply. Raises nothing: who cannot be told is not told."""
        shown = None
        for number, part in enumerate(parts := split(plain(text), self._catalog.platforms[PLATFORM].text_length)):
            look = Look(None, view if number == len(parts) - 1 else None, content=part)
            nonce = nonce_of(f"{to.chat} {to.message} {number}")
            try:
                shown = await self.posting.send(to.chat, to, Urgency.TALK, look, nonce)
            except (ChatError, Dropped) as error:
                log.info("a reply could not be sent", error=str(error))
        return Note(to.chat, shown.id) if shown else None

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
            if isinstance(meant, ChatGone | NoteGone):
                raise FetchError("picture_gone", str(meant)) from error
            raise meant from error
        found = find(message)
        for one in found if isinstance(found, list) else []:
            if one.file == picture.file:
                return one.url
        raise FetchError("picture_gone", "no longer in its message")

    async def _original(self, to: ReplyAddress) -> Note | None:
        """The interaction's first answer, where one for all to see stands there."""
        message = await self.posting.original(to)
        if message is None or message.flags.ephemeral:
            return None
        return Note(to.chat, message.id, by_token="unseen" in to.extra)

    async def _channel(self, to: ReplyAddress) -> str:
        """Where a new message goes."""
        return await self.posting.direct(to.extra["user"]) if "unseen" in to.extra else to.chat

    async def _record(self, to: ReplyAddress) -> Record | None:
        try:
            return await self._ledger.read(to.extra["job"]) if "job" in to.extra else None
        except UnknownJob:
            return None

    async def _look(self, to: ReplyAddress, record: Record | None, text: str) -> Look:
        place = None
        if record is not None and record.state is State.QUEUED:
            place = await self._ledger.place(record.id)
        view = view_for(record, self._catalog) if record is not None else None
        waits = record is not None and record.outcome is None
        footer = self._footer(to, record.request.requester.language) if record is not None and waits else ""
        return Look(status(text, record, place, footer=footer), view)

    def _footer(self, to: ReplyAddress, language: str) -> str:
        token = "unseen" in to.extra and time.time() < float(to.extra.get("until", 0))
        return ChatReplies(language).comes_by_message() if token else ""


def nonce_of(text: str) -> str:
    """25 characters, Discord's most: the same message sent twice within minutes shows once."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:25]

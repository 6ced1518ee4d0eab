"""Messages of ours: sent, changed, found again; by the bot's own token or by that of an interaction."""

from __future__ import annotations

import io
import time
from collections.abc import Awaitable, Callable
from typing import Any

import discord
import msgspec
from discord.utils import escape_markdown
from msgspec.structs import replace

from unstill_bots.delivery.chat import ChatError, ChatGone, ChatRefused, ChatUncertain, MessageGone
from unstill_bots.delivery.message import Clip, EarlyLook, Urgency
from unstill_bots.delivery.refusals import Refusals
from unstill_bots.delivery.room_limit import LeftAlone
from unstill_bots.delivery.standing_looks import StandingLooks
from unstill_bots.discord.errors import PermissionMissing, ReplyImpossible, ThreadArchived
from unstill_bots.discord.message_ref import MessageRef
from unstill_bots.discord.send_limit import SendLimit
from unstill_queue.contract.jobs import ReplyAddress

IN_WORDS_SECONDS, NO_FILES_SECONDS = 600.0, 60.0
"""Seconds for which it is remembered that the bot may not embed in a channel, or not attach files there."""


class Drawn(msgspec.Struct, frozen=True):
    """A message as it is drawn: an embed or a text, buttons, a clip or an early look. `ping` is the one person whom it
    may mention, `silent` is as in `Message`, and `stands`: the early look is there already.
    """

    embed: discord.Embed | None
    view: discord.ui.View | None
    content: str = ""
    clip: Clip | None = None
    early: EarlyLook | None = None
    stands: bool = False
    ping: str = ""
    silent: bool = False

    def without_embed(self) -> Drawn:
        """The same in words, for where the bot may not embed."""
        if self.embed is None:
            return self
        words = self.embed.description or self.content
        small = [f"-# {escape_markdown(line)}" for line in (self.embed.footer.text or "").splitlines()]
        return replace(self, embed=None, content="\n".join([words, *small])[:2000])

    @property
    def has_files(self) -> bool:
        """Return whether a file has to be attached: a clip, or an early look that does not stand there yet."""
        return self.clip is not None or (self.early is not None and not self.stands)

    @property
    def mentions(self) -> discord.AllowedMentions:
        users: list[discord.abc.Snowflake] = [discord.Object(int(self.ping))] if self.ping else []
        return discord.AllowedMentions(everyone=False, users=users, roles=False, replied_user=False)

    def arguments(self) -> dict[str, Any]:
        """Of a new message."""
        given: dict[str, Any] = {"allowed_mentions": self.mentions, "silent": self.silent}
        if self.content:
            given["content"] = self.content
        if self.embed is not None:
            given["embed"] = self.embed
        if self.view is not None:
            given["view"] = self.view
        return given

    def changes(self) -> dict[str, Any]:
        """Of an edit, which leaves nothing of what stood there."""
        clip, early = self.clip, self.early
        files = [discord.File(clip.file, clip.name, spoiler=clip.spoiler, description=clip.alt)] if clip else []
        if early is not None:
            files = [discord.File(io.BytesIO(early.picture), "look.jpg", spoiler=early.spoiler)]
        return {
            "content": self.content or None,
            "embed": self.embed,
            "view": self.view,
            **({} if self.stands else {"attachments": files}),
            "allowed_mentions": self.mentions,
        }


class Posting:
    """Sends, changes and finds the messages of one bot."""

    def __init__(self, bot: discord.Client, send_limit: SendLimit) -> None:
        self._bot = bot
        self._send_limit = send_limit
        self._in_words = Refusals(IN_WORDS_SECONDS)
        self._no_files = Refusals(NO_FILES_SECONDS)
        self._standing = StandingLooks()

    def has_room(self, to: ReplyAddress, urgency: Urgency) -> bool:
        """Tell whether an edit of the request's status message would be sent now."""
        channel = _by_token(to.chat) if "unseen" in to.extra else to.chat
        return self._send_limit.has_room(channel, urgency)

    async def send(
        self, channel: str, to: ReplyAddress, urgency: Urgency, drawn: Drawn, nonce: str, *, reply_to: int | None = None
    ) -> discord.Message:
        """Send a new message, as a reply to `reply_to` or to the request's where it has one. Raises ChatError."""
        place = self._bot.get_partial_messageable(int(channel))
        replied = reply_to or (int(to.message) if to.message and channel == to.chat else None)

        async def send(drawn: Drawn, replied: int | None) -> discord.Message:
            more: dict[str, Any] = {}
            if replied is not None:
                more["reference"] = discord.MessageReference(
                    message_id=replied, channel_id=int(channel), fail_if_not_exists=False
                )
            return await place.send(nonce=nonce, **drawn.arguments(), **more)

        async def embedded(drawn: Drawn) -> discord.Message:
            try:
                return await self._opened(channel, urgency, lambda: send(drawn, replied))
            except ReplyImpossible:
                return await self._opened(channel, urgency, lambda: send(drawn, None))

        return await self._allowed(channel, drawn, embedded)

    async def edit(self, to: ReplyAddress, ref: MessageRef, urgency: Urgency, drawn: Drawn) -> discord.Message:
        """Make the message what `drawn` says: by the interaction's token where the bot may not.

        Raises ChatError.
        """
        key, picture = str(ref.message), drawn.early.picture if drawn.early else b""
        shown = await self._edit(to, ref, urgency, replace(drawn, stands=self._standing.shows(key, picture)))
        self._standing.put(key, picture)
        return shown

    async def _edit(self, to: ReplyAddress, ref: MessageRef, urgency: Urgency, drawn: Drawn) -> discord.Message:
        if ref.by_token:
            return await self._edit_by_token(to, ref, urgency, drawn)

        async def edit(drawn: Drawn) -> discord.Message:
            place = self._bot.get_partial_messageable(int(ref.channel))
            # read anew at each try: an upload closes its file
            return await place.get_partial_message(ref.message).edit(**drawn.changes())

        async def opened(drawn: Drawn) -> discord.Message:
            return await self._opened(ref.channel, urgency, lambda: edit(drawn))

        try:
            return await self._allowed(ref.channel, drawn, opened)
        except (ChatGone, ChatRefused, LeftAlone) as error:
            refused: ChatError = error
        try:
            return await self._edit_by_token(to, ref, urgency, drawn)
        except (ChatGone, ChatRefused, MessageGone):
            raise refused from None

    async def _edit_by_token(
        self, to: ReplyAddress, ref: MessageRef, urgency: Urgency, drawn: Drawn
    ) -> discord.Message:
        """A token has all rights that it needs, and a rate limit of its own."""
        hook = self._webhook(to)
        try:
            return await self._send_limit.do(
                _by_token(ref.channel), urgency, lambda: hook.edit_message(ref.message, **drawn.changes())
            )
        except ThreadArchived as error:
            raise ChatGone(str(error)) from error

    async def remove(self, ref: MessageRef) -> None:
        """Delete a message, by the bot's own token. Raises ChatError."""
        message = self._bot.get_partial_messageable(int(ref.channel)).get_partial_message(ref.message)
        await self._send_limit.do(ref.channel, Urgency.CALL, message.delete)

    async def react(self, channel: str, message: int, emoji: str) -> None:
        """Raises ChatError."""
        at = self._bot.get_partial_messageable(int(channel)).get_partial_message(message)
        await self._send_limit.do(channel, Urgency.CALL, lambda: at.add_reaction(emoji))

    async def original(self, to: ReplyAddress) -> discord.Message | None:
        """An interaction's first answer; None where there is none, or it is out of reach. Raises ChatError."""
        try:
            hook = self._webhook(to)
        except MessageGone:
            return None
        fetch: Callable[[Any], Awaitable[discord.Message]] = hook.fetch_message
        try:
            return await self._send_limit.do(to.chat, Urgency.ANSWER, lambda: fetch("@original"))
        except MessageGone:
            return None

    async def direct(self, user: str) -> str:
        """The channel of direct messages with a person. Raises ChatError."""
        opened = await self._send_limit.do(
            f"person {user}", Urgency.ANSWER, lambda: self._bot.create_dm(discord.Object(int(user)))
        )
        return str(opened.id)

    def _webhook(self, to: ReplyAddress) -> discord.Webhook:
        """Return the webhook of the interaction's token. Raises MessageGone where that is over."""
        if "token" not in to.extra or time.time() >= float(to.extra["until"]):
            raise MessageGone("the interaction's token is over")
        return discord.Webhook.partial(int(to.extra["application"]), to.extra["token"], client=self._bot)

    async def _opened(
        self, channel: str, urgency: Urgency, call: Callable[[], Awaitable[discord.Message]]
    ) -> discord.Message:
        """`call`; where its thread is archived, opened again first."""
        try:
            return await self._send_limit.do(channel, urgency, call)
        except ThreadArchived:
            await self._send_limit.do(channel, urgency, lambda: self._open_thread(int(channel)))
        try:
            return await self._send_limit.do(channel, urgency, call)
        except ThreadArchived as error:
            raise ChatUncertain("the thread closes at once") from error

    async def _allowed(
        self, channel: str, drawn: Drawn, show: Callable[[Drawn], Awaitable[discord.Message]]
    ) -> discord.Message:
        """`show`; in words where the bot may not embed. What it may not do is remembered for a while.

        Raises PermissionMissing where the channel takes text, and no clips.
        """
        if drawn.has_files and channel in self._no_files:
            raise PermissionMissing("it was just refused to attach a file there")
        refused = False
        if drawn.embed is not None and channel not in self._in_words:
            try:
                return await show(drawn)
            except PermissionMissing:
                refused = True
        drawn = drawn.without_embed()
        try:
            shown = await show(drawn)
        except PermissionMissing as error:
            if not drawn.has_files:
                # nothing smaller is left
                self._send_limit.close(channel)
                raise ChatGone(str(error)) from error
            self._no_files.add(channel)
            raise
        if refused:
            self._in_words.add(channel)
        return shown

    async def _open_thread(self, channel: int) -> None:
        found = await self._bot.fetch_channel(channel)
        if isinstance(found, discord.Thread):
            await found.edit(archived=False)


def _by_token(channel: str) -> str:
    """The name under which a channel's edits by an interaction's token are limited."""
    return f"{channel} by token"

"""Messages that are said to us: a mention with a picture, a reply to one, words for one that waits."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import aiohttp
import discord
import structlog

from unstill_bots.actions.commands import Caller, is_wish, misplaced, typed
from unstill_bots.actions.preferences import InForce
from unstill_bots.actions.presses import DISCORD
from unstill_bots.discord.buttons import jobs_of
from unstill_bots.discord.context import Context
from unstill_bots.discord.media import Picture, find
from unstill_bots.discord.message_ref import MessageRef
from unstill_bots.discord.pending import PLATFORM, DiscordRequest, id_of, of_message, uncovered
from unstill_bots.intake.addressed import UntilWritten
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.said import RepliedTo, Said
from unstill_bots.intake.waiting import DAY
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.server_replies import ServerReplies
from unstill_queue.contract.jobs import ReplyAddress

log = structlog.get_logger(__name__)

KINDS = (discord.MessageType.default, discord.MessageType.reply)
PREVIEWS_AFTER = (1.0, 2.0, 3.0)
"""Pauses until a message with a link is looked at again for what Discord shows of it."""
LINK = re.compile(r"(?:\|\|\s*)?<?https?://[^\s|>]+>?(?:\s*\|\|)?")
"""A link, also one that is written as a spoiler."""
MISSED_MOST = 100
"""Messages of a channel that are read after a time away."""


class Mentions:
    """Takes the messages of one front end."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._writing = UntilWritten()

    async def came(self, message: discord.Message) -> None:
        """Take a message until it is written down, or answered."""
        if self.is_ours(message):
            shown = await self._with_previews(message)
            await self._writing.take(shown.channel.id, lambda: self._take(shown))

    async def edited(self, change: discord.RawMessageUpdateEvent) -> None:
        """Take the new words of a message, for what waits of it or was made of it."""
        if change.message.edited_at is not None and self.is_ours(change.message):
            await self._writing.take(change.message.channel.id, lambda: self._take_edited(change.message))

    def is_ours(self, message: discord.Message) -> bool:
        """Return whether a person says it to us; in direct messages everything is."""
        me = self._context.bot.user
        if me is None or message.author.bot or message.webhook_id or message.type not in KINDS:
            return False
        return message.guild is None or any(user.id == me.id for user in message.mentions) or _names_role(message)

    async def catch_up(self, shard: int) -> None:
        """Take what was said to us while a shard was away, in its channels where we were spoken to before.

        All of the last day is looked at: what was taken is known by its id, and nobody knows when we went away.
        """
        for channel in await self._context.memory.channels():
            if self._shard_of(channel) != shard:
                continue
            try:
                missed = await self._missed(channel)
            except (discord.Forbidden, discord.NotFound):
                await self._context.memory.leave(channel)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                log.warning("a channel could not be read for what was missed", error=str(error))
            else:
                for message in reversed(missed):
                    await self.came(message)

    def _shard_of(self, channel: int) -> int:
        """Return the shard that tells of a channel: the first one of what is in no server, and of what nobody knows."""
        guild = getattr(self._context.bot.get_channel(channel), "guild", None)
        return guild.shard_id if guild is not None else 0

    async def _missed(self, channel: int) -> list[discord.Message]:
        """Return the messages of a channel in the last day, the newest first. Raises DiscordException."""
        place = self._context.bot.get_channel(channel) or await self._context.bot.fetch_channel(channel)
        if not isinstance(place, discord.abc.Messageable):
            return []
        since = discord.utils.utcnow() - timedelta(seconds=DAY)
        return [one async for one in place.history(limit=MISSED_MOST) if one.created_at > since]

    # -- one message

    async def _take(self, message: discord.Message) -> None:
        if await self._context.memory.is_taken(message.id):
            return
        in_force = await self._context.in_force(message.author, message.guild, message.channel.id)
        replies = ChatReplies(self._context.language(in_force, locale_of(message.guild)))
        said = self._said(message, in_force)
        if not said.by_reply or await self._context.follow_ups.concerns(said):
            if self._may_speak(message):
                await self._understand(message, said, replies)
            else:
                self._context.spawn(self._tell_alone(message, replies))
        direct_to = message.author.id if message.guild is None else None
        await self._context.memory.took(message.channel.id, message.id, direct_to)

    async def _understand(self, message: discord.Message, said: Said[DiscordRequest], replies: ChatReplies) -> None:
        if not message.content and _names_role(message):
            # Discord shows what is said to the bot itself, and without an intent nothing of what is said to a role
            self._context.follow_ups.refuse(said, ServerReplies(replies.language).role_is_not_shown())
            return
        command, words = typed(self._words(message))
        caller = Caller(said.pending.who.person, replies, None if said.private else said.pending.who.place)
        if command and await self._context.host_command(command, caller, words, said.pending.address()):
            return
        if not is_wish(command):
            self._context.follow_ups.refuse(said, misplaced(command, replies, DISCORD))
            return
        found = find(message)
        if isinstance(found, Unfit):
            self._context.follow_ups.refuse(said, replies.picture_error(found))
        elif found:
            asks = self._asks(message, found, said.in_force)
            await self._context.conversation.asked(asks, said.words, said.in_force)
        else:
            await self._context.follow_ups.take(said)

    def _asks(self, message: discord.Message, found: list[Picture], in_force: InForce) -> list[DiscordRequest]:
        """Return the requests that a message is with each of these pictures."""
        language = self._context.language(in_force, locale_of(message.guild))
        limit = self._context.upload_limit(message.channel)
        return [of_message(message, one, language, limit, number=number) for number, one in enumerate(found)]

    def _said(self, message: discord.Message, in_force: InForce) -> Said[DiscordRequest]:
        command, words = typed(self._words(message))
        return Said(
            self._asks(message, [Picture("")], in_force)[0],
            words,
            in_force,
            private=message.guild is None,
            # a reply calls whom it answers, which is no word to us yet
            explicit=self._is_named(message) or not _is_reply(message),
            command=bool(command),
            replied=self._replied(message, in_force),
        )

    def _replied(self, message: discord.Message, in_force: InForce) -> RepliedTo[DiscordRequest] | None:
        """Return what a message replies to; None where it replies to none."""
        reference = message.reference
        if not _is_reply(message) or reference is None or reference.message_id is None:
            return None
        channel, replied = str(message.channel.id), reference.resolved
        id = id_of(channel, reference.message_id)
        if not isinstance(replied, discord.Message):
            return RepliedTo(id, "", hidden=message.guild is not None)
        me, found = self._context.bot.user, find(replied)
        ours = me is not None and replied.author.id == me.id
        asks = self._asks(message, found, in_force) if isinstance(found, list) and not ours else []
        return RepliedTo(
            id,
            str(replied.author.id),
            note=str(MessageRef(channel, replied.id)) if ours else "",
            jobs=jobs_of(replied) if ours else (),
            asks=tuple(asks),
            unfit=found if isinstance(found, Unfit) else None,
            covered=isinstance(found, list) and any(one.spoiler for one in found),
            hidden=found is None and not ours and message.guild is not None,
        )

    def _is_named(self, message: discord.Message) -> bool:
        """Tell whether a mention of us was typed."""
        return _names_role(message) or self._mention_in(message).search(message.content) is not None

    async def _with_previews(self, message: discord.Message) -> discord.Message:
        """Return the message as it stands when Discord has looked at its links, which takes a moment."""
        for pause in PREVIEWS_AFTER if LINK.search(message.content) and find(message) is None else ():
            await asyncio.sleep(pause)
            try:
                message = await message.channel.fetch_message(message.id)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                log.info("a message could not be looked at again for its previews", error=str(error))
                break
            if find(message) is not None:
                break
        return message

    def _words(self, message: discord.Message) -> str:
        # a link is for its picture, and says nothing of what moves
        text = LINK.sub(" ", self._mention_in(message).sub(" ", message.content))
        return uncovered(" ".join(text.split()))

    def _mention_in(self, message: discord.Message) -> re.Pattern[str]:
        me, role = self._context.bot.user, message.guild.self_role if message.guild else None
        return re.compile(rf"<@!?{me.id if me else 0}>|<@&{role.id if role else 0}>")

    async def _take_edited(self, message: discord.Message) -> None:
        (command, words), found = typed(self._words(message)), find(message)
        if not words or isinstance(found, Unfit) or not is_wish(command):
            return
        in_force = await self._context.in_force(message.author, message.guild, message.channel.id)
        asks = self._asks(message, found or [Picture("")], in_force)
        await self._context.edits.take(asks, words, (message.edited_at or message.created_at).timestamp())

    def _may_speak(self, message: discord.Message) -> bool:
        if message.guild is None or message.guild.me is None:
            return True
        may = message.channel.permissions_for(message.guild.me)
        thread = isinstance(message.channel, discord.Thread)
        return (may.send_messages_in_threads if thread else may.send_messages) and may.attach_files

    async def _tell_alone(self, message: discord.Message, replies: ChatReplies) -> None:
        """Tell the person in private that the bot may not answer there."""
        direct = await self._context.chat.posting.direct(str(message.author.id))
        await self._context.chat.tell(ReplyAddress(PLATFORM, direct, ""), replies.cannot_speak_there())


def _names_role(message: discord.Message) -> bool:
    """Tell whether it is said to the role that came with the bot, which the apps offer under the bot's name."""
    return message.guild is not None and message.guild.self_role in message.role_mentions


def _is_reply(message: discord.Message) -> bool:
    """Tell whether it replies to another; a forward refers to one, too."""
    return message.type is discord.MessageType.reply


def locale_of(guild: discord.Guild | None) -> discord.Locale | None:
    """Return a server's own language. American English is also that of all servers that chose none."""
    if guild is None or (
        guild.preferred_locale is discord.Locale.american_english and "COMMUNITY" not in guild.features
    ):
        return None
    return guild.preferred_locale

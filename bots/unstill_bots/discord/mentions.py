"""Messages that are said to us: a mention with a picture, a reply to one, words for one that waits."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from weakref import WeakValueDictionary

import aiohttp
import discord
import structlog
from redis.exceptions import RedisError

from unstill_bots.actions.commands import misplaced, typed
from unstill_bots.actions.preferences import InForce
from unstill_bots.actions.presses import DISCORD
from unstill_bots.discord.context import Context
from unstill_bots.discord.media import Picture, find
from unstill_bots.discord.pending import PLATFORM, DiscordRequest, of_message
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.waiting import DAY
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.server_replies import ServerReplies
from unstill_queue.contract.jobs import ReplyAddress

log = structlog.get_logger(__name__)

KINDS = (discord.MessageType.default, discord.MessageType.reply)
PAUSE, LONGEST_PAUSE = 0.5, 10.0
PREVIEWS_AFTER = (1.0, 2.0, 3.0)
"""Pauses until a message with a link is looked at again for what Discord shows of it."""
LINK = re.compile(r"https?://\S")
MISSED_MOST = 100
"""Messages of a channel that are read after a time away."""

Found = list[Picture] | Unfit | None


class Mentions:
    """One front end's. Discord forgets a message that it has told us of: what cannot be written down is kept trying."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._channels: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def came(self, message: discord.Message) -> None:
        """Until it is written down, or answered; messages of one channel one after the other."""
        if not self.is_ours(message):
            return
        message = await self._with_previews(message)
        lock = self._channels.setdefault(message.channel.id, asyncio.Lock())
        pause = PAUSE
        while True:
            try:
                async with lock:
                    await self._take(message)
            except (RedisError, OSError) as error:
                log.error("a message could not be written down yet", error=str(error), again_in=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return

    def is_ours(self, message: discord.Message) -> bool:
        """Said to us by a person; in direct messages everything is."""
        me = self._context.bot.user
        if me is None or message.author.bot or message.webhook_id or message.type not in KINDS:
            return False
        return message.guild is None or any(user.id == me.id for user in message.mentions) or _names_role(message)

    async def catch_up(self, shard: int) -> None:
        """What was said to us while a shard was away, in its channels where we were spoken to before.

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
        """The first one tells of what is in no server, and reads what nobody knows."""
        guild = getattr(self._context.bot.get_channel(channel), "guild", None)
        return guild.shard_id if guild is not None else 0

    async def _missed(self, channel: int) -> list[discord.Message]:
        """The newest first."""
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
        if self._may_speak(message):
            await self._understand(message, in_force, replies)
        else:
            self._context.spawn(self._tell_alone(message, replies))
        direct_to = message.author.id if message.guild is None else None
        await self._context.memory.took(message.channel.id, message.id, direct_to)

    async def _understand(self, message: discord.Message, in_force: InForce, replies: ChatReplies) -> None:
        if not message.content and _names_role(message):
            # Discord shows what is said to the bot itself, and without an intent nothing of what is said to a role
            self._say(message, ServerReplies(replies.language).role_is_not_shown())
            return
        command, words = typed(self._words(message))
        if command and command != "animate":
            self._say(message, misplaced(command, replies, DISCORD))
            return
        found, elsewhere = await self._find(message)
        if isinstance(found, Unfit):
            self._say(message, replies.picture_error(found))
        elif found:
            limit = self._context.upload_limit(message.channel)
            asks = [of_message(message, one, replies.language, limit, number=n) for n, one in enumerate(found)]
            await self._asked(message, asks, words, in_force)
        else:
            await self._no_picture(message, words, replies, elsewhere=elsewhere)

    async def _asked(self, message: discord.Message, asks: list[DiscordRequest], words: str, in_force: InForce) -> None:
        # words that cannot be read are answered like any other request
        refusal = await self._context.pipeline.refusal(asks[0], None, rules=in_force.chat)
        if refusal is not None:
            self._say(message, refusal)
        else:
            await self._context.conversation.said(asks, words, in_force.own)

    async def _no_picture(self, message: discord.Message, words: str, replies: ChatReplies, *, elsewhere: bool) -> None:
        """Words for a picture that waits, or for none."""
        channel, user = str(message.channel.id), str(message.author.id)
        if await self._context.conversation.words_alone(channel, user, words):
            return
        if elsewhere:
            self._say(message, replies.unseen_picture())
        else:
            self._say(message, replies.no_picture())

    async def _find(self, message: discord.Message) -> tuple[Found, bool]:
        """What is in the message, else in the one that it replies to, and whether there is one that is none of ours."""
        found = find(message)
        if found or message.reference is None:
            return found, False
        if message.reference.type is discord.MessageReferenceType.forward:
            return None, False
        replied = message.reference.resolved
        if not isinstance(replied, discord.Message):
            return None, True
        ours = self._context.bot.user is not None and replied.author.id == self._context.bot.user.id
        return (None if ours else find(replied)), not ours

    async def _with_previews(self, message: discord.Message) -> discord.Message:
        """The message as it stands when Discord has looked at its links, which takes a moment."""
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
        me = self._context.bot.user
        role = message.guild.self_role if message.guild else None
        text = re.sub(rf"<@!?{me.id}>|<@&{role.id if role else 0}>", " ", message.content) if me else message.content
        return " ".join(text.split())

    def _may_speak(self, message: discord.Message) -> bool:
        if message.guild is None or message.guild.me is None:
            return True
        may = message.channel.permissions_for(message.guild.me)
        thread = isinstance(message.channel, discord.Thread)
        return (may.send_messages_in_threads if thread else may.send_messages) and may.attach_files

    def _say(self, message: discord.Message, text: str) -> None:
        """Say what is not done."""
        self._context.pipeline.refuse(address_of(message), text, str(message.author.id))

    async def _tell_alone(self, message: discord.Message, replies: ChatReplies) -> None:
        """Where the bot may not answer, the person is told so in private."""
        direct = await self._context.chat.posting.direct(str(message.author.id))
        await self._context.chat.tell(ReplyAddress(PLATFORM, direct, ""), replies.cannot_speak_there())


def _names_role(message: discord.Message) -> bool:
    """Whether it is said to the role that came along with the bot, which the apps offer under the bot's name."""
    return message.guild is not None and message.guild.self_role in message.role_mentions


def locale_of(guild: discord.Guild | None) -> discord.Locale | None:
    """Return a server's own language. American English is also that of all servers that chose none."""
    if guild is None or (
        guild.preferred_locale is discord.Locale.american_english and "COMMUNITY" not in guild.features
    ):
        return None
    return guild.preferred_locale


def address_of(message: discord.Message) -> ReplyAddress:
    guild = {"guild": str(message.guild.id)} if message.guild else {}
    return ReplyAddress(
        PLATFORM, str(message.channel.id), str(message.id), None, {"user": str(message.author.id), **guild}
    )

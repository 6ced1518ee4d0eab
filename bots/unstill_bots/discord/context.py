"""What the handlers of interactions and messages share."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import discord
from discord import Locale
from discord.abc import Snowflake

from unstill_bots.actions.preferences import InForce, language_of
from unstill_bots.delivery.message import Message
from unstill_bots.discord.buttons import presets, under
from unstill_bots.discord.chat import DiscordChat
from unstill_bots.discord.memory import Memory
from unstill_bots.discord.pending import PLATFORM, DiscordRequest, guild_scope, person_scope
from unstill_bots.intake.conversation import Conversation
from unstill_bots.intake.follow_ups import FollowUps
from unstill_bots.intake.pipeline import Pipeline


class Context:
    """The means of one front end: `bot` is the connection to Discord, `pipeline` the way in."""

    def __init__(
        self,
        bot: discord.Client,
        chat: DiscordChat,
        pipeline: Pipeline,
        memory: Memory,
    ) -> None:
        self.bot = bot
        self.chat = chat
        self.pipeline = pipeline
        self.client = pipeline.client
        self.memory = memory
        self.preferences = pipeline.preferences
        self.catalog = pipeline.catalog
        self.settings = pipeline.settings
        self.conversation = Conversation(pipeline, memory, self._ask, self._unask)
        self.follow_ups = FollowUps(pipeline, memory, self.conversation, self._show)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """What may take its time, and is no longer held against the interaction."""
        self.pipeline.background.spawn(work)

    async def drain(self, within: float) -> None:
        await self.pipeline.background.drain(within)

    async def leave(self, guild: Snowflake) -> None:
        """End all of a server that the bot was removed from, and forget its settings."""
        await self.pipeline.leave(guild_scope(guild.id))

    async def back(self, guild: Snowflake) -> None:
        """Mend the messages that were left in a server to which the bot was added again."""
        await self.pipeline.back(guild_scope(guild.id))

    async def _ask(self, pending: DiscordRequest, pictures: int) -> str | None:
        """Ask for words. Returns the question's ref."""
        synthetic = (await self.pipeline.serving.now()).synthetic
        text = pending.replies.ask_words(pictures, synthetic=synthetic)
        return await self.chat.tell(pending.address(), text, presets(pending.replies, self.catalog))

    async def _unask(self, question: str) -> None:
        await self.chat.remove(question)

    async def _show(self, pending: DiscordRequest, message: Message) -> str | None:
        return await self.chat.tell(pending.address(), message.text.plain(), under(message))

    def in_force(
        self, user: Snowflake | None, guild: Snowflake | None, channel: int | None = None
    ) -> Coroutine[Any, Any, InForce]:
        """Return what a person and a server have set, to be awaited. Raises RedisError."""
        place = guild_scope(guild.id) if guild else f"{PLATFORM}:{channel}"
        return self.preferences.of(person_scope(user) if user else place, place)

    def language(self, in_force: InForce, locale: Locale | str | None) -> str:
        """Return the language to answer in: the person's own choice, else the server's, their app's, the host's."""
        return language_of(in_force.own, in_force.chat, str(locale) if locale else None, self.settings.bots.language)

    def upload_limit(self, where: discord.Interaction | discord.abc.Messageable | None) -> int:
        """Bytes of a clip: what the interaction says, else the server, else the platform's default."""
        platform = self.catalog.platforms[PLATFORM]
        if isinstance(where, discord.Interaction):
            most = where.filesize_limit
        else:
            guild = getattr(where, "guild", None)
            # discord.py does not know of the newer, higher default yet
            most = max(platform.upload_limit, guild.filesize_limit if isinstance(guild, discord.Guild) else 0)
        return most - platform.multipart_overhead

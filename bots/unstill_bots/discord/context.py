"""What the handlers of interactions and messages share."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import discord
from discord import Locale
from discord.abc import Snowflake

from unstill_bots.actions.preferences import InForce
from unstill_bots.delivery.message import Message
from unstill_bots.discord.buttons import presets, under
from unstill_bots.discord.chat import DiscordChat
from unstill_bots.discord.memory import Memory
from unstill_bots.discord.pending import PLATFORM, DiscordRequest, guild_scope, person_scope
from unstill_bots.intake.context import SharedContext
from unstill_bots.intake.conversation import Question
from unstill_bots.intake.pipeline import Pipeline


class Context(SharedContext[DiscordRequest]):
    """The means of one front end: `bot` is the connection to Discord."""

    def __init__(
        self,
        bot: discord.Client,
        chat: DiscordChat,
        pipeline: Pipeline,
        memory: Memory,
    ) -> None:
        super().__init__(chat, pipeline, memory)
        self.bot = bot
        self.chat = chat
        self.memory = memory

    async def leave(self, guild: Snowflake) -> None:
        """End all of a server that the bot was removed from, and forget its settings."""
        await self.pipeline.leave(guild_scope(guild.id))

    async def back(self, guild: Snowflake) -> None:
        """Mend the messages that were left in a server to which the bot was added again."""
        await self.pipeline.back(guild_scope(guild.id))

    async def _ask(self, pending: DiscordRequest, question: Question) -> str | None:
        # of what is said in a server, only replies and mentions reach us
        text = f"{question.to_answer} {question.to_choose}" if pending.guild else question.text
        return await self.chat.tell(pending.address(), text, presets(pending.replies, self.catalog))

    def _under(self, message: Message) -> discord.ui.View | None:
        return under(message)

    def in_force(
        self, user: Snowflake | None, guild: Snowflake | None, channel: int | None = None
    ) -> Coroutine[Any, Any, InForce]:
        """Return what a person and a server have set, to be awaited. Raises RedisError."""
        place = guild_scope(guild.id) if guild else f"{PLATFORM}:{channel}"
        return self.preferences.of(person_scope(user) if user else place, place)

    def language(self, in_force: InForce, locale: Locale | str | None) -> str:
        """Return the language to answer in, where that of their app or server is `locale`."""
        return self.language_of(in_force.own, in_force.chat, str(locale) if locale else None)

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

"""What the handlers of interactions and messages share."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import discord
from discord import Locale
from discord.abc import Snowflake

from unstill_bots.actions.preferences import Preferences, PreferenceStore, language_of
from unstill_bots.discord.chat import DiscordChat
from unstill_bots.discord.memory import Memory
from unstill_bots.discord.pending import PLATFORM, guild_scope, person_scope
from unstill_bots.host.background import BackgroundTasks
from unstill_bots.intake.studio import Studio
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.ledger.client import Client


class Context:
    """One front end's means. `bot` is the connection to Discord, `client` the one to the queue."""

    def __init__(
        self,
        bot: discord.Client,
        chat: DiscordChat,
        studio: Studio,
        client: Client,
        memory: Memory,
        preferences: PreferenceStore,
        catalog: Catalog,
        settings: Settings,
    ) -> None:
        self.bot = bot
        self.chat = chat
        self.studio = studio
        self.client = client
        self.memory = memory
        self.preferences = preferences
        self.catalog = catalog
        self.settings = settings
        self.errands = BackgroundTasks()

    def spawn(self, errand: Coroutine[Any, Any, Any]) -> None:
        """What may take its time, and is no longer held against the interaction."""
        self.errands.spawn(errand)

    async def drain(self, within: float) -> None:
        await self.errands.drain(within)

    async def language(
        self,
        user: Snowflake | None,
        guild: Snowflake | None,
        locale: Locale | str | None,
    ) -> str:
        """The person's own choice, the server's, their app's, the host's. Raises RedisError."""
        own = await self.preferences.get(person_scope(user)) if user else Preferences()
        place = await self.preferences.get(guild_scope(guild.id)) if guild else Preferences()
        return language_of(own, place, str(locale) if locale else None, self.settings.bots.language)

    async def replies(
        self,
        user: Snowflake | None,
        guild: Snowflake | None,
        locale: Locale | str | None,
    ) -> ChatReplies:
        """The sentences in the language to speak; without the queue's server, in that of their app."""
        return ChatReplies(await self.language(user, guild, locale))

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

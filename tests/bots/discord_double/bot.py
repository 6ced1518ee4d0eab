"""A bot made of discord.py's own client, as the tests of the double need it."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal

import discord
import pytest
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from PIL import Image
from tests.waiting import PATIENCE
from wire_doubles.discord_api import DiscordApi

Handler = Callable[[discord.Interaction], Awaitable[None]]
INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)


def png(width: int = 64, height: int = 48) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 40, 40)).save(out, "PNG")
    return out.getvalue()


def file(data: bytes = b"clip", name: str = "clip.mp4") -> discord.File:
    return discord.File(io.BytesIO(data), name)


class Bot(discord.Client):
    """`/animate`, `/settings`, two context menus; what they do is `on_use`, which a test sets. Everything that the
    gateway brought is kept.
    """

    def __init__(self, intents: discord.Intents = INTENTS) -> None:
        super().__init__(intents=intents, guild_ready_timeout=0.05)
        self.tree = app_commands.CommandTree(self)
        self.on_use: Handler = _wave
        self.options: dict[str, Any] = {}
        self.target: discord.Message | discord.User | discord.Member | None = None
        self.seen: list[discord.Message] = []
        self.edited: list[discord.RawMessageUpdateEvent] = []
        self.used: list[discord.Interaction] = []
        self.events: list[str] = []
        self._add_commands()

    @classmethod
    def point_at(cls, api: DiscordApi, monkeypatch: pytest.MonkeyPatch) -> None:
        """The two addresses that the library keeps in public."""
        monkeypatch.setattr(Route, "BASE", api.url)
        monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(api.gateway_url))

    @classmethod
    @contextlib.asynccontextmanager
    async def connected(
        cls, api: DiscordApi, *, intents: discord.Intents = INTENTS, sync: bool = True
    ) -> AsyncIterator[Bot]:
        bot = cls(intents)
        await bot.login(api.token)
        if sync:
            await bot.tree.sync()
        running = asyncio.create_task(bot.connect())
        try:
            await asyncio.wait_for(bot.wait_until_ready(), PATIENCE)
            yield bot
        finally:
            await bot.close()
            await asyncio.wait({running}, timeout=10)
            if running.done() and not running.cancelled():
                running.exception()

    @property
    def mention(self) -> str:
        assert self.user
        return self.user.mention

    async def until(self, true: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.01)

    async def on_message(self, message: discord.Message) -> None:
        self.seen.append(message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.edited.append(event)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.used.append(interaction)
        if interaction.type in (discord.InteractionType.component, discord.InteractionType.modal_submit):
            await self.on_use(interaction)

    async def on_socket_event_type(self, name: str) -> None:
        self.events.append(name)

    def _add_commands(self) -> None:
        bot = self

        @self.tree.command(description="A picture moves")
        @app_commands.allowed_installs(guilds=True, users=True)
        @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
        async def animate(
            interaction: discord.Interaction,
            image: discord.Attachment,
            prompt: str = "",
            preset: str = "",
            seconds: app_commands.Range[float, 1, 10] = 4.0,
            shape: Literal["square", "portrait"] = "square",
        ) -> None:
            bot.options = {"image": image, "prompt": prompt, "preset": preset, "seconds": seconds, "shape": shape}
            await bot.on_use(interaction)

        @animate.autocomplete("preset")
        async def presets(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
            known = ("slow zoom", "slow pan", "shake")
            return [app_commands.Choice(name=name, value=name) for name in known if name.startswith(current)]

        @self.tree.command(description="How the server wants it")
        @app_commands.default_permissions(manage_guild=True)
        @app_commands.guild_only()
        async def settings(interaction: discord.Interaction) -> None:
            await bot.on_use(interaction)

        @self.tree.context_menu(name="Animate")
        @app_commands.allowed_installs(guilds=True, users=True)
        @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
        async def on_message_menu(interaction: discord.Interaction, message: discord.Message) -> None:
            bot.target = message
            await bot.on_use(interaction)

        @self.tree.context_menu(name="Animate avatar")
        async def on_user_menu(interaction: discord.Interaction, user: discord.User) -> None:
            bot.target = user
            await bot.on_use(interaction)


async def _wave(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("hello")

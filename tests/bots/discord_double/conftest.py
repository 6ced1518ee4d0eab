"""The double, a bot on it, and Ann in a server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.bots.discord_double.bot import Bot
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.people import Person
from wire_doubles.discord_api import DiscordApi


@pytest.fixture
async def discord_api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordApi]:
    async with DiscordApi() as api:
        api.limits.on = False
        Bot.point_at(api, monkeypatch)
        yield api


@pytest.fixture
def ann(discord_api: DiscordApi) -> Person:
    return discord_api.person("Ann")


@pytest.fixture
def cats(discord_api: DiscordApi, ann: Person) -> Guild:
    return discord_api.guild("Cats", ann)


@pytest.fixture
def general(cats: Guild) -> Channel:
    return cats.text_channel("general")


@pytest.fixture
async def bot(discord_api: DiscordApi, general: Channel) -> AsyncIterator[Bot]:
    """Connected, in the server, with its commands known."""
    async with Bot.connected(discord_api) as bot:
        yield bot

"""Discord is told of the commands when there is something new to tell, and whatever happens the bot goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from discord import app_commands
from redis.asyncio import Redis
from tests.waiting import PATIENCE
from wire_doubles.discord_api import DiscordApi

from unstill_bots.discord.connection import Bot, is_invalid, open_bot
from unstill_bots.discord.localized import Localized
from unstill_bots.discord.parameters import animate_command
from unstill_bots.discord.sync import installs_of, offer, read_links, register
from unstill_bots.host.breaker import Breaker
from unstill_config.catalog import Catalog
from unstill_config.platforms import Discord
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

CATALOG = Catalog.load()


@pytest.fixture
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    client = connect(valkey.url, patience=0.5)
    yield client
    await client.aclose()


@pytest.fixture
async def api() -> AsyncIterator[DiscordApi]:
    async with DiscordApi() as double:
        # commands may be told twice a minute
        double.limits.hurry = 60.0
        yield double


@contextlib.asynccontextmanager
async def logged_in(api: DiscordApi) -> AsyncIterator[Bot]:
    bot = open_bot(Discord(api_url=api.url, gateway_url=api.gateway_url), Breaker(is_invalid))
    await bot.login(api.token)
    yield bot
    await bot.close()


@pytest.fixture
async def bot(api: DiscordApi) -> AsyncIterator[Bot]:
    async with logged_in(api) as bot:
        yield bot


async def nothing(*_: Any) -> Any:
    """Takes the pictures that nobody sends here, and says what is served, which nobody asks."""


async def tree_of(bot: Bot) -> app_commands.CommandTree[Bot]:
    tree = app_commands.CommandTree(bot)
    offer(tree, installs_of(bot.application))
    await tree.set_translator(Localized(CATALOG))
    tree.add_command(animate_command(nothing, CATALOG, nothing))
    return tree


async def test_commands_are_told_once_and_again_when_something_changed(bot: Bot, api: DiscordApi, redis: Redis) -> None:
    tree = await tree_of(bot)

    assert await register(tree, redis)
    assert await register(tree, redis)

    assert api.commands.replaced == 1
    (told,) = api.commands.listed()
    assert (told["name"], told["name_localizations"]["zh-CN"]) == ("animate", "动起来")

    # When there is one more
    @tree.command(name="more", description="what is new")
    async def more(interaction: Any) -> None:
        """Answers nobody here."""

    assert await register(tree, redis)

    assert api.commands.replaced == 2
    assert {command["name"] for command in api.commands.listed()} == {"animate", "more"}


async def test_how_commands_can_be_pressed_is_read_again_where_it_could_not_be(
    bot: Bot, api: DiscordApi, redis: Redis
) -> None:
    tree, links = await tree_of(bot), dict[str, str]()
    assert await register(tree, redis)
    api.trouble.outage = True
    assert not await read_links(tree, links)
    assert links == {}

    api.trouble.outage = False
    assert await read_links(tree, links)
    (told,) = api.commands.listed()
    assert links == {"animate": f"</animate:{told['id']}>"}


async def test_a_command_that_the_platform_refuses_ends_nothing(bot: Bot, api: DiscordApi, redis: Redis) -> None:
    tree = await tree_of(bot)

    @tree.command(name="empty", description="what is taken away")
    async def empty(interaction: Any) -> None:
        """Never called."""

    empty.description = ""
    await tree.set_translator(None)

    assert not await register(tree, redis)
    assert (api.commands.replaced, api.commands.listed()) == (0, [])


@pytest.mark.parametrize(
    ("installs", "contexts"), [({0, 1}, [0, 1, 2]), ({0}, [0, 1]), ({1}, [0, 1, 2])], ids=["both", "servers", "people"]
)
async def test_commands_are_for_who_may_install_the_application(
    api: DiscordApi, redis: Redis, installs: set[int], contexts: list[int]
) -> None:
    # Given an application as its owner has set it in the portal
    api.world.installs = installs

    async with logged_in(api) as bot:
        assert await register(await tree_of(bot), redis)

    # Then it has its commands, where they can be used
    (told,) = api.commands.listed()
    assert (set(told["integration_types"]), told["contexts"]) == (installs, contexts)


async def test_commands_that_are_refused_for_people_are_offered_in_servers(
    bot: Bot, api: DiscordApi, redis: Redis
) -> None:
    tree = await tree_of(bot)
    # Given an application that is set to servers alone, after the bot has looked
    api.world.installs = {0}

    assert await register(tree, redis)

    (told,) = api.commands.listed()
    assert (told["integration_types"], told["contexts"]) == ([0], [0, 1])


async def test_without_the_queues_server_nothing_is_told_nor_raised(
    bot: Bot, api: DiscordApi, redis: Redis, valkey: EmbeddedValkey
) -> None:
    tree = await tree_of(bot)
    valkey.kill()

    async with asyncio.timeout(PATIENCE):
        assert not await register(tree, redis)

    assert api.commands.replaced == 0

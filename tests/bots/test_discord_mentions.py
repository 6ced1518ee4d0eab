"""A message to the bot counts as taken when it is written down, and not before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.exceptions import ConnectionError as Unreachable
from tests.system.telegram_house import photo
from tests.waiting import PATIENCE
from wire_doubles.discord_api import DiscordApi, File

from unstill_bots.actions.preferences import Preferences
from unstill_bots.delivery.status_message import StatusMessages
from unstill_bots.discord.chat import DiscordChat
from unstill_bots.discord.connection import is_invalid, open_bot
from unstill_bots.discord.context import Context
from unstill_bots.discord.memory import Memory
from unstill_bots.discord.mentions import Mentions
from unstill_bots.discord.send_limit import SendLimit
from unstill_bots.host.breaker import Breaker
from unstill_bots.intake.fetching import Fetcher
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.pipeline import Pipeline
from unstill_config.catalog import Catalog
from unstill_config.platforms import Discord
from unstill_config.settings import Settings
from unstill_queue.ledger.client import Client
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage


class Interrupted(Pipeline):
    """The queue's server is out of reach just when a request is to be written down: at each `False` that is left."""

    there: tuple[bool, ...] = ()

    async def take(self, pending: PendingRequest, words: str, *, own: Preferences | None = None) -> bool:
        there, self.there = self.there[:1] != (False,), self.there[1:]
        if not there:
            raise Unreachable("gone in between")
        return await super().take(pending, words, own=own)


@dataclass
class House:
    """A front end's way in, in this process, on the platform's double."""

    api: DiscordApi
    client: Client
    pipeline: Interrupted

    async def ids(self, count: int) -> set[str]:
        """Of what is in the ledger, once there are so many."""
        async with asyncio.timeout(PATIENCE):
            while len(known := await self.client.ledger.open_ids()) < count:
                await asyncio.sleep(0.02)
        return set(known)


@pytest.fixture
async def house(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[House]:
    catalog, settings = Catalog.load(), Settings()
    async with DiscordApi() as api:
        client = Client.open(valkey.url, settings)
        bot = open_bot(
            Discord(api_url=api.url, gateway_url=api.gateway_url, cdn_hosts=(api.cdn_host,)), Breaker(is_invalid)
        )
        fetcher = Fetcher([api.cdn_host], 1_000_000, own=())
        chat = DiscordChat(bot, fetcher, SendLimit(), catalog)
        pipeline = Interrupted(client, storage, catalog, settings, chat, StatusMessages(client.ledger, chat))
        context = Context(bot, chat, pipeline, Memory(client.redis))
        mentions = Mentions(context)
        bot.on_message, bot.on_shard_ready = mentions.came, mentions.catch_up
        await bot.login(api.token)
        connected = asyncio.create_task(bot.connect())
        await bot.wait_until_ready()
        yield House(api, client, pipeline)
        await context.drain(10)
        await bot.close()
        with contextlib.suppress(asyncio.CancelledError):
            connected.cancel()
            await connected
        await fetcher.close()
        await client.close()


async def test_a_message_that_could_not_be_written_down_is_not_taken_for_known(house: House) -> None:
    ann = house.api.person("Ann", installed=True)
    chat = house.api.dm(ann)
    house.pipeline.there = (False, False)

    # When the server goes away in the middle of it, twice
    said = ann.say(chat, "waves", files=[File(photo(), "a.png")])

    # Then it is written down in the end, once
    assert await house.ids(1) == {f"discord:{chat.id}:{said.id}"}
    assert not house.pipeline.there


async def test_each_picture_of_a_message_is_written_down_though_it_was_interrupted_between_two(house: House) -> None:
    ann = house.api.person("Ann", installed=True)
    chat = house.api.dm(ann)
    house.pipeline.there = (True, False)

    said = ann.say(chat, "waves", files=[File(photo("red"), "a.png"), File(photo("blue"), "b.png")])

    first = f"discord:{chat.id}:{said.id}"
    assert await house.ids(2) == {first, f"{first}.1"}

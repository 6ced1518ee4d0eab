"""A photo takes a short way from its platform's update to the ledger, and costs the server few commands."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import pytest
from tests.system.discord_house import discord_settings, picture
from tests.system.telegram_house import photo, telegram_settings
from tests.waiting import until
from wire_doubles.discord_api import DiscordApi
from wire_doubles.telegram_api import TelegramApi

from unstill_bots.discord.program import DiscordFrontEnd
from unstill_bots.host.frontend import Services
from unstill_bots.intake.pictures import Pictures
from unstill_bots.telegram.program import TelegramFrontEnd
from unstill_config.settings import Settings
from unstill_queue.ledger.client import Client
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

MODULES_MOST = 6
OURS, LEDGER, CONNECTION = "unstill_", "unstill_queue.ledger", "unstill_queue.redis"


class Trace:
    """The modules that a photo goes through, from `entry`, which is handed the update, to the ledger's write.

    A photo goes through a module where a coroutine of that module has it in hand: waits for something, or hands it on.
    Values and pure functions are not counted, as they take nothing over, nor is the connection that carries commands.
    The ledger is one, whatever its files are. Telegram's updates come by polling or by a webhook: those stand before.
    """

    def __init__(self, entry: str) -> None:
        self._entry = entry
        self._on_the_way: ContextVar[bool] = ContextVar("on the way", default=False)
        self._before: set[CodeType] = set()
        self.modules: list[str] = []
        self.written = False

    def _look(self, frame: FrameType, event: str, argument: Any) -> None:
        module = frame.f_globals.get("__name__", "")
        if event != "call" or self.written or not module.startswith(OURS) or module.startswith(CONNECTION):
            return
        if not frame.f_code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
            return
        if f"{module}.{frame.f_code.co_qualname}" == self._entry:
            # tasks that are started on the way inherit it
            self._on_the_way.set(True)
            caller = frame.f_back
            while caller is not None:
                self._before.add(caller.f_code)
                caller = caller.f_back
        if self._on_the_way.get() and frame.f_code not in self._before:
            name = LEDGER if module.startswith(LEDGER) else module
            if name not in self.modules:
                self.modules.append(name)
            self.written = module.startswith(LEDGER) and frame.f_code.co_name == "accept"

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        before = sys.getprofile()
        sys.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(before)


@dataclass
class Side:
    """One platform: its front end, where updates come in, its settings, and somebody who sends a photo with words."""

    front_end: TelegramFrontEnd | DiscordFrontEnd
    entry: str
    settings: dict[str, str]
    is_ready: Callable[[], bool]
    send: Callable[[], object]


@contextlib.asynccontextmanager
async def on_telegram() -> AsyncIterator[Side]:
    with TelegramApi.threaded() as api:
        ann = api.person("Ann")
        chat = api.private(ann)
        yield Side(
            TelegramFrontEnd(),
            "unstill_bots.telegram.router.Router.take",
            telegram_settings(api),
            is_ready=lambda: True,
            send=lambda: ann.send_photo(chat, photo(), "waves rolling in"),
        )


@contextlib.asynccontextmanager
async def on_discord() -> AsyncIterator[Side]:
    with DiscordApi.threaded() as api:
        ann = api.person("Ann", installed=True)
        chat = api.dm(ann)
        yield Side(
            DiscordFrontEnd(),
            "unstill_bots.discord.mentions.Mentions.came",
            discord_settings(api),
            is_ready=lambda: api.gateway.connected,
            send=lambda: ann.say(chat, "waves rolling in", files=[picture()]),
        )


@pytest.mark.parametrize("on", [on_telegram, on_discord], ids=["telegram", "discord"])
async def test_a_photo_goes_through_few_modules_until_it_is_written_down(
    on: Any, valkey: EmbeddedValkey, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on() as side, Pictures() as pictures:
        # Given a front end that serves its platform
        for name, value in side.settings.items():
            monkeypatch.setenv(name, value)
        settings = Settings.load()
        client = Client.open(valkey.url, settings)
        services = Services(
            settings=settings, catalog=settings.load_catalog(), client=client, storage=storage, pictures=pictures
        )
        trace, stopping = Trace(side.entry), asyncio.Event()
        with trace.watching():
            serving = asyncio.create_task(side.front_end.run(services, stopping))
            # When somebody sends a photo with words
            await until(side.is_ready)
            side.send()
            await until(client.ledger.open_ids)
        stopping.set()
        await serving
        await client.close()
    # Then it was written down, and went through a few modules until then
    assert trace.written and LEDGER in trace.modules
    assert len(trace.modules) <= MODULES_MOST, trace.modules

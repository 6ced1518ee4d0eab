"""A platform on the loopback, in the loop of who opens it or in a thread with its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Generic, Protocol, Self, TypeVar

from wire_doubles.clock import Clock
from wire_doubles.server import Server

Bot = TypeVar("Bot")
Limits = TypeVar("Limits")
Trouble = TypeVar("Trouble")
Answered = TypeVar("Answered")


class World(Protocol[Bot, Limits, Trouble, Answered]):
    """What every platform knows, each in its own types."""

    token: str
    clock: Clock
    bot: Bot
    limits: Limits
    trouble: Trouble
    log: list[Answered]


class Double(Generic[Bot, Limits, Trouble, Answered]):
    """Opens and closes a platform, and shows of its world what tests of every platform look at."""

    def __init__(self, world: World[Bot, Limits, Trouble, Answered], server: Server) -> None:
        self.__world = world
        self.__server = server

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    async def up(self) -> None:
        """Listen, again on the same port after `down`."""
        await self.__server.open()

    async def down(self) -> None:
        """Nobody listens any more, and connections are cut. What was said and what waits stays."""
        await self.__server.close()

    @contextlib.contextmanager
    def in_thread(self, name: str) -> Iterator[Self]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name=name)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.up(), loop).result(10)
            try:
                yield self
            finally:
                asyncio.run_coroutine_threadsafe(self.down(), loop).result(10)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

    @property
    def token(self) -> str:
        return self.__world.token

    @property
    def bot(self) -> Bot:
        return self.__world.bot

    @property
    def clock(self) -> Clock:
        return self.__world.clock

    @property
    def limits(self) -> Limits:
        return self.__world.limits

    @property
    def trouble(self) -> Trouble:
        return self.__world.trouble

    @property
    def log(self) -> list[Answered]:
        """Every call so far."""
        return self.__world.log

"""A platform on the loopback, in the loop of who opens it or in a thread with its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol, Self


class Server(Protocol):
    async def open(self) -> None: ...

    async def close(self) -> None: ...


class Double:
    def __init__(self, server: Server) -> None:
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

"""A TCP proxy that misbehaves on demand, the same way for the same seed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from typing import Self

ABORT = struct.pack("ii", 1, 0)


class ChaosProxy:
    """Listens on a loopback port and passes bytes on to `upstream`, a host and port or the path of a unix socket.

    What is set while it runs counts at once:
    `latency`: seconds that each piece waits, half of it to one and a half times that;
    `reset_rate`, `cut_rate`: the share of the upstream's pieces that reset the connection, or are lost with it,
    which is an answer lost after its command was done;
    `frozen`: nothing passes, nothing is closed, as behind a dead line.
    """

    def __init__(self, upstream: tuple[str, int] | str, *, seed: int = 0) -> None:
        self._upstream = upstream
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._port = 0
        self._thawed = asyncio.Event()
        self._thawed.set()
        self.latency = 0.0
        self.reset_rate = 0.0
        self.cut_rate = 0.0
        self.accepted = 0
        self.cuts = 0

    @property
    def port(self) -> int:
        return self._port

    @property
    def frozen(self) -> bool:
        return not self._thawed.is_set()

    @frozen.setter
    def frozen(self, frozen: bool) -> None:
        if frozen:
            self._thawed.clear()
        else:
            self._thawed.set()

    async def open(self) -> None:
        """Listen; after `close`, on the same port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections and reset those there are."""
        if self._server:
            self._server.close()
            self._server = None
        self.reset()
        while self._connections:
            await asyncio.sleep(0)

    def reset(self) -> None:
        for writer in list(self._connections):
            _abort(writer)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.frozen = False
        await self.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            if isinstance(self._upstream, str):
                up_reader, up_writer = await asyncio.open_unix_connection(self._upstream)
            else:
                up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            _abort(writer)
            return
        both = {writer, up_writer}
        self._connections |= both
        try:
            ways = [
                asyncio.create_task(self._pump(reader, up_writer, answers=False)),
                asyncio.create_task(self._pump(up_reader, writer, answers=True)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._connections -= both
            for one in both:
                one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.latency:
                    await asyncio.sleep(self.latency * self._random.uniform(0.5, 1.5))
                await self._thawed.wait()
                if answers:
                    chance = self._random.random()
                    if chance < self.reset_rate + self.cut_rate:
                        self.cuts += 1
                        if chance < self.cut_rate:
                            writer.write(data[: self._random.randrange(len(data))])
                            await writer.drain()
                        _abort(writer)
                        return
                writer.write(data)
                await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with RST rather than FIN."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    writer.transport.abort()

"""Kills the programs of a house, and starts whoever has ended again, as a container platform does."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections import Counter
from typing import Protocol

from tests.system.processes import PATIENCE, House, child_of, kill

AWAY = (0.0, 0.1, 0.5, 1.5)
"""Seconds until a killed server is started again: one of these."""


class FrontEnd(Protocol):
    """A platform's bot, in its house."""

    house: House
    bot: subprocess.Popen[bytes] | None

    def start_bot(self) -> None: ...

    def cut(self) -> bool:
        """End its connection to the platform. False: there is none to end."""
        ...

    def now(self) -> float:
        """By the platform's clock."""
        ...


class Keeper:
    """Starts an engine, and the bot. `kills` counts by target; what was not there to be killed counts as such."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._engine = front_end.house.start_engine()
        self.kills: Counter[str] = Counter()
        self.bot_killed_at: list[float] = []

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            if not _lives(self._front_end.bot):
                self._front_end.start_bot()
            if not _lives(self._engine):
                self._engine = self._front_end.house.start_engine()

    def lives(self, target: str) -> bool:
        """Tell whether a kill of it would meet somebody; an engine counts from when it has a renderer."""
        match target:
            case "bot":
                return _lives(self._front_end.bot)
            case "engine" | "renderer":
                return _lives(self._engine) and child_of(self._engine.pid) is not None
            case _:
                return True

    async def meet(self, target: str) -> None:
        """Wait until a kill of it would meet somebody, as long as tests are patient."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends and not self.lives(target):
            await asyncio.sleep(0.02)

    async def kill(self, target: str, away: float) -> None:
        """`away`: seconds until a server is there again."""
        house, bot = self._front_end.house, self._front_end.bot
        match target:
            case "server":
                await asyncio.to_thread(house.valkey.kill)
                await asyncio.sleep(away)
                await asyncio.to_thread(house.valkey.start)
            case "bot" if bot is not None and _lives(bot):
                kill(bot.pid)
                self.bot_killed_at.append(self._front_end.now())
            case "engine" if _lives(self._engine):
                kill(self._engine.pid)
            case "renderer" if child := child_of(self._engine.pid):
                kill(child)
            case "gateway" if self._front_end.cut():
                pass
            case _:
                target = "nobody was there"
        self.kills[target] += 1


def _lives(process: subprocess.Popen[bytes] | None) -> bool:
    return process is not None and process.poll() is None

"""Many photos at once from many chats, with the platform's limits on."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.system.telegram_count import Counted, ask, count, everything_said, open_chats
from tests.system.telegram_house import TelegramHouse

NOT_TALK = ("getUpdates", "download")
LOOK_EVERY = 0.2


@dataclass(frozen=True)
class Burst:
    """`calls` without those that ask for updates and files. Memory is the resident set in MiB: of the bot at rest and
    at most, and of the processes that decode pictures for it.
    """

    counted: Counted
    calls: int
    refused: int
    seconds: float
    rest: float
    peak: float
    children_peak: float


async def burst(
    telegram: TelegramHouse, *, photos: int, private: int, groups: int, within: float, picture: bytes | None = None
) -> Burst:
    """Everybody sends in the same moment, groups and people in turn."""
    assert telegram.bot is not None
    dice = random.Random(1)
    chats = await open_chats(telegram, private, groups)
    before, refused = len(telegram.api.log), telegram.api.limits.refused
    memory = Memory(telegram.bot.pid)
    watching = asyncio.create_task(memory.watch())
    started = time.monotonic()
    asked = [ask(chats[number % len(chats)], number, "good", dice, picture) for number in range(photos)]
    await everything_said(telegram, photos, within)
    seconds = time.monotonic() - started
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    calls = sum(call.method not in NOT_TALK for call in telegram.api.log[before:])
    return Burst(
        count(asked, telegram), calls, telegram.api.limits.refused - refused, seconds,
        memory.rest, memory.peak, memory.children_peak,
    )  # fmt: skip


class Memory:
    """A process's, and of those below it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.rest = self.peak = resident(pid)
        self.children_peak = 0.0

    async def watch(self) -> None:
        while True:
            self.peak = max(self.peak, resident(self._pid, "VmHWM"))
            self.children_peak = max(self.children_peak, sum(map(resident, children(self._pid))))
            await asyncio.sleep(LOOK_EVERY)


def resident(pid: int, field: str = "VmRSS") -> float:
    """MiB; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue
    return found

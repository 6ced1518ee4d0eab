"""Kills bot, engine, renderer and server at random moments while people ask on Telegram."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

from tests.system.keeper import AWAY, Keeper
from tests.system.telegram_count import Asked, Counted, ask, count, everything_said, open_chats
from tests.system.telegram_house import TelegramHouse
from wire_doubles.telegram.chats import Chat

EACH_GROUP = 4
"""Requests: their messages, progress and calls fit into a group's 20 a minute."""
KINDS = ("good",) * 18 + ("no picture", "option")


async def run(
    telegram: TelegramHouse, *, seed: int, requests: int, chats: tuple[int, int], kills: dict[str, int], seconds: float
) -> tuple[Counted, Counter[str]]:
    """Return what people saw, and who was killed. `seconds` is what requests and kills are spread over.

    `chats`: private ones and groups; each has its requests, and private ones have those that are left.
    """
    dice = random.Random(seed)
    opened = await open_chats(telegram, *chats)
    private, groups = opened[: chats[0]], opened[chats[0] :]
    places = [*private, *groups * EACH_GROUP]
    places += dice.choices(private, k=requests - len(places))
    moments: list[tuple[float, Chat | str]] = [
        *((dice.uniform(0, seconds), chat) for chat in places),
        *((dice.uniform(1, seconds), target) for target, often in kills.items() for _ in range(often)),
    ]
    keeper = Keeper(telegram)
    keeping = asyncio.create_task(keeper.run())
    asked: list[Asked] = []
    started = time.monotonic()
    for at, what in sorted(moments, key=lambda moment: moment[0]):
        await asyncio.sleep(max(0.0, started + at - time.monotonic()))
        if isinstance(what, Chat):
            asked.append(ask(what, len(asked), dice.choice(KINDS), dice))
        else:
            await keeper.meet(what)
            await keeper.kill(what, dice.choice(AWAY))
    await everything_said(telegram, len(asked), within=900)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    return count(asked, telegram, keeper.bot_killed_at), keeper.kills

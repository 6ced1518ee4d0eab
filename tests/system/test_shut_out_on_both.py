"""After a block or a removal that ends, no message stands that promises a clip: told once for both platforms."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from tests.system import discord_house, telegram_house
from tests.system.processes import House, wait_for
from tests.system.telegram_house import ANIMATE

ENDED = "This ended while the bot was shut out here."


@dataclass
class Talk:
    """A chat with the bot, which can be shut out of it. `said` has what its messages say now, in their order."""

    house: House
    ask: Callable[[str], Any]
    shut: Callable[[], Any]
    let_in: Callable[[], Any]
    said: Callable[[], list[str]]

    async def until(self, holds: Callable[[list[str]], bool], what: str) -> list[str]:
        await asyncio.to_thread(wait_for, lambda: holds(self.said()), what=what)
        return self.said()


@contextlib.contextmanager
def blocked_on_telegram(folder: Path) -> Iterator[Talk]:
    with telegram_house.telegram_house(folder) as telegram:
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        yield Talk(
            telegram.house,
            lambda words: ann.send_photo(chat, telegram_house.photo(), words),
            ann.block,
            ann.unblock,
            lambda: [one.text for one in telegram_house.ours(chat.history())],
        )


@contextlib.contextmanager
def removed_on_telegram(folder: Path) -> Iterator[Talk]:
    with telegram_house.telegram_house(folder) as telegram:
        ann = telegram.api.person("Ann")
        group = telegram.api.group("Friends", [ann])
        yield Talk(
            telegram.house,
            lambda words: ann.send_photo(group, telegram_house.photo(), f"{ANIMATE} {words}"),
            group.kick_bot,
            group.add_bot,
            lambda: [one.text for one in telegram_house.ours(group.history()) if one.reply_to],
        )


@contextlib.contextmanager
def removed_on_discord(folder: Path) -> Iterator[Talk]:
    with discord_house.discord_house(folder, quick=True) as discord:
        general, (ann,) = discord.server("Cats")
        guild = general.guild
        assert guild is not None

        def said() -> list[str]:
            found = discord_house.ours(general.history())
            return [" ".join([one.text, *(str(each.get("description") or "") for each in one.embeds)]) for one in found]

        yield Talk(
            discord.house,
            # what an interaction asked for is still answered by its token
            lambda words: ann.say(general, f"{discord.api.bot.mention} {words}", files=[discord_house.picture()]),
            guild.remove_bot,
            guild.add_bot,
            said,
        )


@pytest.mark.parametrize("on", [blocked_on_telegram, removed_on_telegram, removed_on_discord])
async def test_no_promise_stands_where_the_bot_was_shut_out_for_a_while(on: Any, tmp_path: Path) -> None:
    with on(tmp_path) as talk, talk.house.gate() as gate:
        # Given one clip that is rendered, and one that waits behind it
        talk.ask(f"{gate} waves")
        await asyncio.to_thread(wait_for, gate.reached, what="the render")
        talk.ask("leaves")
        await talk.until(lambda said: any("You are next." in one for one in said), "the promise")
        # When the bot is shut out, so that neither end can be shown
        talk.shut()
        gate.open()
        await asyncio.to_thread(_both_ended, talk.house)
        # and let in again, Then neither message promises anything any more
        talk.let_in()
        said = await talk.until(lambda said: sum(ENDED in one for one in said) == 2, "the end of both")
        assert len(said) == 2


def _both_ended(house: House) -> None:
    """Wait until the queue holds nothing any more whose end is to be shown."""
    with redis.Redis.from_url(house.valkey.url) as server:
        wait_for(lambda: server.zcard("unstill:due") == 0, what="the end of both")

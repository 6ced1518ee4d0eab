"""Tests that a person reads in their language why there is no clip, and the operator in the log, on both platforms."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.system import discord_house, telegram_house
from tests.system.processes import House, wait_for

from unstill_bots.text.replies import Replies
from unstill_queue.contract.jobs import Failed

Ask = Callable[[str], None]
Read = Callable[[], list[str]]


@contextlib.contextmanager
def on_telegram(folder: Path, **settings: Any) -> Iterator[tuple[House, Ask, Read]]:
    with telegram_house.telegram_house(folder, **settings) as house:
        ann = house.api.person("安", language="zh-hans")
        chat = house.api.private(ann)

        def ask(words: str) -> None:
            ann.send_photo(chat, telegram_house.photo(), words)

        yield house.house, ask, lambda: [one.text for one in telegram_house.ours(chat.history())]


@contextlib.contextmanager
def on_discord(folder: Path, **settings: Any) -> Iterator[tuple[House, Ask, Read]]:
    with discord_house.discord_house(folder, quick=True, **settings) as house:
        ann = house.api.person("安", installed=True, locale="zh-CN")
        chat = house.api.dm(ann)

        def ask(words: str) -> None:
            ann.slash(chat, "animate", image=discord_house.picture(), prompt=words)

        def read() -> list[str]:
            ours = discord_house.ours(chat.history(ann))
            return [f"{one.text} {' '.join(str(embed) for embed in one.embeds)}" for one in ours]

        yield house.house, ask, read


@pytest.mark.parametrize("on", [on_telegram, on_discord], ids=["telegram", "discord"])
def test_a_failure_is_said_in_the_persons_language_and_in_the_operators_log(on: Any, tmp_path: Path) -> None:
    # Given a host that allows two tries, and a person who reads Chinese
    with on(tmp_path, UNSTILL_QUEUE__ATTEMPTS="2") as (house, ask, read):
        chinese = Replies("zh-hans")
        # When the renderer refuses a clip, and another one costs the engine its process each time
        ask("no-room waves")
        ask("crash waves")
        refused = chinese.failed(Failed("out_of_memory"))
        lost = chinese.failed(Failed("engine_lost", details={"tries": "2"}))
        # Then the person reads why, and how often it was tried
        wait_for(lambda: all(any(said in shown for shown in read()) for said in (refused, lost)), what="both answers")
        # and the operator reads in words what happened, which no person does
        wait_for(
            lambda: "the card has 3 of the 4 GiB that this needs" in house.log("engine"), what="the operator's log"
        )
        assert "out_of_memory" in house.log("engine") and "Fatal Python error" in house.log("engine")
        assert not any("GiB" in shown or "Fatal" in shown for shown in read())

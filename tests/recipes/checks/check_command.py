"""Checks a copy with the recipe "Add a command": every chat platform offers it, and answers it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.system.conversations import seen
from tests.system.test_same_conversations import TALKS

from unstill_bots.actions.presses import CHATS
from unstill_bots.telegram.menu import menus


@pytest.mark.parametrize("platform", CHATS)
async def test_it_is_answered(platform: str, tmp_path: Path) -> None:
    with TALKS[platform](tmp_path) as talk:
        talk.start_bot()
        talk.command("about")

        (answer,) = await seen(
            talk, lambda messages: any("free software" in one.text for one in messages), "the answer"
        )
        assert answer.text == "This is Unstill, free software under the Apache License."


def test_it_stands_in_the_menus_in_each_language() -> None:
    offered = {code: {one.command: one.description for one in commands} for _, code, commands in menus()}

    assert offered[""]["about"] == "what software this is"
    assert offered["zh"]["about"] == "这是什么软件"

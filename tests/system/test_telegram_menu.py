"""The commands that Telegram's clients offer: for private chats, groups and admins, in both languages, told once."""

from __future__ import annotations

import json
from pathlib import Path

from tests.system.processes import wait_for
from tests.system.telegram_house import telegram_house

EVERYBODY = {"animate", "queue", "cancel", "delete", "presets", "status", "help", "privacy", "forgetme"}


async def test_the_menus_are_registered_once(tmp_path: Path) -> None:
    with telegram_house(tmp_path, engine=False) as telegram:
        commands = telegram.api.world.profile.commands
        wait_for(lambda: len(commands) == 6, what="six menus")
        # Then each scope has its commands, in Chinese and in English for all others
        offered = {
            (json.loads(scope)["type"], language): {one["command"]: one["description"] for one in menu}
            for (scope, language), menu in commands.items()
        }
        expected = {
            "all_private_chats": EVERYBODY | {"settings", "start"},
            "all_group_chats": EVERYBODY,
            "all_chat_administrators": EVERYBODY | {"settings"},
        }
        assert {where: set(menu) for where, menu in offered.items()} == {
            (scope, language): names for scope, names in expected.items() for language in ("", "zh")
        }
        assert offered["all_group_chats", ""]["queue"] == "your clips in the making"
        for scope in expected:
            for name, said in offered[scope, "zh"].items():
                assert any("一" <= letter <= "鿿" for letter in said), name
        # and each of them is a command that the bot knows
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        assert set(offered["all_private_chats", ""]) == EVERYBODY | {"settings", "start"}
        # When the bot starts again, nothing is told again
        assert telegram.stop_bot() == 0
        telegram.start_bot()
        telegram.wait_for_bot()
        ann.send_text(chat, "/status")
        await chat.until(lambda history: len(history) == 2)
        assert len(telegram.api.calls("setMyCommands")) == 6

"""What Telegram's clients show of the bot: commands for private chats, groups and admins, profile and menu button."""

from __future__ import annotations

import json
from pathlib import Path

from tests.system.processes import wait_for
from tests.system.telegram_house import telegram_house
from tests.waiting import until

from unstill_bots.telegram.menu import CODES

EVERYBODY = {"animate", "report", "queue", "cancel", "delete", "presets", "status", "help", "privacy", "forgetme"}


async def test_the_menus_are_registered_once(tmp_path: Path) -> None:
    with telegram_house(tmp_path, engine=False) as telegram:
        commands = telegram.api.world.profile.commands
        wait_for(lambda: len(commands) == 3 * len(CODES), what="all menus")
        # Then each scope has its commands, in each language and in English for all others
        offered = {
            (json.loads(scope)["type"], language): {one["command"]: one["description"] for one in menu}
            for (scope, language), menu in commands.items()
        }
        expected = {
            "all_private_chats": EVERYBODY | {"options", "settings", "start", "tips"},
            "all_group_chats": EVERYBODY,
            "all_chat_administrators": EVERYBODY | {"settings"},
        }
        assert {where: set(menu) for where, menu in offered.items()} == {
            (scope, language): names for scope, names in expected.items() for language in CODES
        }
        assert offered["all_group_chats", ""]["queue"] == "your clips in the making"
        for scope in expected:
            for name, said in offered[scope, "zh"].items():
                assert any("一" <= letter <= "鿿" for letter in said), name
        # and each of them is a command that the bot knows
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        assert set(offered["all_private_chats", ""]) == expected["all_private_chats"]
        # When the bot starts again, nothing is told again
        assert telegram.stop_bot() == 0
        telegram.start_bot()
        telegram.wait_for_bot()
        ann.send_text(chat, "/status")
        await chat.until(lambda history: len(history) == 2)
        assert len(telegram.api.calls("setMyCommands")) == 3 * len(CODES)


async def test_the_profile_is_told_once_and_what_the_host_has_set_stays(tmp_path: Path) -> None:
    with telegram_house(tmp_path, engine=False, bot=False) as telegram:
        # Given a bot whose host has written its short description with @BotFather
        profile = telegram.api.world.profile
        profile.texts["short_description", ""] = "Ours."
        # When it starts
        telegram.start_bot()
        await until(lambda: profile.photos, "the picture")
        # Then the other texts, menu button and picture are told, in each language
        assert profile.texts["short_description", ""] == "Ours."
        assert profile.texts["description", ""].startswith("Send a photo and a few words")
        assert "照片" in profile.texts["description", "zh"] or "图片" in profile.texts["description", "zh"]
        assert profile.menu_buttons == {0: "commands"} and len(profile.photos) == 1
        # and when it starts again, nothing is told again
        assert telegram.stop_bot() == 0
        telegram.start_bot()
        telegram.wait_for_bot()
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        ann.send_text(chat, "/status")
        await chat.until(lambda history: len(history) == 2)
        assert len(telegram.api.calls("setMyProfilePhoto")) == 1
        assert len(telegram.api.calls("setMyDescription")) == len(CODES)

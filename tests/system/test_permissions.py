"""Nobody touches what is not theirs: every button, form and command by everybody, everywhere, on both platforms."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from tests.bots.permission_table import ADMIN, INSTALL, PRIVATE, Cell, cells
from tests.system.discord_house import discord_house
from tests.system.permission_cells import Cells, touches
from tests.system.permission_discord import MENUS, DiscordCells
from tests.system.permission_telegram import TelegramCells
from tests.system.processes import wait_for
from tests.system.telegram_house import telegram_house
from wire_doubles.discord.commands import ON_MESSAGE, ON_USER, SLASH

from unstill_bots.actions.presses import ACTIONS, CANCEL, CHAT_SETTINGS, CHATS, DISCORD, PRESET, SETTINGS, TELEGRAM
from unstill_queue.contract.jobs import Cancelled


@pytest.fixture(scope="module")
def on_telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelegramCells]:
    """A house without an engine: what waits in its queue waits for as long as the tests take."""
    folder = tmp_path_factory.mktemp("telegram-permissions")
    with telegram_house(folder, engine=False, bot=False) as telegram:
        planted = TelegramCells(telegram)
        asyncio.run(planted.prepare())
        telegram.start_bot()
        wait_for(lambda: telegram.polled() > 0, what="the bot's first poll")
        yield planted


@pytest.fixture(scope="module")
def on_discord(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiscordCells]:
    folder = tmp_path_factory.mktemp("discord-permissions")
    with discord_house(folder, engine=False, bot=False, quick=True) as discord:
        planted = DiscordCells(discord)
        asyncio.run(planted.prepare())
        discord.start_bot()
        discord.wait_for_bot()
        yield planted


@pytest.fixture
def house(request: pytest.FixtureRequest) -> Cells:
    """That of the test's platform."""
    given = request.node.callspec.params
    platform = given["platform"] if "platform" in given else given["cell"].platform
    found: Cells = request.getfixturevalue(f"on_{platform}")
    return found


def pressed(platform: str) -> list[Cell]:
    actions = [action for action in ACTIONS.values() if platform in (*action.buttons, *action.forms)]
    # on Telegram a person's own settings stand in private chats, and nowhere else; the bot asks only where it is
    return [
        cell
        for cell in cells(platform, *actions)
        if not (platform == TELEGRAM and cell.action == SETTINGS and cell.place != PRIVATE)
        and not (cell.action == PRESET and cell.place == INSTALL)
    ]


def commands(platform: str) -> list[str]:
    return [action.name for action in ACTIONS.values() if platform in (*action.commands, *action.menus)]


@pytest.mark.parametrize("cell", [cell for platform in CHATS for cell in pressed(platform)], ids=str)
async def test_a_press_does_what_it_may_and_nothing_else(house: Cells, cell: Cell) -> None:
    happened, said = await house.press(cell)
    assert happened is cell.expected, said
    if cell.action == CANCEL and happened:
        # and who reads its end can tell whether it was an admin; a channel's owner is its owner
        record = await house.queue.read(house.planted[cell].id)
        assert record is not None and isinstance(record.outcome, Cancelled)
        assert (record.outcome.by == record.request.requester.person) is (cell.who != ADMIN)


@pytest.mark.parametrize(("platform", "command"), [(name, command) for name in CHATS for command in commands(name)])
async def test_a_command_touches_only_what_it_may(house: Cells, platform: str, command: str) -> None:
    asked = list(cells(platform, ACTIONS[command]))
    # When everybody sends it everywhere, then it is answered, and ends or deletes what it may
    answers = await asyncio.gather(*(house.command(cell) for cell in asked))
    for cell, (happened, said) in zip(asked, answers, strict=True):
        assert happened is touches(cell, on_what_is_shown=platform == TELEGRAM), (str(cell), said)
        if platform == TELEGRAM and command == SETTINGS and cell.place != PRIVATE:
            # a group's are shown to who may change them
            assert said.startswith("How this group") is replace(cell, action=CHAT_SETTINGS).expected, (str(cell), said)


def test_discord_is_told_of_the_commands_and_menus_that_there_are(on_discord: DiscordCells) -> None:
    told = {(command["type"], command["name"]) for command in on_discord.api.commands.listed()}
    slash = {(SLASH, action.name) for action in ACTIONS.values() if DISCORD in action.commands}
    menus = {MENUS[action.name] for action in ACTIONS.values() if DISCORD in action.menus}
    assert told == slash | {(ON_MESSAGE, "Animate"), (ON_MESSAGE, "Report clip"), (ON_USER, "Animate avatar")}
    assert menus == {"Animate", "Animate avatar", "Report clip"}

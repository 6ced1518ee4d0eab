"""Tests that a host's settings and a restless machine mean the same to the front ends of both platforms."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.system import discord_house, telegram_house
from tests.system.discord_house import DiscordHouse
from tests.system.processes import CATALOG, wait_for
from tests.system.telegram_house import TelegramHouse

from unstill_bots.actions.forgetting import Left
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.server_replies import ServerReplies
from unstill_config.loop_monitor import LAG_MOST, LOOK_EVERY
from unstill_config.settings import Settings

SHORT = 400


@dataclass
class Side:
    """One platform: its house, what registers the commands there, and what the bot says to a command, part by part.

    `write` sends a message in private, and returns what the bot says to it.
    """

    house: TelegramHouse | DiscordHouse
    registering: str
    refuse: str
    ask: Callable[[str], Callable[[], list[str]]]
    write: Callable[[str], Callable[[], list[str]]]
    replies: ChatReplies


@contextlib.contextmanager
def on_telegram(folder: Path, **settings: Any) -> Iterator[Side]:
    with telegram_house.telegram_house(folder, engine=False, bot=False, **settings) as house:
        ann = house.api.person("Ann", language="")
        chat = house.api.private(ann)

        def write(text: str) -> Callable[[], list[str]]:
            before = len(chat.history())
            ann.send_text(chat, text)
            return lambda: [one.text for one in telegram_house.ours(chat.history()[before:])]

        def ask(command: str) -> Callable[[], list[str]]:
            return write(f"/{command}")

        yield Side(house, "setMyCommands", "bad gateway", ask, write, ChatReplies())


@contextlib.contextmanager
def on_discord(folder: Path, **settings: Any) -> Iterator[Side]:
    with discord_house.discord_house(folder, engine=False, bot=False, quick=True, **settings) as house:
        ann = house.api.person("Ann", installed=True)
        chat = house.api.dm(ann)

        def ask(command: str) -> Callable[[], list[str]]:
            before = len(chat.history(ann))
            ann.slash(chat, command)
            return lambda: [discord_house.read(one.text) for one in discord_house.ours(chat.history(ann)[before:])]

        def write(text: str) -> Callable[[], list[str]]:
            before = len(chat.history(ann))
            ann.say(chat, text)
            return lambda: [discord_house.read(one.text) for one in discord_house.ours(chat.history(ann)[before:])]

        # the client library itself tries again after a bad gateway
        yield Side(house, "replace_commands", "unavailable", ask, write, ServerReplies())


both = pytest.mark.parametrize("on", [on_telegram, on_discord], ids=["telegram", "discord"])


@both
def test_commands_that_could_not_be_registered_are_registered_later(on: Any, tmp_path: Path) -> None:
    with on(tmp_path) as side:
        # Given a platform that does not take them at first
        side.house.api.trouble.next(side.registering, side.refuse)
        side.house.start_bot()
        wait_for(lambda: "could not be registered" in side.house.house.log("bot"), what="the refusal")
        # Then they are told again, without a restart
        wait_for(lambda: "the commands are registered" in side.house.house.log("bot"), what="the commands")


@both
def test_a_loop_that_stood_still_is_said_in_the_log(on: Any, tmp_path: Path) -> None:
    with on(tmp_path) as side:
        side.house.start_bot()
        side.house.wait_for_bot()
        # When the machine holds the bot up
        side.house.bot.send_signal(signal.SIGSTOP)
        time.sleep(LOOK_EVERY + LAG_MOST + 0.2)
        side.house.bot.send_signal(signal.SIGCONT)
        # Then the host can read so
        wait_for(lambda: "the event loop stood still" in side.house.house.log("bot"), what="the warning")


@both
async def test_commands_answer_what_is_decided_for_all_platforms(on: Any, tmp_path: Path) -> None:
    with on(tmp_path) as side:
        side.house.start_bot()
        side.house.wait_for_bot()
        replies, settings = side.replies, Settings()
        expected = {
            "queue": replies.queue_empty(),
            "status": replies.status(0, 0),
            "privacy": replies.privacy(
                settings.storage.keep_hours, settings.queue.keep_hours, replies.leaves(settings.prompt)
            ),
            "cancel": replies.nothing_to_cancel(),
            "forgetme": replies.forgotten(Left(on_disk=True)),
        }
        for command, answer in expected.items():
            # When somebody asks in private
            said = side.ask(command)
            # Then they read it, whole
            await asyncio.to_thread(wait_for, said, what=f"an answer to /{command}")
            assert said() == [answer]
        # and who only says so is helped, or shown where
        said = side.write("Help!")
        await asyncio.to_thread(wait_for, lambda: "/help" in str(said()) or "/options" in str(said()), what="help")
        # and a command that is none gets one line
        for text, nearest in (
            ("/animat waves", "Did you mean /animate?"),
            ("/imagine a cat", "Send /help to see them all."),
        ):
            said = side.write(text)
            await asyncio.to_thread(wait_for, said, what=f"an answer to {text}")
            [line] = said()
            assert line == f"There is no command {text.split()[0]}. {nearest}"


@both
async def test_long_texts_are_split_at_the_length_that_the_catalogue_says(on: Any, tmp_path: Path) -> None:
    # Given a host's catalogue in which a message is short
    catalog = tmp_path / "short.toml"
    catalog.write_text(f"{CATALOG}\n[platforms.{on.__name__.removeprefix('on_')}]\ntext_length = {SHORT}\n")
    with on(tmp_path, UNSTILL_CATALOG__FILE=str(catalog)) as side:
        side.house.start_bot()
        side.house.wait_for_bot()
        # When somebody asks for a long list
        said = side.ask("options")
        # Then it comes whole, in parts of that length
        await asyncio.to_thread(wait_for, lambda: "Write them with your words" in str(said()), what="the list's end")
        assert len(said()) > 2
        assert all(len(part) <= SHORT for part in said())


@both
async def test_a_platform_that_cannot_be_reached_is_waited_for(on: Any, tmp_path: Path) -> None:
    with on(tmp_path) as side:
        # Given a platform that is away when the bot starts
        side.house.api.trouble.outage = True
        side.house.start_bot()
        unreached = "the platform cannot be reached"
        await asyncio.to_thread(wait_for, lambda: unreached in side.house.house.log("bot"), what="the warning")
        # When it is back
        side.house.api.trouble.outage = False
        await asyncio.to_thread(side.house.wait_for_bot)
        said = side.ask("help")
        # Then the bot serves, and was never started again
        await asyncio.to_thread(wait_for, lambda: "/forgetme" in str(said()), what="the help's end")
        assert side.house.bot.poll() is None


@both
def test_a_bot_that_waits_for_its_platform_can_be_stopped(on: Any, tmp_path: Path) -> None:
    with on(tmp_path) as side:
        side.house.api.trouble.outage = True
        side.house.start_bot()
        wait_for(lambda: "the platform cannot be reached" in side.house.house.log("bot"), what="the warning")

        assert side.house.stop_bot() == 0


@both
def test_a_bot_whose_queue_is_away_can_be_stopped(on: Any, tmp_path: Path) -> None:
    with on(tmp_path) as side:
        side.house.start_bot()
        side.house.wait_for_bot()
        side.house.house.valkey.kill()

        assert side.house.stop_bot() == 0

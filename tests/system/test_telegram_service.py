"""The service as a host runs it: its errors at the start, its end, its place in line, and what a kill costs."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

from tests.system.processes import wait_for
from tests.system.telegram_house import CLIPS, has_clips, ours, photo, says, telegram_house
from tests.waiting import PATIENCE
from wire_doubles.telegram_api import TOKEN


def run(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "unstill_bots.service", "telegram"]
    base = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "UNSTILL_STORAGE__URL": f"file://{folder}/storage"}
    return subprocess.run(
        command, cwd=folder, env={**base, **settings}, capture_output=True, text=True, timeout=90, check=False
    )


def test_without_a_token_one_line_says_so(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 3
    assert done.stderr == (
        "unstill-bot: UNSTILL_TELEGRAM__TOKEN is not set. Get a token from @BotFather and put it into .env.\n"
    )


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/nothing.sock"
    done = run(tmp_path, UNSTILL_TELEGRAM__TOKEN=TOKEN, UNSTILL_REDIS__URL=url)
    assert done.returncode == 4
    last = done.stderr.splitlines()[-1]
    assert last.startswith("unstill-bot: The queue's server does not answer") and "UNSTILL_REDIS__URL" in last
    assert "Traceback" not in done.stderr


def test_a_rejected_token_is_one_line_that_does_not_hold_it(tmp_path: Path) -> None:
    wrong = f"{TOKEN[:-3]}xyz"
    with telegram_house(tmp_path, engine=False, bot=False, UNSTILL_TELEGRAM__TOKEN=wrong) as telegram:
        telegram.start_bot()
        assert telegram.bot is not None and telegram.bot.wait(PATIENCE) == 3
        log = telegram.house.log("bot")
    assert log.splitlines()[-1] == (
        "unstill-bot: UNSTILL_TELEGRAM__TOKEN is not a token that is taken. Get a valid one from @BotFather."
    )
    assert wrong not in log and "Traceback" not in log


async def test_a_backlog_is_answered_and_what_is_older_than_a_day_with_one_sentence(tmp_path: Path) -> None:
    with telegram_house(tmp_path, bot=False) as telegram:
        telegram.api.world.updates.allow(["message", "edited_message", "callback_query", "inline_query"])
        ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
        mine, old = telegram.api.private(ann), telegram.api.private(bob)
        # Given requests that came while the bot was away, one of them over a day ago
        telegram.api.clock.move(-25 * 3600)
        bob.send_photo(old, photo(), "waves")
        telegram.api.clock.move(25 * 3600 - 60)
        for number in range(3):
            ann.send_photo(mine, photo(), f"leaves {number}")
        # the platform of the double would have dropped it; a server of one's own keeps it
        telegram.api.clock.move(-24 * 3600)
        # When the bot comes back
        telegram.start_bot()
        # Then all are answered
        await mine.until(has_clips(3))
        history = await old.until(says("away for over a day"))
        assert len(ours(history)) == 1
        assert telegram.stop_bot() == 0
        assert telegram.api.token not in telegram.house.log("bot")


async def test_killed_at_any_moment_every_request_has_one_clip(tmp_path: Path) -> None:
    with telegram_house(tmp_path) as telegram:
        people = [telegram.api.person(f"P{number}") for number in range(8)]
        chats = [telegram.api.private(person) for person in people]
        # Given people who ask, while the bot is killed again and again
        for number, (person, chat) in enumerate(zip(people, chats, strict=True)):
            person.send_photo(chat, photo(), f"waves {number}")
            if number % 3 == 2:
                await asyncio.sleep(0.7)
                assert telegram.bot is not None
                telegram.bot.kill()
                telegram.bot.wait()
                telegram.start_bot()
        # Then in the end each has exactly one clip
        for chat in chats:
            await chat.until(lambda history: sum(one.kind in CLIPS for one in history) == 1)
        await asyncio.sleep(3)
        assert [sum(one.kind in CLIPS for one in chat.history()) for chat in chats] == [1] * 8
        assert telegram.stop_bot() == 0


async def test_two_never_poll_at_once_and_the_second_takes_over(tmp_path: Path) -> None:
    with telegram_house(tmp_path) as telegram:
        first = telegram.bot
        telegram.start_bot(log="second")
        wait_for(lambda: "another process serves" in telegram.house.log("second"), what="waiting")
        # When the first is told to end, in the middle of a job
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        ann.send_photo(chat, photo(), "slow waves")
        await chat.until(says("Rendering"))
        assert first is not None
        first.terminate()
        assert first.wait(PATIENCE) == 0
        # Then the second shows the clip, and at no time did two of them poll
        history = await chat.until(has_clips())
        assert len(ours(history)) == 1
        assert not any(call.status == 409 for call in telegram.api.calls("getUpdates"))


async def test_updates_come_by_webhook_too(tmp_path: Path) -> None:
    with telegram_house(tmp_path, bot=False) as telegram:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        telegram.house.settings |= {
            "UNSTILL_TELEGRAM__WEBHOOK_URL": f"http://127.0.0.1:{port}/hook",
            "UNSTILL_TELEGRAM__WEBHOOK_PORT": str(port),
        }
        telegram.start_bot()
        wait_for(lambda: telegram.api.calls("setWebhook"), what="the webhook")
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        ann.send_photo(chat, photo(), "waves")
        history = await chat.until(has_clips())
        assert len(ours(history)) == 1
        assert not telegram.api.calls("getUpdates")
        assert telegram.stop_bot() == 0

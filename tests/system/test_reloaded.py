"""SIGHUP: quotas and catalogues of programs at work."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.system.processes import CATALOG, wait_for
from tests.system.telegram_house import has_clips, photo, says, telegram_house
from tests.waiting import PATIENCE

CINEMA = '\n[finishes.cinema]\ntitle = "21:9"\nwidth = 336\nheight = 144\nfill = "pad"\n'
QUOTA = "UNSTILL_QUOTA__PERSON_JOBS"


def test_quotas_and_shapes_change_while_people_wait(tmp_path: Path) -> None:
    with telegram_house(tmp_path, engine=False, bot=False, quick=True) as telegram:
        house = telegram.house
        # Given a host that allows one job at a time, in a file
        del house.settings[QUOTA]
        (tmp_path / ".env").write_text(f"{QUOTA}=1\n")
        (tmp_path / "words").touch()
        house.settings["UNSTILL_SAFETY__WORDS"] = str(tmp_path / "words")
        programs = {"engine": house.start_engine()}
        telegram.start_bot()
        wait_for(lambda: telegram.polled() > 0, what="the bot's first poll")
        assert telegram.bot is not None
        programs["bot"] = telegram.bot
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)

        def hang_up(said: str, times: int) -> None:
            for name, process in programs.items():
                process.send_signal(signal.SIGHUP)
                wait_for(lambda name=name: house.log(name).count(said) == times, what=f"{said} by the {name}")

        with house.gate() as gate:
            ann.send_photo(chat, photo(), f"{gate} one")
            wait_for(gate.reached, what="the render")
            ann.send_photo(chat, photo(), "two")
            wait_for(lambda: says("You have 1 clips")(chat.history()), what="a no")
            # When the host allows more, adds a shape, and takes a word no longer
            (tmp_path / "words").write_text("forbidden\n")
            (tmp_path / ".env").write_text(f"{QUOTA}=5\n")
            (tmp_path / "catalog.toml").write_text(CATALOG + CINEMA)
            hang_up("the settings were read anew", 1)
            ann.send_photo(chat, photo(), "forbidden words")
            wait_for(lambda: says("Some of these words are not taken here")(chat.history()), what="a no to words")
            # Then what was refused is taken, and the render that was at work goes on
            ann.send_photo(chat, photo(), "three --shape cinema")
            wait_for(lambda: says("You are next")(chat.history()), what="a place")
        wait_for(lambda: has_clips(2)(chat.history()), what="two clips")
        assert [event for *_, event, prompt in house.events() if "one" in prompt.split() and event == "begin"] == [
            "begin"
        ]
        # When a file is wrong, then all stays as it was, and says so
        (tmp_path / "catalog.toml").write_text(CATALOG + CINEMA.replace("144", "143"))
        hang_up("stay as they were", 1)
        ann.send_photo(chat, photo(), "four --shape cinema")
        wait_for(lambda: has_clips(3)(chat.history()), what="a third clip")
        assert all(process.poll() is None for process in programs.values())


def test_a_terminal_that_is_closed_ends_what_was_started_in_it(tmp_path: Path) -> None:
    with telegram_house(tmp_path, engine=False, bot=False) as telegram:
        # Given a bot that somebody started in a terminal
        controller, terminal = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "unstill_bots.service", "telegram"],
            env=telegram.house.environ, cwd=tmp_path, stdin=terminal,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as bot:  # fmt: skip
            os.close(terminal)
            wait_for(lambda: telegram.polled() > 0, what="the bot's first poll")
            # When that is closed, then the bot ends as by Ctrl-C
            bot.send_signal(signal.SIGHUP)
            assert bot.wait(PATIENCE) == 0
        os.close(controller)


@pytest.mark.storm
def test_a_bot_that_has_an_engine_of_its_own_passes_it_on(tmp_path: Path) -> None:
    with telegram_house(tmp_path, engine=False, bot=False) as telegram:
        house = telegram.house
        # Given a bot without a server, which has started one and an engine
        del house.settings["UNSTILL_REDIS__URL"]
        house.settings["UNSTILL_REDIS__DATA"] = str(tmp_path / "own")
        telegram.start_bot()
        log = tmp_path / "state" / "engine.log"
        wait_for(lambda: log.exists() and "engine ready" in log.read_text(), what="its engine")
        assert telegram.bot is not None
        telegram.bot.send_signal(signal.SIGHUP)
        wait_for(lambda: "the settings were read anew" in log.read_text(), what="its engine's reload")
        assert telegram.stop_bot() == 0

"""The former version's programs give way to this one's while people ask, as UPGRADING.md says; and back.

The former version is a commit, whose programs run from its own tree. A clone without history lacks it: then this is
skipped and says so, and CI takes the whole history.
"""

from __future__ import annotations

import io
import itertools
import os
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.processes import House, wait_for
from tests.system.telegram_house import CLIPS, TelegramHouse, photo, telegram_house
from tests.waiting import PATIENCE
from wire_doubles.telegram.chats import Chat

ROOT = Path(__file__).parents[2]
FORMER = "028eb6f66f56d9609624fdb477c0d9463e2b98b2"
"""The last commit of the former version; a release moves it on."""
FOLDERS = ("config", "queue", "engine", "bots")
PAUSE = 0.15
"""Seconds between two people who ask."""


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the former version."""
    command = ["git", "archive", FORMER, *FOLDERS, "tests/system", "tests/waiting.py"]
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"the former version is not in this clone: git fetch --unshallow, or fetch {FORMER}")
    folder = tmp_path_factory.mktemp("former")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def environ(house: House, tree: Path) -> dict[str, str]:
    paths = [*(tree / folder for folder in FOLDERS), tree, ROOT / "tests" / "doubles"]
    return {**house.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}


def start(house: House, tree: Path, *command: str, log: str) -> subprocess.Popen[bytes]:
    """Start a program from a tree."""
    with (house.folder / f"{log}.log").open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environ(house, tree), cwd=house.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    house.started.append(process)
    return process


class Load:
    """People who ask, each once, one after another, for as long as it is entered."""

    def __init__(self, telegram: TelegramHouse) -> None:
        self._telegram = telegram
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.chats: list[Chat] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        api = self._telegram.api
        for number in itertools.count():
            if self._ending.wait(PAUSE):
                return
            person = api.person(f"P{number}")
            chat = api.private(person)
            person.send_photo(chat, photo(), f"waves {number}")
            self.chats.append(chat)

    def asked(self, more: int) -> None:
        """Wait until so many more have asked."""
        count = len(self.chats) + more
        wait_for(lambda: len(self.chats) >= count, what="people who ask")

    def answered(self) -> Iterator[int]:
        """Yield how many clips each chat has."""
        for chat in self.chats:
            yield sum(shown.kind in CLIPS for shown in chat.history())


def ready(house: House, log: str) -> None:
    wait_for(lambda: "engine ready" in house.log(log), what=f"{log} to be ready")


def drained(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


@pytest.mark.storm
def test_programs_are_upgraded_one_after_the_other_while_people_ask_and_go_back(former: Path, tmp_path: Path) -> None:
    with telegram_house(tmp_path, engine=False, bot=False, quick=True) as telegram:
        house = telegram.house
        engine, bot = ("unstill_engine", "--device"), ("unstill_bots.service", "telegram")
        for tree in (former, ROOT):
            for package in FOLDERS:
                words = ["-c", f"import unstill_{package} as package; print(*package.__path__)"]
                found = subprocess.run(
                    [sys.executable, *words], env=environ(house, tree), cwd=tmp_path, capture_output=True, check=True
                )
                assert Path(found.stdout.decode().strip()) == tree / package / f"unstill_{package}"
        # Given the former version at work: two engines and a front end
        old_engines = [start(house, former, *engine, f"cpu:{n}", log=f"old-{n}") for n in (0, 1)]
        old_bot = start(house, former, *bot, log="old-bot")
        ready(house, "old-0")
        ready(house, "old-1")
        with Load(telegram) as load:
            load.asked(3)
            wait_for(lambda: any(load.answered()), what="a clip by the former version")
            # When its engines give way, one after the other, then its front end
            new_engines = []
            for n, old in enumerate(old_engines):
                drained(old)
                new_engines.append(start(house, ROOT, *engine, f"cpu:{n}", log=f"new-{n}"))
                ready(house, f"new-{n}")
                load.asked(3)
            new_bot = start(house, ROOT, *bot, log="new-bot")
            load.asked(3)
            drained(old_bot)
            wait_for(lambda: "serving Telegram" in house.log("new-bot"), what="the new front end")
            load.asked(5)
        # Then each who asked has one clip, whichever version took, rendered and showed it
        wait_for(lambda: all(load.answered()), what="a clip for each")
        assert set(load.answered()) == {1}
        assert len(load.chats) >= 17
        assert "unreadable" not in house.log("new-bot") + house.log("old-bot")
        assert _tries(house) == {f"waves {number}": 1 for number in range(len(load.chats))}
        # When, with nothing queued, the host goes back
        drained(new_bot)
        for process in new_engines:
            drained(process)
        start(house, former, *engine, "cpu:0", log="back")
        start(house, former, *bot, log="back-bot")
        ready(house, "back")
        with Load(telegram) as again:
            again.asked(3)
        # Then the former version serves on, and repeats nothing
        wait_for(lambda: all(again.answered()), what="clips after going back")
        assert set(again.answered()) | set(load.answered()) == {1}


def _tries(house: House) -> dict[str, int]:
    """How often each was begun by an engine."""
    found: dict[str, int] = {}
    for *_, event, prompt in house.events():
        if event == "begin":
            found[prompt] = found.get(prompt, 0) + 1
    return found

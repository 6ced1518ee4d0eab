"""Checks a copy with the recipe "Add a platform": the conversations of all platforms, by letters in a folder."""

from __future__ import annotations

import itertools
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from tests.system.conversations import LAWS, Seen, Talk
from tests.system.processes import House, wait_for
from tests.system.telegram_house import photo
from tests.waiting import PATIENCE

from unstill_config.settings import Settings

TOY = Path(__file__).parents[1] / "toys" / "mailbox"


class OnMailbox:
    """The conversation of Ann, who leaves letters."""

    own_buttons: tuple[str, ...] = ()

    def __init__(self, house: House) -> None:
        self.house = house
        self._folder = house.folder / "mail"
        self._folder.mkdir()
        self._numbers = itertools.count(1)
        self._bot: subprocess.Popen[bytes] | None = None

    def start_bot(self) -> None:
        self._bot = self.house.start("unstill_bots.service", "mailbox", log="bot")
        self._leave(command="help")
        wait_for(lambda: not list(self._folder.glob("*.in.json")), what="the bot's first letter")
        # what it said to that is not part of the conversation
        for file in self._folder.glob("*.out.json"):
            if "--seconds" in file.read_text():
                file.unlink()

    def kill_bot(self) -> None:
        assert self._bot is not None
        self._bot.kill()
        self._bot.wait()

    def stop_bot(self) -> int:
        assert self._bot is not None
        self._bot.send_signal(signal.SIGTERM)
        return self._bot.wait(PATIENCE)

    def photo(self, words: str) -> None:
        self.file(photo(), "photo.png", words)

    def file(self, data: bytes, name: str, words: str) -> None:
        (self._folder / name).write_bytes(data)
        self._leave(words=words, source=name)

    def words(self, text: str) -> None:
        self._leave(words=text)

    def command(self, name: str) -> None:
        self._leave(command=name)

    def press(self, message: str, label: str) -> None:
        shown = msgspec.json.decode((self._folder / f"{message}.out.json").read_bytes())
        ((action, _, job),) = [button for button in shown["buttons"] if button[1] == label]
        self._leave(press=action, job=job, message=message)

    def seen(self) -> list[Seen]:
        found = []
        for file in sorted(self._folder.glob("*.out.json")):
            try:
                shown = msgspec.json.decode(file.read_bytes())
                clip = file.with_name(file.name.replace("out.json", "mp4")).read_bytes() if shown["clip"] else None
            except FileNotFoundError:
                # deleted while we look
                continue
            id = file.name.removesuffix(".out.json")
            labels = tuple(label for _, label, _ in shown["buttons"])
            found.append(Seen(id, shown["text"], labels, clip))
        return found

    def _leave(self, **letter: str) -> None:
        name = f"{next(self._numbers):06}"
        written = self._folder / f"{name}.written"
        written.write_bytes(msgspec.json.encode({"name": name, "user": "ann", **letter}))
        written.rename(self._folder / f"{name}.in.json")


def test_it_is_a_page() -> None:
    lines = [line for file in TOY.rglob("*.py") for line in file.read_text("utf-8").splitlines()]

    assert len(lines) < 200


def test_its_entry_is_all_that_a_host_needs() -> None:
    settings = Settings.load({"UNSTILL_MAILBOX__TOKEN": "/some/folder"}, Path("/nowhere"))

    assert [one.get_secret_value() for one in settings.secrets()] == ["/some/folder"]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_a_conversation_is_the_same(law: Callable[[Talk], Awaitable[None]], tmp_path: Path) -> None:
    with House(tmp_path, UNSTILL_MAILBOX__TOKEN=str(tmp_path / "mail")) as house:
        try:
            await law(OnMailbox(house))
        except BaseException:
            print(house.log("bot")[-6000:], house.log("engine")[-2000:])
            raise

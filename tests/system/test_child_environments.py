"""What the children of the running programs were really given: read from the kernel, with secrets planted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg
import pytest
from tests.system.processes import ROOT, wait_for
from tests.system.telegram_house import has_clips, photo, telegram_house
from wire_doubles.telegram_api import TOKEN

from unstill_bots.terminal.preview import show

PLANTED = {
    "UNSTILL_DISCORD__TOKEN": "planted-discord",
    "UNSTILL_STORAGE__S3_SECRET_ACCESS_KEY": "planted-storage",
    "AWS_SECRET_ACCESS_KEY": "planted-cloud",
    "HF_TOKEN": "planted-models",
    "NVIDIA_API_KEY": "planted-cards",
    "OTHER_PASSWORD": "planted-other",
}
VALUES = {TOKEN, *PLANTED.values()}
ALLOWED = {
    "engine": {"planted-storage", "planted-cloud", "planted-models"},
    "model": {"planted-models"},
    "server": set(),
    "guard": set(),
    "picture": set(),
    "ffmpeg": set(),
}
MARKS = {
    "unstill_engine.device.child": "model",
    "unstill_engine": "engine",
    "unstill_bots.intake.picture.child": "picture",
    "valkey-guard": "guard",
    "valkey-server": "server",
    "rawvideo": "ffmpeg",
}

FFMPEG = f"""#!{sys.executable}
import os, sys, time
from pathlib import Path
while 'rawvideo' in sys.argv and not Path({{gate!r}}).exists():
    time.sleep(0.02)
os.execv({{ffmpeg!r}}, ['ffmpeg', *sys.argv[1:]])
"""
REPORTER = """#!/bin/sh
cat /proc/$$/environ /proc/$PPID/environ >> {report}
"""


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o700)
    return path


def below(pid: int) -> Iterator[int]:
    """All processes under that one."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from below(child)


def secrets_of(environ: bytes) -> set[str]:
    return {value for value in VALUES if value.encode() in environ}


def open_in(pid: int) -> dict[int, str]:
    """Files and sockets that are open there, by descriptor; devices left out."""
    links = {int(link.name): str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    kept = {number: target for number, target in links.items() if target.startswith(("socket:", "/"))}
    return {number: target for number, target in kept.items() if not target.startswith("/dev/")}


class Child(NamedTuple):
    """`passed`: what of its parent's it has open beside its standard input and outputs."""

    kind: str
    secrets: set[str]
    passed: set[str]

    @classmethod
    def read(cls, pid: int) -> Child | None:
        """None where it is of no kind, or ends at this moment, or is its parent still, about to become a program."""
        process = Path(f"/proc/{pid}")
        try:
            line = (process / "cmdline").read_bytes()
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            kind = next((kind for mark, kind in MARKS.items() if mark in line.decode()), None)
            if kind is None or line == Path(f"/proc/{parent}/cmdline").read_bytes():
                return None
            theirs = set(open_in(parent).values())
            passed = {target for number, target in open_in(pid).items() if number > 2 and target in theirs}
            return cls(kind, secrets_of((process / "environ").read_bytes()), passed)
        except OSError:
            return None


def children_of(bot: int) -> dict[str, Child]:
    return {child.kind: child for pid in below(bot) if (child := Child.read(pid))}


async def test_no_child_of_a_running_bot_holds_a_secret_that_it_does_not_need(tmp_path: Path) -> None:
    # Given a bot that starts its own server and engine, and an ffmpeg that waits at a gate
    gate = tmp_path / "gate"
    real = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    ffmpeg = program(tmp_path / "bin" / "ffmpeg", FFMPEG.format(gate=str(gate), ffmpeg=real))
    with telegram_house(tmp_path, engine=False, bot=False) as telegram:
        settings = telegram.house.settings
        del settings["UNSTILL_REDIS__URL"]
        settings |= {"UNSTILL_REDIS__DATA": str(tmp_path / "own"), "UNSTILL_ENGINE__FFMPEG": str(ffmpeg), **PLANTED}
        telegram.start_bot()
        assert telegram.bot is not None
        bot = telegram.bot.pid
        wait_for(lambda: secrets_of(Path(f"/proc/{bot}/environ").read_bytes()) == VALUES, what="the bot's own start")
        # When a clip is in the making
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        ann.send_photo(chat, photo(), "waves")
        children: dict[str, Child] = {}

        def all_seen() -> bool:
            children.update(children_of(bot))
            return children.keys() == ALLOWED.keys()

        wait_for(all_seen, what="every kind of child")
        # Then each child holds the secrets of its own work alone
        assert {kind: child.secrets for kind, child in children.items()} == ALLOWED
        # and has none of its parent's files and sockets open; the server the lock of its folder
        passed = {kind: child.passed for kind, child in children.items() if child.passed}
        assert passed == {"server": {str(tmp_path / "own" / "lock")}}
        # And all of them do their work
        gate.touch()
        await chat.until(has_clips())
        assert telegram.stop_bot() == 0


def test_nor_does_the_doctor_s_engine_or_what_that_asks(tmp_path: Path) -> None:
    # Given a card's program that tells what it was given, and its parent
    report = tmp_path / "report"
    program(tmp_path / "bin" / "nvidia-smi", REPORTER.format(report=report))
    environ = {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "UNSTILL_ENGINE__DEVICE": "cuda",
        "UNSTILL_REDIS__DATA": str(tmp_path / "own"),
        "UNSTILL_STORAGE__URL": f"file://{tmp_path}/storage",
        "UNSTILL_TELEGRAM__TOKEN": TOKEN,
    }
    subprocess.run(
        [sys.executable, "-m", "unstill_bots.terminal", "doctor"],
        cwd=tmp_path, env=environ | PLANTED, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert b"UNSTILL_ENGINE__DEVICE=cuda" in report.read_bytes()
    assert secrets_of(report.read_bytes()) == ALLOWED["engine"]


def test_nor_does_the_preview_in_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = tmp_path / "report"
    ffmpeg = program(tmp_path / "bin" / "ffmpeg", f"#!/bin/sh\ncat /proc/$$/environ > {report}\n")
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    show(tmp_path / "clip.mp4", (64, 64), ffmpeg)
    assert b"PATH=" in report.read_bytes()
    assert secrets_of(report.read_bytes()) == set()

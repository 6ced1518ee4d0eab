"""The double, a bot on it, and Ann."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator

import imageio_ffmpeg
import pytest
from telegram import (
    Bot,
)
from tests.bots.telegram_double.wire import client
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.people import Person
from wire_doubles.telegram_api import TelegramApi


@pytest.fixture(autouse=True)
def durations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the library's two ways to say a duration, the one that stays."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture(scope="module")
def mp4(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1:s=64x48:r=8"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", str(path)], check=True, stdin=subprocess.DEVNULL)
    return path.read_bytes()


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramApi]:
    async with TelegramApi() as telegram:
        telegram.limits.on = False
        yield telegram


@pytest.fixture
async def bot(telegram: TelegramApi) -> AsyncIterator[Bot]:
    async with client(telegram) as bot:
        yield bot


@pytest.fixture
def ann(telegram: TelegramApi) -> Person:
    return telegram.person("Ann", 7)


@pytest.fixture
def chat(telegram: TelegramApi, ann: Person) -> Chat:
    """Ann's, after she has said /start, which nobody will get."""
    chat = telegram.private(ann)
    ann.send_text(chat, "/start")
    telegram.world.updates.drop()
    return chat

"""The house with its Telegram front end as a real process, and the platform beside it."""

from __future__ import annotations

import contextlib
import io
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from PIL import Image
from tests.system.hasty_telegram import HURRY
from tests.system.processes import House, wait_for
from tests.waiting import PATIENCE
from wire_doubles.telegram.messages import Message, Shown
from wire_doubles.telegram_api import TelegramApi

from unstill_config.settings import Settings
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.ledger.times import Times
from unstill_queue.redis.connection import connect

CLIPS = ("animation", "video")
ANIMATE = "/animate@unstill_bot"
"""The command as people's apps write it in a group: one without the bot's name goes to whichever bot spoke last."""


class TelegramHouse:
    """`api` is the platform; `house` the host's machine."""

    def __init__(self, house: House, api: TelegramApi, *, quick: bool = False) -> None:
        self.house = house
        self.api = api
        self._program = "tests.system.hasty_telegram" if quick else "unstill_bots.service"
        self.bot: subprocess.Popen[bytes] | None = None

    def start_bot(self, *, log: str = "bot") -> None:
        self.bot = self.house.start(self._program, "telegram", log=log)

    def ledger(self, **times: float) -> Ledger:
        """Open the ledger; the caller closes its `redis`. `times`: other ones than the settings', in seconds."""
        settings = Settings().queue
        changed = msgspec.structs.replace(Times.of(settings), **times)
        return Ledger(connect(self.house.valkey.url), settings, times=changed)

    def polled(self) -> int:
        """Polls begun; one may wait for long before it is answered."""
        return self.api.world.updates.polls

    def wait_for_bot(self) -> None:
        before = self.polled()
        wait_for(lambda: self.polled() > before, what="polling")

    def stop_bot(self, within: float = PATIENCE) -> int:
        assert self.bot is not None
        self.bot.send_signal(signal.SIGTERM)
        return self.bot.wait(within)

    def cut(self) -> bool:
        """It polls, and keeps no connection."""
        return False

    def now(self) -> float:
        """By the platform's clock."""
        return self.api.clock.now()


def telegram_settings(api: TelegramApi) -> dict[str, str]:
    """What points a bot at the double."""
    return {"UNSTILL_TELEGRAM__TOKEN": api.token, "UNSTILL_TELEGRAM__API_URL": api.url}


@contextlib.contextmanager
def telegram_house(
    folder: Path,
    *,
    engine: bool = True,
    bot: bool = True,
    quick: bool = False,
    files: Path | None = None,
    **settings: str,
) -> Iterator[TelegramHouse]:
    """All of it running. The engine renders 8 small frames in a moment.

    `quick`: a chat takes more than one message a second, where that limit is not what a test is about.
    `files`: the platform is a local Bot API server, which keeps files there.
    """
    with TelegramApi.threaded(folder=files) as api:
        local_mode = {"UNSTILL_TELEGRAM__LOCAL_MODE": str(files is not None)}
        with House(folder, **{**telegram_settings(api), **local_mode, **settings}) as house:
            telegram = TelegramHouse(house, api, quick=quick)
            if quick:
                api.limits.chat *= HURRY
            if engine:
                house.start_engine()
            if bot:
                telegram.start_bot()
                wait_for(lambda: telegram.polled() > 0, what="the bot's first poll")
            try:
                yield telegram
            except BaseException:
                print(house.log("bot")[-6000:], house.log("engine")[-2000:])
                raise


def photo(colour: str = "teal", size: tuple[int, int] = (320, 240)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def ours(history: list[Shown]) -> list[Shown]:
    """What the bot said."""
    return [shown for shown in history if shown.sender == "Unstill"]


Said = Callable[[list[Shown]], bool]


def has_clips(count: int = 1) -> Said:
    """For `until`: so many clips of the bot's, and nothing of its that still waits."""

    def said(history: list[Shown]) -> bool:
        shown = ours(history)
        return sum(one.kind in CLIPS for one in shown) == count and not any(
            "Cancel" in str(one.buttons) for one in shown
        )

    return said


def says(text: str) -> Said:
    return lambda history: any(text in shown.text for shown in ours(history))


def after(message: Message, said: Said) -> Said:
    """The same, of what was said after that message."""
    return lambda history: said([shown for shown in history if shown.id > message.id])

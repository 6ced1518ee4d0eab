"""Tests what one photo costs the queue's server in commands, counted on the server."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from tests.system import discord_house, telegram_house
from tests.system.processes import House, wait_for

COMMANDS_MOST = 25
BY_TIME = {
    *("XREAD", "XREADGROUP", "XTRIM", "SMEMBERS", "SCAN", "ZCARD", "INFO", "PING", "CLIENT", "HELLO"),
    *(
        "reap",
        "trash",
        "engine",
        "index",
        "recount",
        "positions",
        "leader",
        "unstill:rewrite",
        "unstill:audited",
        "albums",
    ),
}
"""Commands that a front end and an engine send as time goes by, whether photos come or not."""
PHASES = ("loading", "rendering", "encoding")
TRANSACTION = {"WATCH", "UNWATCH", "MULTI", "EXEC"}


def name_of(command: str) -> str:
    """Name a command by what it does: the ledger's transition, or the command itself."""
    words = command.split(" ")
    if words[0] == "EVALSHA":
        # a script with keys is that by which one leads
        return words[3] if words[2] == "0" else "leader"
    if words[0] in ("GET", "SET", "ZRANGE"):
        return next((word for word in BY_TIME if word in words[1]), words[0])
    return words[0]


class Counter:
    """Counts what clients ask the server for.

    Without what arq keeps of its own job, which is one a burst of photos and not one a photo.
    """

    def __init__(self, house: House) -> None:
        self.commands: list[str] = []
        self._url = house.valkey.url
        self._end = "the end of what is counted"
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def _listen(self) -> None:
        with redis.Redis.from_url(self._url, socket_timeout=None) as client, client.monitor() as monitor:
            self._listening.set()
            for seen in monitor.listen():
                if self._end in seen["command"]:
                    return
                if seen["client_type"] != "lua":
                    self.commands.append(seen["command"])

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        self._thread.start()
        self._listening.wait()
        try:
            yield
        finally:
            with redis.Redis.from_url(self._url) as client:
                client.echo(self._end)
            self._thread.join()

    def of_photos(self) -> list[str]:
        counted = []
        for command in self.commands:
            name = name_of(command)
            if name == "beat":
                # a lease is renewed, and a phase told of, as often as its time takes
                name = " ".join(("beat", *(phase for phase in PHASES if phase in command)))
            if not (name in BY_TIME or name in TRANSACTION or "arq:" in command):
                counted.append(name)
        once = [name for name in dict.fromkeys(counted) if name == "TIME" or name.startswith("beat")]
        return [*(name for name in counted if name not in once), *once]


@contextlib.contextmanager
def on_telegram(folder: Path, **settings: Any) -> Iterator[tuple[House, Callable[[], object], Callable[[int], bool]]]:
    with telegram_house.telegram_house(folder, bot=False, **settings) as house:
        _rarely(folder, "telegram")
        house.start_bot()
        ann = house.api.person("Ann")
        chat = house.api.private(ann)
        yield (
            house.house,
            lambda: ann.send_photo(chat, telegram_house.photo(), "waves rolling in"),
            lambda count: telegram_house.has_clips(count)(chat.history()),
        )


@contextlib.contextmanager
def on_discord(folder: Path, **settings: Any) -> Iterator[tuple[House, Callable[[], object], Callable[[int], bool]]]:
    with discord_house.discord_house(folder, bot=False, **settings) as house:
        _rarely(folder, "discord")
        house.start_bot()
        house.wait_for_bot()
        with redis.Redis.from_url(house.house.valkey.url) as client:
            # it has looked for what was said while it was away
            wait_for(lambda: "cmdstat_zrevrange" in client.info("commandstats"), what="the catching up")
        ann = house.api.person("Ann", installed=True)
        chat = house.api.dm(ann)
        yield (
            house.house,
            lambda: ann.say(chat, "waves rolling in", files=[discord_house.picture()]),
            lambda count: discord_house.has_clips(count)(chat.history(ann)),
        )


def _rarely(folder: Path, platform: str) -> None:
    """Have progress shown once: how often it is shown is else a matter of the machine's speed."""
    with (folder / "catalog.toml").open("a") as catalog:
        catalog.write(f"\n[platforms.{platform}]\nedit_seconds = 3600\n")


@pytest.mark.parametrize("on", [on_telegram, on_discord], ids=["telegram", "discord"])
def test_a_photo_costs_few_commands(on: Any, tmp_path: Path) -> None:
    # Given a bot and an engine that have made a clip, so that each has loaded its scripts
    with on(tmp_path, UNSTILL_QUEUE__AUDIT="600") as (house, send, is_done):
        send()
        wait_for(lambda: is_done(1), what="the first clip")
        with redis.Redis.from_url(house.valkey.url) as client:
            wait_for(lambda: client.zcard("unstill:due") == 0, what="the end of the first job")
        counter = Counter(house)
        with counter.counting():
            # When one more photo becomes a clip
            send()
            wait_for(lambda: is_done(2), what="the second clip")
            wait_for(lambda: any(name_of(each) == "sent" for each in counter.commands), what="its end")
    # Then the server was asked few things of it, each change of state once
    names = counter.of_photos()
    for transition in ("accept", "queue", "finish", "send", "sent"):
        assert names.count(transition) == 1, " ".join(names)
    assert len(names) <= COMMANDS_MOST, " ".join(names)
    # and it was not said where a photo stands that did not have to wait
    assert "position" not in names

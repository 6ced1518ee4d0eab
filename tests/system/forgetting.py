"""The same steps on either platform for the tests of /forgetme, and what is left of somebody on the host's machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from redis import Redis
from tests.system.discord_house import DiscordHouse
from tests.system.processes import House, wait_for
from tests.system.telegram_house import ANIMATE, CLIPS, TelegramHouse, photo
from wire_doubles.discord import channels as discord_channels
from wire_doubles.discord.people import Person as DiscordPerson
from wire_doubles.discord_api import File
from wire_doubles.door import Door
from wire_doubles.telegram import chats as telegram_chats
from wire_doubles.telegram.people import Person as TelegramPerson

from unstill_bots.host.leader import leader_key
from unstill_config.settings import Queue
from unstill_queue.ledger.times import Times

FORGOTTEN = "Your words, pictures, clips and settings are deleted, and your id."
WITHIN = 90.0


class Steps(Protocol):
    """What people do and see. `ann` has a private chat with the bot, and a group that Bob is in, too."""

    platform: str
    house: House
    door: Door

    @property
    def names(self) -> list[str]:
        """What tells of Ann: her id, and those of her private chat and of her messages."""

    def ask(self, words: str, *, group: bool = False, bob: bool = False, pictures: int = 1) -> None:
        """A picture with words. In the private chat, or in the group."""

    def clips(self, *, group: bool = False) -> int:
        """How many the bot has shown there."""

    def said(self, *, group: bool = False) -> list[str]:
        """The bot's messages there as they stand."""

    def forget(self) -> None:
        """/forgetme, in the private chat."""

    def answered(self) -> str:
        """What the bot said to the last /forgetme; empty before it did."""

    def break_edits(self, broken: bool) -> None:
        """Whether the platform refuses every change of a message for now."""

    def start_bot(self) -> None: ...
    def kill_bot(self) -> None: ...


class TelegramSteps:
    platform = "telegram"

    def __init__(self, telegram: TelegramHouse) -> None:
        self._telegram = telegram
        self.house = telegram.house
        self.door = telegram.api.world.files.door
        api = telegram.api
        self.ann: TelegramPerson = api.person("Ann", 7_340_912_655)
        self.bob: TelegramPerson = api.person("Bob", 6_120_447_981)
        self._private: telegram_chats.Chat = api.private(self.ann)
        self._group = api.group("Friends", [self.ann, self.bob])
        self._in_group: list[int] = []
        self._asked = 0

    @property
    def names(self) -> list[str]:
        return [str(self.ann.id), *(f"{self._group.id}:{message}" for message in self._in_group)]

    def ask(self, words: str, *, group: bool = False, bob: bool = False, pictures: int = 1) -> None:
        chat = self._group if group else self._private
        who = self.bob if bob else self.ann
        caption = f"{ANIMATE} {words}".strip() if group else words
        if pictures > 1:
            sent = who.send_album(chat, [photo(colour) for colour in ("red", "blue")][:pictures], caption)
        else:
            sent = [who.send_photo(chat, photo(), caption)]
        if group and not bob:
            self._in_group += [message.id for message in sent]

    def clips(self, *, group: bool = False) -> int:
        return sum(shown.kind in CLIPS for shown in self._ours(group))

    def said(self, *, group: bool = False) -> list[str]:
        return [shown.text for shown in self._ours(group)]

    def _ours(self, group: bool) -> Sequence[Any]:
        history = (self._group if group else self._private).history()
        return [shown for shown in history if shown.sender == "Unstill"]

    def forget(self) -> None:
        self._asked = self.ann.send_text(self._private, "/forgetme").id

    def answered(self) -> str:
        return next((one.text for one in self._ours(False) if one.id > self._asked and one.text.startswith("Your")), "")

    def break_edits(self, broken: bool) -> None:
        trouble = self._telegram.api.trouble
        trouble.only, trouble.bad_gateway = (frozenset({"editMessageText"}), 1.0) if broken else (None, 0.0)

    def start_bot(self) -> None:
        self._telegram.start_bot()
        self._telegram.wait_for_bot()

    def kill_bot(self) -> None:
        assert self._telegram.bot is not None
        self._telegram.bot.kill()
        self._telegram.bot.wait()
        with Redis.from_url(self.house.valkey.url) as redis:
            redis.delete(leader_key("telegram"))


class DiscordSteps:
    platform = "discord"

    def __init__(self, discord: DiscordHouse) -> None:
        self._discord = discord
        self.house = discord.house
        self.door = discord.api.world.cdn.door
        self._group, (self.bob, self.ann) = discord.server("Friends", 2)
        self._private: discord_channels.Channel = discord.api.dm(self.ann)
        self._ids: list[int] = []
        self._asked: Any = None
        self._people: tuple[DiscordPerson, DiscordPerson] = self.ann, self.bob

    @property
    def names(self) -> list[str]:
        return [str(id) for id in (self.ann.id, self._private.id, *self._ids)]

    def ask(self, words: str, *, group: bool = False, bob: bool = False, pictures: int = 1) -> None:
        channel = self._group if group else self._private
        who = self.bob if bob else self.ann
        files = [File(photo(colour), f"{colour}.png") for colour in ("red", "blue")][:pictures]
        if words and pictures == 1 and group:
            sent = who.slash(channel, "animate", image=files[0], prompt=words).id
        else:
            sent = who.say(channel, f"{self._discord.api.bot.mention if group else ''} {words}", files=files).id
        if not bob:
            self._ids.append(sent)

    def clips(self, *, group: bool = False) -> int:
        return sum(bool(shown.clips) for shown in self._ours(group))

    def said(self, *, group: bool = False) -> list[str]:
        return [shown.words for shown in self._ours(group)]

    def _ours(self, group: bool) -> Sequence[Any]:
        history = (self._group if group else self._private).history()
        return [shown for shown in history if shown.author == "Unstill"]

    def forget(self) -> None:
        self._asked = self.ann.slash(self._private, "forgetme")

    def answered(self) -> str:
        seen = self._asked.seen()
        return "" if seen.kind in ("nothing yet", "thinking") else str(seen.text)

    def break_edits(self, broken: bool) -> None:
        trouble = self._discord.api.trouble
        trouble.only, trouble.bad_gateway = (frozenset({"edit_message"}), 1.0) if broken else (None, 0.0)

    def start_bot(self) -> None:
        self._discord.start_bot()
        self._discord.wait_for_bot()

    def kill_bot(self) -> None:
        self._discord.kill_bot()


def stored(house: House) -> set[str]:
    """Every file of the storage, those being written too."""
    folder = house.folder / "storage"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def kept_of(house: House, traces: Sequence[str]) -> list[str]:
    """The server's keys that hold one of the traces, in their name or in their value."""
    with Redis.from_url(house.valkey.url) as redis:
        found = []
        for key in redis.scan_iter("*", count=1000):
            held = repr(key) + repr(_value(redis, key))
            if any(re.search(rf"(?<!\d){re.escape(trace)}(?!\d)", held) for trace in traces):
                found.append(f"{key.decode()}: {held[:300]}")
        return found


def _value(redis: Redis, key: bytes) -> Any:
    client: Any = redis
    match client.type(key):
        case b"string":
            return client.get(key)
        case b"hash":
            return client.hgetall(key)
        case b"zset":
            return client.zrange(key, 0, -1)
        case b"set":
            return client.smembers(key)
        case b"stream":
            return client.xrange(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case b"none":
            return None
        case other:
            raise AssertionError(f"nobody reads a {other}")


def on_disk(house: House, traces: Sequence[str]) -> list[str]:
    """The server's files that hold one of the traces."""
    found = []
    for path in sorted((house.folder / "valkey").rglob("*")):
        try:
            data = path.read_bytes() if path.is_file() else b""
        except FileNotFoundError:
            continue
        found += [f"{path.name}: {trace}" for trace in traces if trace.encode() in data]
    return found


def end_delivery(house: House, name: str) -> None:
    """Let a killed bot's right to show an answer run out now: half a minute is waited for by nobody here."""
    with Redis.from_url(house.valkey.url) as redis:
        for key in redis.zrange("unstill:due", 0, -1):
            if key.decode().endswith(name):
                redis.zadd("unstill:due", {key: 0}, xx=True)


def expire_engine(house: House) -> None:
    """Let what a killed engine said of itself, its job too, expire now. It does so by itself in some seconds."""
    with Redis.from_url(house.valkey.url) as redis:
        (key,) = redis.keys("unstill:engine:*")
        assert 0 < redis.pttl(key) <= 1000 * Times.of(Queue()).engine_told
        redis.delete(key)


def wait_until_gone(house: House, traces: Sequence[str]) -> None:
    """Until neither the server nor a file of its holds a trace.

    That a rewrite, which clears streams too, comes once a minute is waited for by nobody here.
    """
    with Redis.from_url(house.valkey.url) as redis:

        def left() -> list[str]:
            return kept_of(house, traces) or on_disk(house, traces)

        def clean() -> bool:
            redis.delete("unstill:rewrite:lately")
            return not left()

        try:
            wait_for(clean, within=WITHIN, what="the end of it")
        except AssertionError as error:
            raise AssertionError(f"{error}: {left()}") from None

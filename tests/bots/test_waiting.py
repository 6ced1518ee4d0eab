"""Pictures that wait for words are known to the version before and after this one, which may both run on one queue."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis

from unstill_bots.discord import media as discord_media
from unstill_bots.discord.memory import Memory as DiscordMemory
from unstill_bots.discord.pending import DiscordRequest
from unstill_bots.telegram.media import Picture
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.pending import TelegramRequest
from unstill_queue.contract.codec import decode, encode
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

ON_TELEGRAM = "unstill:telegram:waiting:-1007:9"
ON_DISCORD = "unstill:discord:waiting:900:9"


class FormerOnTelegram(msgspec.Struct, frozen=True):
    """As the version before wrote it."""

    chat: str
    message: str
    user: str
    language: str
    sent_at: float
    picture: Picture
    thread: str | None = None
    album: str = ""
    persona: bool = False


class FormerOnDiscord(msgspec.Struct, frozen=True):
    """As the version before wrote it."""

    id: str
    user: str
    channel: str
    language: str
    sent_at: float
    picture: discord_media.Picture
    upload_limit: int
    guild: str = ""
    message: str = ""
    token: str = ""
    application: str = ""
    seen: bool = True


@pytest.fixture
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    client = connect(valkey.url)
    yield client
    await client.aclose()


async def test_telegrams_are_read_by_both(redis: Redis) -> None:
    # Given a picture that the version before has let wait
    former = FormerOnTelegram("-1007", "11", "9", "en", 5.0, Picture("file", 7, 1.5), "3", "album", True)
    await redis.set(ON_TELEGRAM, encode([former]))
    # When this version reads it
    [read] = await Memory(redis).waiting("-1007", "9")
    # Then it is the same request
    assert read == TelegramRequest(
        chat="-1007", message="11", user="9", language="en", sent_at=5.0, picture=Picture("file", 7, 1.5),
        thread="3", album="album", persona=True,
    )  # fmt: skip
    assert (read.id, read.request("waves").source) == ("telegram:-1007:11", "file 7")
    # and when this version lets it wait, the version before can read that
    await Memory(redis).let_wait([read])
    assert decode(await redis.get(ON_TELEGRAM) or b"", list[FormerOnTelegram]) == [former]


async def test_discords_are_read_by_both(redis: Redis) -> None:
    picture = discord_media.Picture("https://cdn.test/a.png", 7, "900", "11", "5", 1.5)
    former = FormerOnDiscord("discord:900:11", "9", "900", "en", 5.0, picture, 1000, "800", "11", "t", "4", False)
    await redis.set(ON_DISCORD, encode([former]))
    [read] = await DiscordMemory(redis).waiting("900", "9")
    assert read == DiscordRequest(
        id="discord:900:11", user="9", channel="900", language="en", sent_at=5.0, picture=picture, upload_limit=1000,
        guild="800", message="11", token="t", application="4", seen=False,  # noqa: S106
    )  # fmt: skip
    await DiscordMemory(redis).let_wait([msgspec.structs.replace(read, channels=("900",), roles=("7",))])
    assert decode(await redis.get(ON_DISCORD) or b"", list[FormerOnDiscord]) == [former]

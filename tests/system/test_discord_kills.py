"""Kills at random moments under many channels on Discord."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.system.discord_house import discord_house
from tests.system.discord_kills import count, run
from wire_doubles.discord.attachments import Attachment
from wire_doubles.discord.channels import TEXT, Channel
from wire_doubles.discord.messages import Shown
from wire_doubles.discord_api import DiscordApi


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("requests", "channels", "kills", "seconds"),
    [
        (20, (1, 4), {"bot": 2, "engine": 1, "renderer": 1, "server": 1, "gateway": 1}, 8),
        pytest.param(
            100, (5, 10), {"bot": 3, "engine": 2, "renderer": 3, "server": 3, "gateway": 3}, 30,
            marks=pytest.mark.storm,
        ),
    ],
    ids=["short", "long"],
)  # fmt: skip
async def test_under_kills_requests_have_one_answer_each(
    tmp_path: Path, requests: int, channels: tuple[int, int], kills: dict[str, int], seconds: float
) -> None:
    with discord_house(tmp_path, engine=False, UNSTILL_BOTS__NOTIFY_AFTER="3600", UNSTILL_QUEUE__LEASE="2") as discord:
        # When bot, engine, renderer, server and gateway are killed while people ask
        counted, killed = await run(
            discord, seed=20261121, requests=requests, channels=channels, kills=kills, seconds=seconds
        )
        print(counted, killed)
    # Then each request that was not refused has its one answer, and at most a kill's line stands beside them
    assert not counted.strange, counted
    assert counted.answers + counted.refused + counted.failed_by_kills >= counted.requests
    assert counted.lines <= killed["bot"] and counted.calls == 0
    assert sum(killed.values()) == sum(kills.values()) and killed["bot"] >= kills["bot"] - 1


CLIP, OTHER, STATUS = "“request 1.”", "“request 2.”", "Got it. Looking at your picture …"


@pytest.mark.parametrize(
    ("said", "sound"),
    [
        ([CLIP], True),
        ([CLIP, STATUS], True),
        ([CLIP, "Your clip is ready."], True),
        # what must not pass
        ([], False),
        ([STATUS], False),
        ([CLIP, CLIP], False),
        ([OTHER], False),
        ([CLIP, "What is this?"], False),
    ],
)
def test_the_count_sees_each_fault(said: list[str], sound: bool) -> None:
    # Given one request, by a message, and what the bot said
    channel = Channel(DiscordApi().world, 1, TEXT, "general")
    shown = [_shown(channel, number, text) for number, text in enumerate(said)]
    # Then the count finds fault with it, or not
    assert (not count({1: None}, shown).strange) is sound


def _shown(channel: Channel, id: int, text: str) -> Shown:
    clip = Attachment(id, "unstill.mp4", b"", "video/mp4", 64, 64, 1)
    return Shown(
        id,
        "Unstill",
        text,
        (),
        (clip,) if "request" in text else (),
        (),
        (),
        None,
        False,
        False,
        False,
        False,
        (),
        channel,
    )

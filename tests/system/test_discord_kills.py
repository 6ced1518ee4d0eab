"""Kills at random moments under 50 channels on Discord."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.system.discord_house import discord_house
from tests.system.discord_kills import count, run
from wire_doubles.discord.attachments import Attachment
from wire_doubles.discord.channels import TEXT, Channel
from wire_doubles.discord.messages import Shown
from wire_doubles.discord_api import DiscordApi


@pytest.mark.timeout(420)
async def test_under_kills_requests_in_50_channels_have_one_answer_each(tmp_path: Path) -> None:
    with discord_house(tmp_path, engine=False, UNSTILL_BOTS__NOTIFY_AFTER="3600", UNSTILL_QUEUE__LEASE="2") as discord:
        # When bot, engine, renderer, server and gateway are killed while people ask
        kills = {"bot": 3, "engine": 2, "renderer": 3, "server": 3, "gateway": 3}
        counted, killed = await run(discord, seed=20261121, requests=100, kills=kills, seconds=30)
        print(counted, killed)
    # Then each request that was not refused has its one answer, and at most a kill's line stands beside them
    assert not counted.strange, counted
    assert counted.answers + counted.refused + counted.failed_by_kills >= counted.requests
    assert counted.lines <= killed["bot"] and counted.calls == 0
    assert sum(killed.values()) == 14 and killed["bot"] >= 2


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

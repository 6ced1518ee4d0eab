"""Kills bot, engine, renderer, server and gateway at random moments while people ask on Discord, and counts.

Each message of the bot's must be a request's one answer, a call to it, or a line without an answer, which nothing but
a kill between a message and its record leaves behind.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.system.discord_house import DiscordHouse, ours, picture, says
from tests.system.keeper import AWAY, Keeper
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.interactions import Interaction
from wire_doubles.discord.messages import Shown
from wire_doubles.discord.people import Person

LOST = "The engine stopped"
CALLS = ("Your clip is ready.", "Your clip could not be made")
REFUSED = ("try again", "Try again")
"""Two sentences that say, to the person alone, that something was not taken."""


@dataclass
class Counted:
    """What people saw. `refused`: commands that were answered as not taken, or not at all."""

    requests: int
    answers: int = 0
    refused: int = 0
    lines: int = 0
    calls: int = 0
    failed_by_kills: int = 0
    strange: list[str] = field(default_factory=list)


Asked = dict[int, Interaction | None]
"""Requests by their number; None for a message, which no answer can refuse."""


async def run(
    discord: DiscordHouse, *, seed: int, requests: int, channels: tuple[int, int], kills: dict[str, int], seconds: float
) -> tuple[Counted, Counter[str]]:
    """Return what people saw, and who was killed. `seconds` is what requests and kills are spread over. Half of the
    requests are commands, half are messages.

    `channels`: servers with eight each, and direct ones.
    """
    dice = random.Random(seed)
    places = await _open(discord, dice, *channels)
    keeper = Keeper(discord)
    keeping = asyncio.create_task(keeper.run())
    moments: list[tuple[float, int, str]] = [
        *((dice.uniform(0, seconds), number, "") for number in range(requests)),
        *((dice.uniform(1, seconds), -1, target) for target, often in kills.items() for _ in range(often)),
    ]
    asked: Asked = {}
    started = time.monotonic()
    for at, number, target in sorted(moments):
        await asyncio.sleep(max(0.0, started + at - time.monotonic()))
        if target:
            await keeper.meet(target)
            await keeper.kill(target, dice.choice(AWAY))
            continue
        channel, person = places[number % len(places)]
        asked[number] = _ask(discord, channel, person, number)
    await _everything_said(discord, asked, within=900)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    return count(asked, [shown for channel, _ in places for shown in ours(channel.history())]), keeper.kills


async def _open(discord: DiscordHouse, dice: random.Random, servers: int, direct: int) -> list[tuple[Channel, Person]]:
    """Open channels, in each of which the bot was spoken to once, so that it looks there after a time away."""
    places: list[tuple[Channel, Person]] = []
    for server in range(servers):
        people = [discord.api.person(f"P{server}{number}") for number in range(4)]
        guild = discord.api.guild(f"Server {server}", people[0], people[1:])
        channels = [guild.text_channel(f"room-{number}") for number in range(8)]
        places += [(channel, dice.choice(people)) for channel in channels]
    for number in range(direct):
        person = discord.api.person(f"D{number}", installed=True)
        places.append((discord.api.dm(person), person))
    for channel, person in places:
        person.say(channel, f"{discord.api.bot.mention} waves")
    for channel, _ in places:
        await channel.until(says("There is no picture here"))
    return places


def _ask(discord: DiscordHouse, channel: Channel, person: Person, number: int) -> Interaction | None:
    if number % 2:
        person.say(channel, f"{discord.api.bot.mention} request {number}.", files=[picture()])
        return None
    return person.slash(channel, "animate", image=picture(), prompt=f"request {number}.")


async def _everything_said(discord: DiscordHouse, asked: Asked, within: float) -> None:
    """Until the ledger owes nothing, all messages among it, or `within` seconds."""
    messages = sum(asked_by is None for asked_by in asked.values())
    ledger = discord.ledger()
    try:
        ends = time.monotonic() + within
        while time.monotonic() < ends:
            known = [key.decode() for key in await ledger.redis.keys("unstill:job:*")]
            commands = {str(one.id) for one in asked.values() if one}
            taken = sum(key.rpartition(":")[2] not in commands for key in known)
            if taken >= messages and not await ledger.open_ids():
                break
            await asyncio.sleep(0.2)
        await asyncio.sleep(1.5)
    finally:
        await ledger.redis.aclose()


def count(asked: Asked, said: list[Shown]) -> Counted:
    """`said` is all of the bot's that stands there for everybody."""
    counted = Counted(len(asked))
    answers: Counter[int] = Counter()
    for shown in said:
        found = re.search(r"request (\d+)\.", shown.words)
        if shown.clips and found:
            answers[int(found[1])] += 1
        elif LOST in shown.words:
            counted.failed_by_kills += 1
        elif any(call in shown.words for call in CALLS):
            counted.calls += 1
        elif "Looking at your picture" in shown.words:
            counted.lines += 1
        elif "There is no picture here" not in shown.words:
            counted.strange.append(shown.line())
    for number, interaction in asked.items():
        refused = interaction is not None and _is_refused(interaction)
        counted.refused += refused
        counted.answers += answers[number]
        if answers[number] > 1 or (answers[number] == 0 and not refused):
            seen = interaction.seen() if interaction else "a message"
            counted.strange.append(f"request {number} has {answers[number]} answers: {seen}")
    return counted


def _is_refused(interaction: Interaction) -> bool:
    seen = interaction.seen()
    private = seen.message is not None and seen.message.ephemeral
    return seen.kind == "failed" or (private and any(word in seen.text for word in REFUSED))

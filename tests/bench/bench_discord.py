"""How soon a short clip is there on Discord, where the engine has nothing else to do.

`python -m tests.bench.bench_discord`. Real processes: the Discord bot, an engine with its child, Valkey; the platform
is a server on this machine that speaks REST and the gateway, and counts as Discord does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Figure, at_most, plain, table
from tests.bench.one_clip import WORDS, medians, one_by_one
from tests.system.backlog import picture
from tests.system.discord_house import discord_house, ours
from wire_doubles.discord_api import File


def run() -> list[Figure]:
    """Measure, print the table, and give the figures."""
    with TemporaryDirectory() as name, discord_house(Path(name), UNSTILL_ENGINE__MODEL="camera") as discord:
        channel, (ann,) = discord.server()
        photo = File(picture(1280, 960), "photo.jpg")
        seen = asyncio.run(
            one_by_one(
                discord.house,
                lambda: ann.slash(channel, "animate", image=photo, prompt=WORDS),
                lambda: sum(bool(shown.clips) for shown in ours(channel.history())),
            )
        )
    times = medians(seen)
    figures = [
        plain("discord: /animate to clip, idle engine, 12 frames, median", times.whole, "s"),
        plain("discord: of it the render, median", times.render, "s"),
        at_most("discord: beyond the render, median", times.beyond, "s", 0.6),
    ]
    print(table(figures))
    return figures


if __name__ == "__main__":
    run()

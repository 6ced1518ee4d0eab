"""Checks a copy with the recipe "Add a button": every platform has it under a clip, and a press makes what it says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.recipes.checks.clips import size_of
from tests.system.conversations import clips, seen, waiting
from tests.system.test_same_conversations import TALKS

from unstill_config.catalog import Catalog
from unstill_engine.clip.binary import find_ffmpeg


@pytest.mark.parametrize("platform", TALKS)
async def test_a_press_makes_a_square_clip(platform: str, tmp_path: Path) -> None:
    with TALKS[platform](tmp_path) as talk:
        talk.house.start_engine()
        talk.start_bot()
        talk.photo("waves")
        (first,) = await seen(talk, lambda messages: bool(clips(messages)), "the clip")

        talk.press(first.id, "1:1")

        await seen(talk, lambda messages: len(clips(messages)) == 2 and not waiting(messages), "the second clip")
        second = clips(talk.seen())[1]
        assert second.clip is not None and first.clip is not None
        # where it would change nothing it is not offered
        assert ("1:1" in first.buttons, "1:1" in second.buttons) == (True, False)
        ffmpeg = await find_ffmpeg(None)
        sizes = []
        for number, clip in enumerate((first.clip, second.clip)):
            path = tmp_path / f"{number}.mp4"
            await asyncio.to_thread(path.write_bytes, clip)
            sizes.append(size_of(path, ffmpeg))
        square = Catalog.load().finishes["square"]
        assert sizes == [(64, 64), (square.width, square.height)]

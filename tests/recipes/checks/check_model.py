"""Checks a copy with the recipe "Add a model": the terminal makes a clip with it, from a photo that stands still."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.bots.terminal_cli import Terminal
from tests.recipes.checks.clips import SAMPLE, frames_of

from unstill_engine.clip.binary import find_ffmpeg


def test_the_terminal_makes_a_clip_with_it(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    photo = SAMPLE

    ended = terminal.run("animate", str(photo), "wind", "--model", "ripple", "--num_frames", "8", "--motion", "high")

    assert ended.code == 0, ended.err
    (clip,) = terminal.clips()
    frames = frames_of(clip, asyncio.run(find_ffmpeg(None)), 64)
    assert len(frames) == 8
    assert min(abs(frames[1:] - frames[:-1]).mean(axis=(1, 2, 3))) > 1
    told = terminal.run("recipe", str(clip)).out
    assert "ripple" in told

"""Checks a copy with the recipe "Add an option": what is asked for is made, and the clip says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.bots.terminal_cli import Terminal
from tests.recipes.checks.clips import SAMPLE, frames_of

from unstill_config.catalog import Catalog
from unstill_engine.clip.binary import find_ffmpeg
from unstill_queue.contract.abilities import abilities, needs
from unstill_queue.contract.jobs import Job, ReplyAddress, Requester
from unstill_queue.contract.resolving import resolve

ASKED = ("--num_frames", "8", "--resolution", "256", "--seed", "1")


def test_left_and_right_change_places(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)

    # Given a photo's clip, and the same with the option, by its other name in the caption
    for name, words in (("plain", "static shot"), ("mirrored", "static shot --flip")):
        ended = terminal.run("animate", str(SAMPLE), words, *ASKED, "--out", str(tmp_path / f"{name}.mp4"))
        assert ended.code == 0, ended.err

    # Then one is the other's mirror image
    ffmpeg = asyncio.run(find_ffmpeg(None))
    plain, mirrored = (frames_of(tmp_path / f"{name}.mp4", ffmpeg, 64) for name in ("plain", "mirrored"))
    assert abs(plain - mirrored[:, :, ::-1]).mean() < 3 < abs(plain - mirrored).mean()
    # and its recipe asks for it again
    assert "--mirror" in terminal.run("recipe", str(tmp_path / "mirrored.mp4")).out
    assert "--mirror" not in terminal.run("recipe", str(tmp_path / "plain.mp4")).out


def test_a_job_that_asks_for_it_waits_for_an_engine_that_knows_it() -> None:
    catalog = Catalog.load()
    words = {}
    for asked in (False, True):
        parameters, finish = resolve("", {"mirror": asked}, catalog, default_model="camera")
        requester = Requester("terminal", "ann", "c1", "en")
        job = Job("terminal:1", requester, ReplyAddress("terminal", "c1", "1"), "p", parameters, finish, 1, 0.0)
        words[asked] = needs(job, rendered=False)

    assert words[True] - words[False] == {"finish:mirror"}
    assert words[True] <= abilities(catalog)

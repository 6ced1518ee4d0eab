"""A photo and camera words to a clip with depth: the real terminal, queue, engine, child and ffmpeg, a tiny network."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bots.terminal_cli import Terminal
from tests.engine.depth_tiny import FILE, network

from unstill_engine.clip.probe import probe


@pytest.mark.timeout(600)
def test_a_photo_becomes_a_clip_with_depth_that_says_so(tmp_path: Path) -> None:
    # Given a host without a card that has the network's file, and leaves the choice to the engine
    network(tmp_path / "weights" / FILE)
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(f"[models.depth.weights]\nrepo = '{tmp_path / 'weights'}'\n", "utf-8")
    terminal = Terminal(tmp_path, UNSTILL_CATALOG__FILE=str(catalog), UNSTILL_ENGINE__MODEL="auto")
    photo = terminal.photo(size=(300, 200))

    # When a photo is animated in camera words
    ended = terminal.start("animate", str(photo), "pan left -seed 7 -frames 12", "--out", "made.mp4", "--json").end()

    # Then there is a clip of the photo's own pixels, and no tip asks for what a camera cannot do
    assert ended.code == 0, ended.err
    (clip,) = ended.json["clips"]
    assert (clip["state"], clip["model"], clip["synthetic"], clip["filled"]) == ("sent", "depth", True, True)
    made = probe(tmp_path / "made.mp4")
    assert (made.width, made.height, made.frames) == (300, 200, 12)
    # and it says what was made up, in its text and in its file
    assert "A camera moves through the still picture. AI judged its depth" in clip["text"]
    assert "Tip:" not in clip["text"]
    recipe = terminal.run("recipe", "made.mp4", "--json").json
    assert (recipe["made_by"], recipe["filled"]) == ("AI", True)
    assert "what it hides was filled in (depth)" in terminal.run("recipe", "made.mp4").out

"""A photo and words to a generated clip: the real terminal, queue, engine, child and ffmpeg, with a tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bots.terminal_cli import Terminal
from tests.engine.i2vgen_tiny import CATALOG

from unstill_engine.clip.probe import probe


def terminal_with(model: Path, tmp_path: Path) -> Terminal:
    """A host that has the model in that folder in a catalogue of its own."""
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(CATALOG.format(folder=model), "utf-8")
    return Terminal(tmp_path, UNSTILL_CATALOG__FILE=str(catalog), OMP_NUM_THREADS="1")


@pytest.mark.timeout(600)
def test_a_photo_becomes_a_clip(tiny_i2vgen: Path, tmp_path: Path) -> None:
    # Given a host with the tiny model, and a photo
    terminal = terminal_with(tiny_i2vgen, tmp_path)
    photo = terminal.photo(size=(300, 200))

    # When it is animated, with more words than the model reads
    words = "the waves and the wind " * 20 + "-seed 7 -no blurry"
    ended = terminal.start("animate", str(photo), words, "--model", "tiny", "--out", "made.mp4", "--json").end()

    # Then there is a clip of the photo's shape, that plays, and says how it was made
    assert ended.code == 0, ended.err
    (clip,) = ended.json["clips"]
    assert (clip["state"], clip["seed"], clip["error"], clip["synthetic"]) == ("sent", 7, None, True)
    made = probe(tmp_path / "made.mp4")
    assert (made.width, made.height, made.frames, made.fps) == (128, 64, 8, 8.0)
    recipe = terminal.run("recipe", "made.mp4", "--json").json
    assert recipe["parameters"] == clip["parameters"]
    assert recipe["parameters"]["negative_prompt"] == "blurry"
    # and the reply says what it is, and where the words were cut
    assert "Made by AI from a still picture." in clip["text"]
    assert "it was cut after “…" in clip["text"]
    # and its steps were told on the way
    assert "beach.png: Rendering: " in ended.err


def test_a_model_that_is_not_there_is_said_in_plain_words(tmp_path: Path) -> None:
    terminal = terminal_with(tmp_path / "nowhere", tmp_path)

    ended = terminal.start("animate", str(terminal.photo()), "waves", "--model", "tiny").end()

    assert ended.code != 0
    assert f"The model folder {tmp_path / 'nowhere'} is not whole" in ended.err
    assert "Traceback" not in ended.err

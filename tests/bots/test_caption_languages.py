"""What people tell a camera in other languages passes a caption as it is, on every front end."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from unstill_bots.intake import captions
from unstill_config.catalog import Catalog
from unstill_engine.renderers.camera.words import direct

CATALOG = Catalog.load()
FILES = sorted((Path(__file__).parents[1] / "engine" / "camera_phrases").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_camera_words_of_a_language_are_read_whole(file: Path) -> None:
    # Given what people write in a language, apostrophes, degrees and percents with it
    data = tomllib.loads(file.read_text("utf-8"))
    said = [words for rows in data["phrases"].values() for words, _ in rows]
    said += [row[0] for kind in ("said", "refused", "numbers", "paces") for row in data["ours"][kind]]

    for words in said:
        # When it is the caption, Then its prompt means the same, and nothing of it is an option
        caption = captions.parse(words, CATALOG)
        assert (direct(caption.prompt, ""), caption.given) == (direct(words, ""), {}), words
        # When it is an option's value, in quotes or not, Then it means the same there
        for typed in (f'a castle --camera "{words}"', f"a castle --camera {words} --seed 3"):
            given = captions.parse(typed, CATALOG).given["camera"]
            assert direct("a castle", str(given)) == direct("a castle", words), typed

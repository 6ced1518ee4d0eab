"""What people tell a camera in other languages passes a caption as it is, on every front end."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from unstill_bots.intake import captions
from unstill_config.catalog import Catalog

CATALOG = Catalog.load()
FILES = sorted((Path(__file__).parents[1] / "engine" / "camera_phrases").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_camera_words_of_a_language_are_read_whole(file: Path) -> None:
    # Given what people write in a language, apostrophes, degrees and percents with it
    data = tomllib.loads(file.read_text("utf-8"))
    said = [words for rows in data["phrases"].values() for words, _ in rows]
    said += [row[0] for kind in ("said", "refused", "numbers", "paces") for row in data["ours"][kind]]

    for words in said:
        # When it is the caption, Then it is the prompt, and no option
        caption = captions.parse(words, CATALOG)
        assert (" ".join(caption.prompt.split()), caption.given) == (" ".join(words.split()), {})
        # When it is an option's value, in quotes or not, Then it is that
        for typed in (f'a castle --camera "{words}"', f"a castle --camera {words} --seed 3"):
            assert captions.parse(typed, CATALOG).given["camera"] == words

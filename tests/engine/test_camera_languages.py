"""The camera's words by language: each is one file, and another one is added by a file alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import unstill_engine
from unstill_engine.renderers.camera import vocabulary as module
from unstill_engine.renderers.camera.vocabulary import MOVES, Language, read_languages

FOLDER = Path(str(module.__file__)).parent / "languages"
ITALIAN = """
camera = ['telecamera']
negation = ['senza|non']
refused_after = ['(?:è )?vietat[oa]']
carry = ['né|o']
chain = ['o']
goes_on = ['poi']
opener = ['poi']
paces = [['lentamente', 0.5, true]]
phrases = [
    ['{panoramica}{verso} sinistra', "anywhere", ["left"]],
    ['{panoramica}{verso} destra', "anywhere", ["right"]],
    ['più vicino', "anywhere", ["zoom in 1.5"]],
    ['resta ferma', "of camera", []],
    ['destra', "continuing", ["right"]],
]

[parts]
panoramica = '(?:panoramica|panoramiche)'
verso = '(?: (?:verso|a))?'

[fold]
from = "ß"
to = "s"
"""
SAYS = """
import json, sys
from unstill_engine.renderers.camera.words import direct
print(json.dumps([[[move.axis, move.direction, move.strength] for move in direct(text, "")] for text in sys.argv[1:]]))
"""


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_each_language_has_a_word_for_every_move(file: Path) -> None:
    language = msgspec.toml.decode(file.read_bytes(), type=Language)
    named = {move.rstrip("0123456789. ") for _, _, moves in language.phrases for move in moves}

    assert named == set(MOVES)
    assert any(not moves for _, _, moves in language.phrases), "and for a camera that stands still"
    assert language.paces and language.negation and language.camera


def said(root: Path, *texts: str) -> list[list[list[float]]]:
    """Return the moves that a process reads in each text, with the engine that lies in `root`."""
    environ = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", SAYS, *texts], env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    read: list[list[list[float]]] = json.loads(done.stdout)
    return read


def test_a_language_is_added_by_one_file(tmp_path: Path) -> None:
    # Given a copy of the engine, and Italian words that it does not know
    package = Path(str(unstill_engine.__file__)).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    texts = ("lentamente panoramica verso sinistra", "PIÙ VICINO", "la telecamera resta ferma", "zoom out", "镜头放大")
    unknown = said(tmp_path, *texts)
    # When a file with them is put beside the others
    (tmp_path / FOLDER.relative_to(package.parent) / "it.toml").write_text(ITALIAN, "utf-8")
    left, closer, still, *others, english_left, english_closer, both_ways, bare, over_a_comma, refused, both = said(
        tmp_path,
        *texts,
        *("slowly pan left", "zoom in", "pan left, then right"),
        "piu vicino",
        "panoramica a sinistra, poi destra",
        "panoramica a sinistra è vietata, più vicino",
        "panoramica a sinistra o più vicino vietato, zoom out",
    )
    # Then they are understood, and the others are as before
    assert left == english_left
    assert closer == [[*english_closer[0][:2], 1.5]]
    assert still == []
    assert others == unknown[3:]
    assert all(unknown[number] != now for number, now in enumerate((left, closer, still)))
    # whether accents are typed or not, over a comma, and refused by a word that stands after them
    assert bare == closer
    assert over_a_comma == both_ways
    assert refused == closer
    assert both == others[0]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("phrases = [['links', \"somewhere\", []]]", msgspec.ValidationError),
        ('phrases = [[\'links\', "anywhere", ["sideways"]]]', KeyError),
        ("phrases = []\nfiller_words = ['und']", msgspec.ValidationError),
        ("phrases = []\n[fold]\nfrom = 'äö'\nto = 'a'", ValueError),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, error: type[Exception]) -> None:
    (tmp_path / "it.toml").write_text(text, "utf-8")
    with pytest.raises(error):
        read_languages(tmp_path)

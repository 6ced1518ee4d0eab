"""The camera's words, read from the files of `languages/`, one a language.

Such a file has regular expressions: `phrases`, each with a `Reach` and its moves, `paces`, each with a factor and
whether it is loose, and the small words between them. A blank stands for any run of blanks, {name} for one of the
file's `parts`. A move is one of MOVES and, where it is not of the usual strength, a factor: "zoom in 1.7". `fold` has
characters, and those that they are read as. Accents of Latin letters count neither there nor in what people write.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import Enum
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec

from unstill_engine.renderers.camera.moves import Axis, Move

MOVES = {
    "zoom in": Move(Axis.ZOOM, 1),
    "zoom out": Move(Axis.ZOOM, -1),
    "zoom": Move(Axis.ZOOM),
    "left": Move(Axis.PAN, -1),
    "right": Move(Axis.PAN, 1),
    "pan": Move(Axis.PAN),
    "up": Move(Axis.TILT, 1),
    "down": Move(Axis.TILT, -1),
    "tilt": Move(Axis.TILT),
    "clockwise": Move(Axis.ROLL, 1),
    "counterclockwise": Move(Axis.ROLL, -1),
    "roll": Move(Axis.ROLL),
    "shake": Move(Axis.SHAKE, 1, 1.0, hertz=4.0),
    "handheld": Move(Axis.SHAKE, 1, 1.1, hertz=1.0),
}

#: Small letters of the scripts that put blanks between words, without accents: Latin, Greek, Cyrillic.
LETTERS = r"a-z\u00df-\u052f"
_ACCENTS = re.compile(r"(?<=[a-zA-Z])[\u0300-\u036f]+")


class Reach(Enum):
    """Where a phrase counts. A picture's description is full of words that a camera also knows."""

    CAMERA_WORDS = "camera words"  #: only in a text that is all camera words
    CONTINUING = "continuing"  #: also right after a move: "pan left and up"
    OF_CAMERA = "of camera"  #: also where the camera was just named: "the camera moves left"
    OPENING = "opening"  #: also where a clause opens: "slowly pan left", but not "the frying pan left on the stove"
    ANYWHERE = "anywhere"


class Phrase(msgspec.Struct, frozen=True):
    """What is said, and the moves that it means. No moves: the camera stands still."""

    pattern: re.Pattern[str]
    reach: Reach
    moves: tuple[Move, ...]


class Pace(msgspec.Struct, frozen=True):
    """A word that makes a move smaller or larger. A `loose` one need not stand beside its move."""

    pattern: re.Pattern[str]
    factor: float
    loose: bool = False


class Fold(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """Characters of `source`, each of which is read as the one of `target` in the same place."""

    source: str = ""
    target: str = ""


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `languages/` as it stands there."""

    phrases: tuple[tuple[str, Reach, tuple[str, ...]], ...]
    paces: tuple[tuple[str, float, bool], ...] = ()
    negation: tuple[str, ...] = ()
    refused_after: tuple[str, ...] = ()
    carry: tuple[str, ...] = ()
    goes_on: tuple[str, ...] = ()
    camera: tuple[str, ...] = ()
    not_camera: tuple[str, ...] = ()
    opener: tuple[str, ...] = ()
    filler: tuple[str, ...] = ()
    parts: dict[str, str] = {}
    fold: Fold = Fold()


class Vocabulary(msgspec.Struct, frozen=True):
    """The words of all languages.

    Said before a phrase, `negation` refuses it, said right after one `refused_after` does, and `carry` carries a
    refusal on. `camera` has the camera's names: after one, up to the next word that is not of the camera, its own verbs
    count; `not_camera` names a camera in the picture. A clause opens after `opener`, and goes on over a comma with
    `goes_on`. `filler` changes nothing: what was open stays open. `starts` finds out quickly that no phrase stands at a
    place.
    """

    phrases: tuple[Phrase, ...]
    paces: tuple[Pace, ...]
    starts: re.Pattern[str]
    negation: re.Pattern[str]
    refused_after: re.Pattern[str]
    carry: re.Pattern[str]
    goes_on: re.Pattern[str]
    camera: re.Pattern[str]
    not_camera: re.Pattern[str]
    opener: re.Pattern[str]
    filler: re.Pattern[str]
    fold: dict[int, int]


@cache
def vocabulary() -> Vocabulary:
    """Return what the files of `languages/` have, read once."""
    return read_languages(resources.files(__package__) / "languages")


def read_languages(folder: Traversable) -> Vocabulary:
    """Read all files of a folder.

    Raises:
        msgspec.ValidationError: a file has another form.
        KeyError: it names a move that is none of MOVES.
        re.error: an expression is none.
        ValueError: the two texts of `fold` differ in length.
    """
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    languages = [msgspec.toml.decode(file.read_bytes(), type=Language) for file in files]
    fold = dict(pair for each in languages for pair in str.maketrans(each.fold.source, each.fold.target).items())

    def expression(pattern: str, language: Language) -> str:
        return _expanded(pattern, language.parts, fold)

    def words(name: str) -> re.Pattern[str]:
        each = ((language, "|".join(getattr(language, name))) for language in languages)
        return _any(expression(pattern, language) for language, pattern in each if pattern)

    phrases = [
        (expression(pattern, language), reach, tuple(map(_move, moves)))
        for language in languages
        for pattern, reach, moves in language.phrases
    ]
    return Vocabulary(
        phrases=tuple(Phrase(re.compile(pattern), reach, moves) for pattern, reach, moves in phrases),
        starts=_any(pattern for pattern, _, _ in phrases),
        paces=tuple(
            Pace(re.compile(expression(pattern, language)), factor, loose)
            for language in languages
            for pattern, factor, loose in language.paces
        ),
        negation=words("negation"),
        refused_after=words("refused_after"),
        carry=words("carry"),
        goes_on=words("goes_on"),
        camera=words("camera"),
        not_camera=words("not_camera"),
        opener=words("opener"),
        filler=words("filler"),
        fold=fold,
    )


def plain(text: str, fold: dict[int, int]) -> str:
    """Return a text with compatible characters as one, without accents over Latin letters, and folded."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", bare).translate(fold)


def _expanded(pattern: str, parts: dict[str, str], fold: dict[int, int]) -> str:
    for name, part in parts.items():
        pattern = pattern.replace(f"{{{name}}}", part)
    blanks = plain(pattern, fold).replace(" ?", " *").replace(" ", "[ ]+").replace("[ ]+*", "[ ]*")
    # a word of letters ends where its letters do
    return rf"(?:{blanks})(?![{LETTERS}])"


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns) or "(?!)")


def _move(text: str) -> Move:
    name, _, factor = text.rpartition(" ")
    return MOVES[text] if text in MOVES else MOVES[name].scaled(float(factor))

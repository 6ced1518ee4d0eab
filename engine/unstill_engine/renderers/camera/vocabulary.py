"""The camera's words, read from the files of `languages/`, one a language.

Such a file has regular expressions: `phrases`, each with a `Reach` and its moves, `paces`, each with a factor and
whether it is loose, `amounts`, each with its unit, and the small words between them. A blank stands for any run of
blanks, {name} for one of the file's `parts`, and # in an amount for a number, in digits or in words of `numbers`. A
move is one of MOVES and, where it is not of the usual strength, a factor: "zoom in 1.7". `fold` has characters, and
those that they are read as. Accents of Latin letters count neither there nor in what people write.
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
#: A word of letters ends where its letters do; one of Chinese characters need not.
_EDGE = rf"(?:(?<![{LETTERS}])|(?![{LETTERS}]))"
_DIGITS = r"\d+(?:[.,]\d+)?(?:[ ]*[-–~][ ]*\d+(?:[.,]\d+)?)?(?!\d)"
#: A number alone is none where letters stand beside it: "4k", "mp3".
_BARE = rf"(?<![{LETTERS}]){_DIGITS}(?![{LETTERS}])"
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


class Unit(Enum):
    """What an amount counts. Seconds, metres and whatever else says nothing of a way over a photo is OTHER."""

    DEGREES = "degrees"
    TURNS = "turns"
    PERCENT = "percent"
    TIMES = "times"
    OTHER = "other"


class Fold(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """Characters of `source`, each of which is read as the one of `target` in the same place."""

    source: str = ""
    target: str = ""


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `languages/` as it stands there."""

    phrases: tuple[tuple[str, Reach, tuple[str, ...]], ...]
    paces: tuple[tuple[str, float, bool], ...] = ()
    amounts: tuple[tuple[str, Unit], ...] = ()
    numbers: dict[str, float] = {}
    about: tuple[str, ...] = ()
    negation: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    refused_after: tuple[str, ...] = ()
    carry: tuple[str, ...] = ()
    joiner: tuple[str, ...] = ()
    excess: tuple[str, ...] = ()
    object: tuple[str, ...] = ()
    goes_on: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()
    elided: tuple[str, ...] = ()
    camera: tuple[str, ...] = ()
    not_camera: tuple[str, ...] = ()
    opener: tuple[str, ...] = ()
    filler: tuple[str, ...] = ()
    parts: dict[str, str] = {}
    fold: Fold = Fold()


class Vocabulary(msgspec.Struct, frozen=True):
    """The words of all languages.

    Said before a phrase, `negation` refuses it; said right after one, `refused_after` refuses it and what words of
    `chain` joined to it. `carry` carries a refusal on, over the commas of its list too. `without` has the negations
    that stand before names, and reach over a list that ends without such a word. `joiner` carries a refusal on to a
    bare name: "no zoom and pan". `excess` before a pace makes a wish of a refusal: "don't zoom too fast". A move
    without a direction is left out where an unknown word follows, "zoom nahoru", but not before one of `object`, "zoom
    the castle". `about` before an amount belongs to it.

    `camera` has the camera's names: after one, up to the next word that is not of the camera, its own verbs count;
    `not_camera` names a camera in the picture. A clause opens after `opener`, and goes on over a comma with `goes_on`.
    `filler` changes nothing: what was open stays open. `elided` finds the apostrophe of a short word that lost its
    vowel before the next one: "l'image".
    """

    phrases: tuple[Phrase, ...]
    paces: tuple[Pace, ...]
    amounts: tuple[tuple[re.Pattern[str], Unit | None], ...]
    numbers: dict[str, float]
    number: re.Pattern[str]
    negation: re.Pattern[str]
    without: re.Pattern[str]
    refused_after: re.Pattern[str]
    carry: re.Pattern[str]
    joiner: re.Pattern[str]
    excess: re.Pattern[str]
    object: re.Pattern[str]
    goes_on: re.Pattern[str]
    chain: re.Pattern[str]
    elided: re.Pattern[str]
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
    paces = [
        (expression(pattern, language), factor, loose)
        for language in languages
        for pattern, factor, loose in language.paces
    ]
    about = words("about").pattern
    amounts: list[tuple[re.Pattern[str], Unit | None]] = [
        (_amount(expression(pattern, language), about, _number(plain(word, fold) for word in language.numbers)), unit)
        for language in languages
        for pattern, unit in language.amounts
    ]
    # and digits without a unit; words such as "one" are no numbers alone
    amounts.append((_amount("#", about, _BARE), None))
    numbers = {plain(word, fold): value for each in languages for word, value in each.numbers.items()}
    return Vocabulary(
        phrases=tuple(Phrase(re.compile(pattern), reach, moves) for pattern, reach, moves in phrases),
        paces=tuple(Pace(re.compile(pattern), factor, loose) for pattern, factor, loose in paces),
        amounts=tuple(amounts),
        numbers=numbers,
        number=re.compile(_number(numbers)),
        negation=words("negation"),
        without=words("without"),
        refused_after=words("refused_after"),
        carry=words("carry"),
        joiner=words("joiner"),
        excess=words("excess"),
        object=re.compile(f"{_EDGE}(?:{words('object').pattern})"),
        goes_on=words("goes_on"),
        chain=words("chain"),
        elided=_any(rf"(?<={_EDGE}{word})'(?=[{LETTERS}])" for language in languages for word in language.elided),
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
    return rf"(?:{blanks}){_EDGE}"


def _number(numbers: Iterable[str]) -> str:
    """Return an expression for a number in digits, or in one or more of these words."""
    words = "|".join(map(re.escape, sorted(numbers, key=len, reverse=True)))
    return rf"(?:{_DIGITS}|{_EDGE}(?:{words})(?:[ ]*{_EDGE}(?:{words}))*{_EDGE})" if words else _DIGITS


def _amount(pattern: str, about: str, number: str) -> re.Pattern[str]:
    """Return an expression for an amount, with the groups "sign", "said" for the rest, and "number0" and so on."""
    numbered = iter(range(pattern.count("#")))
    said = re.sub("#", lambda _: f"(?P<number{next(numbered)}>{number})", pattern)
    return re.compile(
        rf"(?<![\d.])(?:{_EDGE}(?:{about})[ ]*)*(?P<sign>(?<![^ ,:])[-+−~≈±])?(?P<said>{_EDGE}{said})(?!\d)[ ]*"
    )


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns) or "(?!)")


def _move(text: str) -> Move:
    name, _, factor = text.rpartition(" ")
    return MOVES[text] if text in MOVES else MOVES[name].scaled(float(factor))

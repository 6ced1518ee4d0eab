"""Whether words ask for anything: thanks, praise, greetings, laughter and emoji do not.

A language's words are its `chatter.toml`; all languages count at once, as people mix them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib import resources

import msgspec

from unstill_config.languages import LANGUAGES

_EMOTICON = re.compile(r"(?<!\w)(?:[:;=8xX][-o']?[()DPpOo3*/\\|]+|<3+|\^_*\^)(?!\w)")
_UNIT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:'[^\W_]+)*")
_RUN = re.compile(r"(.)\1{2,}")
LONGEST = 400
"""Characters; longer words say something."""

Unit = str
Phrase = tuple[Unit, ...]


class Words(msgspec.Struct, frozen=True):
    """A language's words. `chatter` has phrases that ask for nothing, `beside` words that change nothing beside them,
    `laughter` syllables that are laughter where they repeat, `again` phrases that ask for the same once more.
    """

    chatter: list[str]
    beside: str
    laughter: str
    again: list[str]


def is_chatter(words: str) -> bool:
    """Return whether words are only thanks, praise, greetings, laughter or emoji. No words are not."""
    units = _units(words)
    if not units:
        return bool(words.strip())
    return len(words) <= LONGEST and _covered(units, _phrases("chatter"), _phrases("beside"))


def is_again(words: str) -> bool:
    """Return whether words ask for the same once more, and for nothing else."""
    beside = _phrases("beside") | _phrases("chatter")
    return len(words) <= LONGEST and _covered(_units(words), _phrases("again"), beside)


def _units(text: str) -> list[Unit]:
    """Split into words, and into characters where a script has no blanks; emoji and punctuation are left out."""
    plain = _EMOTICON.sub(" ", unicodedata.normalize("NFKC", text).replace("’", "'"))
    return _UNIT.findall(plain.casefold())


def _covered(units: list[Unit], needed: frozenset[Phrase], beside: frozenset[Phrase]) -> bool:
    """Return whether phrases cover all units, with one of `needed` among them, or laughter where that is chatter."""
    laughing = needed is _phrases("chatter")
    # at each place: can it be reached without, and with one of those that are needed
    reached = [(True, False)] + [(False, False)] * len(units)
    for start in range(len(units)):
        without, with_one = reached[start]
        if not (without or with_one):
            continue
        for end in range(start + 1, min(len(units), start + _longest()) + 1):
            phrase = tuple(units[start:end])
            counts = _is_among(phrase, needed) or (laughing and len(phrase) == 1 and _is_laughter(phrase[0]))
            if counts or _is_among(phrase, beside):
                before = reached[end]
                reached[end] = (before[0] or (without and not counts), before[1] or with_one or counts)
    return reached[-1][1]


def _is_among(phrase: Phrase, phrases: frozenset[Phrase]) -> bool:
    """A letter that is drawn out counts once or twice: "sooo", "coool"."""
    if phrase in phrases:
        return True
    if not any(_RUN.search(unit) for unit in phrase):
        return False
    return any(tuple(_RUN.sub(short, unit) for unit in phrase) in phrases for short in (r"\1", r"\1\1"))


def _is_laughter(unit: Unit) -> bool:
    return any(pattern.fullmatch(unit) for pattern in _laughter())


@cache
def _languages() -> tuple[Words, ...]:
    """Return the words of the languages that have some, read once."""
    folder = resources.files("unstill_bots") / "text" / "locale"
    files = (folder / language / "chatter.toml" for language in LANGUAGES)
    return tuple(msgspec.toml.decode(file.read_bytes(), type=Words) for file in files if file.is_file())


@cache
def _phrases(kind: str) -> frozenset[Phrase]:
    """Return all languages' phrases of a kind."""
    lists: Iterable[list[str]] = (
        found if isinstance(found := getattr(words, kind), list) else found.split() for words in _languages()
    )
    return frozenset(tuple(_units(phrase)) for phrases in lists for phrase in phrases)


@cache
def _longest() -> int:
    return max(len(phrase) for kind in ("chatter", "beside", "again") for phrase in _phrases(kind))


@cache
def _laughter() -> tuple[re.Pattern[str], ...]:
    either = "|".join(re.escape(syllable) for words in _languages() for syllable in words.laughter.split())
    return (re.compile(rf"[aeiouаеиоу]?(?:{either}){{2,}}[a-zа-я]?"),)

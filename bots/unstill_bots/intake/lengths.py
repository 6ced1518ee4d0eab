"""Finds in plain words how long a clip should be: "make it 5s long", "zoom in 10 seconds", "海浪翻滚5秒"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

import msgspec

from unstill_config.languages import LANGUAGES

_FIGURES = r"\d{1,4}(?:[.,]\d{1,3})?"
_LETTERS = "A-Za-z0-9_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0400-\u04ff"
"""Letters of the scripts that have blanks between words, for a set in a regular expression."""
_LOOSE = re.compile(r"^[\s,，、;；:：.。]+|[\s,，、;；:：]+$")
_DOUBLED = re.compile(r"[,，、;；]\s*(?=[,，、;；.。])")


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A language's `lengths.toml`. All but `numbers`, by word, are regular expressions.

    `before` and `after` belong to a length that they stand beside. What stands right after `not_after`, or right before
    `not_before`, is a time in the picture; `never` looks like a length, and is none.
    """

    seconds: str
    minutes: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    not_after: str = "(?!)"
    not_before: str = "(?!)"
    never: str = "(?!)"
    numbers: dict[str, float] = {}


class Length(msgspec.Struct, frozen=True):
    """A length of time in a text: `said` as it stands there, from `start` to `end` with the words that belong to it.

    `elsewhere`: it is said of something in the picture, such as "10 seconds later".
    """

    said: str
    seconds: float
    start: int
    end: int
    elsewhere: bool = False

    def cut_from(self, text: str) -> str:
        """Return the text without it, and without the commas that it leaves behind."""
        left = " ".join(f"{text[: self.start]} {text[self.end :]}".split())
        return _LOOSE.sub("", _DOUBLED.sub("", re.sub(r"\s+(?=[,，、;；.。])", "", left)))


def lengths(text: str) -> list[Length]:
    """Return the lengths of time in a text, in the order in which they stand. It reads the languages that have a
    `lengths.toml`.
    """
    found = (_length(match, numbers) for pattern, _, numbers in _patterns() for match in pattern.finditer(text))
    return list(_apart(sorted(filter(None, found), key=lambda length: (length.start, -length.end))))


def _apart(found: Iterable[Length]) -> Iterator[Length]:
    """Yield a length once, with most of the words that belong to it, where several languages write it alike."""
    last = 0
    for length in found:
        if length.start >= last:
            yield length
            last = length.end


def _length(match: re.Match[str], numbers: dict[str, float]) -> Length | None:
    said = match["said"]
    if any(re.fullmatch(each.never, said, re.IGNORECASE) for _, each, _ in _patterns()):
        return None
    number = match["number"].lower()
    value = numbers[number] if number in numbers else float(number.replace(",", "."))
    elsewhere = match["not_after"] is not None or match["not_before"] is not None
    return Length(said, value * (60 if match["minutes"] else 1), match.start(), match.end(), elsewhere)


@cache
def _patterns() -> list[tuple[re.Pattern[str], Words, dict[str, float]]]:
    folder = resources.files("unstill_bots") / "text" / "locale"
    files = (folder / language / "lengths.toml" for language in LANGUAGES)
    languages = [msgspec.toml.decode(file.read_bytes(), type=Words) for file in files if file.is_file()]
    return [(_pattern(words), words, words.numbers) for words in languages]


def _pattern(words: Words) -> re.Pattern[str]:
    """Compile the expression of one language. A word ends where its letters do, in scripts that have blanks."""
    numbers = "|".join(sorted(map(re.escape, words.numbers), key=len, reverse=True)) or "(?!)"
    start, end = f"(?<![{_LETTERS}.,:/-])", f"(?![{_LETTERS}])"
    length = (
        rf"(?P<said>(?P<number>{_FIGURES}|{numbers})[ -]?(?:(?P<minutes>{words.minutes})|(?:{words.seconds}))){end}"
    )
    before = "".join(rf"(?:{start}(?:{each})\s*)?" for each in words.before)
    after = "".join(rf"(?:\s*-?\s*(?:{each}){end})?" for each in words.after)
    return re.compile(
        rf"(?:{start}(?P<not_after>{words.not_after})\s*)?{before}{start}{length}{after}"
        rf"(?:\s*(?P<not_before>{words.not_before}){end})?",
        re.IGNORECASE,
    )

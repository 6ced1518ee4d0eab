"""Words that people type as the values of options, in each language: yes and no, units, and leaving it open."""

from __future__ import annotations

from importlib import resources

import msgspec


class TypedWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A language's table of `typed_words.toml`, in lower case, with blanks between words.

    `unset` leave an option to the program, `random` only a seed; the others are units by the name of each.
    """

    yes: str
    no: str
    unset: str = ""
    random: str = ""
    seconds: str = ""
    frames: str = ""
    px: str = ""
    fps: str = ""


_FILE = resources.files(__package__) / "typed_words.toml"
LANGUAGES = msgspec.toml.decode(_FILE.read_bytes(), type=dict[str, TypedWords])
"""The tables by language. All count at once, as people mix languages."""


def words(kind: str) -> tuple[str, ...]:
    """Return the words of a kind in all languages, the longest first, as one may be the end of another."""
    found = {word for language in LANGUAGES.values() for word in getattr(language, kind).split()}
    return tuple(sorted(found, key=lambda word: (-len(word), word)))


UNITS = {unit: words(unit) for unit in ("seconds", "frames", "px", "fps")}
"""The ways to write each unit, by what replies call it."""

"""Finds out whether words ask for one clip that goes from the first of two pictures to the second.

A language's phrases are the patterns of its `pairs.toml`; all languages count at once, as people mix them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib import resources

import msgspec

from unstill_config.languages import LANGUAGES

LONGEST = 2000
"""Characters that are looked at."""


class Pairs(msgspec.Struct, frozen=True):
    """A language's phrases. `patterns` are regular expressions; in them {name} stands for one of `parts`."""

    parts: dict[str, str]
    patterns: list[str]


def asks_for_both(words: str) -> bool:
    """Return whether words name a first and a last picture, or a way from one to the other."""
    plain = " ".join(unicodedata.normalize("NFKC", words[:LONGEST]).casefold().split())
    return any(pattern.search(plain) for pattern in _patterns())


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    folder = resources.files("unstill_bots") / "text" / "locale"
    files = (folder / language / "pairs.toml" for language in LANGUAGES)
    found = [msgspec.toml.decode(file.read_bytes(), type=Pairs) for file in files if file.is_file()]
    return tuple(re.compile(_whole(pattern, pairs.parts)) for pairs in found for pattern in pairs.patterns)


def _whole(pattern: str, parts: dict[str, str]) -> str:
    for name, part in parts.items():
        pattern = pattern.replace(f"{{{name}}}", f"(?:{part})")
    return pattern
